"""Tiles and cells of maps and masks small enough to be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scores import DEFECT_PX, SCORES, Tiles, cell_scores, starts, tile_scores
from tests.benchmarks.masks import mask


def f32(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("first", "end", "answer"),
    [
        (0, 256, [0]),
        (0, 512, [0, 256]),
        (10, 808, [10, 266, 522, 552]),  # the last is shifted back to the edge
        (10, 267, [10, 11]),
        (0, 100, [0]),  # fewer than a tile
        (300, 400, [300]),
    ],
)
def test_tiles_end_with_the_strip(first: int, end: int, answer: list[int]) -> None:
    assert starts(first, end) == answer


def test_tiles_take_the_highest_of_their_cells() -> None:
    # One row of tiles from column 10: [10, 266), [266, 522), [522, 778), and the last, shifted, [552, 808).
    defect = mask(256, 808, (500, 515, 100, 101))
    values = np.zeros((64, 202), np.float32)
    values[3, 2] = 9.0  # its middle is at column 10: in the first tile
    values[0, 0] = 99.0  # left of the cloth
    values[9, 70] = 5.0
    values[0, 201] = 3.0  # in the shifted tile alone
    tiles = tile_scores(values, 4, defect, 10)
    assert tiles.scores.tolist() == [9.0, 5.0, 0.0, 3.0]
    assert tiles.mask_px.tolist() == [0, 15, 0, 0]
    assert tiles.clear.positive.tolist() == [False, True, False, False]
    assert tiles.highest == 9.0


def test_a_tile_is_defective_from_eight_pixels_on_and_left_out_below() -> None:
    tiles = Tiles(f32(1, 2, 3, 4), np.array([0, 1, DEFECT_PX - 1, DEFECT_PX]))
    assert tiles.clear.scores.tolist() == [1, 4]
    assert tiles.clear.positive.tolist() == [False, True]
    assert tiles.highest == 4


def test_what_nobody_looked_at_has_no_score() -> None:
    values = np.full((64, 128), np.nan, np.float32)
    values[5, 70] = -1.0
    tiles = tile_scores(values, 4, mask(256, 512), 0)
    assert np.isnan(tiles.scores[0])
    assert tiles.scores[1] == tiles.highest == -1.0
    assert np.isnan(Tiles(f32(np.nan), np.array([0])).highest)


def test_other_scores_of_a_tile() -> None:
    cells = np.arange(-1000, 3096, dtype=np.float32)
    assert SCORES["max"](cells) == 3095
    assert SCORES["topk"](cells) == np.mean(range(3088, 3096))  # 0.2 % of 4096 are 8
    assert SCORES["topk"](f32(1, 5, 2)) == 5
    assert SCORES["sum"](cells) == sum(range(-1000, 3096))


def test_cells_are_positive_with_a_single_mask_pixel_and_pieces_touch_at_corners() -> None:
    values = np.arange(8, dtype=np.float32).reshape(2, 4)
    cells = cell_scores(values, 4, mask(7, 16, (8, 9, 3, 4), (15, 16, 6, 7)), 5)
    # Cells' middles lie at columns 2, 6, 10, 14: the first is left of column 5.
    assert cells.scores.tolist() == [1, 2, 3, 5, 6, 7]
    assert cells.scored.positive.tolist() == [False, True, False, False, False, True]
    assert cells.piece.tolist() == [0, 1, 0, 0, 0, 1]
    assert cells.share_of_piece.tolist() == [0, 0.5, 0, 0, 0, 0.5]
    apart = cell_scores(values, 4, mask(8, 16, (4, 5, 0, 8), (12, 13, 0, 1)), 4)
    assert sorted(apart.piece.tolist()) == [0, 0, 0, 1, 1, 2]
    assert apart.share_of_piece.sum() == 2
