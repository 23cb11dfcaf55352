"""Cutting: every line answered once and in order, whatever comes; never black, never across a break."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import UserError
from runtime.geometry import TileGeometry
from runtime.preprocess.flatfield import FlatField
from runtime.preprocess.held_region import SLACK_PX
from runtime.stitching import Stitcher
from runtime.tiler import Tiler
from runtime.types import LineBlock, NotInspected, Reason, Scale, ScoreMap, TileBatch
from tests.runtime.analytic import AnalyticEngine
from tests.runtime.cloths import SCALE
from tests.runtime.test_stitching import whole_map

G = TileGeometry(tile=64, margin=8, blend=8, map_stride=4)
Cut = TileBatch | NotInspected


def block(first: int, rows: int, width: int = 100, segment: int = 0, value: int = 200, channels: int = 1) -> LineBlock:
    return LineBlock("c", segment, first, np.full((rows, width, channels), value, np.uint8))


def noise(first: int, rows: int, width: int = 100, segment: int = 0) -> LineBlock:
    rng = np.random.default_rng(first + 7 * segment)
    return LineBlock("c", segment, first, rng.integers(1, 256, (rows, width, 1), dtype=np.uint8))


def spans(cuts: Iterable[Cut]) -> list[tuple[int, int]]:
    """What each piece answers for, without the blend that it shares with the next."""
    found = []
    for cut in cuts:
        if isinstance(cut, NotInspected):
            found.append((cut.first_line, cut.end_line))
        else:
            found.append((cut.window[0], cut.window[1] - (0 if cut.hard_end else G.blend)))
    return found


def covered(cuts: Iterable[Cut]) -> list[tuple[int, int]]:
    """The same, with neighbours joined."""
    joined: list[tuple[int, int]] = []
    for first, end in spans(cuts):
        assert end > first
        if joined and joined[-1][1] == first:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((first, end))
    return joined


class ByValue:
    """A cloth finder that is told: cloth where the rows' first column says so."""

    def __init__(self, regions: dict[int, tuple[int, int] | None]) -> None:
        self.regions = regions

    def find(self, pixels: np.ndarray) -> tuple[int, int] | None:
        return self.regions[int(np.median(pixels[:, 0, 0]))]

    def is_bare(self, pixels: np.ndarray) -> bool:
        return self.find(pixels) is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 150), st.sampled_from(["on", "on", "gap", "segment", "both"])), max_size=15),
    st.sampled_from([32, 36, 40]),
    st.booleans(),
)
def test_every_line_is_answered_once_and_in_order(pushes: list[tuple[int, str]], stride: int, stand: bool) -> None:
    tiler = Tiler("c", G, stride, channels=1, scale=SCALE)
    line, segment = 5, 0
    cuts: list[Cut] = []
    runs: list[tuple[int, int]] = []
    for rows, how in pushes:
        line += 17 * (how in ("gap", "both"))
        segment += how in ("segment", "both")
        cuts += tiler.push(noise(line, rows, segment=segment))
        if stand:
            cuts += tiler.flush(whole_cells=True)
        if runs and runs[-1][1] == line:
            runs[-1] = (runs[-1][0], line + rows)
        else:
            runs.append((line, line + rows))
        line += rows
    cuts += tiler.flush()
    assert covered(cuts) == runs
    assert tiler.waiting == 0


def test_a_gap_ends_the_run_and_nothing_is_cut_across_it() -> None:
    tiler = Tiler("c", G, 32, channels=1, scale=SCALE)
    cuts = [*tiler.push(block(0, 100, value=50)), *tiler.push(block(103, 100, value=220)), *tiler.flush()]
    for cut in cuts:
        assert isinstance(cut, TileBatch)
        assert set(np.unique(cut.pixels)) == {50 if cut.window[0] < 100 else 220}
        assert cut.origin == (0 if cut.window[0] < 100 else 103)
    assert covered(cuts) == [(0, 100), (103, 203)]


