"""Weights as integers, rounded so that convolutions say what they said before, and not weight by weight.

The nearest integer is the best for each weight alone. Their errors add up where a patch is much the same all over, as
cloth is: nine weights of a depthwise kernel that are all rounded up make a channel brighter everywhere. So weights are
rounded one after the other, and those that are still to come make up for the error, by how patches of normal tiles
vary together (Frantar et al., GPTQ, ICLR 2023; Frantar, Singh and Alistarh, Optimal Brain Compression, NeurIPS 2022).
What is left of the mean goes into the bias (Nagel et al., Data-free quantization, ICCV 2019).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto

from calibration.forms.graph import Array, Graph
from calibration.forms.patches import Patches, measure_patches
from runtime.types import Float32, UInt8

HIGHEST = 127
TINY = 1e-8
"""What is always zero gets this range."""
DAMPING = 0.01
"""Added to each tap's power, as a share of their mean: taps that cloth never lights must not take all errors."""


@dataclass(frozen=True)
class Weights:
    """Weights of one convolution.

    Attributes:
        integers: int8 [given, ...]. scales: float32 [given], of an output channel. shift: float32 [given], added to
            the bias.
    """

    integers: NDArray[np.int8]
    scales: Float32
    shift: Float32

    @property
    def floats(self) -> Float32:
        """What they stand for."""
        by_channel: Float32 = self.scales.reshape(-1, *[1] * (self.integers.ndim - 1))
        return self.integers * by_channel


def rounded_weights(model: onnx.ModelProto, nodes: Iterable[NodeProto], tiles: UInt8) -> dict[str, Weights]:
    """Weights of Conv nodes, by a node's name; for the arguments see ``measure_patches``."""
    convolutions, constants = list(nodes), Graph(model).constants
    seen = measure_patches(model, convolutions, tiles)
    return {node.name: rounded(constants[node.input[1]], seen[node.name]) for node in convolutions}


def rounded(weights: Array, seen: Patches) -> Weights:
    """Round weights [given, taken / groups, rows, columns] for what was seen; to the nearest where only means were."""
    scales, power, (groups, taps) = weight_scales(weights), seen.power, seen.mean.shape
    exact = weights.reshape(groups, -1, taps).astype(np.float64)
    step = scales.reshape(groups, -1).astype(np.float64)
    if power is None:
        whole = nearest(exact, step[..., None])
    else:
        whole = np.stack([one_by_one(*each) for each in zip(exact, step, power, strict=True)])
    missing = exact - whole * step[..., None]
    shift = (missing @ seen.mean[..., None]).reshape(-1).astype(np.float32)
    return Weights(whole.reshape(weights.shape).astype(np.int8), scales, shift)


def weight_scales(values: Array) -> Float32:
    """A scale for each output channel, so that its largest weight is 127; float32 [given]."""
    largest = np.abs(values).reshape(len(values), -1).max(axis=1)
    return (np.maximum(largest, TINY) / HIGHEST).astype(np.float32)


def nearest(weights: NDArray[np.float64], step: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whole numbers of steps."""
    return np.clip(np.rint(weights / step), -HIGHEST, HIGHEST)


def one_by_one(
    weights: NDArray[np.float64], step: NDArray[np.float64], power: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Round the weights of one group, those that meet the most power first; each error is spread over the rest.

    Args:
        weights: [given, taps]. step: [given]. power: [taps, taps], see Patches.

    Returns:
        Whole numbers of steps, [given, taps].
    """
    order = np.argsort(-np.diag(power), kind="stable")
    left, damped = weights[:, order], power[np.ix_(order, order)]
    damped[np.diag_indices_from(damped)] += DAMPING * np.diag(power).mean() + TINY
    spread = np.linalg.cholesky(np.linalg.inv(damped)).T
    whole = np.empty_like(weights)
    for tap, place in enumerate(order):
        whole[:, place] = nearest(left[:, tap], step)
        error = (left[:, tap] - step * whole[:, place]) / spread[tap, tap]
        left[:, tap:] -= error[:, None] * spread[tap, tap:]
    return whole
