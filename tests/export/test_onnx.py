"""The graph as a file: static, folded, of standard operators, and the same wherever it runs."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import openvino as ov  # noqa: E402

from calibration.forms.graph import Graph  # noqa: E402
from calibration.forms.prepare import prepared  # noqa: E402
from calibration.forms.trunk import quantizable  # noqa: E402
from export import parity  # noqa: E402
from export.bundle import LIMITS  # noqa: E402
from export.graph import AnomalyGraph, run_torch, write_onnx  # noqa: E402
from tests.export.nets import GEOMETRY, cloth, graph_of, untrained  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def graph() -> AnomalyGraph:
    return graph_of(untrained())


@pytest.fixture(scope="module")
def probes() -> np.ndarray:
    return parity.probe_tiles(cloth(4, first=50))


@pytest.fixture(scope="module")
def onnx_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "graph.onnx"
    write_onnx(graph_of(untrained()), GEOMETRY, 1, 1, path)
    return path


def check_static(path: Path, batch: int = 1, channels: int = 1) -> None:
    """Constant shapes, no operator that a fixed shape makes needless, and none beyond the standard."""
    model = onnx.load(str(path))
    shapes = {
        value.name: [d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    assert shapes == {"pixels": [batch, 64, 64, channels], "map": [batch, 16, 16], "score": [batch]}
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    kinds = Counter(node.op_type for node in model.graph.node)
    needless = {
        "BatchNormalization",
        "Resize",
        "Shape",
        "Range",
        "NonZero",
        "Expand",
        "Dropout",
        "Identity",
        "If",
        "Loop",
    }
    assert not kinds.keys() & needless, kinds.keys() & needless
    constants = {constant.name for constant in model.graph.initializer}
    assert {node.input[1] for node in model.graph.node if node.op_type == "Gather"} <= constants, "an index that moves"
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]


def test_it_is_static_folded_and_of_standard_operators(onnx_file: Path) -> None:
    check_static(onnx_file)


@pytest.mark.parametrize(
    ("name", "look"),
    [
        ("uninet", {"join": "sum", "channels": "net"}),
        ("uninet", {}),
        ("cfa", {}),
        ("knn", {"channels": "net"}),
        ("rd4ad", {"channels": "filters"}),
    ],
)
def test_so_is_that_of_each_model(name: str, look: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "graph.onnx"
    write_onnx(graph_of(untrained(name), **look), GEOMETRY, 1, 1, path)
    check_static(path)
    if look == {"channels": "filters"}:
        assert path.stat().st_size < 100_000, "no net where none is looked at"


@pytest.mark.parametrize(("channels", "batch", "scale"), [(1, 1, 1.0), (3, 4, 1.0), (1, 1, 0.5)])
def test_onnx_and_openvino_say_what_torch_says(tmp_path: Path, channels: int, batch: int, scale: float) -> None:
    tiles = parity.probe_tiles(cloth(6, channels, first=50))
    graph = graph_of(untrained(scale=scale), cloth(6, channels))
    reference = run_torch(graph, tiles)
    write_onnx(graph, GEOMETRY, channels, batch, tmp_path / "graph.onnx")
    check_static(tmp_path / "graph.onnx", batch, channels)
    ov.save_model(ov.convert_model(tmp_path / "graph.onnx"), tmp_path / "model.xml", compress_to_fp16=False)
    for found in (
        parity.run_onnx(tmp_path / "graph.onnx", tiles),
        parity.run_openvino(tmp_path / "model.xml", tiles),
    ):
        assert parity.compare("form", reference, found).relative < parity.LIMIT


@pytest.mark.slow
@pytest.mark.parametrize("teacher", os.environ.get("WEFTWATCH_TEACHERS", "efficientnet_lite2").split(","))
@pytest.mark.parametrize("name", ["rd4ad", "uninet", "cfa", "knn"])
def test_each_model_says_the_same_on_each_teacher_that_is_asked_for(name: str, teacher: str, tmp_path: Path) -> None:
    """The large teachers take minutes: WEFTWATCH_TEACHERS=resnet34,wide_resnet50_2."""
    few = {"cfa": {"gamma_c": 16}, "knn": {"count": 64}}.get(name, {})
    graph = graph_of(untrained(name, teacher, **few), channels="net", join="sum")
    tiles = parity.probe_tiles(cloth(6, first=50))
    reference = run_torch(graph, tiles)
    write_onnx(graph, GEOMETRY, 1, 1, tmp_path / "graph.onnx")
    ov.save_model(ov.convert_model(tmp_path / "graph.onnx"), tmp_path / "model.xml", compress_to_fp16=False)
    for found in (
        parity.run_onnx(tmp_path / "graph.onnx", tiles),
        parity.run_openvino(tmp_path / "model.xml", tiles),
    ):
        assert parity.compare("form", reference, found).relative < LIMITS.get(name, parity.LIMIT)


def test_a_quantizer_finds_the_net_that_is_shown_its_tiles_at_half_their_size(onnx_file: Path, tmp_path: Path) -> None:
    write_onnx(graph_of(untrained(scale=0.5)), GEOMETRY, 1, 1, tmp_path / "half.onnx")
    whole, half = (Graph(prepared(onnx.load(str(path)))) for path in (onnx_file, tmp_path / "half.onnx"))
    assert len(quantizable(half)) == len(quantizable(whole)) > 40


def test_each_kind_of_tile_gives_numbers_that_agree(graph: AnomalyGraph, onnx_file: Path, probes: np.ndarray) -> None:
    reference, found = run_torch(graph, probes), parity.run_onnx(onnx_file, probes)
    for number, kind in enumerate(("cloth",) * 4 + parity.STRANGE):
        assert np.isfinite(reference.maps[number]).all(), kind
        tolerance = 1e-4 * np.abs(reference.maps[number]).max()
        np.testing.assert_allclose(found.maps[number], reference.maps[number], atol=tolerance, err_msg=kind)
        np.testing.assert_allclose(found.scores[number], reference.scores[number], atol=tolerance, err_msg=kind)


@pytest.mark.parametrize("name", ["rd4ad", "uninet", "cfa", "knn"])
def test_a_tile_is_judged_by_itself_whatever_stands_beside_it(name: str, probes: np.ndarray) -> None:
    graph = graph_of(untrained(name))
    tiles, order = torch.from_numpy(probes), torch.tensor([3, 0, 7, 4, 1, 6, 2, 5])
    alone = run_torch(graph, probes)
    with torch.no_grad():
        together, permuted = graph(tiles), graph(tiles[order])
        fours = [torch.cat(found) for found in zip(graph(tiles[:4]), graph(tiles[4:]), strict=True)]
    scale = np.abs(alone.maps).max(axis=(1, 2))
    for found, expected in zip(together, (alone.maps, alone.scores), strict=True):
        limit = 1e-4 * (scale[:, None, None] if found.ndim == 3 else scale)
        assert (np.abs(found.numpy() - expected) <= limit).all()
    for a, b, c in zip(together, permuted, fours, strict=True):
        limit = 1e-4 * torch.from_numpy(scale[:, None, None] if a.ndim == 3 else scale)
        assert ((a[order] - b).abs() <= limit[order]).all()
        assert ((a - c).abs() <= limit).all()
