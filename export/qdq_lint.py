"""Does a graph with Q/DQ pairs keep to what TensorRT runs in INT8?

What breaks the rules is either refused by TensorRT, or taken and silently computed in floats, or taken and computed
wrongly (unsigned activations), so none of it is left to TensorRT to find. Source: "Explicit Quantization" and "ONNX
operators" (docs.nvidia.com/deeplearning/tensorrt), and the same graphs given to TensorRT for RTX.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, numpy_helper

Q, DQ = "QuantizeLinear", "DequantizeLinear"
OUTPUT_AXIS = {"Conv": 0, "ConvTranspose": 1}
"""Axis of the weights that counts output channels; scales are one of each of them, or one of all."""


class Graph:
    """A graph's constants, and who makes and who takes each tensor."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.nodes = list(graph.node)
        self.inputs = {value.name for value in graph.input}
        self.constants: dict[str, TensorProto] = {tensor.name: tensor for tensor in graph.initializer}
        for node in self.nodes:
            if node.op_type == "Constant":
                value = next((a.t for a in node.attribute if a.name == "value"), None)
                if value is not None:
                    self.constants[node.output[0]] = value
        self.maker = {name: node for node in self.nodes for name in node.output}

    def array(self, name: str) -> NDArray[np.generic]:
        """A constant's values."""
        return numpy_helper.to_array(self.constants[name])

    def dequantizer(self, name: str) -> NodeProto | None:
        """The DequantizeLinear that makes a tensor, or None."""
        node = self.maker.get(name)
        return node if node is not None and node.op_type == DQ else None

    def is_weight(self, node: NodeProto) -> bool:
        """Does a Q or DQ work on a constant?"""
        source = node.input[0]
        if source not in self.constants and (before := self.maker.get(source)) is not None and before.op_type == Q:
            source = before.input[0]
        return source in self.constants


def lint(path: Path) -> list[str]:
    """Sentences on what is wrong with a graph file; none where it may be built in INT8."""
    graph = Graph(onnx.load(str(path)).graph)
    found = [f"{node.op_type} '{node.name}' {fault}" for node in graph.nodes for fault in faults(node, graph)]
    found += [
        f"constant '{name}' is uint8"
        for name, tensor in graph.constants.items()
        if tensor.data_type == TensorProto.UINT8
    ]
    if not quantized_convolutions(path):
        found.append("no Conv takes a dequantized tensor: nothing of it would be INT8")
    return found


def quantized_convolutions(path: Path) -> int:
    """How many Conv nodes of a graph file take dequantized data and weights."""
    graph = Graph(onnx.load(str(path)).graph)
    convolutions = [node for node in graph.nodes if node.op_type == "Conv"]
    return sum(all(graph.dequantizer(name) for name in node.input[:2]) for node in convolutions)


def faults(node: NodeProto, graph: Graph) -> Iterator[str]:
    """What is wrong with one node."""
    if node.op_type in (Q, DQ):
        yield from scale_faults(node, graph)
        yield from zero_point_faults(node, graph)
    elif node.op_type in OUTPUT_AXIS:
        yield from weight_faults(node, graph)
    elif node.op_type != "Cast" and any(name in graph.inputs for name in node.input):
        yield "takes the graph's uint8 input: only a Cast may"


def scale_faults(node: NodeProto, graph: Graph) -> Iterator[str]:
    """Scales are constant, finite and positive; activations have one."""
    if node.input[1] not in graph.constants:
        yield "has a scale that is computed"
        return
    scale = graph.array(node.input[1]).astype(np.float64)
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        yield "has a scale that is not a positive number"
    if scale.size > 1 and not graph.is_weight(node):
        yield "has a scale a channel, and is no weight: it would run in floats"


def zero_point_faults(node: NodeProto, graph: Graph) -> Iterator[str]:
    """Signed 8-bit integers around zero; no 32-bit biases."""
    name = node.input[2] if len(node.input) > 2 else ""
    if node.op_type == DQ and node.input[0] in graph.constants:
        kind = graph.constants[node.input[0]].data_type
    elif name in graph.constants:
        kind = graph.constants[name].data_type
    elif name or node.op_type == DQ:
        return  # a DQ without a zero point takes its Q's type
    else:
        kind = TensorProto.UINT8  # what ONNX says of a Q without a zero point
    if kind == TensorProto.INT32:
        yield "dequantizes an INT32 bias: leave biases in floats"
    elif kind != TensorProto.INT8:
        yield f"is {TensorProto.DataType.Name(kind).lower()}: TensorRT would take it for int8"
    if name in graph.constants and np.any(graph.array(name) != 0):
        yield "has a zero point that is not 0"


def weight_faults(node: NodeProto, graph: Graph) -> Iterator[str]:
    """Both inputs dequantized or neither, weight scales along the output channels, transposed ones in floats."""
    data, weights = (graph.dequantizer(name) for name in node.input[:2])
    if (data is None) != (weights is None):
        yield "has only one of its two inputs dequantized: it would run in floats"
    if weights is None:
        return
    if node.op_type == "ConvTranspose":
        yield "is quantized: TensorRT runs it in floats all the same, and pays for the conversion"
    if weights.input[1] in graph.constants and graph.array(weights.input[1]).size > 1:
        axis = next((a.i for a in weights.attribute if a.name == "axis"), 1)
        if axis != OUTPUT_AXIS[node.op_type]:
            yield f"has weight scales along axis {axis}: TensorRT wants one an output channel"
