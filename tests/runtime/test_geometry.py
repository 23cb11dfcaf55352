"""The tile grid: cloth is covered by interiors, and mirroring never leaves it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.geometry import TileGeometry, mirrored, round_up


@st.composite
def geometries(draw: st.DrawFn) -> TileGeometry:
    stride = draw(st.sampled_from([1, 2, 4, 8]))
    margin, blend = draw(st.integers(0, 12)) * stride, draw(st.integers(0, 6)) * stride
    tile = 2 * margin + blend + draw(st.integers(1, 40)) * stride
    return TileGeometry(tile, margin, blend, stride)


@given(geometries(), st.integers(0, 500), st.integers(1, 3000))
def test_every_column_of_cloth_lies_in_a_tiles_interior(g: TileGeometry, start: int, width: int) -> None:
    x0 = start * g.map_stride
    x1 = x0 + width
    lefts = g.column_starts(x0, x1)
    covered = np.zeros(width, bool)
    for left in lefts:
        assert left % g.map_stride == 0
        covered[max(0, left + g.margin - x0) : max(0, left + g.tile - g.margin - x0)] = True
    assert covered.all()
    assert lefts[0] == x0 - g.margin
    steps = np.diff(lefts)
    assert (steps > 0).all(), "no two tiles at one place"
    assert (steps <= g.max_step).all(), "neighbours share at least the blend"
    if len(lefts) > 1:
        assert lefts[-1] + g.tile < x1 + g.margin + g.map_stride, "the last tile is shifted in"


def test_the_house_geometry_over_a_4096_px_line() -> None:
    g = TileGeometry()
    assert (g.valid, g.max_step, g.cells) == (200, 192, 64)
    assert g.column_starts(0, 4096)[:3] == (-28, 164, 356)
    assert g.column_starts(0, 4096)[-1] == 4096 + 28 - 256
    assert g.column_starts(0, 100) == (-28,)
    assert 4096 * g.max_step / (len(g.column_starts(0, 4096)) * g.tile**2) > 0.5, "more is kept than is discarded"


@pytest.mark.parametrize(("x0", "x1"), [(8, 8), (12, 8), (2, 100)])
def test_an_empty_region_or_one_off_the_grid_is_refused(x0: int, x1: int) -> None:
    with pytest.raises(ValueError, match="empty or off the grid"):
        TileGeometry().column_starts(x0, x1)


@pytest.mark.parametrize(
    "sizes", [{"tile": 255}, {"margin": 30}, {"blend": -4}, {"tile": 64, "margin": 32}, {"tile": 64, "blend": 64}]
)
def test_sizes_that_do_not_fit_together_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"multiple of map_stride|leaves nothing"):
        TileGeometry(**sizes)


def test_row_strides_are_32_lines_to_the_largest_step_on_the_maps_grid() -> None:
    g = TileGeometry(tile=128, margin=16, blend=8)
    for stride in (32, 36, 88):
        g.check_row_stride(stride)
    for stride in (28, 34, 92, 0):
        with pytest.raises(ValueError, match="32 to 88 in steps of 4"):
            g.check_row_stride(stride)
    big = TileGeometry(tile=512, margin=32, blend=16)
    big.check_row_stride(256)
    with pytest.raises(ValueError, match="32 to 256"):
        big.check_row_stride(260)


@given(geometries())
def test_neighbours_at_the_largest_step_fade_into_each_other(g: TileGeometry) -> None:
    ramp = g.ramp()
    assert ramp.dtype == np.float32
    assert ramp.shape == (g.cells,)
    margin = g.margin // g.map_stride
    assert (ramp[:margin] == 0).all()
    assert (ramp[g.cells - margin :] == 0).all()
    assert (ramp[margin : g.cells - margin] > 0).all()
    np.testing.assert_array_equal(ramp, ramp[::-1])
    if g.valid >= 2 * g.blend:
        blend = g.blend // g.map_stride
        falling, rising = ramp[g.cells - margin - blend : g.cells - margin], ramp[margin : margin + blend]
        np.testing.assert_allclose(falling + rising, 1, atol=1e-6)


@given(st.integers(-500, 500), st.integers(0, 700), st.integers(-200, 200), st.integers(1, 300))
def test_mirroring_stays_inside_and_is_a_reflection(start: int, count: int, low: int, size: int) -> None:
    index = mirrored(start, start + count, low, low + size)
    assert index.shape == (count,)
    assert ((index >= low) & (index < low + size)).all()
    asked = np.arange(start, start + count)
    inside = (asked >= low) & (asked < low + size)
    np.testing.assert_array_equal(index[inside], asked[inside])
    assert (np.abs(np.diff(index)) <= 1).all(), "no jump: neighbours stay neighbours"
    if size > 1:
        assert (np.abs(np.diff(index)) == 1).all(), "the end is not repeated"


def test_mirroring_in_small() -> None:
    assert mirrored(-3, 7, 0, 4).tolist() == [3, 2, 1, 0, 1, 2, 3, 2, 1, 0]
    assert mirrored(8, 12, 5, 6).tolist() == [5, 5, 5, 5]
    with pytest.raises(ValueError, match="empty range"):
        mirrored(0, 4, 3, 3)


def test_rounding_up() -> None:
    assert [round_up(value, 4) for value in (-5, -4, 0, 1, 4, 5)] == [-4, -4, 0, 4, 4, 8]