def test_a_new_segment_ends_the_run_though_its_lines_follow() -> None:
    tiler = Tiler("c", G, 32, channels=1, scale=SCALE)
    cuts = [
        *tiler.push(block(0, 100, width=100, value=50)),
        *tiler.push(block(100, 90, width=140, segment=1, value=220)),
        *tiler.flush(),
    ]
    for cut in cuts:
        first_segment = cut.window[0] < 100
        assert set(np.unique(cut.pixels)) == {50 if first_segment else 220}
        assert (cut.segment, cut.origin, cut.width) == ((0, 0, 100) if first_segment else (1, 100, 140))
    assert [cut.hard_end for cut in cuts if cut.window[1] in (100, 190)] == [True, True]
    assert covered(cuts) == [(0, 190)]


def test_after_a_flush_to_the_last_line_a_new_run_begins() -> None:
    """A gap of unknown length: the numbers go on, the cloth does not."""
    tiler = Tiler("c", G, 32, channels=1, scale=SCALE)
    cuts = [*tiler.push(block(0, 101)), *tiler.flush(), *tiler.push(block(101, 101)), *tiler.flush()]
    assert covered(cuts) == [(0, 202)]
    assert {cut.origin for cut in cuts} == {0, 101}


def test_made_up_cloth_is_never_black() -> None:
    tiler = Tiler("c", G, 32, channels=1, scale=SCALE)
    cuts: list[Cut] = []
    for first, rows, width, segment in [(0, 1, 30, 0), (1, 70, 30, 0), (71, 3, 333, 1), (90, 300, 333, 1)]:
        cuts += tiler.push(block(first, rows, width, segment))
    cuts += tiler.flush()
    assert len(cuts) > 8
    for cut in cuts:
        assert isinstance(cut, TileBatch)
        assert set(np.unique(cut.pixels)) == {200}


def test_tiles_hold_the_pixels_of_their_place() -> None:
    image = noise(0, 300, 150).pixels
    tiler = Tiler("c", G, 32, channels=1, scale=SCALE)
    cuts = [*tiler.push(LineBlock("c", 0, 1000, image)), *tiler.flush()]
    looked_at = 0
    for cut in cuts:
        assert isinstance(cut, TileBatch)
        for tile, left in zip(cut.pixels, cut.x, strict=True):
            low, high = max(cut.top, 1000), min(cut.top + 64, 1300)
            x0, x1 = max(left, 0), min(left + 64, 150)
            expected = image[low - 1000 : high - 1000, x0:x1]
            np.testing.assert_array_equal(tile[low - cut.top : high - cut.top, x0 - left : x1 - left], expected)
            looked_at += expected.size
    assert looked_at > image.size


def test_no_cloth_comes_back_in_its_place() -> None:
    tiler = Tiler("c", G, 32, channels=1, scale=SCALE, cloth=ByValue({10: None, 200: (0, 100)}))
    cuts: list[Cut] = []
    for first, value in [(0, 200), (100, 10), (300, 200)]:
        cuts += tiler.push(block(first, 200 if value == 10 else 100, value=value))
    cuts += tiler.flush()
    assert covered(cuts) == [(0, 400)]
    bare = [cut for cut in cuts if isinstance(cut, NotInspected)]
    assert {cut.reason for cut in bare} == {Reason.NO_CLOTH}
    (first, end) = covered(bare)[0]
    assert abs(first - 100) <= 64
    assert abs(end - 300) <= 64
    assert len(covered(bare)) == 1
    assert isinstance(cuts[0], TileBatch)
    assert isinstance(cuts[-1], TileBatch)


def test_tiles_lie_over_the_cloth_and_see_what_is_beside_it() -> None:
    pixels = np.full((80, 200, 1), 10, np.uint8)
    pixels[:, 40:160] = 200
    tiler = Tiler("c", G, 32, channels=1, scale=SCALE, cloth=ByValue({10: (40, 160)}))
    cuts = [*tiler.push(LineBlock("c", 0, 0, pixels)), *tiler.flush()]
    assert cuts
    for cut in cuts:
        assert isinstance(cut, TileBatch)
        assert cut.region == (40, 160)
        assert cut.x == G.column_starts(40, 160)
        for tile, left in zip(cut.pixels, cut.x, strict=True):
            np.testing.assert_array_equal(tile[0], pixels[0, left : left + 64])


