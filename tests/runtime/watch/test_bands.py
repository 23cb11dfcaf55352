"""What lies across the cloth: seams, things on top, shadows, and what is none of them."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.types import UInt8
from runtime.watch.bands import Across, Bands
from runtime.watch.slabs import Slabs
from tests.runtime.watch.cloth import CLOTH, SCALE, blocks, broken_end, cloth, times

FIRST, END = 1024, 1248


def after(pixels: UInt8) -> Bands:
    slabs, bands = Slabs(2048), Bands(SCALE, kept_lines=1 << 16)
    for block in blocks(pixels):
        for slab in slabs.add(block):
            bands.add(slab, CLOTH)
    return bands


def covered(grey: float, columns: slice) -> UInt8:
    pixels = cloth(lines=1536).copy()
    pixels[FIRST:END, columns] = np.random.default_rng(0).normal(grey, 2, pixels[FIRST:END, columns].shape)
    return pixels


@pytest.mark.parametrize(
    ("pixels", "kind"),
    [
        (lambda: times(cloth(lines=1536), 0.85, FIRST, END), Across.SEAM),
        (lambda: covered(210, slice(150, 330)), Across.COVERED),  # a label
        (lambda: covered(20, slice(None)), Across.COVERED),  # a dark bar over the whole width
        (lambda: times(cloth(lines=1536), 0.7, FIRST, END, slice(0, 250)), Across.USUAL),  # 30 mm of oil
        (lambda: covered(30, slice(150, 330)), Across.USUAL),  # a hole: the map's
        (lambda: covered(210, slice(150, 200)), Across.USUAL),  # 10 mm: the map's
        (lambda: times(cloth(lines=1536), 0.95, FIRST, END), Across.USUAL),
        (lambda: times(cloth(lines=1536), 0.8, FIRST, columns=slice(200, 206)), Across.USUAL),
        (lambda: cloth(lines=1536, ends=(broken_end(300, FIRST, 200),)), Across.USUAL),
    ],
)
def test_what_it_is(pixels, kind: Across) -> None:  # type: ignore[no-untyped-def]
    bands = after(pixels())
    for other in (Across.SEAM, Across.COVERED):
        expected = END - FIRST if other is kind else 0
        assert bands.lines_of(other, 0, 1536) == expected
        assert bands.span_of(other, 0, 1536) == ((FIRST, END) if other is kind else None)
    assert bands.all_usual(0, FIRST)
    assert bands.all_usual(FIRST, END) is (kind is Across.USUAL)


def test_a_shadow_lies_far_and_wide() -> None:
    slabs, bands = Slabs(2048), Bands(SCALE, kept_lines=1 << 16)
    wide = np.tile(cloth(lines=1536)[:, 100:400], 4)
    for block in blocks(times(wide, 0.6, FIRST, END, slice(0, 700))):
        for slab in slabs.add(block):
            bands.add(slab, (0, 1200))
    assert bands.span_of(Across.COVERED, 0, 1536) == (FIRST, END)


def test_lines_are_counted_inside_the_question() -> None:
    bands = after(times(cloth(lines=1536), 0.85, FIRST, END))
    assert bands.lines_of(Across.SEAM, FIRST - 100, FIRST + 10) == 10
    assert bands.lines_of(Across.SEAM, END - 5, END + 100) == 5


def test_what_is_accepted_is_usual() -> None:
    slabs, bands = Slabs(2048), Bands(SCALE, kept_lines=1 << 16)
    for block in blocks(times(cloth(lines=2560), 0.85, FIRST)):
        for slab in slabs.add(block):
            bands.add(slab, CLOTH)
        if block.end_line == 1536:
            assert bands.span_of(Across.SEAM, 0, 1536) == (FIRST, 1536)
            bands.accept()
    assert bands.all_usual(0, 2560)
