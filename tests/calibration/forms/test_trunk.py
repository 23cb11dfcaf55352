"""The net is found by what its nodes do."""

from __future__ import annotations

import pytest

onnx = pytest.importorskip("onnx")

from calibration.forms.graph import Graph  # noqa: E402
from calibration.forms.prepare import prepared  # noqa: E402
from calibration.forms.trunk import quantizable, trunk  # noqa: E402
from tests.calibration.forms.nets import NET, net_model  # noqa: E402

pytestmark = pytest.mark.torch


def test_convolutions_of_the_net_are_found_and_not_the_filters() -> None:
    assert [node.name for node in quantizable(Graph(net_model()))] == NET
    assert [node.name for node in quantizable(Graph(prepared(net_model())))] == [*NET[:-1], "up_plain", "head"]


def test_the_net_ends_where_the_maps_arithmetic_begins() -> None:
    names = [node.name for node in trunk(Graph(net_model()))]
    assert names[:2] == ["planes", "grey"]
    assert names[-1] == "floats", "the filters' cast is no more than a cast"
    assert not {"mean_grey", "filter", "teacher_square", "teacher_unit", "map"}.intersection(names)


def test_names_do_not_matter() -> None:
    model = net_model()
    for number, node in enumerate(model.graph.node):
        node.name = f"node{number}"
    assert len(quantizable(Graph(model))) == len(NET)


def test_a_convolution_whose_weights_are_computed_from_pixels_is_left() -> None:
    model = net_model()
    head = next(node for node in model.graph.node if node.name == "head")
    head.input[1] = "up"
    assert "head" not in [node.name for node in quantizable(Graph(model))]
