"""Which part of a graph is the net, whose convolutions may run in INT8; found by structure, not by names.

The net is whatever is made of the pixels by layers alone: convolutions, activations, sums, pools. The first node that
does anything else to them (a norm, a product of two tensors, a matrix) begins the map's arithmetic, where a little
noise counts for much: it and all after it stay in floats. So do the filters on the pixels, which begin with a matrix:
in INT8 they alone left 14 dB of a map.
"""

from __future__ import annotations

from onnx import NodeProto

from calibration.forms.graph import Graph

LAYERS = {
    "Add", "AveragePool", "BatchNormalization", "Cast", "Clip", "Concat", "Conv", "ConvTranspose", "DepthToSpace",
    "DequantizeLinear", "LeakyRelu", "MaxPool", "Pad", "QuantizeLinear", "Relu", "Transpose",
}  # fmt: skip
WITH_CONSTANT = {"Div", "Mul", "Sub"}
"""These are layers too where the other operand is constant: grey levels brought to the teacher's scale."""


def trunk(graph: Graph) -> list[NodeProto]:
    """Nodes of the net, in the graph's order."""
    within, fixed, nodes = set(graph.inputs), graph.fixed(), []
    for node in graph.nodes:
        tensors = [name for name in node.input if name not in fixed]
        layer = node.op_type in LAYERS or (node.op_type in WITH_CONSTANT and len(tensors) == 1)
        if layer and tensors and within.issuperset(tensors):
            within.update(node.output)
            nodes.append(node)
    return nodes


def quantizable(graph: Graph) -> list[NodeProto]:
    """Convolutions of the net whose weights are constants."""
    return [node for node in trunk(graph) if node.op_type == "Conv" and node.input[1] in graph.constants]
