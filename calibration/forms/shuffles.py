"""Convolutions that are other convolutions and a shuffle of pixels into channels or back; no value changes.

A transposed convolution whose kernel is its stride is a 1 x 1 convolution and a shuffle; TensorRT and OpenVINO run that
in INT8, where TensorRT runs the original in floats. A large kernel that makes few channels of one leaves most of a
vector unit idle: over 2 x 2 pixels taken as channels it makes four times as many, with as many products.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, helper

from calibration.forms.graph import Graph, attributes

BLOCK = 2
NARROW, LARGE = 8, 9
"""Fewer output channels than a vector unit has lanes, and kernels from this side up."""


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


def wider(graph: Graph) -> None:
    """A large Conv of one channel to few, without pads -> SpaceToDepth, Conv, DepthToSpace."""
    shapes = graph.shapes()
    nodes: list[NodeProto] = []
    for node in graph.nodes:
        pictures = [shapes.get(node.input[0], []), shapes.get(node.output[0], [])]
        even = all(len(shape) == 4 and shape[2] % BLOCK == shape[3] % BLOCK == 0 for shape in pictures)
        nodes += _wide(graph, node) if even and _narrow(graph, node) else [node]
    graph.replace(nodes)


def _narrow(graph: Graph, node: NodeProto) -> bool:
    if node.op_type != "Conv" or node.input[1] not in graph.constants or len(node.input) > 2:
        return False
    said = attributes(node)
    given, taken, *kernel = graph.constants[node.input[1]].shape
    steps = [*said.get("strides", [1]), *said.get("dilations", [1])]
    plain = not any(said.get("pads", [])) and set(steps) == {1} and len(set(kernel)) == 1
    return plain and taken == 1 and given <= NARROW and kernel[0] >= LARGE


def _wide(graph: Graph, node: NodeProto) -> list[NodeProto]:
    weights = graph.add_constant(f"{node.input[1]}_wide", over_blocks(graph.constants[node.input[1]]))
    deep, wide = f"{node.input[0]}_deep", f"{node.output[0]}_deep"
    return [
        helper.make_node("SpaceToDepth", [node.input[0]], [deep], name=f"{node.name}_gather", blocksize=BLOCK),
        helper.make_node("Conv", [deep, weights], [wide], name=f"{node.name}_wide"),
        helper.make_node("DepthToSpace", [wide], list(node.output), name=f"{node.name}_spread", blocksize=BLOCK),
    ]


def over_blocks(weights: NDArray[np.generic]) -> NDArray[np.generic]:
    """Weights [given, 1, side, side] as those over blocks: [BLOCK ** 2 * given, BLOCK ** 2, taps, taps].

    The pixel ``at`` of an output block meets the kernel's pixel ``k`` at input pixel ``at + k``: pixel
    ``(at + k) % BLOCK`` of the block ``(at + k) // BLOCK`` further on. Along both axes.
    """
    given, _, side, _ = weights.shape
    taps = (BLOCK - 1 + side - 1) // BLOCK + 1
    blocks = np.zeros((BLOCK, BLOCK, given, BLOCK, BLOCK, taps, taps), weights.dtype)
    for row, column, y, x in np.ndindex(BLOCK, BLOCK, side, side):
        down, right = row + y, column + x
        blocks[row, column, :, down % BLOCK, right % BLOCK, down // BLOCK, right // BLOCK] = weights[:, 0, y, x]
    return blocks.reshape(BLOCK**2 * given, BLOCK**2, taps, taps)
