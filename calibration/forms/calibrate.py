"""What normal tiles say of a model, once for all forms."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from calibration.forms.graph import Graph
from calibration.forms.ranges import Ranges, measure
from calibration.forms.rounding import Weights, rounded_weights
from calibration.forms.trunk import quantizable, trunk
from runtime.types import UInt8


@dataclass(frozen=True)
class Calibration:
    """What Q/DQ pairs are written from.

    Attributes:
        ranges: of all tensors of the net. weights: of its convolutions, by a node's name.
    """

    ranges: Ranges
    weights: dict[str, Weights]


def calibrate(model: onnx.ModelProto, tiles: UInt8) -> Calibration:
    """Look at tiles, uint8 [N, T, T, C], through a prepared model in floats that takes uint8 [1, T, T, C]."""
    graph = Graph(model)
    convolutions = quantizable(graph)
    inside = [node.input[0] for node in convolutions] + [node.output[0] for node in trunk(graph)]
    return Calibration(measure(model, inside, tiles), rounded_weights(model, convolutions, tiles))
