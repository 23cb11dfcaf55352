from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import openvino as ov  # noqa: E402

from export import parity  # noqa: E402
from export.graph import AnomalyGraph, run_torch, write_onnx  # noqa: E402
from runtime.geometry import TileGeometry  # noqa: E402
from tests.train.strips import weave  # noqa: E402
from train.losses import cosine_distance  # noqa: E402
from train.models import AnomalyModel, build_model  # noqa: E402
from train.teachers import build_teacher  # noqa: E402

pytestmark = pytest.mark.torch

GEOMETRY = TileGeometry(tile=64, margin=8, blend=4)


def untrained(channels: int = 1) -> AnomalyModel:
    """A student whose batch norms have seen some cloth, so that folding them has something to do."""
    torch.manual_seed(0)
    model = build_model("rd4ad", build_teacher("efficientnet_lite0"), 8, "flattened").train()
    tiles = np.repeat(np.stack([weave(64, 64, s) for s in range(4)]), channels, axis=3)
    with torch.no_grad():
        model.loss(torch.from_numpy(tiles))
    return model


def probes(channels: int = 1) -> np.ndarray:
    return parity.probe_tiles(np.repeat(np.stack([weave(64, 64, s) for s in range(2)]), channels, axis=3))


@pytest.fixture(scope="module")
def graph() -> AnomalyGraph:
    return AnomalyGraph(untrained(), GEOMETRY, 4.0)


@pytest.fixture(scope="module")
def onnx_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "graph.onnx"
    write_onnx(AnomalyGraph(untrained(), GEOMETRY, 4.0), GEOMETRY, 1, 1, path)
    return path


def test_map_and_score_of_any_tile_are_finite_and_in_range(graph: AnomalyGraph) -> None:
    found = run_torch(graph, probes())
    assert found.maps.shape == (5, 16, 16)
    assert found.scores.shape == (5,)
    assert np.isfinite(found.maps).all()
    assert found.maps.min() >= 0
    assert found.maps.max() <= 6
    np.testing.assert_array_equal(found.scores, found.maps[:, 2:-2, 2:-2].max(axis=(1, 2)))


def test_the_map_is_what_the_levels_say_laid_out_one_by_one(graph: AnomalyGraph) -> None:
    tiles = probes()
    with torch.no_grad():
        levels = graph.model.distances(torch.from_numpy(tiles))
    expected = np.zeros((len(tiles), 16, 16))
    for level, stride in zip(levels, (4, 8, 16), strict=True):
        at = np.clip((np.arange(64) - (stride - 1)) / stride, 0, 64 // stride - 1)
        kernel = np.exp(-(np.arange(-16, 17) ** 2) / 32.0)
        kernel /= kernel.sum()
        for tile, cells in enumerate(level.double().numpy()):
            rows = np.stack([np.interp(at, np.arange(len(cells)), column) for column in cells.T], axis=1)
            pixels = np.stack([np.interp(at, np.arange(len(cells)), row) for row in rows])
            for axis in (0, 1):
                padded = np.pad(pixels, [(16, 16) if a == axis else (0, 0) for a in (0, 1)], mode="symmetric")
                pixels = np.apply_along_axis(np.convolve, axis, padded, kernel, mode="valid")
            expected[tile] += pixels.reshape(16, 4, 16, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(run_torch(graph, tiles).maps, expected, atol=1e-5)


class TeacherAgainstPlain(AnomalyModel):
    """Distances of a teacher's taps from those of the same tile without its spot: a perfect student."""

    def distances(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        plain = torch.full_like(pixels, 120)
        return tuple(cosine_distance(a, b) for a, b in zip(self.teacher(pixels), self.teacher(plain), strict=True))


@pytest.mark.parametrize("x", [90, 101, 120, 133, 160])
def test_a_planted_spot_peaks_on_its_own_cell(x: int) -> None:
    geometry = TileGeometry()
    graph = AnomalyGraph(TeacherAgainstPlain(build_teacher("efficientnet_lite0")), geometry, 4.0)
    tile = np.full((1, 256, 256, 1), 120, np.uint8)
    y = 256 - x
    tile[0, y - 2 : y + 3, x - 2 : x + 3] = 250
    found = run_torch(graph, tile).maps[0]
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert abs(row - y // 4) <= 1
    assert abs(column - x // 4) <= 1


def test_the_order_of_a_batch_does_not_matter(graph: AnomalyGraph) -> None:
    tiles = torch.from_numpy(probes())
    order = torch.tensor([3, 0, 4, 1, 2])
    with torch.no_grad():
        together, permuted = graph(tiles), graph(tiles[order])
    for a, b in zip(together, permuted, strict=True):
        torch.testing.assert_close(a[order], b, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(run_torch(graph, probes()).maps, together[0].numpy(), atol=1e-5)


def test_the_onnx_graph_is_static_and_folded(onnx_file: Path) -> None:
    model = onnx.load(str(onnx_file))
    shapes = {
        value.name: [d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    assert shapes == {"pixels": [1, 64, 64, 1], "map": [1, 16, 16], "score": [1]}
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    kinds = Counter(node.op_type for node in model.graph.node)
    assert not kinds.keys() & {"BatchNormalization", "Resize", "Shape", "Gather", "Expand", "Dropout", "Identity"}
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]


@pytest.mark.parametrize(("channels", "batch"), [(1, 1), (3, 2)])
def test_onnx_and_openvino_say_what_torch_says(tmp_path: Path, channels: int, batch: int) -> None:
    tiles = probes(channels)
    graph = AnomalyGraph(untrained(channels), GEOMETRY, 4.0)
    reference = run_torch(graph, tiles)
    write_onnx(graph, GEOMETRY, channels, batch, tmp_path / "graph.onnx")
    ov.save_model(ov.convert_model(tmp_path / "graph.onnx"), tmp_path / "model.xml", compress_to_fp16=False)
    for found in (
        parity.run_onnx(tmp_path / "graph.onnx", tiles),
        parity.run_openvino(tmp_path / "model.xml", tiles),
    ):
        assert parity.compare("form", reference, found).relative < 1e-4
