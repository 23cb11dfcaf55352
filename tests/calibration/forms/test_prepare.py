"""Rewritings change no value, do what they are for, and leave alone what they are not for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from calibration.forms.graph import Graph, set_attribute  # noqa: E402
from calibration.forms.prepare import cast_first, fold_pads, mean_of_one, prepared  # noqa: E402
from calibration.forms.transposed import plain_transposed  # noqa: E402
from tests.calibration.forms.nets import cloth, net_model  # noqa: E402

pytestmark = pytest.mark.torch


def outputs(model: onnx.ModelProto) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    runs = [session.run(None, {"pixels": tile[None]}) for tile in cloth(3)]
    return [np.concatenate(found) for found in zip(*runs, strict=True)]


def operators(model: onnx.ModelProto) -> Counter[str]:
    return Counter(node.op_type for node in model.graph.node)


@pytest.mark.parametrize(
    ("rewrite", "gone", "come"),
    [
        (mean_of_one, "ReduceMean", "Squeeze"),
        (fold_pads, "Pad", None),
        (plain_transposed, "ConvTranspose", "DepthToSpace"),
    ],
)
def test_each_changes_the_graph_and_not_what_it_says(
    rewrite: Callable[[Graph], None], gone: str, come: str | None
) -> None:
    model = net_model()
    before, expected = operators(model), outputs(model)
    rewrite(Graph(model))
    onnx.checker.check_model(model, full_check=True)
    after = operators(model)
    assert (before[gone], after[gone]) == (1, 0)
    assert come is None or (before[come], after[come]) == (0, 1)
    for wanted, found in zip(expected, outputs(model), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-6)


def test_pixels_are_cast_before_anything_else() -> None:
    model = net_model()
    expected = outputs(model)
    cast_first(Graph(model))
    assert {node.op_type for node in model.graph.node if "pixels" in node.input} == {"Cast"}
    for wanted, found in zip(expected, outputs(model), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_all_together_on_a_copy() -> None:
    model = net_model()
    made = prepared(model)
    assert model == net_model()
    np.testing.assert_allclose(outputs(made)[0], outputs(model)[0], rtol=0, atol=2e-6)
    assert not {"Pad", "ConvTranspose", "ReduceMean"}.intersection(operators(made))


def change(model: onnx.ModelProto, what: str) -> None:
    node = {node.name: node for node in model.graph.node}
    graph = Graph(model)
    if what == "pad with ones":
        node["padded"].input.append(graph.add_constant("ones", np.float32(1)))
    elif what == "pad with the edge":
        set_attribute(node["padded"], "mode", "edge")
    elif what == "transposed with pads":
        set_attribute(node["up"], "pads", [1, 1, 1, 1])
    elif what == "transposed with overlap":
        set_attribute(node["up"], "strides", [1, 1])
    elif what == "mean of rows":
        set_attribute(node["mean_grey"], "axes", [2])


@pytest.mark.parametrize(
    ("rewrite", "what"),
    [
        (fold_pads, "pad with ones"),
        (fold_pads, "pad with the edge"),
        (plain_transposed, "transposed with pads"),
        (plain_transposed, "transposed with overlap"),
        (mean_of_one, "mean of rows"),
    ],
)
def test_what_they_are_not_for_is_left_alone(rewrite: Callable[[Graph], None], what: str) -> None:
    model = net_model()
    change(model, what)
    before = operators(model)
    rewrite(Graph(model))
    assert operators(model) == before
