"""Q/DQ pairs around convolutions: one calibration, written for TensorRT (signed) or OpenVINO (unsigned).

What both have in common: weights are the same integers (calibration/forms/rounding.py) with a scale for each output
channel, biases stay in floats, each tensor that convolutions take has one pair however many take it, and sums have
none, so that a residual is added in floats to what a convolution gives (sources: "Explicit Quantization",
docs.nvidia.com/deeplearning/tensorrt; "QuantizeLinear", onnx.ai/onnx/operators; oneDNN's int8 convolutions take
unsigned data).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import Enum
from itertools import chain

import numpy as np
import onnx
from onnx import NodeProto, helper

from calibration.forms.calibrate import Calibration
from calibration.forms.graph import Array, Graph
from calibration.forms.rounding import TINY, Weights


class Style(str, Enum):
    """How activations are written."""

    SIGNED = "signed"
    """int8 around zero; weights in floats with a Q of their own: what TensorRT takes."""
    UNSIGNED = "unsigned"
    """uint8, from zero up where nothing is negative, else with a zero point; weights already int8: for OpenVINO.

    Beside int8 around zero for tensors of both signs this costs nothing there, and is 2.6 dB nearer on a net with
    linear bottlenecks."""


def quantized(
    model: onnx.ModelProto, nodes: Collection[str], calibration: Calibration, style: Style
) -> onnx.ModelProto:
    """A copy of a model in which the named convolutions take quantized data and weights.

    Args:
        nodes: names of Conv nodes with constant weights, which ``calibration`` knows.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = Graph(copy)
    pairs: dict[str, list[NodeProto]] = {}
    kernels: list[list[NodeProto]] = []
    for node in [node for node in graph.nodes if node.name in nodes]:
        data, weights = node.input[0], calibration.weights[node.name]
        if data not in pairs:
            pairs[data] = activation_pair(graph, data, *activation_scale(*calibration.ranges[data], style))
        kernels.append(weight_pair(graph, node.name, weights, style))
        shifted = shifted_bias(graph, node, weights)
        del node.input[:]
        node.input.extend([pairs[data][-1].output[0], kernels[-1][-1].output[0], shifted])
    graph.replace(in_order(graph, pairs, kernels))
    onnx.checker.check_model(copy)
    return copy


def activation_scale(lowest: float, highest: float, style: Style) -> tuple[np.float32, Array]:
    """Scale and zero point of a tensor."""
    if style is Style.SIGNED:
        return np.float32(max(-lowest, highest, TINY) / 127), np.array(0, np.int8)
    lowest, highest = min(lowest, 0.0), max(highest, 0.0)
    scale = np.float32(max(highest - lowest, TINY) / 255)
    return scale, np.array(np.rint(-lowest / scale), np.uint8)


def activation_pair(graph: Graph, tensor: str, scale: np.float32, zero: Array) -> list[NodeProto]:
    """Q and DQ of an activation."""
    names = [
        graph.add_constant(f"{tensor}_scale", np.array(scale)),
        graph.add_constant(f"{tensor}_zero", zero),
    ]
    return [
        helper.make_node("QuantizeLinear", [tensor, *names], [f"{tensor}_q"], name=f"{tensor}_Q"),
        helper.make_node("DequantizeLinear", [f"{tensor}_q", *names], [f"{tensor}_dq"], name=f"{tensor}_DQ"),
    ]


def weight_pair(graph: Graph, node: str, weights: Weights, style: Style) -> list[NodeProto]:
    """Q and DQ of a convolution's weights, or DQ alone where they are stored as integers."""
    kernel = f"{node}_weights"
    names = [
        graph.add_constant(f"{kernel}_scale", weights.scales),
        graph.add_constant(f"{kernel}_zero", np.zeros(len(weights.scales), np.int8)),
    ]
    if style is Style.UNSIGNED:
        graph.add_constant(f"{kernel}_q", weights.integers)
        before = []
    else:
        graph.add_constant(kernel, weights.floats)
        before = [helper.make_node("QuantizeLinear", [kernel, *names], [f"{kernel}_q"], name=f"{kernel}_Q", axis=0)]
    after = helper.make_node("DequantizeLinear", [f"{kernel}_q", *names], [f"{kernel}_dq"], name=f"{kernel}_DQ", axis=0)
    return [*before, after]


def shifted_bias(graph: Graph, node: NodeProto, weights: Weights) -> str:
    """Name of the bias of a Conv whose weights are rounded."""
    own = graph.constants[node.input[2]] if len(node.input) > 2 and node.input[2] else np.float32(0)
    return graph.add_constant(f"{node.name}_bias", (own + weights.shift).astype(np.float32))


def in_order(graph: Graph, pairs: dict[str, list[NodeProto]], kernels: Iterable[list[NodeProto]]) -> list[NodeProto]:
    """All nodes, each pair right behind what makes its tensor."""
    ordered = list(chain.from_iterable(kernels))
    for name in graph.inputs:
        ordered += pairs.get(name, [])
    for node in graph.nodes:
        ordered.append(node)
        for name in node.output:
            ordered += pairs.get(name, [])
    return ordered