def test_small_moves_of_the_cloths_edges_are_not_followed_but_large_ones_are() -> None:
    moved, far = 40 + SLACK_PX, 44 + SLACK_PX
    regions = {1: (40, 160), 2: (moved, 160), 3: (far, 160)}
    tiler = Tiler("c", G, 32, channels=1, scale=Scale(0.2, 0.2), cloth=ByValue(regions))
    seen = []
    for number, value in enumerate([1, 2, 3, 3, 3]):
        seen += [cut.region for cut in tiler.push(block(500 * number, 500, 200, value=value))]
    assert list(dict.fromkeys(seen)) == [(40, 160), (far, 160)]


def test_a_new_run_looks_for_its_own_cloth() -> None:
    tiler = Tiler("c", G, 32, channels=1, scale=SCALE, cloth=ByValue({1: (40, 160), 2: (44, 160)}))
    cuts = [*tiler.push(block(0, 90, 200, value=1)), *tiler.push(block(90, 90, 200, segment=1, value=2))]
    cuts += tiler.flush()
    assert {cut.region for cut in cuts if cut.segment == 1} == {(44, 160)}


def test_a_width_that_changes_inside_a_segment_is_refused_in_a_sentence() -> None:
    tiler = Tiler("left", G, 32, channels=1, scale=SCALE)
    list(tiler.push(block(0, 20, 100)))
    with pytest.raises(UserError, match=r"'left' changed its width at line 20 from 100 to 120 px .*segment"):
        list(tiler.push(block(20, 20, 120)))


@pytest.mark.parametrize("at_start", [True, False])
@pytest.mark.parametrize(("tiles", "lines"), [(1, 3), (3, 1)])
def test_other_channels_than_the_bundles_are_refused_in_a_sentence(tiles: int, lines: int, at_start: bool) -> None:
    tiler = Tiler("left", G, 32, channels=tiles, scale=SCALE)
    first = 0
    if not at_start:
        list(tiler.push(block(0, 20, channels=tiles)))
        first = 20
    with pytest.raises(UserError, match=f"'left' gives {lines} channels, the bundle takes {tiles}"):
        list(tiler.push(block(first, 20, channels=lines)))


def test_a_line_number_that_came_before_is_a_fault_of_the_camera() -> None:
    tiler = Tiler("c", G, 32, channels=1, scale=SCALE)
    list(tiler.push(block(0, 50)))
    with pytest.raises(ValueError, match="line 40 came twice"):
        list(tiler.push(block(40, 50)))


def test_a_stride_that_the_tiles_do_not_allow_is_refused() -> None:
    with pytest.raises(ValueError, match="stride_lines must be 32 to 40"):
        Tiler("c", G, 44, channels=1, scale=SCALE)


def test_lines_do_not_wait_longer_than_stride_blend_and_margin_however_blocks_come() -> None:
    rng = np.random.default_rng(3)
    tiler = Tiler("c", G, 32, channels=1, scale=SCALE)
    line = 0
    for _ in range(300):
        rows = int(rng.integers(1, 90))
        list(tiler.push(block(line, rows)))
        line += rows
        if line > G.tile:
            assert tiler.waiting < 32 + G.blend + G.margin


def test_memory_is_bounded_by_the_tiles_and_the_largest_block() -> None:
    tiler = Tiler("c", G, 32, channels=1, scale=SCALE)
    for number in range(500):
        list(tiler.push(block(number * 100, 100)))
    assert len(tiler._ring) <= 2 * (G.tile + 32) + 256
    list(tiler.push(block(50_000, 3000)))
    assert len(tiler._ring) <= 2 * (G.tile + 32 + G.tile + 3000)


def test_the_flat_field_is_taken_out_and_its_width_checked() -> None:
    flat = FlatField(np.full((100, 1), 10, np.float32), np.full((100, 1), 2, np.float32))
    tiler = Tiler("c", G, 32, channels=1, scale=SCALE, flat_field=flat)
    for cut in [*tiler.push(block(0, 80, 100, value=60)), *tiler.flush()]:
        assert isinstance(cut, TileBatch)
        assert set(np.unique(cut.pixels)) == {100}
    with pytest.raises(UserError, match="flat field of camera 'c' is for 100 px"):
        list(tiler.push(block(80, 80, 120, segment=1)))


