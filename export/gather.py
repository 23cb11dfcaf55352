"""``export gather``: the graph with the camera's own lines as input, tiles cut and corrected where the graph runs.

    python -m export gather --bundle bundles/denim --form fp16 --rows 256 --width 4096 --out lines.onnx

For trying on a GPU (``trtexec --onnx=lines.onnx`` beside the form's own graph); no engine is built from it and the
stream does not use it. It does what runtime.preprocess.flatfield and runtime.tiler.cut_tiles do, bit by bit on
onnxruntime, and no more: lines have 8 bits, no column is bad (the host draws those between their neighbours), and what
lies beyond a run's or the sensor's ends is not made up. Tiles that reach there want lines that are continued already,
gain and dark with them (runtime.ends.continued gives the indices). A GPU that multiplies and adds in one step may
differ by one grey level where a value lies half-way between two.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from runtime.bundle import Bundle
from runtime.command import at_least
from runtime.errors import MissingExtra, UserError

PIXELS = "pixels"
"""The graph's own input, uint8 [B, T, T, C]."""


def add_parser(verbs: Any) -> None:
    """The verb ``gather`` of ``python -m export``."""
    verb = verbs.add_parser("gather", help="for trials: a graph that takes the camera's lines in place of tiles")
    verb.add_argument("--bundle", type=Path, required=True, metavar="DIR")
    verb.add_argument("--form", help="of the bundle, such as fp16 (default: its FP32 graph)")
    verb.add_argument("--rows", type=at_least(1), help="lines a call (default: as many as a tile has)")
    verb.add_argument("--width", type=at_least(1), required=True, metavar="PX", help="of the lines")
    verb.add_argument("--out", type=Path, required=True, metavar="FILE", help="ONNX file to write")


def run(options: argparse.Namespace) -> int:
    """The verb; returns its exit status."""
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise MissingExtra("onnx", "export", "Writing a graph") from error
    bundle = Bundle(options.bundle)
    graph = bundle.form(options.form)[0] / "graph.onnx" if options.form else bundle.graph
    model = takes_lines(onnx.load(str(graph)), options.rows or bundle.recipe.tiles.tile, options.width)
    onnx.save(model, str(options.out))
    asked = ", ".join(entry.name for entry in model.graph.input)
    print(f"'{options.out}' takes {asked} and gives what '{graph}' gives of the tiles there.")
    return 0


def takes_lines(model: Any, rows: int, width: int) -> Any:
    """A graph of tiles, with lines as input.

    Args:
        model: onnx.ModelProto whose input ``pixels``, uint8 [B, T, T, C], goes into Casts alone, as our graphs' does.
        rows, width: of the lines, in px.

    Returns:
        The same graph (``model`` is used up) with four inputs in place of ``pixels``: ``lines`` uint8
        [rows, width, C], as the camera gives them; ``gain`` and ``dark`` float32 [width, C], as a FlatField has them;
        ``starts`` int32 [B, 2], line and column in ``lines`` of each tile's first pixel. A start nearer to an end than
        a tile's side is the caller's mistake; runtimes differ in what they do about it.

    Raises:
        UserError: the lines are smaller than a tile, or ``pixels`` goes elsewhere than into Casts.
    """
    from onnx import TensorProto, helper, shape_inference

    graph = model.graph
    batch, tile, _, channels = (size.dim_value for size in graph.input[0].type.tensor_type.shape.dim)
    if min(rows, width) < tile:
        raise UserError(f"Lines of {rows} x {width} px hold no tile of {tile} px: give more --rows or --width.")
    users = [node for node in graph.node if PIXELS in node.input]
    if PIXELS in {given.name for given in graph.output} or any(node.op_type != "Cast" for node in users):
        raise UserError("The graph is not one of this program's: its input goes elsewhere than into casts.")
    for node in users:  # from 0..255 in floats, exact in halves as well
        node.input[0] = "gather/tiles"
    nodes, constants = _prologue(batch, tile, channels, width)
    own = list(graph.node)
    del graph.node[:], graph.input[:]
    graph.node.extend([*nodes, *own])
    graph.initializer.extend(constants)
    graph.input.extend(
        [
            helper.make_tensor_value_info("lines", TensorProto.UINT8, [rows, width, channels]),
            helper.make_tensor_value_info("gain", TensorProto.FLOAT, [width, channels]),
            helper.make_tensor_value_info("dark", TensorProto.FLOAT, [width, channels]),
            helper.make_tensor_value_info("starts", TensorProto.INT32, [batch, 2]),
        ]
    )
    return shape_inference.infer_shapes(model, check_type=True, strict_mode=True)


def _prologue(batch: int, tile: int, channels: int, width: int) -> tuple[list[Any], list[Any]]:
    """Nodes from the four inputs to ``gather/tiles``, float32 [B, T, T, C] of whole numbers 0..255; their constants."""
    from onnx import TensorProto, helper, numpy_helper

    steps = np.arange(tile, dtype=np.int32)
    values = {
        "zero": np.array([0], np.int32),
        "one": np.array([1], np.int32),
        "down": steps.reshape(1, tile, 1),
        "across": steps.reshape(1, 1, tile),
        "width": np.array(width, np.int32),
        "one_by_one": np.array([batch, 1, 1], np.int64),
        "in_a_row": np.array([-1, channels], np.int64),
        "black": np.array(0, np.float32),
        "white": np.array(255, np.float32),
    }
    nodes: list[Any] = []

    def add(op: str, inputs: str, output: str, **attributes: Any) -> None:
        named = [name if name in ("lines", "gain", "dark", "starts") else f"gather/{name}" for name in inputs.split()]
        nodes.append(helper.make_node(op, named, [f"gather/{output}"], name=f"gather/{output}", **attributes))

    for number, axis in (("zero", "line"), ("one", "column")):
        add("Gather", f"starts {number}", f"{axis}_listed", axis=1)
        add("Reshape", f"{axis}_listed one_by_one", axis)
    add("Add", "line down", "lines_of")  # [B, T, 1]
    add("Add", "column across", "columns_of")  # [B, 1, T]
    add("Mul", "lines_of width", "rows_of")
    add("Add", "rows_of columns_of", "places")  # [B, T, T], into lines in one row
    add("Cast", "lines", "floats", to=TensorProto.FLOAT)
    add("Reshape", "floats in_a_row", "pixels")
    add("Gather", "pixels places", "raw", axis=0)
    # As FlatField.correct: the product, less gain * dark, each rounded to float32; then to whole numbers, half to even.
    add("Mul", "gain dark", "offset")
    for level in ("gain", "offset"):
        add("Gather", f"{level} columns_of", f"{level}_of", axis=0)
    add("Mul", "raw gain_of", "product")
    add("Sub", "product offset_of", "corrected")
    add("Round", "corrected", "rounded")
    add("Clip", "rounded black white", "tiles")
    return nodes, [numpy_helper.from_array(value, f"gather/{name}") for name, value in values.items()]
