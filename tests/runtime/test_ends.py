"""Beyond its ends a weave goes on in its own repeat."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.ends import FURTHEST, MATCH, Ends, continued, find_edges, find_ends
from runtime.geometry import TileGeometry

GEOMETRY = TileGeometry()


def weave(lines: int, width: int, repeat: tuple[int, int], seed: int = 0, noise: float = 3.0) -> np.ndarray:
    """uint8 [lines, width, 1] that repeats every so many lines and columns, but for some noise."""
    rng = np.random.default_rng(seed)
    cell = rng.integers(60, 200, repeat)
    rows, columns = np.arange(lines) % repeat[0], np.arange(width) % repeat[1]
    noisy = cell[np.ix_(rows, columns)] + rng.normal(0, noise, (lines, width))
    return noisy.round().clip(0, 255).astype(np.uint8)[:, :, None]


@pytest.mark.parametrize("repeat", [5, 7, 12, 23, 41, 90])
def test_the_repeat_goes_on_beyond_both_ends(repeat: int) -> None:
    whole = weave(700, 400, (repeat, 11), noise=0)
    seen = whole[200:500]
    index = continued(-28, 328, 0, 300, find_ends(seen, GEOMETRY))
    np.testing.assert_array_equal(seen[index], whole[172:528])


def test_noise_does_not_hide_the_repeat() -> None:
    ends = find_ends(weave(256, 2000, (19, 13), noise=15), GEOMETRY)
    assert ends.before % 19 == ends.after % 19 == 0


def test_edges_are_ends_of_columns() -> None:
    edges = find_edges(weave(300, 256, (19, 13)), GEOMETRY)
    assert edges.before % 13 == edges.after % 13 == 0


def test_a_margin_is_never_repeated_in_itself() -> None:
    """A defect at the very end would otherwise be seen again and again in the margin."""
    ends = find_ends(weave(300, 300, (3, 3)), GEOMETRY)
    assert GEOMETRY.margin <= ends.before <= GEOMETRY.margin + FURTHEST


def test_what_the_first_tile_cannot_see_decides_nothing() -> None:
    lines = weave(600, 300, (19, 13))
    reach = GEOMETRY.tile - GEOMETRY.margin
    assert find_ends(lines[:reach], GEOMETRY).before == find_ends(lines, GEOMETRY).before
    assert find_ends(lines[-reach:], GEOMETRY).after == find_ends(lines, GEOMETRY).after


def test_too_few_lines_are_mirrored() -> None:
    lines = np.arange(GEOMETRY.margin + MATCH - 1, dtype=np.uint8)[:, None, None].repeat(8, 1)
    ends = find_ends(lines, GEOMETRY)
    assert ends == Ends(0, 0)
    assert continued(-3, 4, 0, 10, ends).tolist() == [3, 2, 1, 0, 1, 2, 3]


def test_in_small() -> None:
    assert continued(-5, 12, 0, 7, Ends(3, 2)).tolist() == [1, 2, 0, 1, 2, *range(7), 5, 6, 5, 6, 5]
    with pytest.raises(ValueError, match="empty range"):
        continued(0, 4, 3, 3, Ends(0, 0))


@given(st.integers(-500, 500), st.integers(1, 600), st.integers(-50, 50), st.integers(1, 300), st.data())
def test_every_index_is_inside_and_those_inside_are_kept(
    start: int, count: int, low: int, size: int, data: st.DataObject
) -> None:
    ends = Ends(data.draw(st.integers(0, size)), data.draw(st.integers(0, size)))
    index = continued(start, start + count, low, low + size, ends)
    asked = np.arange(start, start + count)
    inside = (asked >= low) & (asked < low + size)
    assert ((index >= low) & (index < low + size)).all()
    assert (index[inside] == asked[inside]).all()
