"""Convolutions that INT8 harms most, found one at a time and left in floats.

Each convolution is quantized alone, and the noise of the map measured. The noises of several add up well enough to
predict how many of the worst must stay in floats; the prediction is then measured, and more are left until it holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import onnx

from calibration.forms.calibrate import Calibration
from calibration.forms.graph import Graph
from calibration.forms.measure import maps, sqnr_db
from calibration.forms.quantize import Style, quantized
from calibration.forms.trunk import quantizable
from runtime.types import Float32, UInt8

TARGET_DB = 32.0
"""Wanted signal to noise of the map: noise of 2.5 % of what the map of normal cloth varies by."""
MOST_FLOAT = 0.25
"""Share of the convolutions that may stay in floats: beyond it INT8 is hardly faster."""
SWEEP_TILES = 8


@dataclass(frozen=True)
class Chosen:
    """A quantized graph and how it was come by.

    Attributes:
        model: the graph.
        sqnr_db: of its map on the held-out tiles.
        quantized: how many convolutions are.
        left: those in floats, with the signal to noise in dB that each costs alone, worst first.
    """

    model: onnx.ModelProto
    sqnr_db: float
    quantized: int
    left: dict[str, float]


def choose(
    model: onnx.ModelProto,
    calibration: Calibration,
    style: Style,
    tiles: UInt8,
    reference: Float32,
    target_db: float = TARGET_DB,
) -> Chosen:
    """Quantize as much as the target allows.

    Args:
        model: in floats, prepared. tiles: held-out ones, uint8 [N, T, T, C].
        reference: what the model says of them, float32 [N, cells, cells].
    """
    names = [node.name for node in quantizable(Graph(model))]
    alone = sweep(model, names, calibration, style, tiles[:SWEEP_TILES], reference[:SWEEP_TILES])
    worst = sorted(names, key=lambda name: alone[name])
    most = int(MOST_FLOAT * len(names))
    left = next((count for count in range(most) if together_db(worst[count:], alone) >= target_db), most)
    while True:
        made = quantized(model, worst[left:], calibration, style)
        found = sqnr_db(reference, maps(made, tiles))
        if found >= target_db or left >= most:
            return Chosen(made, found, len(names) - left, {name: alone[name] for name in worst[:left]})
        left += 1


def sweep(
    model: onnx.ModelProto,
    names: list[str],
    calibration: Calibration,
    style: Style,
    tiles: UInt8,
    reference: Float32,
) -> dict[str, float]:
    """Signal to noise of the map where one convolution alone is quantized, dB, by its name."""
    return {name: sqnr_db(reference, maps(quantized(model, [name], calibration, style), tiles)) for name in names}


def together_db(names: list[str], alone: dict[str, float]) -> float:
    """Signal to noise where noises of several convolutions add up, dB."""
    return -10 * math.log10(sum(10 ** (-alone[name] / 10) for name in names))
