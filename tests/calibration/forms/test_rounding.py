"""Weights as integers: what convolutions say of normal tiles stays, though single weights are not the nearest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from calibration.forms import patches  # noqa: E402
from calibration.forms.calibrate import calibrate  # noqa: E402
from calibration.forms.graph import Graph  # noqa: E402
from calibration.forms.patches import Patches, measure_patches  # noqa: E402
from calibration.forms.prepare import prepared  # noqa: E402
from calibration.forms.ranges import open_session  # noqa: E402
from calibration.forms.rounding import rounded, weight_scales  # noqa: E402
from calibration.forms.trunk import quantizable  # noqa: E402
from tests.calibration.forms.nets import cloth, net_model  # noqa: E402

pytestmark = pytest.mark.torch


def seen(values: np.ndarray) -> Patches:
    """Patches float32 [groups, taps, n]."""
    found = Patches.none_of(*values.shape[:2])
    found.add(values.astype(np.float32))
    return found


def even(groups: int, taps: int) -> Patches:
    """Patches that are nearly the same all over, as those of calm cloth are."""
    rng = np.random.default_rng(1)
    level = rng.uniform(2, 4, (groups, 1, 500))
    return seen(level + rng.normal(0, 0.05, (groups, taps, 500)))


def test_errors_do_not_add_up_where_patches_are_even() -> None:
    weights = np.random.default_rng(0).normal(0, 1, (6, 1, 3, 3)).astype(np.float32)
    found = rounded(weights, even(6, 9))
    nearest = np.rint(weights / found.scales.reshape(-1, 1, 1, 1)) * found.scales.reshape(-1, 1, 1, 1)
    sums, exact = found.floats.sum((1, 2, 3)), weights.sum((1, 2, 3))
    assert np.abs(sums - exact).max() <= 0.5001 * found.scales.max()
    assert np.abs(sums - exact).mean() < 0.5 * np.abs(nearest.sum((1, 2, 3)) - exact).mean()
    assert found.integers.dtype == np.int8
    assert np.abs(found.integers).max() <= 127
    np.testing.assert_allclose(found.floats, weights, atol=3 * found.scales.max())


def test_taps_that_do_not_vary_together_are_rounded_to_the_nearest() -> None:
    weights = np.random.default_rng(0).normal(0, 1, (5, 8, 1, 1)).astype(np.float32)
    apart = Patches(1, np.zeros((1, 8)), np.eye(8)[None])
    found = rounded(weights, apart)
    np.testing.assert_array_equal(found.integers, np.rint(weights / found.scales.reshape(-1, 1, 1, 1)))


def test_the_bias_takes_up_what_is_missing_of_the_mean() -> None:
    weights = np.random.default_rng(2).normal(0, 1, (4, 3, 3, 3)).astype(np.float32)
    patch = np.random.default_rng(3).uniform(0, 6, (1, 27, 400))
    found = rounded(weights, seen(patch))
    before, after = (w.reshape(4, 27) @ patch[0].mean(1) for w in (weights, found.floats))
    np.testing.assert_allclose(after + found.shift, before, rtol=1e-4, atol=1e-4)
    assert np.abs(found.shift).max() > 0


def test_of_long_kernels_the_mean_alone_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "MOST_TAPS", 8)
    weights = np.random.default_rng(0).normal(0, 1, (6, 1, 3, 3)).astype(np.float32)
    among = even(6, 9)
    found = rounded(weights, among)
    assert among.power is None
    np.testing.assert_array_equal(found.integers, np.rint(weights / found.scales.reshape(-1, 1, 1, 1)))
    missing = (weights - found.floats).reshape(6, 9)
    np.testing.assert_allclose(found.shift, (missing * among.mean).sum(1), rtol=1e-4)


def test_a_channel_without_weights_and_taps_without_light_are_no_trouble() -> None:
    weights = np.zeros((2, 4, 1, 1), np.float32)
    weights[1, 0] = 1
    found = rounded(weights, seen(np.zeros((1, 4, 10))))
    np.testing.assert_array_equal(found.floats, weights)
    assert (found.shift == 0).all()
    assert (weight_scales(weights) > 0).all()


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((4, 3, 3, 3), {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
        ((6, 1, 3, 3), {"group": 6, "pads": [0, 1, 2, 1]}),
        ((6, 2, 3, 2), {"group": 3, "dilations": [2, 1]}),
        ((5, 6, 1, 1), {}),
    ],
)
def test_patches_are_what_the_convolution_multiplies(
    shape: tuple[int, ...], said: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All patches of one picture: the convolution's mean output is its weights times their mean."""
    monkeypatch.setattr(patches, "A_TILE", 10**6)
    groups = said.get("group", 1)
    taken = shape[1] * groups
    weights = np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "weights"], ["answers"], name="conv", **said),
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, [1, 12, 14, taken])
    answers = helper.make_tensor_value_info("answers", TensorProto.FLOAT, None)
    constants = [numpy_helper.from_array(weights, "weights")]
    graph = helper.make_graph(nodes, "one", [pixels], [answers], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    tiles = np.random.default_rng(1).integers(0, 256, (3, 12, 14, taken), np.uint8)
    found = measure_patches(model, [nodes[-1]], tiles)["conv"]
    session = open_session(model)
    outputs = np.stack([session.run(["answers"], {"pixels": tile[None]})[0][0] for tile in tiles])
    flat = weights.reshape(groups, -1, found.mean.shape[1])
    told = flat @ found.mean[..., None]
    np.testing.assert_allclose(told.reshape(-1), outputs.mean((0, 2, 3)), rtol=1e-3, atol=1e-2)
    squares = np.einsum("got,gtu,gou->go", flat, found.power, flat).reshape(-1)
    np.testing.assert_allclose(squares, (outputs.astype(np.float64) ** 2).mean((0, 2, 3)), rtol=1e-3)


def test_a_few_patches_of_tiles_spread_over_all_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "TILES", 2)
    monkeypatch.setattr(patches, "A_TILE", 5)
    model = prepared(net_model())
    convolutions = quantizable(Graph(model))
    found = measure_patches(model, convolutions, cloth(4))
    assert set(found) == {node.name for node in convolutions}
    assert {one.count for one in found.values()} == {10}
    calibrated = calibrate(model, cloth(4))
    assert set(calibrated.weights) == set(found)
    assert {node.input[0] for node in convolutions} <= set(calibrated.ranges)
