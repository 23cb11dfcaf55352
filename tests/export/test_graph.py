"""What goes into the map: levels laid out, filters, tails of normal cloth, the strongest of all, the score."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from export import parity  # noqa: E402
from export.graph import NET_WEIGHT, AnomalyGraph, run_torch, tails  # noqa: E402
from export.look import Look  # noqa: E402
from runtime.geometry import TileGeometry  # noqa: E402
from tests.export.nets import INSIDE, cloth, graph_of, untrained  # noqa: E402
from train.losses import cosine_distance  # noqa: E402
from train.models import AnomalyModel, Settings  # noqa: E402
from train.teachers import build_teacher  # noqa: E402

pytestmark = pytest.mark.torch

NET = {"channels": "net"}


@pytest.fixture(scope="module")
def model() -> AnomalyModel:
    return untrained()


@pytest.fixture(scope="module")
def probes() -> np.ndarray:
    """Other cloth than the tails are of, and what is none."""
    return parity.probe_tiles(cloth(4, first=50))


def evidence(graph: AnomalyGraph, tiles: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return graph.evidence(torch.from_numpy(tiles))[0].double().numpy()


def calmed(graph: AnomalyGraph, tiles: np.ndarray) -> np.ndarray:
    """Evidence against the usual, by hand."""
    found, usual = evidence(graph, tiles), np.array(graph.scale["usual"])[:, None, None]
    livelier = np.maximum(found.mean(axis=(2, 3), keepdims=True) / usual, 1)
    return found / np.sqrt(livelier)


def distances(graph: AnomalyGraph, tiles: np.ndarray) -> list[np.ndarray]:
    with torch.no_grad():
        return [level.double().numpy() for level in graph.model.distances(torch.from_numpy(tiles))]


def laid(level: np.ndarray, stride: int, centre: int) -> np.ndarray:
    """A level's cells [N, h, w] on the map, step by step: interpolated, blurred by 4 px, averaged over 4 x 4 px."""
    at = np.clip((np.arange(64) - centre) / stride, 0, 64 // stride - 1)
    kernel = np.exp(-(np.arange(-16, 17) ** 2) / 32.0)
    kernel /= kernel.sum()
    found = []
    for cells in level:
        rows = np.stack([np.interp(at, np.arange(len(cells)), column) for column in cells.T], axis=1)
        pixels = np.stack([np.interp(at, np.arange(len(cells)), row) for row in rows])
        for axis in (0, 1):
            padded = np.pad(pixels, [(16, 16) if a == axis else (0, 0) for a in (0, 1)], mode="symmetric")
            pixels = np.apply_along_axis(np.convolve, axis, padded, kernel, mode="valid")
        found.append(pixels.reshape(16, 4, 16, 4).mean(axis=(1, 3)))
    return np.stack(found)


@pytest.mark.parametrize("name", ["rd4ad", "uninet"])
@pytest.mark.parametrize(("teacher", "centres"), [("efficientnet_lite0", (3, 7, 15)), ("resnet18", (0, 0, 0))])
def test_a_taps_channel_is_what_its_levels_say_laid_out(name: str, teacher: str, centres: tuple[int, ...]) -> None:
    graph, tiles = graph_of(untrained(name, teacher), **NET), cloth(2, first=50)
    expected = np.zeros((2, 3, 16, 16))
    for number, level in enumerate(distances(graph, tiles)):
        tap = number % 3
        expected[:, tap] += laid(level, (4, 8, 16)[tap], centres[tap])
    np.testing.assert_allclose(evidence(graph, tiles), expected, atol=2e-5)


@pytest.mark.parametrize("taps", ["1", "2", "3", "13", "123"])
def test_taps_are_picked_or_added_up(model: AnomalyModel, probes: np.ndarray, taps: str) -> None:
    every = evidence(graph_of(model, **NET), probes)
    wanted = every[:, [int(tap) - 1 for tap in taps]]
    picked, added = (graph_of(model, **NET, taps=taps, join=join) for join in ("strongest", "sum"))
    np.testing.assert_allclose(evidence(picked, probes), wanted, atol=1e-6)
    np.testing.assert_allclose(evidence(added, probes), wanted.sum(axis=1, keepdims=True), atol=1e-6)


def test_each_tap_and_each_kind_changes_the_map(model: AnomalyModel, probes: np.ndarray) -> None:
    looks: list[dict[str, Any]] = [{"taps": taps, **NET} for taps in ("1", "2", "3", "12", "13", "23", "123")]
    looks += [{}, {"channels": "filters"}, {"sigma": 2.0}, {"join": "sum", **NET}, {"join": "sum"}]
    maps = [run_torch(graph_of(model, **look), probes).maps for look in looks]
    for number, one in enumerate(maps):
        assert not any(np.allclose(one, other) for other in maps[:number]), looks[number]


def test_both_kinds_stand_side_by_side(model: AnomalyModel, probes: np.ndarray) -> None:
    net, filters, both = (graph_of(model, channels=kind) for kind in ("net", "filters", "both"))
    assert [evidence(graph, probes).shape[1] for graph in (net, filters, both)] == [3, 8, 11]
    apart = np.concatenate([evidence(net, probes), evidence(filters, probes)], axis=1)
    np.testing.assert_allclose(evidence(both, probes), apart, atol=1e-5)
    assert evidence(graph_of(model, join="sum"), probes).shape[1] == 9


def test_a_model_of_one_map_has_one_channel_whatever_taps_are_asked_for(probes: np.ndarray) -> None:
    graph = graph_of(untrained("knn", count=64), taps="23", **NET)
    (level,) = distances(graph, probes)
    np.testing.assert_allclose(evidence(graph, probes)[:, 0], laid(level, 4, 3), rtol=1e-4)


def test_tails_are_the_median_and_the_way_to_nine_of_ten_of_what_tiles_reach_inside(model: AnomalyModel) -> None:
    normal = cloth(11)
    normal[:, :4] = 255  # in the margin: seen by nobody
    graph = graph_of(model, normal, channels="filters")
    highest = calmed(graph, normal)[:, :, INSIDE, INSIDE].max(axis=(2, 3))
    ordered = np.sort(highest, axis=0)
    np.testing.assert_allclose(graph.scale["middle"], ordered[5], rtol=1e-4)
    np.testing.assert_allclose(graph.scale["spread"], ordered[9] - ordered[5], rtol=1e-3, atol=1e-5)


def test_livelier_cloth_answers_by_the_root_and_calmer_cloth_as_it_is(model: AnomalyModel) -> None:
    normal = cloth(8)
    graph = graph_of(model, normal, channels="filters")
    contrasts = {times: (128 + times * (normal.astype(np.float64) - 128)).clip(0, 255) for times in (0.5, 1, 2)}
    answers = {times: calmed(graph, pixels.round().astype(np.uint8)).max() for times, pixels in contrasts.items()}
    assert answers[2] / answers[1] == pytest.approx(2**0.5, rel=0.15)
    assert answers[0.5] / answers[1] == pytest.approx(0.5, rel=0.15)


def test_the_published_map_is_not_calmed(model: AnomalyModel, probes: np.ndarray) -> None:
    graph = graph_of(model, join="sum", **NET)
    scale = {name: np.array(values)[:, None, None] for name, values in graph.scale.items()}
    expected = (evidence(graph, probes) - scale["middle"]) / scale["spread"]
    np.testing.assert_allclose(run_torch(graph, probes).maps, expected[:, 0], rtol=1e-3, atol=1e-3)


def test_a_few_odd_tiles_among_the_normal_ones_change_no_tail() -> None:
    highest = np.random.default_rng(0).normal(5, 1, (100, 2)).astype(np.float32)
    odd = highest.copy()
    odd[highest.argmax(axis=0), [0, 1]] = 1e6
    for one, other in zip(tails(highest), tails(odd), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (tails(np.full((5, 2), 3, np.float32))[1] > 0).all(), "nothing is divided by nothing"


def test_the_strongest_filter_and_part_of_the_net_count_and_the_score_is_the_highest_inside(
    model: AnomalyModel, probes: np.ndarray
) -> None:
    graph = graph_of(model)
    middle, spread = (np.array(graph.scale[name])[:, None, None] for name in ("middle", "spread"))
    measured = (calmed(graph, probes) - middle) / spread
    expected = measured[:, 3:].max(axis=1) + NET_WEIGHT * measured[:, :3].max(axis=1)
    found = run_torch(graph, probes)
    np.testing.assert_allclose(found.maps, expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(found.scores, found.maps[:, INSIDE, INSIDE].max(axis=(1, 2)))
    for kind in (slice(0, 3), slice(3, 11)):
        assert len(np.unique(measured[:, kind].argmax(axis=1))) > 1, "more than one channel is strongest somewhere"


def test_normal_cloth_reaches_about_0_and_nine_of_ten_tiles_stay_below_1(model: AnomalyModel) -> None:
    normal = cloth(20)
    scores = run_torch(graph_of(model, normal, taps="2", **NET), normal).scores
    assert np.median(scores) == pytest.approx(0, abs=1e-4)
    assert (scores < 1).mean() == 0.9


@pytest.mark.parametrize("decision", ["weighted", "max"])
def test_where_the_map_is_the_papers_so_is_the_score(probes: np.ndarray, decision: str) -> None:
    graph = graph_of(untrained("uninet", decision=decision), join="sum", **NET)
    (middle,), (spread,) = graph.scale["middle"], graph.scale["spread"]
    found = run_torch(graph, probes)
    for number, tile in enumerate(probes):
        with torch.no_grad():
            apart = graph.model.distances(torch.from_numpy(tile[None]))
            total = graph.evidence(torch.from_numpy(tile[None]))[0][:, 0]
            score = float(graph.model.score(apart, total, total[:, INSIDE, INSIDE])[0])
        assert found.scores[number] == pytest.approx((score - middle) / spread, rel=1e-3, abs=1e-3)
    highest = found.maps[:, INSIDE, INSIDE].max(axis=(1, 2))
    assert np.allclose(found.scores, highest, rtol=1e-4, atol=1e-4) == (decision == "max")


@pytest.mark.parametrize("look", [{}, {"join": "sum"}, {"channels": "net"}, {"channels": "filters"}])
def test_else_the_score_is_the_highest_cell_whatever_the_paper_takes(probes: np.ndarray, look: dict[str, str]) -> None:
    found = run_torch(graph_of(untrained("uninet"), **look), probes)
    np.testing.assert_array_equal(found.scores, found.maps[:, INSIDE, INSIDE].max(axis=(1, 2)))


class TeacherAgainstPlain(AnomalyModel):
    """Distances of a teacher's taps from those of the same tile without its spot: a perfect student."""

    def distances(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        plain = torch.full_like(pixels, 120)
        return tuple(cosine_distance(a, b) for a, b in zip(self.teacher(pixels), self.teacher(plain), strict=True))


@pytest.mark.parametrize(
    ("teacher", "weights", "scale"),
    [
        ("efficientnet_lite0", None, 1.0),
        ("efficientnet_lite0", None, 0.5),
        ("resnet18", "seeded:0", 1.0),
    ],
)
def test_a_planted_spot_peaks_on_its_own_cell(teacher: str, weights: str | None, scale: float) -> None:
    geometry = TileGeometry()
    plain = np.full((1, 256, 256, 1), 120, np.uint8)
    model = TeacherAgainstPlain(build_teacher(teacher, weights, scale), Settings())
    graph = AnomalyGraph(model, geometry, Look(taps="123", join="sum", channels="net"), plain)
    for x in (90, 101, 120, 133, 160):
        tile, y = plain.copy(), 256 - x
        tile[0, y - 2 : y + 3, x - 2 : x + 3] = 250
        found = run_torch(graph, tile).maps[0]
        row, column = np.unravel_index(found.argmax(), found.shape)
        assert abs(row - y // 4) <= 1
        assert abs(column - x // 4) <= 1
