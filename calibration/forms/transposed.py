"""A transposed convolution whose kernel is its stride is a 1 x 1 convolution and a shuffle; no value changes.

TensorRT and OpenVINO run that in INT8, where TensorRT runs the original in floats.
"""

from __future__ import annotations

import numpy as np
from onnx import NodeProto, helper

from calibration.forms.graph import Graph, attributes


def plain_transposed(graph: Graph) -> None:
    """ConvTranspose with a kernel as wide as its stride -> Conv 1 x 1, DepthToSpace."""
    nodes: list[NodeProto] = []
    for node in graph.nodes:
        nodes += _plain(graph, node) if _fills_once(graph, node) else [node]
    graph.replace(nodes)


def _fills_once(graph: Graph, node: NodeProto) -> bool:
    """Does each output pixel of a transposed convolution come from one input pixel?"""
    if node.op_type != "ConvTranspose" or node.input[1] not in graph.constants:
        return False
    said = attributes(node)
    _, _, *kernel = graph.constants[node.input[1]].shape
    plain = said.get("group", 1) == 1 and not any(said.get("pads", [])) and not any(said.get("output_padding", []))
    return plain and len(set(kernel)) == 1 and list(said.get("strides", [1, 1])) == list(kernel)


def _plain(graph: Graph, node: NodeProto) -> list[NodeProto]:
    weights = graph.constants[node.input[1]]
    taken, given, side, _ = weights.shape
    # Channels of a Conv that DepthToSpace (DCR) lays out: row in the block, column in the block, channel.
    spread = weights.transpose(2, 3, 1, 0).reshape(side * side * given, taken, 1, 1)
    names = [node.input[0], graph.add_constant(f"{node.input[1]}_plain", np.ascontiguousarray(spread))]
    if len(node.input) > 2:
        names.append(graph.add_constant(f"{node.input[2]}_plain", np.tile(graph.constants[node.input[2]], side * side)))
    deep = f"{node.output[0]}_deep"
    return [
        helper.make_node("Conv", names, [deep], name=f"{node.name}_plain", kernel_shape=[1, 1]),
        helper.make_node("DepthToSpace", [deep], list(node.output), name=f"{node.name}_spread", blocksize=side),
    ]
