"""NNCF's post-training quantization of the same convolutions on the same tiles, to compare with."""

from __future__ import annotations

import onnx

from calibration.forms.graph import Graph
from calibration.forms.trunk import quantizable
from runtime.errors import MissingExtra
from runtime.types import UInt8


def nncf_quantized(model: onnx.ModelProto, tiles: UInt8) -> onnx.ModelProto:
    """The model with NNCF's Q/DQ pairs, for OpenVINO.

    Args:
        model: in floats, prepared. tiles: uint8 [N, T, T, C].

    Raises:
        MissingExtra: NNCF is not installed.
    """
    try:
        import nncf
    except ModuleNotFoundError as error:
        raise MissingExtra("nncf", "nncf", "Comparing with NNCF") from error
    graph = Graph(model)
    wanted = {node.name for node in quantizable(graph)}
    ignored = nncf.IgnoredScope(names=[node.name for node in graph.nodes if node.name not in wanted])
    dataset = nncf.Dataset(tiles, lambda tile: {graph.inputs[0]: tile[None]})
    made: onnx.ModelProto = nncf.quantize(model, dataset, subset_size=len(tiles), ignored_scope=ignored)
    return made
