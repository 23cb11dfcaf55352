"""Ranges, and the Q/DQ pairs that are written from them."""

from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from calibration.forms.calibrate import Calibration, calibrate  # noqa: E402
from calibration.forms.graph import Graph  # noqa: E402
from calibration.forms.measure import maps, sqnr_db  # noqa: E402
from calibration.forms.prepare import prepared  # noqa: E402
from calibration.forms.quantize import Style, activation_scale, quantized  # noqa: E402
from calibration.forms.ranges import measure  # noqa: E402
from calibration.forms.rounding import weight_scales  # noqa: E402
from calibration.forms.trunk import quantizable  # noqa: E402
from tests.calibration.forms.nets import cloth, net_model  # noqa: E402

pytestmark = pytest.mark.torch
LEFT = {"deep"}
"""One channel of what it takes is far larger than the others: see tests.calibration.forms.test_harm."""


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    return prepared(net_model())


@pytest.fixture(scope="module")
def names(model: onnx.ModelProto) -> list[str]:
    return [node.name for node in quantizable(Graph(model)) if node.name not in LEFT]


@pytest.fixture(scope="module")
def calibration(model: onnx.ModelProto) -> Calibration:
    return calibrate(model, cloth(8))


def test_ranges_are_the_extremes_over_all_tiles(model: onnx.ModelProto) -> None:
    tiles = cloth(5)
    tiles[1, 3, 4], tiles[4, 60, 0] = 0, 255
    found = measure(model, ["scaled", "stem6"], tiles)
    assert found["scaled"] == (-127 / 128, 1.0)
    assert found["stem6"][0] == 0
    assert 0 < found["stem6"][1] <= 6


@pytest.mark.parametrize(
    ("lowest", "highest", "style", "scale", "zero"),
    [
        (0.0, 6.0, Style.UNSIGNED, 6 / 255, 0),
        (-2.0, 4.0, Style.UNSIGNED, 6 / 255, 85),
        (1.0, 6.0, Style.UNSIGNED, 6 / 255, 0),
        (-6.0, -1.0, Style.UNSIGNED, 6 / 255, 255),
        (0.0, 6.0, Style.SIGNED, 6 / 127, 0),
        (-6.0, 4.0, Style.SIGNED, 6 / 127, 0),
    ],
)
def test_scales_hold_the_range_and_zero_exactly(
    lowest: float, highest: float, style: Style, scale: float, zero: int
) -> None:
    found, point = activation_scale(lowest, highest, style)
    assert float(found) == pytest.approx(scale)
    assert (int(point), point.dtype) == (zero, np.int8 if style is Style.SIGNED else np.uint8)


def test_a_tensor_that_is_always_zero_has_a_scale_all_the_same() -> None:
    assert all(activation_scale(0.0, 0.0, style)[0] > 0 for style in Style)
    assert (weight_scales(np.zeros((2, 1, 1, 1), np.float32)) > 0).all()


def test_weights_have_a_scale_a_channel() -> None:
    weights = np.array([[127.0, -3.0], [1.0, -12.7]], np.float32).reshape(2, 2, 1, 1)
    np.testing.assert_allclose(weight_scales(weights), [1.0, 0.1])


@pytest.mark.parametrize("style", Style)
def test_the_map_stays_near_and_only_the_named_are_quantized(
    style: Style, model: onnx.ModelProto, names: list[str], calibration: Calibration
) -> None:
    made = quantized(model, names, calibration, style)
    makers = {name: node for node in made.graph.node for name in node.output}
    for node in made.graph.node:
        if node.op_type == "Conv":
            taken = [makers[name].op_type if name in makers else "" for name in node.input]
            assert (taken[:2] == ["DequantizeLinear"] * 2) == (node.name in names), node.name
            assert taken[2:] in ([], [""]), "biases stay in floats"
            assert (node.input[2:] == [f"{node.name}_bias"]) == (node.name in names), "and take up what is missing"
        elif node.op_type in ("Add", "Mul", "MatMul"):
            assert not [name for name in node.input if name in makers and makers[name].op_type == "DequantizeLinear"]
    tiles = cloth(4, seed=1)
    assert 20 < sqnr_db(maps(model, tiles), maps(made, tiles)) < 60


def test_pairs_are_what_each_engine_takes(model: onnx.ModelProto, names: list[str], calibration: Calibration) -> None:
    kinds = {}
    for style in Style:
        graph = Graph(quantized(model, names, calibration, style))
        zeros = {node.name: graph.constants[node.input[2]] for node in graph.nodes if node.op_type == "QuantizeLinear"}
        kinds[style] = {str(zero.dtype) for zero in zeros.values()}
        data = [name for name in zeros if not name.endswith("_weights_Q")]
        assert len(data) == len({node.input[0] for node in quantizable(Graph(model)) if node.name in names})
        if style is Style.SIGNED:
            assert all((zero == 0).all() for zero in zeros.values())
            assert len(zeros) == len(data) + len(names), "weights have a Q of their own"
        else:
            assert len(zeros) == len(data), "weights are stored as integers"
            assert zeros["scaled_Q"] > 0
            assert zeros["stem6_Q"] == 0
    assert kinds == {Style.SIGNED: {"int8"}, Style.UNSIGNED: {"uint8"}}


def test_the_model_that_was_given_is_not_changed(
    model: onnx.ModelProto, names: list[str], calibration: Calibration
) -> None:
    before = model.SerializeToString()
    quantized(model, names, calibration, Style.SIGNED)
    assert model.SerializeToString() == before
