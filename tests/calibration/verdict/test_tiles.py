"""Which tiles are shown, and in which colours."""

from __future__ import annotations

import cv2
import numpy as np

from calibration.verdict.cloth import Piece
from calibration.verdict.tiles import HIGHER, LOWER, MOST, SAME, UNJUDGED, Tile, Worst, contrast, heat, png
from runtime.cameras.base import CameraInfo
from runtime.types import Scale

STRIDE, SIDE = 4, 64
INFO = CameraInfo("roll", 0, 1, 8, Scale(1, 1), False, None, "")


def piece(name: str, across: int, down: int = 1) -> Piece:
    lines, columns = np.indices((256 * down, 256 * across)) // 256
    return Piece(name, (10 * lines + columns).astype(np.uint8)[..., None], INFO)


def test_the_worst_come_first_and_no_more_than_fit() -> None:
    rng = np.random.default_rng(0)
    worst, heights = Worst(), rng.permutation(np.arange(1, 25)).reshape(4, 3, 2) / 10
    for number, blocks in enumerate(heights):
        before = np.zeros((3 * SIDE, 2 * SIDE), np.float32)
        after = before.copy()
        for (row, column), height in np.ndenumerate(blocks):
            after[row * SIDE + 5, column * SIDE + 7] = -height if row else height
        worst.add(piece(f"p{number}", 2, 3), STRIDE, before, after)
    assert [round(tile.difference, 1) for tile in worst.tiles] == sorted(heights.ravel(), reverse=True)[:MOST]
    number, row, column = (int(at[0]) for at in np.nonzero(heights == heights.max()))
    first = worst.tiles[0]
    assert first.where == f"p{number}, px {column * 256}, line {row * 256}"
    assert first.pixels.shape == (256, 256, 1)
    assert (first.pixels == 10 * row + column).all()
    assert np.abs(first.after[5, 7]) == first.difference


def test_of_several_copies_of_a_place_the_worst_is_kept() -> None:
    worst = Worst()
    for height in (0.2, 0.5, 0.3):
        worst.add(piece("p", 1), STRIDE, np.zeros((SIDE, SIDE), np.float32), np.full((SIDE, SIDE), height, np.float32))
    assert [round(tile.difference, 6) for tile in worst.tiles] == [0.5]


def test_cloth_that_was_not_judged_is_no_difference() -> None:
    worst, nothing = Worst(), np.full((SIDE, 2 * SIDE), np.nan, np.float32)
    half = nothing.copy()
    half[:, :10] = 0.5
    worst.add(piece("p", 2), STRIDE, half, half + np.float32(0.25))
    assert [(tile.where, tile.difference) for tile in worst.tiles] == [("p, px 0, line 0", 0.25)]


def test_the_map_is_grey_with_the_threshold_half_way_up() -> None:
    picture = heat(np.array([[0.0, 1.0, 2.0, 5.0, -1.0, np.nan]], np.float32))
    assert picture[0, :5].tolist() == [[v] * 3 for v in (0, 127, 255, 255, 0)]
    assert tuple(picture[0, 5]) == UNJUDGED


def test_the_difference_is_red_above_and_blue_below() -> None:
    before = np.zeros((1, 5), np.float32)
    after = np.array([[0.4, -0.4, 0.0, 0.2, np.nan]], np.float32)
    picture = contrast(Tile("", np.zeros((4, 20, 1), np.uint8), before, after, 0.4))
    assert [tuple(pixel) for pixel in picture[0, [0, 1, 2, 4]]] == [HIGHER, LOWER, SAME, UNJUDGED]
    half = (np.array(SAME) + np.array(HIGHER)) / 2
    assert np.abs(picture[0, 3] - half).max() <= 1
    assert HIGHER[2] > HIGHER[0], "blue, green, red"


def test_pictures_are_png_files() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    back = cv2.imdecode(np.frombuffer(png(picture), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(back, picture)
