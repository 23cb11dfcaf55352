"""Measures on maps and masks small enough to be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.boxes import Box
from benchmarks.scores import (
    NEAR_PX,
    Scored,
    auroc,
    box_meets,
    cell_scores,
    components_found,
    false_boxes,
    grown,
    tile_scores,
)


def f32(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def mask(lines: int, columns: int, *boxes: tuple[int, int, int, int]) -> np.ndarray:
    """False but for boxes (x0, x1, first, end)."""
    made = np.zeros((lines, columns), np.bool_)
    for x0, x1, first, end in boxes:
        made[first:end, x0:x1] = True
    return made


@pytest.mark.parametrize(
    ("scores", "positive", "answer"),
    [
        ((1, 2, 3, 4), (0, 0, 1, 1), 1.0),
        ((1, 2, 3, 4), (1, 1, 0, 0), 0.0),
        ((1, 3, 2, 4), (0, 0, 1, 1), 3 / 4),  # of four pairs only (3, 2) is the wrong way round
        ((5, 5, 5, 5), (0, 1, 0, 1), 1 / 2),
        ((1, 2, 2, 3), (0, 0, 1, 1), 3.5 / 4),  # one tie counts half
        ((float("nan"), 1, 2), (1, 0, 0), 0.0),  # not looked at: lowest
        ((float("nan"), float("nan")), (1, 0), 1 / 2),
    ],
)
def test_auroc(scores: tuple[float, ...], positive: tuple[int, ...], answer: float) -> None:
    assert auroc(f32(*scores), np.array(positive, bool)) == pytest.approx(answer)


def test_auroc_needs_both_kinds() -> None:
    assert auroc(f32(1, 2), np.array([True, True])) is None
    assert auroc(f32(), np.array([], bool)) is None


def test_a_box_meets_a_mask_by_one_pixel() -> None:
    one = mask(10, 20, (8, 9, 4, 5))
    assert box_meets(Box(8, 9, 4, 5), one)
    assert box_meets(Box(-5, 9, -5, 5), one)
    assert not box_meets(Box(9, 20, 0, 10), one)
    assert not box_meets(Box(0, 20, 5, 10), one)
    assert not box_meets(Box(0, 20, -9, -2), one)


def test_components_that_touch_at_a_corner_are_one() -> None:
    three = mask(20, 40, (0, 2, 0, 2), (2, 4, 2, 4), (20, 22, 0, 2), (30, 31, 10, 11))
    assert components_found([Box(3, 5, 3, 5), Box(19, 21, 1, 2)], three) == (2, 3)
    assert components_found([], three) == (0, 3)
    assert components_found([Box(0, 40, 0, 20)], mask(20, 40)) == (0, 0)


def test_masks_grow_alike_in_all_directions() -> None:
    point = mask(9, 9, (4, 5, 4, 5))
    assert np.array_equal(grown(point, 2), mask(9, 9, (2, 7, 2, 7)))


def test_an_event_near_a_mask_is_not_false() -> None:
    one = mask(100, 200, (100, 101, 50, 51))
    reach = 100 + NEAR_PX
    assert false_boxes([Box(reach, 200, 0, 100)], one) == 0
    assert false_boxes([Box(reach + 1, 200, 0, 100), Box(0, 10, 0, 10)], one) == 2
    assert false_boxes([Box(0, 10, 0, 10)], mask(100, 200)) == 1


def test_tiles_take_their_highest_cell_and_near_ones_are_left_out() -> None:
    # One row of tiles from column 10: [10, 266), [266, 522), [522, 778); 30 px at the right fill none.
    defect = mask(256, 808, (500, 515, 100, 101))  # in the second tile, 8 px from the third
    values = np.zeros((64, 202), np.float32)
    values[3, 2] = 9.0  # its middle is at column 10: in the first tile
    values[0, 0] = 99.0  # left of the cloth
    values[9, 70] = 5.0
    scored = tile_scores(values, 4, defect, 10)
    assert scored.scores.tolist() == [9.0, 5.0]
    assert scored.positive.tolist() == [False, True]
    apart = tile_scores(values, 4, mask(256, 808, (300, 301, 0, 1)), 10)
    assert apart.positive.tolist() == [False, True, False]


def test_a_tile_nobody_looked_at_scores_nothing() -> None:
    values = np.full((64, 128), np.nan, np.float32)
    values[:, 64:] = 1.0
    scored = tile_scores(values, 4, mask(256, 512, (0, 1, 0, 1)), 0)
    assert np.isnan(scored.scores[0])
    assert scored.scores[1] == 1.0
    assert scored.auroc == 0.0


def test_cells_are_positive_with_a_single_mask_pixel() -> None:
    values = np.arange(8, dtype=np.float32).reshape(2, 4)
    scored = cell_scores(values, 4, mask(7, 16, (8, 9, 3, 4), (15, 16, 6, 7)), 5)
    # Cells' middles lie at columns 2, 6, 10, 14: the first is left of column 5.
    assert scored.scores.tolist() == [1, 2, 3, 5, 6, 7]
    assert scored.positive.tolist() == [False, True, False, False, False, True]


def test_joining_keeps_all() -> None:
    part = Scored(f32(1, 2), np.array([False, True]))
    assert Scored.joined([part, part]).scores.tolist() == [1, 2, 1, 2]
    assert Scored.joined([]).auroc is None
