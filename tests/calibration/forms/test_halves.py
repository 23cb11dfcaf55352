"""The net in float16, the map's arithmetic not."""

from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx import TensorProto  # noqa: E402

from calibration.forms.calibrate import calibrate  # noqa: E402
from calibration.forms.graph import Graph  # noqa: E402
from calibration.forms.halves import halved, rounded_up, too_large  # noqa: E402
from calibration.forms.measure import maps, sqnr_db  # noqa: E402
from calibration.forms.prepare import prepared  # noqa: E402
from calibration.forms.quantize import Style, quantized  # noqa: E402
from calibration.forms.trunk import quantizable  # noqa: E402
from tests.calibration.forms.nets import NET, cloth, net_model  # noqa: E402

pytestmark = pytest.mark.torch


def types(model: onnx.ModelProto) -> dict[str, int]:
    values = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    named = [*values.value_info, *values.input, *values.output]
    return {value.name: value.type.tensor_type.elem_type for value in named}


def check_types(model: onnx.ModelProto) -> None:
    found = types(model)
    body = {*NET, "up_plain"} - {"up"}
    assert {found[name if name != "up_plain" else "up_deep"] for name in body} == {TensorProto.FLOAT16}
    assert {found[n] for n in ("scaled", "teacher_square", "cos", "filter", "map", "score")} == {TensorProto.FLOAT}
    assert found["pixels"] == TensorProto.UINT8


def test_the_net_is_halved_and_nothing_else() -> None:
    model = prepared(net_model())
    made = halved(model)
    check_types(made)
    tiles = cloth(3)
    assert 45 < sqnr_db(maps(model, tiles), maps(made, tiles)) < 120


def test_a_quantized_net_is_halved_with_its_scales() -> None:
    model = prepared(net_model())
    nodes = [node for node in quantizable(Graph(model)) if node.name != "deep"]
    signed = quantized(model, [node.name for node in nodes], calibrate(model, cloth(8)), Style.SIGNED)
    made = halved(signed)
    check_types(made)
    graph = Graph(made)
    scales = [graph.constants[node.input[1]] for node in graph.nodes if node.op_type == "DequantizeLinear"]
    assert {scale.dtype for scale in scales} == {np.dtype(np.float16)}
    tiles = cloth(3)
    assert sqnr_db(maps(signed, tiles), maps(made, tiles)) > 20


def test_scales_are_never_rounded_down() -> None:
    scales = np.geomspace(1e-6, 1, 999).astype(np.float32)
    half = rounded_up(scales)
    assert half.dtype == np.float16
    assert (half.astype(np.float32) >= scales).all()
    np.testing.assert_allclose(half[scales > 1e-4], scales[scales > 1e-4], rtol=1e-3)


def test_tensors_near_the_end_of_float16_are_named() -> None:
    assert too_large({"quiet": (-1.0, 100.0), "loud": (-9000.0, 1.0)}) == ["loud"]
