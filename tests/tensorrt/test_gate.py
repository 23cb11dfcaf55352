"""The gate: TensorRT for RTX compiles right graphs in INT8 and halves, and each wrong one fails. Needs no GPU."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")

from export import gate
from export.gate import add_parser, judge
from runtime.bundle import Bundle
from runtime.errors import MissingExtra, UserError
from tests.runtime.bundles import make_bundle
from tests.tensorrt.graphs import (
    CHANNELS_IN,
    half_and_float,
    halves,
    largest,
    quantized,
    unknown_operator,
    write,
)

try:
    import tensorrt_rtx
except ImportError:
    tensorrt_rtx = None
compiles = pytest.mark.skipif(tensorrt_rtx is None, reason="needs TensorRT for RTX: pip install 'weftwatch[gate]'")


def options(*arguments: str) -> argparse.Namespace:
    made = argparse.ArgumentParser()
    add_parser(made.add_subparsers())
    return made.parse_args(["gate", *arguments])


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    made = make_bundle(tmp_path / "bundle")
    made.add_form("int8-unsigned", write(quantized(zero=np.uint8(0)), tmp_path), {}, {})
    return made


@compiles
def test_right_graphs_pass_and_say_how_they_compiled(
    tmp_path: Path, bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle.add_form("int8-signed", write(quantized(), tmp_path), {}, {})
    bundle.add_form("fp16", write(halves(), tmp_path), {}, {})
    assert gate.run(options("--bundle", str(bundle.path))) == 0
    assert capsys.readouterr().out.splitlines() == [
        "fp16               passes; convolutions: 1 Half",
        "int8-signed        passes; convolutions: 1 Int8",
    ]


@compiles
def test_a_wrong_form_fails_the_command(tmp_path: Path, bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    bundle.add_form("fp16", write(quantized(), tmp_path), {}, {})
    bundle.add_form("int8-signed", write(halves(), tmp_path), {}, {})
    assert gate.run(options("--bundle", str(bundle.path))) == 1
    out = capsys.readouterr().out
    assert "fp16               FAILS; convolutions: 1 Int8\n    0 convolutions take Half, 1 should\n" in out
    assert "int8-signed        FAILS; convolutions: 1 Half\n    no Conv takes a dequantized tensor" in out


REFUSED = {
    "unsigned": ({"zero": np.uint8(0)}, "warning: .*INT8"),
    "unsigned in the middle": ({"zero": np.uint8(128)}, "zero point"),
    "off zero": ({"zero": np.int8(5)}, "zero point"),
    "weights off zero": ({"weight_zero": 3}, "zero point"),
    "negative scale": ({"scale": -0.05}, "[Ss]cale"),
    "bias": ({"bias_in_32_bits": True}, "DequantizeLinear_bias"),
    "transposed pixels": ({"transposed_before_cast": True}, "Transpose_planes.*UInt8"),
    "a scale a channel of data": ({"scale": np.full(CHANNELS_IN, 0.05)}, "0 convolutions take Int8, 1 should"),
    "weights along the input": ({"weight_axis": 1}, "0 convolutions take Int8, 1 should"),
}


@compiles
@pytest.mark.parametrize("name", REFUSED)
def test_the_compiler_alone_finds_a_wrong_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("export.qdq_lint.lint", lambda path: [])
    how, said = REFUSED[name]
    faults = judge("int8-signed", write(quantized(**how), tmp_path), ["8.6"]).faults
    assert any(re.search(said, fault) for fault in faults), faults


@compiles
@pytest.mark.parametrize(
    ("model", "said"),
    [(half_and_float(), "Add_y"), (unknown_operator(), "Det"), (largest(5000), "TopK")],
    ids=["half and float", "unknown operator", "the largest 5000"],
)
def test_what_tensorrt_does_not_know_is_found(tmp_path: Path, model: object, said: str) -> None:
    verdict = judge("fp16", write(model, tmp_path), ["8.6"])
    assert any(said in fault for fault in verdict.faults), verdict.faults
    assert verdict.convolutions == {}


@compiles
def test_the_compute_capability_reaches_the_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = write(quantized(), tmp_path)
    assert judge("int8-signed", graph, ["8.6", "12.0"]).faults == []
    (fault,) = judge("int8-signed", graph, ["8.7"]).faults
    assert "SM87" in fault
    monkeypatch.setattr(gate, "TIMEOUT_S", 0.001)
    assert judge("int8-signed", graph, ["8.6"]).faults == ["the compiler did not end in 0.001 s"]


def test_a_compiler_that_dies_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "find_spec", lambda name: name)
    monkeypatch.setattr(gate.sys, "executable", "/bin/false")
    assert judge("int8-signed", write(quantized(), tmp_path), ["8.6"]).faults == [
        "the compiler ended with status 1: it said nothing"
    ]


def test_what_is_missing_is_said_in_a_sentence(tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="has no form for TensorRT: run 'python -m calibration int8"):
        gate.run(options("--bundle", str(bundle.path)))
    bundle.add_form("int8-signed", write(quantized(), tmp_path), {}, {})
    monkeypatch.setattr(gate, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"'tensorrt-rtx', which is not installed: pip install 'weftwatch\[gate\]'"):
        gate.run(options("--bundle", str(bundle.path)))
