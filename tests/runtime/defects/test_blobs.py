"""Spots of a strip of the map in pixels and lines."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.defects.blobs import HALO_PX, Blob, find_blobs
from runtime.types import ScoreMap


def strip(values: list[list[float]], end_line: int | None = None, region: tuple[int, int] = (40, 80)) -> ScoreMap:
    array = np.array(values, np.float32)
    return ScoreMap(
        camera="c", segment=0, origin=0, first_line=1000, end_line=end_line or 1000 + 4 * len(array), x0=40, stride=4,
        values=array, region=region, received_ns=0,
    )  # fmt: skip


def test_nothing_reaches_the_value() -> None:
    assert list(find_blobs(strip([[0.1, 0.49]]), 0.5)) == []


def test_a_spot_in_pixels_and_lines_with_its_peak() -> None:
    found = list(find_blobs(strip([[0, 0, 0, 0], [0, 0.5, 0.7, 0], [0, 0, 0.9, 0], [0, 0, 0, 0]]), 0.5))
    assert found == [
        Blob(x0=47, x1=51, first_line=1005, end_line=1011, cells=2, peak=pytest.approx(0.9), peak_x=50, peak_line=1010)
    ]


def test_corners_touch_and_spots_that_do_not_are_apart_topmost_first() -> None:
    found = list(find_blobs(strip([[0, 0, 0, 9], [9, 0, 0, 0], [0, 9, 0, 0]]), 1))
    assert [(b.x0, b.first_line, b.cells) for b in found] == [(51, 1000, 1), (40, 1003, 2)]


def test_the_peak_is_the_spots_own_though_boxes_overlap() -> None:
    found = list(find_blobs(strip([[5, 5, 5, 5], [5, 0, 0, 0], [5, 0, 9, 0]]), 1))
    assert [(b.peak, b.peak_x, b.peak_line) for b in found] == [(5, 42, 1002), (9, 50, 1010)]


def test_edges_lie_where_the_map_crosses_the_value_whatever_the_cells() -> None:
    def edges(shift: float) -> tuple[int, int]:
        centres = np.arange(0, 80, 4) + 2
        row = np.interp(centres, [20 + shift, 30 + shift, 50 + shift, 60 + shift], [0, 1, 1, 0])
        (found,) = find_blobs(strip([list(row)], region=(0, 200)), 0.5)
        return found.x0 - 40, found.x1 - 40

    # a quarter of the way from 0.5 to the peak of 1
    assert edges(0) == (26, 54)
    assert [edges(shift) for shift in (1, 2, 3)] == [(27, 55), (28, 56), (29, 57)]


def test_where_there_is_no_cloth_there_is_no_spot() -> None:
    nan = float("nan")
    found = list(find_blobs(strip([[nan, 2, nan], [nan, nan, nan], [3, nan, nan]]), 1))
    assert [(b.peak, b.cells) for b in found] == [(2, 1), (3, 1)]
    assert list(find_blobs(strip([[nan, nan]]), 1)) == []


def test_boxes_end_where_cloth_and_lines_end() -> None:
    (found,) = find_blobs(strip([[9, 9, 9], [9, 9, 9]], end_line=1006, region=(42, 51)), 1)
    assert (found.x0, found.x1, found.first_line, found.end_line) == (42, 51, 1000, 1006)


def test_a_halo_belongs_to_no_spot_but_weak_cells_far_from_the_peak_do() -> None:
    far = HALO_PX // 4 + 1
    row = [9.0, 9.0, 2.0, *[0.0] * (far - 2), 2.0]
    found = list(find_blobs(strip([row], region=(0, 4000)), 1))
    assert [(b.cells, b.peak) for b in found] == [(2, 9), (1, 2)]
    near = list(find_blobs(strip([[9.0, 9.0, 2.0, 0.0, 2.0]]), 1))
    assert [b.cells for b in near] == [2]


def test_a_peak_in_the_rows_before_has_its_halo_too() -> None:
    before = np.array([[9.0, 0.0]], np.float32)
    assert list(find_blobs(strip([[2.0, 0.0]]), 1, before)) == []
    assert [b.peak for b in find_blobs(strip([[2.0, 0.0]]), 1, before / 9)] == [2]
