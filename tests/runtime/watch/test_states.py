"""Strips of the map: passed at once, held back, made quiet, given up."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.types import NotInspected, Reason, ScoreMap, UInt8
from runtime.watch.bands import Bands
from runtime.watch.breaker import Breaker
from runtime.watch.slabs import Slabs
from runtime.watch.states import States
from tests.runtime.watch.cloth import CLOTH, SCALE, blocks, cloth, times

ROWS, QUIET, HOT = 128, -4.0, 9.0
HOT_VALUE = 3.5
FIRST, END = 1280, 1480


class Run:
    """States over cloth whose map is quiet but for hot rows; ``other`` says which lines look like another cloth."""

    def __init__(
        self, pixels: UInt8, hot: slice = slice(0), share: float = 1.0, other: range = range(0), skip: int = -1
    ) -> None:
        slabs, bands = Slabs(2048), Bands(SCALE, kept_lines=1 << 16)
        states = States(SCALE, bands, Breaker(HOT_VALUE))
        self.out: list[ScoreMap | NotInspected] = []
        self.delays: list[int] = []
        rows = np.full((len(pixels) // 4, 100), QUIET, np.float32)
        rows[hot.start // 4 if hot.start else 0 : hot.stop // 4, : round(100 * share)] = HOT
        for block in blocks(pixels):
            for slab in slabs.add(block):
                bands.add(slab, CLOTH)
            first = block.first_line - ROWS  # the map comes after the lines
            if first >= 0 and first != skip:
                strip = ScoreMap("c", 0, 0, first, first + ROWS, 0, 4, rows[first // 4 :][:32], CLOTH, 0)
                passed = states.judge(strip, any(line in other for line in range(first, first + ROWS)))
                self.out += passed
                self.delays += [first + ROWS - (piece.end_line or 0) for piece in passed]
        self.out += states.flush()
        self.news = states.take_news()
        assert states.take_news() == []

    def spans(self) -> list[tuple[Reason, int | None, int | None]]:
        return [(p.reason, p.first_line, p.end_line) for p in self.out if isinstance(p, NotInspected)]

    def hot_lines(self) -> int:
        strips = [piece for piece in self.out if isinstance(piece, ScoreMap)]
        return 4 * sum(int((strip.values > HOT_VALUE).any(axis=1).sum()) for strip in strips)

    def follows(self) -> bool:
        """Every line is in one piece, in order."""
        ends = [0, *(piece.end_line for piece in self.out)]
        return [piece.first_line for piece in self.out] == ends[:-1]


def plain(lines: int = 4096) -> UInt8:
    return cloth(lines=lines)


def test_usual_cloth_passes_at_once() -> None:
    run = Run(plain(), slice(1000, 1040), share=0.1)
    assert (run.news, run.spans(), run.hot_lines()) == ([], [], 40)
    assert set(run.delays) == {0}
    assert run.follows()


def test_a_seam_is_told_and_not_graded() -> None:
    run = Run(times(plain(), 0.85, FIRST, END), slice(FIRST - 20, END + 20))
    assert run.news == [("seam", FIRST)]
    assert (run.spans(), run.hot_lines(), run.follows()) == ([], 0, True)


@pytest.mark.parametrize("end", [FIRST + 32, FIRST + 600, 4096])
def test_shorter_or_longer_it_is_no_seam(end: int) -> None:
    run = Run(times(plain(), 0.85, FIRST, end), slice(3000, 3040), share=0.1)
    assert run.news == []
    assert (run.spans(), run.hot_lines(), run.follows()) == ([], 40, True)
    assert max(run.delays) <= 640


def test_the_edge_of_a_lamp_step_is_no_line_along_the_weft() -> None:
    assert Run(times(plain(), 0.85, FIRST), slice(FIRST - 20, FIRST + 20)).hot_lines() == 0
    assert Run(plain(), slice(FIRST - 20, FIRST + 20), share=0.15).hot_lines() == 40


@pytest.mark.parametrize("lines", [1, 20, 32])
def test_a_fault_over_the_whole_width_that_is_soon_over_is_for_the_map_to_say(lines: int) -> None:
    run = Run(times(plain(), 0.6, FIRST, FIRST + lines), slice(FIRST, FIRST + 8))
    assert (run.news, run.spans(), run.hot_lines(), run.follows()) == ([], [], 8, True)


def test_other_cloth_is_not_inspected_until_the_cloth_is_back() -> None:
    run = Run(plain(), slice(1280, 2560), share=0.1, other=range(1280, 2560))
    assert run.news == [("other_cloth", 1280), ("cloth", 2560)]
    assert run.spans() == [(Reason.OTHER_CLOTH, 1280, 2560)]
    assert (run.hot_lines(), run.follows()) == (0, True)


def test_long_other_cloth_is_told_of_now_and_then() -> None:
    run = Run(np.tile(plain(), (3, 1)), other=range(0, 13000))
    assert run.news == [("other_cloth", 0)]
    assert [end - first for _, first, end in run.spans()] == [5120, 5120, 1920]


def test_a_look_that_is_odd_once_means_nothing() -> None:
    run = Run(plain(), other=range(1280, 1400))
    assert (run.news, run.spans(), run.follows()) == ([], [], True)


def test_what_is_covered_is_not_inspected() -> None:
    pixels = plain().copy()
    pixels[FIRST:END, 150:330] = np.random.default_rng(0).normal(210, 2, (END - FIRST, 180))
    run = Run(pixels, slice(FIRST, END))
    assert run.news == [("obstruction", 1152), ("cloth", 1536)]
    assert run.spans() == [(Reason.OBSTRUCTED, 1152, 1536)]
    assert (run.hot_lines(), run.follows()) == (0, True)


def test_too_many_defects_are_not_told_one_by_one() -> None:
    run = Run(plain(), slice(1280, 2560), share=0.3)
    assert run.news == [("too_many_defects", 1280), ("cloth", 2560)]
    assert (run.spans(), run.hot_lines(), run.follows()) == ([], 0, True)


@pytest.mark.parametrize(("share", "lines"), [(0.15, 1280), (0.5, 128)])
def test_a_large_defect_is_told(share: float, lines: int) -> None:
    run = Run(plain(), slice(1280, 1280 + lines), share=share)
    assert (run.news, run.hot_lines(), run.follows()) == ([], lines, True)


def test_a_gap_decides_what_is_held() -> None:
    run = Run(times(plain(), 0.85, FIRST, END), slice(FIRST, END), skip=1536)
    assert run.news == [("seam", FIRST)]
    assert [piece.first_line for piece in run.out][9:13] == [1152, 1280, 1408, 1664]


def test_the_breaker_trips_high_and_ends_low() -> None:
    breaker = Breaker(HOT_VALUE)
    values = np.full((10, 100), np.nan, np.float32)
    values[:, :50] = QUIET

    def trips(hot_columns: int, tripped: bool) -> bool:
        values[:, :hot_columns] = HOT
        return breaker.trips(ScoreMap("c", 0, 0, 0, 40, 0, 4, values, (0, 200), 0), tripped)

    assert not trips(10, False)
    assert trips(10, True)
    assert trips(11, False)
