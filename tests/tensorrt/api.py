"""Names that TensorRT's Python package has, by version (api.json), and whether a source file keeps to them.

The lists were read from NVIDIA's own binary packages of these versions, loaded over empty libraries: the names are
real, nothing in them can run. ``api.json`` maps a class to groups of its members, by the versions that have them.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

VERSIONS = ("8.6.1", "10.3.0", "10.13.3.9", "10.16.1.11", "11.4.0.106")
RECEIVERS = {
    "builder": "Builder",
    "cache": "ITimingCache",
    "config": "IBuilderConfig",
    "context": "IExecutionContext",
    "engine": "ICudaEngine",
    "inspector": "EngineInspector",
    "layer": "ILayer",
    "network": "INetworkDefinition",
    "output": "ITensor",
    "parser": "OnnxParser",
    "parser_error": "ParserError",
    "runtime": "Runtime",
}
"""What a variable of this name is, in the files that are checked."""
PYTHON = ("__version__", "__init__")
"""Names that every version has, and the lists do not."""

API: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "api.json").read_text())


def members(cls: str, version: str) -> set[str]:
    """Members of a class or enumeration in a version."""
    groups = API.get(cls, {}).items()
    return {name for versions, names in groups if version in versions.split() for name in names.split()}


def missing(source: str) -> list[str]:
    """Names in a source that some version lacks and no version check keeps from it: 'line: name: versions'.

    A version check is an ``if`` on ``at_least(trt, N)``, alone, negated or with ``and``. Where its body ends with
    ``return`` or ``raise``, the rest of the block is the other case.
    """
    return [
        f"{line}: {name}: {' '.join(lacking)}"
        for line, cls, name, versions in _block(ast.parse(source).body, VERSIONS)
        if (lacking := [v for v in versions if not _there(cls, name, v)])
    ]


def _there(cls: str, name: str, version: str) -> bool:
    return name in PYTHON or bool(name in members(cls, version) if cls else members(name, version))


Use = tuple[int, str, str, tuple[str, ...]]
"""Line, class ('' for the module itself), name, versions that come here."""


def _block(body: list[ast.stmt], versions: tuple[str, ...]) -> Iterator[Use]:
    for statement in body:
        if not isinstance(statement, ast.If):
            yield from _statement(statement, versions)
            continue
        yield from _names(statement.test, versions)
        yes, no = _split(statement.test, versions)
        yield from _block(statement.body, yes)
        yield from _block(statement.orelse, no)
        if isinstance(statement.body[-1], ast.Return | ast.Raise) and not statement.orelse:
            versions = no


def _statement(statement: ast.stmt, versions: tuple[str, ...]) -> Iterator[Use]:
    for field, value in ast.iter_fields(statement):
        if field in ("body", "orelse", "finalbody"):
            yield from _block(value, versions)
        elif field == "handlers":
            for handler in value:
                yield from _block(handler.body, versions)
        else:
            for node in value if isinstance(value, list) else [value]:
                if isinstance(node, ast.AST):
                    yield from _names(node, versions)


def _names(root: ast.AST, versions: tuple[str, ...]) -> Iterator[Use]:
    for node in ast.walk(root):
        if not isinstance(node, ast.Attribute):
            continue
        receiver = _last(node.value)
        if receiver == "trt":
            yield node.lineno, "", node.attr, versions
        elif receiver in RECEIVERS:
            yield node.lineno, RECEIVERS[receiver], node.attr, versions
        elif isinstance(node.value, ast.Attribute) and _last(node.value.value) == "trt" and receiver not in PYTHON:
            yield node.lineno, node.value.attr, node.attr, versions


def _last(node: ast.AST) -> str:
    """The name that an expression ends with: 'context' of ``self._context``."""
    if isinstance(node, ast.Attribute):
        return node.attr if node.attr in PYTHON else node.attr.lstrip("_")
    return node.id.lstrip("_") if isinstance(node, ast.Name) else ""


def _split(test: ast.expr, versions: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Versions for which a test can hold, and for which it can fail."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yes, no = _split(test.operand, versions)
        return no, yes
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        yes = versions
        for part in test.values:
            yes = _split(part, yes)[0]
        return yes, versions
    if isinstance(test, ast.Call) and _last(test.func) == "at_least" and isinstance(test.args[1], ast.Constant):
        major = test.args[1].value
        yes = tuple(v for v in versions if int(v.split(".")[0]) >= major)
        return yes, tuple(v for v in versions if v not in yes)
    return versions, versions
