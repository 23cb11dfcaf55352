"""Rewritings that change no value, and let a graph run faster or in fewer bits.

A pad by itself is a pass over memory in floats; inside its convolution it costs nothing. TensorRT takes bytes into
nothing but a cast. The last is in calibration/forms/transposed.py.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import NodeProto, helper

from calibration.forms.graph import Graph, attributes, set_attribute
from calibration.forms.transposed import plain_transposed


def prepared(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy with all rewritings."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = Graph(copy)
    for rewrite in (cast_first, mean_of_one, fold_pads, plain_transposed):
        rewrite(graph)
    onnx.checker.check_model(copy)
    return copy


def cast_first(graph: Graph) -> None:
    """Cast the pixels before they are transposed, not after."""
    for transpose in [node for node in graph.nodes if node.op_type == "Transpose" and node.input[0] in graph.inputs]:
        takers = graph.takers(transpose.output[0])
        if len(takers) == 1 and takers[0].op_type == "Cast":
            (cast,) = takers
            pixels, between, after = transpose.input[0], transpose.output[0], cast.output[0]
            cast.input[0], cast.output[0] = pixels, between
            transpose.input[0], transpose.output[0] = between, after
            others = [node for node in graph.nodes if node.output[0] not in (between, after)]
            graph.replace([cast, transpose, *others])


def mean_of_one(graph: Graph) -> None:
    """The mean over an axis of one value is that value."""
    shapes = graph.shapes()
    nodes = []
    for node in graph.nodes:
        said = attributes(node)
        if node.op_type == "ReduceMean" and said.get("axes") and not said.get("keepdims", 1):
            shape = shapes.get(node.input[0], [])
            if shape and all(shape[axis] == 1 for axis in said["axes"]):
                axes = graph.add_constant(f"{node.name}_axes", np.array(said["axes"], np.int64))
                node = helper.make_node("Squeeze", [node.input[0], axes], list(node.output), name=node.name)
        nodes.append(node)
    graph.replace(nodes)


def fold_pads(graph: Graph) -> None:
    """Give pads with zeros to the convolutions that take them."""
    folded: list[str] = []
    for pad in [node for node in graph.nodes if node.op_type == "Pad"]:
        around = _zeros_around(graph, pad)
        takers = graph.takers(pad.output[0])
        if around is None or not takers or any(node.op_type != "Conv" for node in takers):
            continue
        for conv in takers:
            own = attributes(conv).get("pads", [0] * len(around))
            set_attribute(conv, "pads", [a + b for a, b in zip(own, around, strict=True)])
            conv.input[0] = pad.input[0]
        folded.append(pad.output[0])
    graph.replace(node for node in graph.nodes if node.output[0] not in folded)


def _zeros_around(graph: Graph, pad: NodeProto) -> list[int] | None:
    """How many zeros a Pad puts around pictures [N, C, H, W], as a Conv says it; None if it does something else."""
    if attributes(pad).get("mode", b"constant") != b"constant" or pad.input[1] not in graph.constants:
        return None
    if len(pad.input) > 2 and pad.input[2] and np.any(graph.constants.get(pad.input[2], np.ones(1)) != 0):
        return None
    widths = graph.constants[pad.input[1]].astype(int).tolist()
    if len(widths) != 8 or any(widths[axis] for axis in (0, 1, 4, 5)) or min(widths) < 0:
        return None
    return [*widths[2:4], *widths[6:8]]
