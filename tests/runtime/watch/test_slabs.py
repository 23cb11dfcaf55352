"""Columns' means and deviations, however the lines come in."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.types import LineBlock
from runtime.watch.slabs import SLAB_LINES, Slabs
from tests.runtime.watch.cloth import blocks, cloth

LINES = 10 * SLAB_LINES


@pytest.mark.parametrize("rows", [1, 7, 32, 33, 100, 320])
def test_blocks_of_any_size_make_the_same_slabs(rows: int) -> None:
    slabs = Slabs(LINES)
    pixels = cloth(lines=LINES)
    filled = [slab for block in blocks(pixels, rows) for slab in slabs.add(block)]
    assert [slab.first_line for slab in filled] == list(range(0, LINES, SLAB_LINES))
    np.testing.assert_allclose(filled[3].mean, pixels[96:128].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(filled[3].deviation, pixels[96:128].std(axis=0), rtol=1e-3)


def test_a_gap_begins_a_new_slab_and_old_ones_are_forgotten() -> None:
    slabs = Slabs(4 * SLAB_LINES)
    pixels = cloth(lines=LINES)
    for block in [*blocks(pixels[:40], 40), *blocks(pixels, LINES, first_line=1000)]:
        slabs.add(block)
    assert slabs.end_line == 1000 + LINES
    assert slabs.profile(0, 1000 + 6 * SLAB_LINES) is None
    profile = slabs.profile(1000 + 6 * SLAB_LINES, 1000 + LINES)
    assert profile is not None
    assert profile.lines == 4 * SLAB_LINES


def test_a_change_among_the_lines_is_no_deviation() -> None:
    slabs = Slabs(LINES)
    pixels = np.repeat(np.repeat([[60], [200]], 160, axis=0), 8, axis=1).astype(np.uint8)
    for block in blocks(pixels):
        slabs.add(block)
    profile = slabs.profile(0, LINES)
    assert profile is not None
    np.testing.assert_allclose(profile.mean, 130)
    np.testing.assert_allclose(profile.deviation, 0, atol=0.01)


def test_pixels_of_twelve_bits_count_in_eight() -> None:
    eight, twelve = Slabs(LINES), Slabs(LINES)
    pixels = cloth(lines=LINES)
    for block in blocks(pixels):
        (slab, *_) = eight.add(block)
        (same, *_) = twelve.add(LineBlock("c", 0, block.first_line, block.pixels.astype(np.uint16) * 16, bits=12))
        np.testing.assert_allclose(slab.mean, same.mean, rtol=1e-4)
        np.testing.assert_allclose(slab.deviation, same.deviation, rtol=1e-2)


def test_another_width_starts_again() -> None:
    slabs = Slabs(LINES)
    for block in [*blocks(cloth(lines=80)), *blocks(cloth(lines=64)[:, :300], first_line=80)]:
        slabs.add(block)
    assert (slabs.width, slabs.profile(0, 80)) == (300, None)
    assert slabs.profile(80, 144) is not None
