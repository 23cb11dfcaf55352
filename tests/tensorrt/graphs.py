"""Small ONNX graphs, one right and each of the others wrong in one way, for the lint and the gate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CHANNELS_IN, CHANNELS_OUT, SIDE = 16, 32, 32
SIGNED_ZERO = np.int8(0)


def quantized(
    op: str = "Conv",
    scale: Any = 0.05,
    zero: Any = SIGNED_ZERO,
    weight_zero: int = 0,
    weight_axis: int | None = 0,
    bias_in_32_bits: bool = False,
    bare_data: bool = False,
    transposed_before_cast: bool = False,
) -> onnx.ModelProto:
    """uint8 [1, SIDE, SIDE, CHANNELS_IN] cast, Q, DQ, a convolution with Q/DQ weights, Relu, Q, DQ.

    Args:
        scale, zero: of the convolution's input; an array is one a channel.
        weight_axis: of the weights' scales; None: one of all.
        bare_data: leave the convolution's input as it is.
    """
    made = _Graph()
    made.head(transposed_before_cast)
    per_channel = {"axis": 1} if np.ndim(scale) else {}
    zeros = np.full(np.shape(scale), zero, np.asarray(zero).dtype)
    data = "x" if bare_data else made.pair("x", np.asarray(scale, np.float32), zeros, **per_channel)
    shape = (CHANNELS_OUT, CHANNELS_IN, 3, 3) if op == "Conv" else (CHANNELS_IN, CHANNELS_OUT, 3, 3)
    weights = np.random.default_rng(0).normal(0, 0.1, shape).astype(np.float32)
    others = tuple(axis for axis in range(4) if axis != weight_axis) if weight_axis is not None else None
    scales = (np.abs(weights).max(axis=others) / 127).astype(np.float32)
    axis = {} if weight_axis is None else {"axis": weight_axis}
    dequantized = made.pair(
        made.constant("weights", weights), scales, np.full(scales.shape, weight_zero, np.int8), **axis
    )
    if bias_in_32_bits:
        names = [
            made.constant(f"bias_{name}", np.ones(CHANNELS_OUT, kind))
            for name, kind in (("q", np.int32), ("scale", np.float32))
        ]
        made.node("DequantizeLinear", names, "bias", axis=0)
    else:
        made.constant("bias", np.zeros(CHANNELS_OUT, np.float32))
    made.node(op, [data, dequantized, "bias"], "sums", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    made.node("Relu", ["sums"], "y")
    return made.model(made.pair("y", np.float32(0.1), SIGNED_ZERO))


def halves() -> onnx.ModelProto:
    """A convolution in halves, floats around it."""
    made = _Graph()
    made.head(False)
    made.node("Cast", ["x"], "halves", to=TensorProto.FLOAT16)
    weights = np.random.default_rng(0).normal(0, 0.1, (CHANNELS_OUT, CHANNELS_IN, 3, 3)).astype(np.float16)
    made.node("Conv", ["halves", made.constant("weights", weights)], "sums", kernel_shape=[3, 3])
    made.node("Cast", ["sums"], "y", to=TensorProto.FLOAT)
    return made.model("y")


def half_and_float() -> onnx.ModelProto:
    """A half plus a float: ONNX does not know such a sum."""
    made = _Graph()
    made.head(False)
    made.node("Cast", ["x"], "halves", to=TensorProto.FLOAT16)
    made.node("Add", ["halves", "x"], "y")
    return made.model("y")


def unknown_operator() -> onnx.ModelProto:
    """An operator that TensorRT does not have."""
    made = _Graph()
    made.head(False)
    made.node("Det", ["x"], "y")
    return made.model("y")


def largest(count: int) -> onnx.ModelProto:
    """The largest ``count`` of SIDE * SIDE * CHANNELS_IN values."""
    made = _Graph()
    made.head(False)
    made.node("Reshape", ["x", made.constant("flat", np.array([1, -1], np.int64))], "row")
    made.node("TopK", ["row", made.constant("count", np.array([count], np.int64))], "y", outputs=("places",))
    return made.model("y")


def write(model: onnx.ModelProto, folder: Path) -> Path:
    """The model as a file."""
    path = folder / "graph.onnx"
    onnx.save(model, str(path))
    return path


class _Graph:
    """Nodes and constants as they come."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, values: Any) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, op: str, inputs: list[str], output: str, outputs: tuple[str, ...] = (), **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output, *outputs], name=f"{op}_{output}", **attributes))
        return output

    def pair(self, name: str, scale: Any, zero: Any, **axis: Any) -> str:
        """Q and DQ after a tensor; returns what comes out."""
        numbers = [self.constant(f"{name}_scale", scale), self.constant(f"{name}_zero", zero)]
        self.node("QuantizeLinear", [name, *numbers], f"{name}_q", **axis)
        return self.node("DequantizeLinear", [f"{name}_q", *numbers], f"{name}_dq", **axis)

    def head(self, transposed_before_cast: bool) -> None:
        """pixels -> x, float32 [1, CHANNELS_IN, SIDE, SIDE]."""
        if transposed_before_cast:
            self.node("Transpose", ["pixels"], "planes", perm=[0, 3, 1, 2])
            self.node("Cast", ["planes"], "x", to=TensorProto.FLOAT)
        else:
            self.node("Cast", ["pixels"], "floats", to=TensorProto.FLOAT)
            self.node("Transpose", ["floats"], "x", perm=[0, 3, 1, 2])

    def model(self, output: str) -> onnx.ModelProto:
        pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, [1, SIDE, SIDE, CHANNELS_IN])
        given = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "small", [pixels], [given], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
