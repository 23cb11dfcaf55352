"""Who may import whom, and that what runs on the loom runs without torch."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests import torchless
from tests.runtime.bundles import MM_PER_PX, make_bundle

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("runtime", "train", "export", "calibration", "benchmarks", "tests")
MAY_IMPORT = {
    "runtime": {"runtime"},
    "train": {"train", "runtime"},
    "export": {"export", "train", "runtime"},
    "calibration": {"calibration", "runtime"},
    "benchmarks": {"benchmarks", "calibration", "export", "train", "runtime"},
}
"""Arrows in one direction; nobody imports the tests."""
TRAIN_TAKES = {"command", "errors", "types", "geometry", "ends", "preprocess", "cameras", "simulator", "__version__"}
"""What training knows of the runtime: cloth, not bundles, engines or events."""
INSIDE = {
    "cameras": {"cameras", "recordings", "errors", "types", "sources", "simulator", "fake_gige"},
    "recordings": {"recordings", "cameras", "position", "yaml_files", "errors", "types"},
    "simulator": {"simulator", "command", "yaml_files", "errors", "types", "sources"},
    "preprocess": {"preprocess", "errors", "types"},
    "engines": {"engines", "bundle", "settings", "errors", "types", "geometry"},
    "defects": {"defects", "events", "settings", "position", "types", "yaml_files"},
    "sinks": {"sinks", "rolls", "position", "events", "errors", "types"},
    "control": {
        *("__version__", "bundle", "command", "control", "engines", "errors", "events", "judging"),
        *("alarms", "lane", "pipeline", "preprocess", "rolls", "settings", "sinks", "types", "yaml_files"),
    },
    "rolls": {"rolls", "events", "errors", "types", "preprocess", "yaml_files"},
}
"""A camera knows nothing of tiles, an engine nothing of cloth, a defect nothing of engines."""


def files() -> list[Path]:
    return sorted(path for room in ROOMS[:-1] for path in (ROOT / room).rglob("*.py"))


@cache
def imported(path: Path) -> tuple[str, ...]:
    """Every module that a file imports, at its top or in a function, ``package.module.name`` where it says so."""
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and _imports_by_name(node):
            yield node.args[0].value  # type: ignore[attr-defined]


def _imports_by_name(node: ast.Call) -> bool:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return (
        name in ("import_module", "__import__")
        and bool(node.args)
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    )


def label(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_are_files_to_look_at() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in files()} == set(ROOMS) - {"tests"}
    assert "numpy" in set(imported(ROOT / "runtime" / "types.py"))
    assert "runtime.engines.openvino.OpenVinoEngine" in set(imported(ROOT / "runtime" / "engines" / "__init__.py"))


@pytest.mark.parametrize("path", files(), ids=label)
def test_a_file_imports_only_what_its_room_may(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    for module in imported(path):
        parts = module.split(".")
        if parts[0] in ROOMS:
            assert parts[0] in MAY_IMPORT[room], f"{label(path)} imports {module}"
        if room == "train" and parts[0] == "runtime" and len(parts) > 1:
            assert parts[1] in TRAIN_TAKES, f"{label(path)} imports {module}"


@pytest.mark.parametrize("path", files(), ids=label)
def test_only_training_and_the_graphs_export_import_torch(path: Path) -> None:
    if path.is_relative_to(ROOT / "train") or path == ROOT / "export" / "graph.py":
        return
    found = {module.split(".")[0] for module in imported(path)} & {"torch", "torchvision", "timm"}
    assert not found, f"{label(path)} imports {', '.join(found)}"


@pytest.mark.parametrize("folder", sorted(INSIDE))
def test_the_runtimes_parts_know_only_what_they_must(folder: str) -> None:
    for path in (ROOT / "runtime" / folder).rglob("*.py"):
        for module in imported(path):
            parts = module.split(".")
            if parts[0] == "runtime" and len(parts) > 1:
                assert parts[1] in INSIDE[folder], f"{label(path)} imports {module}"


def test_the_stand_in_takes_torch_away(tmp_path: Path) -> None:
    (tmp_path / "needs_torch.py").write_text("import torch\n")
    done = torchless.run(tmp_path, "needs_torch")
    assert done.returncode == 1
    assert "this process has no torch" in done.stderr


def test_calibrating_showing_and_streaming_need_no_torch(tmp_path: Path) -> None:
    bundle = str(make_bundle(tmp_path / "bundle", calibrated=False).path)
    cloth = f"sim:plain?width=600&mm_per_px={MM_PER_PX}"
    done = torchless.run(
        tmp_path, "calibration", "threshold", "--bundle", bundle, "--rolls", cloth, "--sim-lines", "1000"
    )
    assert (done.returncode, done.stderr) == (0, "")
    done = torchless.run(tmp_path, "runtime.show", bundle)
    assert (done.returncode, done.stderr) == (0, "")
    assert "openvino-fp32" in done.stdout
    done = torchless.run(tmp_path, "runtime.stream", "--camera", cloth, "--bundle", bundle, "--lines", "1000", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (camera,) = json.loads(done.stdout.splitlines()[-1])["cameras"]
    assert (camera["lines_in"], camera["balanced"]) == (1000, True)
