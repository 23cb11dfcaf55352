"""A small net with all that the forms must cope with, as an ONNX graph made by hand, and a bundle of it.

A teacher with a stem, a residual and a convolution whose input has one channel of a far larger range ('deep'); a
student with a transposed convolution; their cosine as the map's arithmetic; and a filter on the pixels beside them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import openvino as ov
from onnx import TensorProto, helper, numpy_helper

from runtime.bundle import Bundle, GeometrySection, Recipe, create
from runtime.settings import Policy
from runtime.types import UInt8
from tests.runtime.bundles import GEOMETRY, MM_PER_PX

TILE, CELLS = GEOMETRY.tile, GEOMETRY.cells
UNEVEN = 300.0
"""How much larger one channel of what 'deep' takes is."""
NET = ["stem", "thin", "deep", "project", "down", "code", "head"]
"""Convolutions of the net; 'up' is transposed."""


class Made:
    """Collects nodes and constants."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(3)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: Any) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def conv(self, data: str, name: str, shape: tuple[int, ...], op: str = "Conv", **attributes: Any) -> str:
        weights = self.rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape).astype(np.float32)
        if name == "thin":
            weights[0] *= UNEVEN
        if name == "deep":
            weights[0] /= UNEVEN
        given = shape[1] if op == "ConvTranspose" else shape[0]
        bias = self.constant(f"{name}.bias", self.rng.normal(0, 0.1, given).astype(np.float32))
        return self.add(op, [data, self.constant(f"{name}.weight", weights), bias], name, **attributes)


def net_model() -> onnx.ModelProto:
    """uint8 [1, 64, 64, 1] -> map float32 [1, 16, 16], score float32 [1]."""
    made = Made()
    teacher, student = layers(made)
    evidence = [cosine(made, teacher, student), filtered(made)]
    made.add("Add", evidence, "map")
    made.add("ReduceMax", ["map"], "score", axes=[1, 2], keepdims=0)
    return model_of(made)


def layers(made: Made) -> tuple[str, str]:
    """Features of the teacher and the student, float32 [1, 16, 16, 16] each."""
    made.add("Transpose", ["pixels"], "planes", perm=[0, 3, 1, 2])
    made.add("Cast", ["planes"], "grey", to=TensorProto.FLOAT)
    made.add("Sub", ["grey", made.constant("mean", np.float32(127))], "centred")
    made.add("Div", ["centred", made.constant("std", np.float32(128))], "scaled")
    made.add("Pad", ["scaled", made.constant("pads", np.array([0, 0, 0, 0, 0, 0, 1, 1]))], "padded")
    made.conv("padded", "stem", (8, 1, 3, 3), strides=[2, 2])
    bounds = [made.constant("low", np.float32(0)), made.constant("high", np.float32(6))]
    made.add("Clip", ["stem", *bounds], "stem6")
    made.conv("stem6", "thin", (16, 8, 1, 1))
    made.add("Relu", ["thin"], "thin_relu")
    made.conv("thin_relu", "deep", (16, 1, 3, 3), group=16, pads=[1, 1, 1, 1])
    made.conv("deep", "project", (8, 16, 1, 1))
    made.add("Add", ["project", "stem6"], "residual")
    made.conv("residual", "down", (16, 8, 3, 3), strides=[2, 2], pads=[1, 1, 1, 1])
    made.add("Relu", ["down"], "teacher")
    made.conv("teacher", "code", (16, 16, 3, 3), strides=[2, 2], pads=[1, 1, 1, 1])
    made.add("Relu", ["code"], "code_relu")
    made.conv("code_relu", "up", (16, 16, 2, 2), op="ConvTranspose", strides=[2, 2])
    made.conv("up", "head", (16, 16, 1, 1))
    return "teacher", "head"


def cosine(made: Made, one: str, other: str) -> str:
    """1 - cos at each cell, float32 [1, 16, 16]."""
    axis = made.constant("axis", np.array([1]))
    lengths = []
    for name in (one, other):
        made.add("Mul", [name, name], f"{name}_square")
        made.add("ReduceSum", [f"{name}_square", axis], f"{name}_power", keepdims=1)
        made.add("Sqrt", [f"{name}_power"], f"{name}_root")
        lengths.append(made.add("Div", [name, f"{name}_root"], f"{name}_unit"))
    made.add("Mul", lengths, "product")
    made.add("ReduceSum", ["product", axis], "cos", keepdims=0)
    return made.add("Sub", [made.constant("one", np.float32(1)), "cos"], "distance")


def filtered(made: Made) -> str:
    """A filter of 11 x 11 on pixels averaged by two, float32 [1, 16, 16]."""
    side = TILE // 2
    average = np.kron(np.eye(side), [[0.5, 0.5]])
    matrix = np.concatenate([average[:5][::-1], average, average[-5:][::-1]]).astype(np.float32)
    made.add("Cast", ["pixels"], "floats", to=TensorProto.FLOAT)
    made.add("ReduceMean", ["floats"], "mean_grey", axes=[3], keepdims=0)
    made.add("MatMul", [made.constant("rows", matrix), "mean_grey"], "fewer_rows")
    made.add("MatMul", ["fewer_rows", made.constant("columns", matrix.T.copy())], "small")
    made.add("Unsqueeze", ["small", made.constant("first", np.array([1]))], "plane")
    bank = made.rng.normal(0, 1e-4, (2, 1, 11, 11)).astype(np.float32)
    made.add("Conv", ["plane", made.constant("bank", bank)], "filter")
    made.add("Abs", ["filter"], "answers")
    made.add("MaxPool", ["answers"], "pooled", kernel_shape=[2, 2], strides=[2, 2])
    return made.add("ReduceMax", ["pooled"], "strongest", axes=[1], keepdims=0)


def model_of(made: Made) -> onnx.ModelProto:
    """The nodes as a checked model."""
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, [1, TILE, TILE, 1])
    outputs = [
        helper.make_tensor_value_info("map", TensorProto.FLOAT, [1, CELLS, CELLS]),
        helper.make_tensor_value_info("score", TensorProto.FLOAT, [1]),
    ]
    graph = helper.make_graph(made.nodes, "net", [pixels], outputs, made.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def cloth(count: int, seed: int = 0) -> UInt8:
    """Ripple and noise, uint8 [count, 64, 64, 1]."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((TILE, TILE))
    ripple = 110 + 25 * np.sin(2 * np.pi * (rows + columns) / 9)
    noise = rng.normal(0, 12, (count, TILE, TILE, 1))
    return np.clip(ripple[None, :, :, None] + noise, 0, 255).astype(np.uint8)


def bundle_of(model: onnx.ModelProto, path: Path) -> Bundle:
    """A bundle of the model with its OpenVINO FP32 engine."""
    sizes = {name: getattr(GEOMETRY, name) for name in ("tile", "margin", "blend", "map_stride")}
    recipe = Recipe(
        name="by hand", model="none", teacher="none", geometry=GeometrySection(**sizes), channels=1,
        mm_per_px=MM_PER_PX, licence="none needed", intended_use="tests",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as made:
        graph, xml = Path(made) / "graph.onnx", Path(made) / "model.xml"
        onnx.save(model, str(graph))
        ov.save_model(ov.convert_model(graph), xml, compress_to_fp16=False)
        bundle = create(path, recipe, graph, notice="Nothing in it is anybody's.\n")
        bundle.add_engine("openvino", "fp32", "CPU", {"model.xml": xml, "model.bin": xml.with_suffix(".bin")}, {}, {})
    bundle.write_settings(bundle.settings().model_copy(update={"policy": Policy(stride_lines=32)}))
    return bundle
