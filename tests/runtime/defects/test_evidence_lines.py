"""Lines along the weft: drawn where they run and as long as they are; what is no line is not drawn."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.defects.evidence_lines import HIGHEST, LINE_PX, REACH, above_surroundings, draw_lines
from runtime.types import Float32

STRIDE = 4
LENGTH = LINE_PX // STRIDE
ROWS, COLUMNS = 48, 320
NOISE = 0.3


def cloth(seed: int = 0) -> Float32:
    return np.random.default_rng(seed).normal(0, NOISE, (ROWS, COLUMNS)).astype(np.float32)


def drawn(values: Float32, least: float = 0.25, strong: float = 100.0) -> Float32:
    return draw_lines(values, STRIDE, least, strong)


def with_line(values: Float32, left: int, right: int, rise: float = 0.0, height: float = 2 * NOISE) -> Float32:
    """A line around row 24 that rises by so many cells over LENGTH, at columns [left, right)."""
    values = values.copy()
    columns = np.arange(left, right)
    rows = np.rint(24 + rise * (columns - (left + right) / 2) / LENGTH).astype(int)
    values[rows, columns] += height
    return values


@pytest.mark.parametrize("rise", [-3.5, -2, -1, 0, 1, 2, 3.5])
def test_a_line_too_faint_for_any_cell_is_drawn_from_end_to_end(rise: float) -> None:
    values = with_line(cloth(), 90, 250, rise)
    assert values.max() < 6 * NOISE, "each of its cells could nearly be chance"
    found = np.isfinite(drawn(values))
    columns, rows = np.flatnonzero(found.any(axis=0)), np.flatnonzero(found.any(axis=1))
    assert columns[0] == pytest.approx(90, abs=12)
    assert columns[-1] == pytest.approx(250, abs=12)
    tilt = abs(rise) * 160 / LENGTH
    assert rows[-1] - rows[0] <= tilt + 5
    assert found.sum(axis=0).max() <= 6, "a line, not a fog"


def test_normal_cloth_has_none() -> None:
    assert not np.isfinite(drawn(cloth(3))).any()


def test_the_evidence_is_how_far_the_line_lies_above_its_surroundings() -> None:
    values = with_line(np.zeros((ROWS, COLUMNS), np.float32), 90, 250, height=1.5)
    assert drawn(values)[24, 170] == pytest.approx(1.5 * (1 - 1 / 15), rel=1e-4)
    assert drawn(values, least=1.41)[24, 170] == -np.inf


def test_a_cell_counts_no_more_than_the_highest() -> None:
    values = with_line(np.zeros((ROWS, COLUMNS), np.float32), 90, 250, height=50)
    assert above_surroundings(values).max() <= HIGHEST


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (slice(20, 28), slice(100, 108)),
        (slice(23, 25), slice(100, 112)),
        (slice(0, ROWS), slice(100, 103)),
        (slice(0, ROWS), slice(100, 250)),
    ],
    ids=["a strong spot", "a short line", "an end along the warp", "a livelier piece of cloth"],
)
def test_what_is_no_line_is_not_drawn(rows: slice, columns: slice) -> None:
    values = cloth()
    values[rows, columns] += 5
    assert not np.isfinite(drawn(values, least=0.5)).any()


def test_a_strong_spot_and_its_halo_are_no_part_of_a_line() -> None:
    values = cloth()
    values[22:27, 150:180] += 1.5
    values[24, 165] = 9.0
    assert np.isfinite(drawn(values, least=0.5)).any(), "it would be drawn as a line"
    assert not np.isfinite(drawn(values, least=0.5, strong=9.0)).any()


def test_beside_a_strong_spot_a_line_is_drawn() -> None:
    values = with_line(cloth(), 20, 300)
    values[22:27, 150:155] = 9.0
    found = np.isfinite(drawn(values, least=0.2, strong=8.0))
    assert not found[20:29, 138:167].any()
    assert found[24, 30:130].mean() > 0.9
    assert found[24, 175:290].mean() > 0.9


def test_where_there_is_no_cloth_nothing_is_drawn_and_beside_it_lines_are() -> None:
    values = with_line(cloth(), 0, COLUMNS)
    values[:, 150:160] = np.nan
    found = np.isfinite(drawn(values))
    assert not found[:, 150:160].any()
    assert found[24, 40:140].mean() > 0.9
    assert found[24, 170:300].mean() > 0.9
    assert np.isfinite(above_surroundings(values)).all()


def test_cloth_narrower_than_a_line_has_none() -> None:
    assert not np.isfinite(drawn(np.ones((ROWS, LENGTH - 8), np.float32), least=0.0)).any()


def test_rows_further_than_the_reach_have_no_say() -> None:
    values = with_line(cloth(), 40, 280, rise=4)
    other = values.copy()
    other[: 24 - REACH] = 7.0
    other[25 + REACH :] = np.nan
    np.testing.assert_array_equal(drawn(values, 0.0)[24], drawn(other, 0.0)[24])