def test_twelve_bits_become_the_upper_eight() -> None:
    pixels = np.full((80, 100, 1), 0xABC, np.uint16)
    tiler = Tiler("c", G, 32, channels=1, scale=SCALE)
    for cut in [*tiler.push(LineBlock("c", 0, 0, pixels, bits=12)), *tiler.flush()]:
        assert isinstance(cut, TileBatch)
        assert set(np.unique(cut.pixels)) == {0xAB}


@pytest.mark.parametrize("stop", range(72, 140, 4))
def test_where_the_loom_stood_no_guess_is_left_in_the_map(stop: int) -> None:
    """Lines after the stop are judged from cloth alone, wherever in a row of tiles the loom stood."""
    image = np.random.default_rng(stop).integers(0, 256, (300, 90), dtype=np.uint8)
    image[stop - 20 : stop] = 255  # what a guess might repeat
    tiler = Tiler("c", G, 32, channels=1, scale=SCALE)
    session = AnalyticEngine(G).stream("c")
    stitcher = Stitcher(G)
    strips: list[ScoreMap] = []

    def feed(cuts: Iterable[Cut]) -> None:
        for cut in cuts:
            assert isinstance(cut, TileBatch)
            session.submit(cut)
            maps = session.collect()
            assert maps is not None
            strips.append(stitcher.add(maps))

    feed(tiler.push(LineBlock("c", 0, 0, image[:stop, :, None])))
    feed(tiler.flush(whole_cells=True))
    feed(tiler.push(LineBlock("c", 0, stop, image[stop:, :, None])))
    feed(tiler.flush())
    stitched = np.concatenate([strip.values for strip in strips])
    expected = whole_map(image, 4, G, first=stop)
    np.testing.assert_allclose(stitched[stop // 4 :], expected[stop // 4 :], rtol=0, atol=1e-6)


def regions_of(tiler: Tiler, values: Iterable[int], first: int = 0) -> list[tuple[int, int] | None]:
    seen = []
    for number, value in enumerate(values):
        cuts = tiler.push(block(first + 100 * number, 100, 200, value=value))
        seen += [cut.region if isinstance(cut, TileBatch) else None for cut in cuts]
    return list(dict.fromkeys(seen))


class Covered(ByValue):
    """As ByValue; where the rows say 5, there is texture that is no cloth's."""

    def is_bare(self, pixels: np.ndarray) -> bool:
        return super().is_bare(pixels) and int(np.median(pixels[:, 0, 0])) != 5


COVERED = Covered({1: (40, 160), 2: (100, 160), 5: None, 10: None})


@pytest.mark.parametrize(
    ("values", "regions"),
    [
        ([1, 2, 2, 1], [(40, 160)]),
        ([1, 5, 5, 1], [(40, 160)]),
        ([1, 10, 10, 2, 2], [(40, 160), None, (100, 160)]),
        ([5, 5, 5, 1], [None, (40, 160)]),
    ],
    ids=["a fault at the edge", "covered", "no cloth, then other cloth", "covered from the start"],
)
def test_cloth_is_held_on_to_where_it_cannot_be_seen(values: list[int], regions: list[tuple[int, int] | None]) -> None:
    assert regions_of(Tiler("c", G, 32, channels=1, scale=SCALE, cloth=COVERED), values) == regions


def test_a_gap_inside_a_segment_and_another_tiler_hold_on_to_the_cloth() -> None:
    tiler = Tiler("c", G, 32, channels=1, scale=SCALE, cloth=COVERED)
    assert regions_of(tiler, [1, 1]) == [(40, 160)]
    list(tiler.flush())
    assert regions_of(tiler, [2, 2], first=300) == [(40, 160)]
    after = Tiler("c", G, 32, channels=1, scale=SCALE, cloth=COVERED)
    after.follow(tiler)
    list(tiler.flush())
    assert regions_of(after, [2, 2], first=500) == [(40, 160)]
