"""The lint finds each way in which a graph with Q/DQ pairs is not what TensorRT runs in INT8."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")

from export.qdq_lint import lint
from tests.tensorrt.graphs import CHANNELS_IN, half_and_float, quantized, write


@pytest.mark.parametrize("axis", [0, None], ids=["a scale a channel", "one scale"])
def test_a_right_graph_has_no_faults(tmp_path: Path, axis: int | None) -> None:
    assert lint(write(quantized(weight_axis=axis), tmp_path)) == []


WRONG = {
    "unsigned": ({"zero": np.uint8(0)}, "'QuantizeLinear_x_q' is uint8"),
    "unsigned in the middle": ({"zero": np.uint8(128)}, "is uint8"),
    "off zero": ({"zero": np.int8(5)}, "has a zero point that is not 0"),
    "weights off zero": ({"weight_zero": 3}, "'QuantizeLinear_weights_q' has a zero point that is not 0"),
    "negative scale": ({"scale": -0.05}, "has a scale that is not a positive number"),
    "no scale": ({"scale": 0.0}, "has a scale that is not a positive number"),
    "endless scale": ({"scale": np.inf}, "has a scale that is not a positive number"),
    "bias": ({"bias_in_32_bits": True}, "'DequantizeLinear_bias' dequantizes an INT32 bias"),
    "a scale a channel of data": ({"scale": np.full(CHANNELS_IN, 0.05)}, "'QuantizeLinear_x_q' has a scale a channel"),
    "weights along the input": ({"weight_axis": 1}, "'Conv_sums' has weight scales along axis 1"),
    "transposed": ({"op": "ConvTranspose", "weight_axis": 1}, "'ConvTranspose_sums' is quantized"),
    "only weights": ({"bare_data": True}, "'Conv_sums' has only one of its two inputs dequantized"),
    "transposed pixels": ({"transposed_before_cast": True}, "'Transpose_planes' takes the graph's uint8 input"),
}


@pytest.mark.parametrize("name", WRONG)
def test_each_fault_is_named(tmp_path: Path, name: str) -> None:
    how, said = WRONG[name]
    assert any(said in fault for fault in lint(write(quantized(**how), tmp_path)))


def test_a_graph_without_pairs_is_no_int8_graph(tmp_path: Path) -> None:
    assert lint(write(half_and_float(), tmp_path)) == [
        "no Conv takes a dequantized tensor: nothing of it would be INT8"
    ]
