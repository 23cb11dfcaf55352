"""Would TensorRT take the bundle's forms, and run them in the bits that they are for? Asked without a GPU.

    python -m export gate --bundle bundles/denim

TensorRT itself cannot do anything without its device. TensorRT for RTX shares its parser and its rules of types and
compiles ahead of time, so it is asked instead: it finds graphs that cannot be parsed, and convolutions that would run
in floats. It says nothing of speed, of a DLA, or of the kernels that TensorRT picks. The INT8 forms are also held to
the rules in export/qdq_lint.py, since some of what breaks them compiles in silence.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from runtime.bundle import Bundle
from runtime.errors import MissingExtra, UserError

COMPUTE = ("7.5", "8.0", "8.6", "8.9", "12.0", "12.1")
"""Compute capabilities that TensorRT for RTX compiles for. A Jetson Orin has 8.7, and 8.6 is its nearest kin."""
WANTED = {"fp16": "Half", "int8-signed": "Int8", "int8-signed-fp16": "Int8"}
"""TensorRT's forms, and what convolutions in them are to take, in the words of the compiled plan."""
TIMEOUT_S = 600.0
HERE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Verdict:
    """What was found of a form.

    Attributes:
        faults: sentences; none where it passes.
        convolutions: how many compiled convolutions take each data type.
    """

    form: str
    faults: list[str]
    convolutions: dict[str, int] = field(default_factory=dict)


def add_parser(verbs: Any) -> None:
    """The verb ``gate`` of ``python -m export``."""
    verb = verbs.add_parser("gate", help="would TensorRT take the forms, in the bits they are for? Needs no GPU")
    verb.add_argument("--bundle", type=Path, required=True, metavar="DIR")
    verb.add_argument(
        "--compute", nargs="+", choices=COMPUTE, default=["8.6"], help="compute capabilities (default 8.6)"
    )


def run(options: argparse.Namespace) -> int:
    """The verb; returns its exit status: 1 where a form fails."""
    bundle = Bundle(options.bundle)
    forms = [manifest.form for manifest in bundle.forms() if manifest.form in WANTED]
    if not forms:
        raise UserError(
            f"Bundle '{bundle.path}' has no form for TensorRT: "
            f"run 'python -m calibration int8 --bundle {bundle.path} --rolls ...' first."
        )
    verdicts = [judge(form, bundle.form(form)[0] / "graph.onnx", options.compute) for form in forms]
    for verdict in verdicts:
        counts = ", ".join(f"{count} {kind}" for kind, count in verdict.convolutions.items()) or "none compiled"
        print(f"{verdict.form:18} {'FAILS' if verdict.faults else 'passes'}; convolutions: {counts}")
        for fault in verdict.faults:
            print(f"    {fault}")
    return 1 if any(verdict.faults for verdict in verdicts) else 0


def judge(form: str, graph: Path, compute: list[str]) -> Verdict:
    """Lint and compile one form's graph.

    Args:
        form: one of WANTED. compute: of COMPUTE.

    Raises:
        MissingExtra: TensorRT for RTX or onnx is not installed.
    """
    for package in ("tensorrt_rtx", "onnx"):
        if find_spec(package) is None:
            raise MissingExtra(package.replace("_", "-"), "gate", "The gate")
    from export.qdq_lint import lint, quantized_convolutions

    int8 = WANTED[form] == "Int8"
    faults = lint(graph) if int8 else []
    told = compile_apart(graph, compute)
    faults += told["errors"] + [f"warning: {warning}" for warning in told["warnings"]]
    if not told["bytes"]:
        return Verdict(form, faults or ["the compiler made no plan and did not say why"])
    kinds = Counter(layer["input"] for layer in told["layers"])
    least = quantized_convolutions(graph) if int8 else 1
    if kinds[WANTED[form]] < least:
        faults.append(f"{kinds[WANTED[form]]} convolutions take {WANTED[form]}, {least} should")
    return Verdict(form, faults, dict(kinds.most_common()))


def compile_apart(graph: Path, compute: list[str]) -> dict[str, Any]:
    """What export.rtx_plan finds, in a process of its own; a process that dies is an error like others."""
    command = [sys.executable, "-m", "export.rtx_plan", str(graph.resolve()), *(c.replace(".", "") for c in compute)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, cwd=HERE)
    except subprocess.TimeoutExpired:
        return {"errors": [f"the compiler did not end in {TIMEOUT_S:g} s"], "warnings": [], "bytes": 0, "layers": []}
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        died = f"the compiler ended with status {done.returncode}: {last}"
        return {"errors": [died], "warnings": [], "bytes": 0, "layers": []}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
