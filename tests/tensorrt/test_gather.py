"""The graph that takes lines: bit by bit what the host cuts and corrects, and TensorRT for RTX compiles it."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")

import onnx

from export import gather
from export.gate import compile_apart
from export.gather import takes_lines
from runtime.ends import continued, find_edges, find_ends
from runtime.errors import UserError
from runtime.geometry import TileGeometry
from runtime.preprocess.flatfield import FlatField
from runtime.tiler import cut_tiles
from runtime.types import UInt8
from tests.runtime.bundles import make_bundle
from tests.tensorrt.graphs import CHANNELS_IN, SIDE, halves, quantized, write
from tests.tensorrt.test_gate import compiles

GEOMETRY = TileGeometry(tile=SIDE, margin=4, blend=4, map_stride=4)
ROWS, WIDTH = 70, 93


def options(*arguments: str) -> argparse.Namespace:
    made = argparse.ArgumentParser()
    gather.add_parser(made.add_subparsers())
    return made.parse_args(["gather", *arguments])


def tiles_as_they_are(batch: int, channels: int) -> onnx.ModelProto:
    """uint8 pixels in, the same in float32 out."""
    shape = [batch, SIDE, SIDE, channels]
    pixels = onnx.helper.make_tensor_value_info("pixels", onnx.TensorProto.UINT8, shape)
    seen = onnx.helper.make_tensor_value_info("seen", onnx.TensorProto.FLOAT, shape)
    cast = onnx.helper.make_node("Cast", ["pixels"], ["seen"], to=onnx.TensorProto.FLOAT)
    graph = onnx.helper.make_graph([cast], "tiles", [pixels], [seen])
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


def uneven(rng: np.random.Generator, width: int, channels: int) -> FlatField:
    """References that clip at both ends, and whose halves fall both ways."""
    gain = rng.choice(np.array([0.5, 1.5, 2.5, 0.83, 1.37], np.float32), (width, channels))
    return FlatField(rng.uniform(0, 40, (width, channels)).astype(np.float32).round(1), gain)


def cut_there(lines: UInt8, flat: FlatField, starts: list[tuple[int, int]]) -> np.ndarray:
    """What the graph makes of lines; float32 [n, SIDE, SIDE, channels]."""
    runtime = pytest.importorskip("onnxruntime")
    model = takes_lines(tiles_as_they_are(len(starts), lines.shape[2]), *lines.shape[:2])
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    given = {"lines": lines, "gain": flat.gain, "dark": flat.dark, "starts": np.array(starts, np.int32)}
    return session.run(["seen"], given)[0]


@pytest.mark.parametrize("channels", [1, 3])
def test_tiles_are_those_of_the_host(channels: int) -> None:
    rng = np.random.default_rng(channels)
    lines = rng.integers(0, 256, (ROWS, WIDTH, channels), dtype=np.uint8)
    flat = uneven(rng, WIDTH, channels)
    corrected = flat.correct(lines)
    x = GEOMETRY.column_starts(GEOMETRY.margin, WIDTH - GEOMETRY.margin - 1)
    assert (x[0], x[-1] + SIDE <= WIDTH) == (0, True)
    tops = (0, 7, ROWS - SIDE)
    edges = find_edges(corrected, GEOMETRY)
    wanted = np.concatenate([cut_tiles(corrected[top : top + SIDE], x, SIDE, edges) for top in tops])
    assert (wanted.min(), wanted.max()) == (0, 255)  # both ends clip
    assert np.array_equal(cut_there(lines, flat, [(top, left) for top in tops for left in x]), wanted)


def test_beyond_the_ends_lines_are_uploaded_continued_and_their_references_with_them() -> None:
    rng = np.random.default_rng(3)
    lines = rng.integers(0, 256, (ROWS, WIDTH, 1), dtype=np.uint8)
    flat = uneven(rng, WIDTH, 1)
    corrected = flat.correct(lines)
    edges, ends = find_edges(corrected, GEOMETRY), find_ends(corrected, GEOMETRY)
    x = GEOMETRY.column_starts(0, WIDTH)
    assert x[0] < 0 < WIDTH < x[-1] + SIDE
    rows = continued(-GEOMETRY.margin, SIDE - GEOMETRY.margin, 0, ROWS, ends)
    wanted = cut_tiles(corrected[rows], x, SIDE, edges)
    columns = continued(x[0], x[-1] + SIDE, 0, WIDTH, edges)
    there = FlatField(flat.dark[columns], flat.gain[columns])
    found = cut_there(np.ascontiguousarray(lines[rows][:, columns]), there, [(0, left - x[0]) for left in x])
    assert np.array_equal(found, wanted)


def test_a_graph_that_it_does_not_fit_is_refused() -> None:
    with pytest.raises(UserError, match="Lines of 31 x 93 px hold no tile of 32 px"):
        takes_lines(halves(), SIDE - 1, WIDTH)
    elsewhere = quantized(transposed_before_cast=True)
    with pytest.raises(UserError, match="elsewhere than into casts"):
        takes_lines(elsewhere, ROWS, WIDTH)
    elsewhere = halves()
    elsewhere.graph.output.append(elsewhere.graph.input[0])
    with pytest.raises(UserError, match="elsewhere than into casts"):
        takes_lines(elsewhere, ROWS, WIDTH)


def test_the_verb_writes_a_form_that_takes_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    bundle.add_form("fp16", write(halves(), tmp_path), {}, {})
    out = tmp_path / "lines.onnx"
    asked = options("--bundle", str(bundle.path), "--form", "fp16", "--width", "93", "--out", str(out))
    assert gather.run(asked) == 0
    assert f"'{out}' takes lines, gain, dark, starts" in capsys.readouterr().out
    given = onnx.load(out).graph.input
    sizes = {entry.name: [size.dim_value for size in entry.type.tensor_type.shape.dim] for entry in given}
    tile = bundle.recipe.tiles.tile
    assert sizes == {
        "lines": [tile, 93, CHANNELS_IN], "gain": [93, CHANNELS_IN], "dark": [93, CHANNELS_IN], "starts": [1, 2],
    }  # fmt: skip


@compiles
@pytest.mark.parametrize(("model", "kind"), [(halves(), "Half"), (quantized(), "Int8")], ids=["halves", "INT8"])
def test_tensorrt_compiles_it_and_the_net_stays_in_its_bits(tmp_path: Path, model: onnx.ModelProto, kind: str) -> None:
    told = compile_apart(write(takes_lines(model, ROWS, WIDTH), tmp_path), ["8.6"])
    assert (told["errors"], told["warnings"]) == ([], [])
    assert told["bytes"] > 0
    assert [layer["input"] for layer in told["layers"]] == [kind]
