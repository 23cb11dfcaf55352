"""Where one set of parts hands over to another, both see the other's lines: the map is that of one run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from runtime.geometry import TileGeometry
from runtime.judging import Judging
from runtime.pipeline import Pipeline, View
from runtime.settings import Policy
from runtime.stitching import Stitcher
from runtime.tiler import Tiler
from runtime.types import LineBlock, NotInspected, Reason, ScoreMap, TileBatch
from tests.runtime.analytic import AnalyticEngine
from tests.runtime.bundles import GEOMETRY, make_bundle
from tests.runtime.cloths import SCALE, Collected, Item, Scripted
from tests.runtime.test_stitching import whole_map

G = TileGeometry(tile=64, margin=8, blend=8, map_stride=4)
LINES, WIDTH = 300, 90


def cloth(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (LINES, WIDTH), dtype=np.uint8)


def strips_of(cuts: Iterable[TileBatch | NotInspected]) -> list[ScoreMap]:
    session, stitcher, strips = AnalyticEngine(G).stream("c"), Stitcher(G), []
    for cut in cuts:
        assert isinstance(cut, TileBatch)
        session.submit(cut)
        maps = session.collect()
        assert maps is not None
        strips.append(stitcher.add(maps))
    return strips


def exchanged(image: np.ndarray, line: int, beyond: int) -> list[ScoreMap]:
    """Two tilers, of which the first sees ``beyond`` lines that the second answers for."""
    old, new = (Tiler("c", G, 32, channels=1, scale=SCALE) for _ in range(2))
    rows = image[:, :, None]
    cuts = list(old.push(LineBlock("c", 0, 0, rows[:line])))
    new.follow(old)
    cuts += old.flush(beyond=[LineBlock("c", 0, line, rows[line : line + beyond])])
    assert old.waiting == 0
    second = [*new.push(LineBlock("c", 0, line, rows[line:])), *new.flush()]
    return strips_of(cuts) + strips_of(second)


@pytest.mark.parametrize("line", [16, 72, 100, 132, 200, 252])
def test_the_map_across_an_exchange_is_that_of_one_run(line: int) -> None:
    image = cloth(line)
    strips = exchanged(image, line, beyond=20)
    assert [strip.end_line for strip in strips][-1] == LINES
    found = np.concatenate([strip.values for strip in strips])
    expected = whole_map(image, G.map_stride, G)
    near = slice(max(2, line // 4 - 8), line // 4 + 8)  # the first two cells see what lies before the run
    columns = slice(4, -4)  # at the sensor's edges the cloth is made up, by each run from its own lines
    np.testing.assert_allclose(found[near, columns], expected[near, columns], rtol=0, atol=1e-6)


@pytest.mark.parametrize("line", [101, 103])
def test_an_exchange_inside_a_map_cell_keeps_to_its_line(line: int) -> None:
    strips = exchanged(cloth(line), line, beyond=20)
    assert line in [strip.end_line for strip in strips]
    assert line in [strip.first_line for strip in strips]


def test_lines_that_do_not_follow_are_not_seen() -> None:
    image = cloth(1)
    alone = exchanged(image, 100, beyond=0)
    old = Tiler("c", G, 32, channels=1, scale=SCALE)
    cuts = list(old.push(LineBlock("c", 0, 0, image[:100, :, None])))
    others = [LineBlock("c", 1, 100, image[100:120, :, None]), LineBlock("c", 0, 105, image[105:120, :, None])]
    found = strips_of([*cuts, *old.flush(beyond=others)])
    for strip, same in zip(found, alone, strict=False):
        np.testing.assert_array_equal(strip.values, same.values)


@pytest.mark.parametrize("segment", [0, 1])
def test_lines_above_are_seen_by_the_run_that_goes_on_alone(segment: int) -> None:
    old, new = (Tiler("c", G, 32, channels=1, scale=SCALE) for _ in range(2))
    list(old.push(LineBlock("c", 0, 0, np.full((100, WIDTH, 1), 9, np.uint8))))
    new.follow(old)
    cuts = [*new.push(LineBlock("c", segment, 100, np.full((80, WIDTH, 1), 200, np.uint8))), *new.flush()]
    assert isinstance(cuts[0], TileBatch)
    assert cuts[0].top == 100 - G.margin
    assert set(np.unique(cuts[0].pixels)) == ({9, 200} if segment == 0 else {200})


class Exchanging:
    """A pipeline that is told to exchange its bundle for itself at a line."""

    def __init__(self, folder: Path, line: int | None, script: list[Item]) -> None:
        engine = AnalyticEngine(GEOMETRY)
        bundle = make_bundle(folder / "bundle", policy=Policy(stride_lines=32, flush_s=0.2))
        self.strips: list[ScoreMap] = []
        views = [View(Scripted(script))]
        pipeline = Pipeline(bundle, engine, "openvino-fp32", views, [Collected()], on_strip=self._seen)

        def order() -> None:
            pipeline.on_turn = None
            if line is not None:
                pipeline.order(Judging.of(bundle, engine, "openvino-fp32"), line)

        pipeline.on_turn = order
        summary = pipeline.run()
        assert summary.cameras[0].balanced

    def _seen(self, item: LineBlock | ScoreMap) -> None:
        if isinstance(item, ScoreMap):
            self.strips.append(item)

    @property
    def values(self) -> np.ndarray:
        return np.concatenate([strip.values for strip in self.strips])


def blocks(image: np.ndarray, rows: int) -> list[Item]:
    return [LineBlock("c", 0, at, image[at : at + rows, :, None]) for at in range(0, len(image), rows)]


@pytest.mark.parametrize("rows", [3, 50, 300])
def test_the_stream_gives_both_bundles_the_lines_around_the_change(tmp_path: Path, rows: int) -> None:
    image = cloth(rows)
    never = Exchanging(tmp_path / "never", None, blocks(image, rows))
    once = Exchanging(tmp_path / "once", 152, blocks(image, rows))
    assert [strip.origin for strip in once.strips][-1] == 152
    near, columns = slice(30, 46), slice(4, -4)
    np.testing.assert_allclose(once.values[near, columns], never.values[near, columns], rtol=0, atol=1e-6)


@pytest.mark.parametrize("then", ["end", "gap"])
def test_where_the_lines_beyond_do_not_come_the_change_does_not_wait(tmp_path: Path, then: str) -> None:
    image = cloth(5)
    lines: list[Item] = blocks(image[:152], 50)
    if then == "gap":
        lines += [NotInspected("c", Reason.PACKET_LOSS, 152, 160), LineBlock("c", 0, 160, image[160:, :, None])]
    strips = Exchanging(tmp_path, 152, lines).strips
    assert 152 in [strip.end_line for strip in strips]
    assert strips[-1].end_line == (LINES if then == "gap" else 152)
