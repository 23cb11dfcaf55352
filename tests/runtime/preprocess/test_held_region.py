"""Holding on to the cloth's edges over faults beside them, and letting go of cloth that is gone."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.preprocess.cloth import ClothFinder
from runtime.preprocess.held_region import NARROWER_MM, SLACK_PX, STEEPEST, SUDDEN_MM, WIDER_MM, HeldRegion
from runtime.simulator.faults import Fault
from runtime.simulator.loom import Loom
from runtime.types import Scale

ROW = 128
SCALE = Scale(0.2, 0.2)
LINES_A_PX = round(1 / STEEPEST)
SUDDEN_PX, WIDER_LINES, NARROWER_LINES = (round(mm / 0.2) for mm in (SUDDEN_MM, WIDER_MM, NARROWER_MM))
Region = tuple[int, int] | None
USUAL = (112, 1928)


def followed(*finds: tuple[Region, int], scale: Scale = SCALE) -> list[Region]:
    """Regions held while each of the given ones was found for so many lines."""
    held = HeldRegion(scale)
    held.begin(0, 2048)
    regions: list[Region] = []
    for found, lines in finds:
        for _ in range(0, lines, ROW):
            held.follow(found, ROW)
            regions.append(held.columns)
    return regions


def last(*finds: tuple[Region, int]) -> Region:
    return followed(*finds)[-1]


@pytest.mark.parametrize(
    "beside",
    [(360, 1928), (112, 928), (900, 1000), (112 + SUDDEN_PX + 1, 1928), (112, 1928 - SUDDEN_PX - 1)],
)
def test_an_edge_that_jumps_inwards_is_not_followed_before_the_cloth_must_be_gone(beside: tuple[int, int]) -> None:
    steps = NARROWER_LINES // ROW
    before = followed((USUAL, ROW), (beside, steps * ROW))
    assert set(before) == {USUAL}
    assert last((USUAL, ROW), (beside, (steps + 1) * ROW)) == beside
    assert last((USUAL, ROW), (beside, steps * ROW), (USUAL, ROW), (beside, steps * ROW)) == USUAL, "with a break"


@pytest.mark.parametrize(("mm_per_line", "lines"), [(0.1, 1024), (0.4, 256)])
def test_how_long_is_counted_in_cloth_and_not_in_lines(mm_per_line: float, lines: int) -> None:
    scale, beyond = Scale(0.2, mm_per_line), (0, 1928)
    assert followed((USUAL, ROW), (beyond, lines - ROW), scale=scale)[-1] == USUAL
    assert followed((USUAL, ROW), (beyond, lines), scale=scale)[-1] == beyond


@pytest.mark.parametrize(("mm_per_px", "sudden"), [(0.1, False), (0.4, True)])
def test_how_far_is_counted_in_millimetres(mm_per_px: float, sudden: bool) -> None:
    near = USUAL[0] + 60, USUAL[1]
    held = followed((USUAL, ROW), (near, 4096), scale=Scale(mm_per_px, 0.2))[-1]
    assert (held == USUAL) is sudden


def test_edges_that_jump_from_here_to_there_are_not_believed() -> None:
    here, there = ((300, 1928), 1024), ((900, 1928), 1024)
    assert last((USUAL, ROW), *[here, there] * 10) == USUAL


@pytest.mark.parametrize("beyond", [(0, 1928), (112, 2048), (0, 2048)])
def test_cloth_that_reaches_farther_out_is_soon_looked_at(beyond: tuple[int, int]) -> None:
    assert last((USUAL, ROW), (beyond, WIDER_LINES - ROW)) == USUAL
    assert last((USUAL, ROW), (beyond, WIDER_LINES)) == beyond


def test_a_hole_at_the_very_start_costs_no_more_than_the_lines_of_doubt() -> None:
    regions = followed(((360, 1928), 300), (USUAL, 1000))
    assert regions[0] == (360, 1928)
    assert regions[-1] == USUAL


@pytest.mark.parametrize("side", [0, 1])
def test_small_moves_leave_the_region_alone(side: int) -> None:
    moved = list(USUAL)
    moved[side] += SLACK_PX
    assert set(followed((USUAL, ROW), ((moved[0], moved[1]), 10_000))) == {USUAL}
    moved[side] += 2
    assert last((USUAL, ROW), ((moved[0], moved[1]), 10_000)) != USUAL


def test_an_edge_goes_no_faster_than_cloth_does() -> None:
    near = USUAL[0] + SUDDEN_PX, USUAL[1]
    assert last((USUAL, ROW), (near, LINES_A_PX * SLACK_PX)) == USUAL
    assert last((USUAL, ROW), (near, LINES_A_PX * (SLACK_PX + 4) + ROW)) != USUAL


def test_where_there_was_no_cloth_the_next_is_believed_as_it_is() -> None:
    assert followed((USUAL, ROW), (None, ROW), ((500, 1500), ROW)) == [USUAL, None, (500, 1500)]


@pytest.mark.parametrize(("segment", "width", "kept"), [(0, 2048, True), (1, 2048, False), (0, 1024, False)])
def test_a_gap_changes_nothing_but_another_segment_or_width_begins_anew(segment: int, width: int, kept: bool) -> None:
    held = HeldRegion(SCALE)
    held.begin(0, 2048)
    held.follow(USUAL, ROW)
    held.begin(segment, width)
    assert (held.columns == USUAL) is kept
    held.follow((300, 900), ROW)
    assert held.columns == (USUAL if kept else (300, 900))


@pytest.mark.parametrize(
    ("cls", "x_mm"), [("hole", 22), ("hole", 51), ("oil_stain", 30), ("smash", 51), ("abrasion", 22)]
)
def test_a_fault_beside_the_edge_of_narrow_cloth_changes_nothing(cls: str, x_mm: float) -> None:
    loom = Loom("twill22", 512, 1, 0.2, defects=[Fault(cls, x_mm, 0.08, 0.9, 3)])
    finder, held, seen = ClothFinder(grid=4), HeldRegion(SCALE), set()
    held.begin(0, 512)
    for line in range(0, 1024, ROW):
        pixels = loom.lines(line, 256)
        found = finder.find(pixels)
        if found or finder.is_bare(pixels):
            held.follow(found, ROW)
        seen.add(held.columns)
    assert len(seen) == 1


def test_cloth_that_wanders_is_followed_and_nothing_else_is_looked_at() -> None:
    """5 mm to either side over 5 m, at 0.2 mm."""
    loom = Loom("plain", width=800, seed=3)
    piece, finder, held = loom.lines(0, 256), ClothFinder(grid=4), HeldRegion(SCALE)
    held.begin(0, 800)
    left, right = loom.fabric.edges
    seen = set()
    for line in range(0, 40_000, ROW):
        shift = round(25 * np.sin(2 * np.pi * line / 25_000))
        held.follow(finder.find(np.roll(piece, shift, axis=1)), ROW)
        assert held.columns is not None
        seen.add(held.columns)
        assert left + shift <= held.columns[0] <= left + shift + 130
        assert right + shift - 130 <= held.columns[1] <= right + shift
    assert len(seen) > 2, "it was followed"
