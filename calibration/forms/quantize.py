"""Q/DQ pairs around convolutions: one calibration, written for TensorRT (signed) or OpenVINO (unsigned).

What both have in common: weights are signed with a scale for each output channel, biases stay in floats, each tensor
that convolutions take has one pair however many take it, and sums have none, so that a residual is added in floats to
what a convolution gives (sources: "Explicit Quantization", docs.nvidia.com/deeplearning/tensorrt; "QuantizeLinear",
onnx.ai/onnx/operators; oneDNN's int8 convolutions take unsigned data).
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from itertools import chain

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper

from calibration.forms.graph import Array, Graph
from calibration.forms.ranges import Ranges

TINY = 1e-8
"""A tensor that is always zero gets this range."""


class Style(str, Enum):
    """How activations are written."""

    SIGNED = "signed"
    """int8 around zero; weights in floats with a Q of their own: what TensorRT takes."""
    UNSIGNED = "unsigned"
    """uint8, from zero up where nothing is negative, else with a zero point; weights already int8: for OpenVINO.

    Beside int8 around zero for tensors of both signs this costs nothing there, and is 2.6 dB nearer on a net with
    linear bottlenecks."""


def quantized(model: onnx.ModelProto, nodes: Collection[str], ranges: Ranges, style: Style) -> onnx.ModelProto:
    """A copy of a model in which the named convolutions take quantized data and weights.

    Args:
        nodes: names of Conv nodes with constant weights.
        ranges: of the tensors that they take.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = Graph(copy)
    pairs: dict[str, list[NodeProto]] = {}
    weights: dict[str, list[NodeProto]] = {}
    for node in [node for node in graph.nodes if node.name in nodes]:
        data, kernel, *_ = node.input
        if data not in pairs:
            pairs[data] = activation_pair(graph, data, *activation_scale(*ranges[data], style))
        if kernel not in weights:
            weights[kernel] = weight_pair(graph, kernel, style)
        node.input[0], node.input[1] = pairs[data][-1].output[0], weights[kernel][-1].output[0]
    graph.replace(in_order(graph, pairs, weights))
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


def weight_pair(graph: Graph, name: str, style: Style) -> list[NodeProto]:
    """Q and DQ of a convolution's weights, or DQ alone where they are stored as integers."""
    values = graph.constants[name]
    scales = weight_scales(values)
    names = [
        graph.add_constant(f"{name}_scale", scales),
        graph.add_constant(f"{name}_zero", np.zeros(len(scales), np.int8)),
    ]
    if style is Style.UNSIGNED:
        by_channel = scales.reshape(-1, *[1] * (values.ndim - 1))
        graph.add_constant(f"{name}_q", np.clip(np.rint(values / by_channel), -127, 127).astype(np.int8))
        before = []
    else:
        before = [helper.make_node("QuantizeLinear", [name, *names], [f"{name}_q"], name=f"{name}_Q", axis=0)]
    after = helper.make_node("DequantizeLinear", [f"{name}_q", *names], [f"{name}_dq"], name=f"{name}_DQ", axis=0)
    return [*before, after]


def weight_scales(values: Array) -> NDArray[np.float32]:
    """A scale for each output channel, so that its largest weight is 127."""
    largest = np.abs(values).reshape(len(values), -1).max(axis=1)
    return (np.maximum(largest, TINY) / 127).astype(np.float32)


def in_order(graph: Graph, pairs: dict[str, list[NodeProto]], weights: dict[str, list[NodeProto]]) -> list[NodeProto]:
    """All nodes, each pair right behind what makes its tensor."""
    ordered = list(chain.from_iterable(weights.values()))
    for name in graph.inputs:
        ordered += pairs.get(name, [])
    for node in graph.nodes:
        ordered.append(node)
        for name in node.output:
            ordered += pairs.get(name, [])
    return ordered
