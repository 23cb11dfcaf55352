"""The net in float16 and the map's arithmetic in float32, for engines that compute in the types that a graph names.

Squares and sums of features pass float16's largest value easily, so only what calibration.forms.trunk finds is halved,
from its first convolutions on: before them grey levels are brought to the teacher's scale.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, version_converter

from calibration.forms.graph import Array, Graph
from calibration.forms.quantize import Style, activation_scale
from calibration.forms.ranges import Ranges
from calibration.forms.trunk import trunk

OPSET = 19
"""The first in which Q and DQ take float16 ("QuantizeLinear", onnx.ai/onnx/operators)."""
LARGEST = float(np.finfo(np.float16).max)
HEADROOM = 8.0
"""How far beyond what normal cloth makes of it a tensor may go before float16 ends: a defect is not normal cloth."""
HALF_SUFFIX = "_half"
"""Of the name of a tensor or constant that was made float16."""
HALF, FULL = TensorProto.FLOAT16, TensorProto.FLOAT


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose net computes in float16; what the graph takes and gives stays as it is."""
    copy = version_converter.convert_version(model, OPSET)
    graph = Graph(copy)
    body, fixed = halves(graph), graph.fixed()
    inside = {name for node in body for name in node.output}
    entering = {name for node in body for name in node.input} - inside - fixed
    outside = [node for node in graph.nodes if not (inside | fixed).intersection(node.output)]
    leaving = {name for node in outside for name in node.input} & inside
    nodes: list[NodeProto] = []
    for node in graph.nodes:
        for place, name in enumerate(node.input):
            node.input[place] = _renamed(graph, node, place, name in entering, name in leaving, node in outside)
        nodes.append(node)
        nodes += [_cast(name, f"{name}{HALF_SUFFIX}", HALF) for name in node.output if name in entering]
        nodes += [_cast(name, f"{name}_full", FULL) for name in node.output if name in leaving]
    del copy.graph.value_info[:]  # they name the types that tensors had
    graph.replace(nodes)
    onnx.checker.check_model(copy, full_check=True)
    return copy


def halves(graph: Graph) -> list[NodeProto]:
    """Nodes of the net from its first convolutions on; what brings data to these in INT8 belongs to them."""
    made: set[str] = set()
    nodes = []
    for node in trunk(graph):
        if node.op_type in ("Conv", "QuantizeLinear") or made.intersection(node.input):
            made.update(node.output)
            nodes.append(node)
    return nodes


def too_large(ranges: Ranges) -> list[str]:
    """Tensors that come near float16's end on normal cloth already."""
    return [name for name, ends in ranges.items() if max(map(abs, ends)) * HEADROOM > LARGEST]


def half_scales(half: onnx.ModelProto, ranges: Ranges) -> dict[str, float]:
    """INT8 scales of a halved net's tensors, zero in the middle, for a DLA that takes no Q/DQ pairs."""
    names = [name for node in half.graph.node for name in node.output]
    sources = {name: name.removesuffix(HALF_SUFFIX) for name in names}
    return {
        name: float(activation_scale(*ranges[source], Style.SIGNED)[0])
        for name, source in sources.items()
        if source in ranges
    }


def _renamed(graph: Graph, node: NodeProto, place: int, entering: bool, leaving: bool, outside: bool) -> str:
    """What a node takes in place of an input, in the type that it computes in."""
    name: str = node.input[place]
    if outside:
        return f"{name}_full" if leaving else name
    if entering:
        return f"{name}{HALF_SUFFIX}"
    value = graph.constants.get(name)
    if value is None or value.dtype != np.float32:
        return name
    is_scale = node.op_type in ("QuantizeLinear", "DequantizeLinear") and place == 1
    return graph.add_constant(f"{name}{HALF_SUFFIX}", rounded_up(value) if is_scale else value.astype(np.float16))


def rounded_up(scale: Array) -> Array:
    """Scales in float16, none smaller than it was: a smaller one would cut the largest values off."""
    half = scale.astype(np.float16)
    return np.where(half < scale, np.nextafter(half, np.float16(np.inf)), half)


def _cast(name: str, to: str, kind: int) -> NodeProto:
    return helper.make_node("Cast", [name], [to], name=f"{to}_Cast", to=kind)
