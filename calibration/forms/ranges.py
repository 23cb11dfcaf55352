"""The lowest and highest value that each tensor takes on normal tiles.

The whole range is kept, not a quantile of it: all tiles are normal, so what would be cut off is what a defect adds.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from calibration.forms.graph import Graph
from runtime.types import UInt8

Ranges = dict[str, tuple[float, float]]
"""Lowest and highest value, by tensor."""


def measure(model: onnx.ModelProto, tensors: Iterable[str], tiles: UInt8) -> Ranges:
    """Run the graph over tiles, one at a time; the extremes are taken inside it, so no activation leaves it.

    Args:
        model: takes uint8 [1, T, T, C]. tensors: float tensors of it. tiles: uint8 [N, T, T, C].
    """
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    names = sorted(set(tensors))
    for name in names:
        for op in ("ReduceMin", "ReduceMax"):
            watched.graph.node.append(helper.make_node(op, [name], [f"{op}:{name}"], keepdims=0))
            watched.graph.output.append(helper.make_tensor_value_info(f"{op}:{name}", TensorProto.FLOAT, ()))
    session = open_session(watched)
    entry = Graph(model).inputs[0]
    wanted = [f"{op}:{name}" for name in names for op in ("ReduceMin", "ReduceMax")]
    found = np.array([session.run(wanted, {entry: tile[None]}) for tile in tiles], np.float64)
    return {
        name: (float(found[:, 2 * place].min()), float(found[:, 2 * place + 1].max()))
        for place, name in enumerate(names)
    }


def open_session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """The model on onnxruntime's CPU, which says errors alone; Q/DQ pairs stay arithmetic on floats.

    Nothing is fused or folded: even the basic optimizations of 1.32 took a real net's map in halves from 33 dB to 1.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
