"""Lines to metres: with an encoder, without one, backwards, across gaps, in bounded memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.position import HISTORY_LINES, Track
from runtime.types import LineBlock, Scale


def block(first: int, counts: list[int] | np.ndarray | None, rows: int = 0) -> LineBlock:
    encoder = None if counts is None else np.asarray(counts, np.int64)
    rows = rows if encoder is None else len(encoder)
    return LineBlock("c", 0, first, np.zeros((rows, 1, 1), np.uint8), encoder=encoder)


def test_without_an_encoder_lines_are_metres_from_the_first_line_on() -> None:
    track = Track(Scale(0.2, 0.25))
    assert track.metres(0) == 0.0
    track.add(block(1000, None, rows=100))
    assert track.metres(1000) == 0.0
    assert track.metres(1400) == pytest.approx(0.1)
    track.add(block(5000, None, rows=100))
    assert track.metres(5000) == pytest.approx(1.0)


def test_counts_of_a_camera_whose_encoder_scale_is_unknown_are_not_used() -> None:
    track = Track(Scale(0.2, 0.5))
    track.add(block(0, np.arange(100) * 77))
    assert track.metres(100) == pytest.approx(0.05)


@pytest.mark.parametrize("sign", [1, -1])
def test_counts_forward_make_cloth_whichever_way_the_encoder_counts(sign: int) -> None:
    track = Track(Scale(0.2, 0.25, counts_per_mm=sign * 25))
    track.add(block(0, 7000 + sign * 5 * np.arange(101)))
    assert track.metres(0) == 0.0
    assert track.metres(100) == pytest.approx(0.02), "the encoder's 0.2 mm a line, not the 0.25 of the pitch"
    assert track.metres(40) == pytest.approx(0.008)
    assert track.metres(101) == pytest.approx(0.02 + 0.25e-3), "beyond the newest count by the pitch"


def test_a_track_that_was_given_no_line_counts_from_line_0_by_the_pitch() -> None:
    assert Track(Scale(0.2, 0.25)).metres(4000) == pytest.approx(1.0)
    assert Track(Scale(0.2, 0.25)).metres_to(4000) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("counts", "end", "mm"),
    [
        ([0, 1, 2, 3], 3, 3.0),  # the next line begins where this one ends
        ([0, 1, 2, 3], 4, 4.0),  # nothing is known of the next: a pitch
        ([0, 4, 8, 4], 3, 8.0),  # the loom turned back: not before its own upper edge
        ([0, 1, 2, 9], 3, 3.0),  # lines are missing after it: no more than a pitch
        ([0, 4, 8, 8], 3, 8.0),  # it stands
    ],
)
def test_a_lines_lower_edge_is_its_own_wherever_the_next_one_lies(counts: list[int], end: int, mm: float) -> None:
    track = Track(Scale(0.2, 1.0, counts_per_mm=1))
    track.add(block(0, counts))
    assert track.metres_to(end) * 1000 == pytest.approx(mm)


def test_places_of_a_blocks_lines_are_told_where_an_encoder_tells() -> None:
    track = Track(Scale(0.2, 1.0, counts_per_mm=-2))
    assert not track.counted
    without = block(0, None, rows=4)
    track.add(without)
    assert track.millimetres_along(without) is None
    there = block(4, [100, 98, 96, 97])
    track.add(there)
    assert track.counted
    np.testing.assert_allclose(track.millimetres_along(there), [0, 1, 2, 1.5])


@pytest.mark.parametrize(
    ("segment", "count", "mm"), [(1, 0, 2000.0), (1, 1500, 1500.0), (0, 0, 0.0), (1, 2500, 2500.0)]
)
def test_a_counter_set_back_while_the_camera_was_away_does_not_turn_the_cloth_back(
    segment: int, count: int, mm: float
) -> None:
    track = Track(Scale(0.2, 1.0, counts_per_mm=1))
    track.add(block(0, np.arange(2001)))
    track.add(replace(block(2001, count + np.arange(100)), segment=segment))
    assert track.metres(2001) * 1000 == pytest.approx(mm)
    assert track.metres(2000) * 1000 == pytest.approx(2000)


def test_a_reversal_inside_a_block_is_signed() -> None:
    there, back = np.arange(60), 59 - np.arange(40)
    track = Track(Scale(0.2, 1.0, counts_per_mm=1))
    track.add(block(0, np.concatenate([there, back])))
    assert track.metres(59) == pytest.approx(0.059)
    assert track.metres(60) == pytest.approx(0.059)
    assert track.metres(99) == pytest.approx(0.020), "cloth that was wound back is not made twice"
    track.add(block(100, 20 + np.arange(100)))
    assert track.metres(199) == pytest.approx(0.119)


def test_a_stop_inside_a_block_is_not_smoothed_away() -> None:
    track = Track(Scale(0.2, 1.0, counts_per_mm=1))
    track.add(block(0, [0, 10, 20, 20, 20, 20, 20, 30]))
    assert [track.metres(line) * 1000 for line in range(8)] == pytest.approx([0, 10, 20, 20, 20, 20, 20, 30])


def test_counts_are_interpolated_over_a_gap() -> None:
    track = Track(Scale(0.2, 1.0, counts_per_mm=10))
    track.add(block(0, np.arange(100) * 10))
    track.add(block(200, 4990 + np.arange(100) * 10))
    assert track.metres(99) == pytest.approx(0.099)
    assert track.metres(200) == pytest.approx(0.499)
    halfway = 99 + 101 / 2
    assert track.metres(int(halfway)) == pytest.approx(0.099 + 0.4 * (int(halfway) - 99) / 101)


@given(st.lists(st.lists(st.integers(-30, 30), min_size=1, max_size=40), min_size=1, max_size=8))
def test_every_lines_metres_are_its_counts_to_within_two(blocks: list[list[int]]) -> None:
    """Even blocks are kept as two knots: a line may then be off by one count, and rounding."""
    track = Track(Scale(0.2, 1.0, counts_per_mm=1))
    counts = np.cumsum([step for steps in blocks for step in steps])
    line = 0
    for steps in blocks:
        track.add(block(line, counts[line : line + len(steps)]))
        line += len(steps)
    found = [track.metres(n) * 1000 for n in range(line)]
    np.testing.assert_allclose(found, counts - counts[0], atol=2)


def test_memory_is_bounded_and_lines_of_old_go_on_by_the_pitch() -> None:
    track = Track(Scale(0.2, 0.2, counts_per_mm=25))
    rng = np.random.default_rng(0)
    for first in range(0, 10 * HISTORY_LINES, 4096):
        uneven = 5 * np.arange(first, first + 4096) + rng.integers(-4, 5, 4096)
        track.add(block(first, uneven))
    assert sum(len(lines) for lines in track._lines) <= HISTORY_LINES + 2 * 4096
    newest = 10 * HISTORY_LINES - 1
    assert track.metres(newest) == pytest.approx(newest * 0.2e-3, abs=1e-3)
    assert track.metres(10) == pytest.approx(10 * 0.2e-3, abs=1e-3)


def test_columns_are_loom_millimetres_from_the_cameras_place() -> None:
    track = Track(Scale(0.2, 0.25, x_offset_mm=400))
    assert track.millimetres_across(0) == 400
    assert track.millimetres_across(100) == pytest.approx(420)


@pytest.mark.parametrize(
    ("values", "message"), [((0, 1), "must be > 0"), ((1, -1), "must be > 0"), ((1, 1, 0, 0), "must not be 0")]
)
def test_a_scale_that_cannot_be_is_refused(values: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Scale(*values)
