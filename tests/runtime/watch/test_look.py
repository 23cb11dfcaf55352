"""Is it the same cloth?"""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from runtime.types import LineBlock, UInt8
from runtime.watch.light import is_other_cloth
from runtime.watch.look import LOOK_LINES, OTHER_CLOTH, Look, Looking, usual_look
from tests.runtime.watch.cloth import CLOTH, blocks, cloth, times


def looks(pixels: UInt8, rows: int = 128) -> list[Look]:
    looking = Looking()
    return [look for block in blocks(pixels, rows) for look in looking.add(block, CLOTH)]


def usual() -> Look:
    return usual_look(looks(cloth()[:2560]))


@pytest.mark.parametrize("rows", [1, 50, 128, 700])
def test_the_size_of_blocks_changes_nothing(rows: int) -> None:
    same, other = looks(cloth()[:1280], rows), looks(cloth()[:1280])
    assert [(a.first_line, a.end_line) for a in same] == [(b.first_line, b.first_line + LOOK_LINES) for b in other]
    for a, b in zip(same, other, strict=True):
        np.testing.assert_allclose(a.across, b.across, rtol=1e-4)
        np.testing.assert_allclose(a.along, b.along, rtol=1e-4)


def test_a_gap_and_another_region_begin_anew() -> None:
    looking = Looking()
    (first, *_) = blocks(cloth()[:100], 100)
    looking.add(first, CLOTH)
    (late,) = looking.add(LineBlock("c", 0, 500, cloth()[:LOOK_LINES, :, None]), CLOTH)
    assert (late.first_line, late.end_line) == (500, 500 + LOOK_LINES)
    looking.add(LineBlock("c", 0, 628, cloth()[:100, :, None]), CLOTH)
    (moved,) = looking.add(LineBlock("c", 0, 728, cloth()[:LOOK_LINES, :, None]), (CLOTH[0] + 4, CLOTH[1]))
    assert moved.first_line == 728


@pytest.mark.parametrize("style", ["plain", "satin5", "satin8"])  # twill is too like twill for what real cloth varies
def test_another_weave_is_another_cloth(style: str) -> None:
    assert all(look.distance(usual()) > OTHER_CLOTH for look in looks(cloth(style, 768, seed=9)))
    assert all(is_other_cloth(look, usual()) for look in looks(cloth(style, 768, seed=9)))


def skewed(pixels: UInt8, slope: float) -> UInt8:
    down = np.rint(slope * np.arange(pixels.shape[1])).astype(int)
    rows = np.arange(len(pixels) - down.max())
    return pixels[rows[:, None] + down[None, :], np.arange(pixels.shape[1])]


@pytest.mark.parametrize(
    "same",
    [
        lambda: cloth(),
        lambda: cloth(seed=77, lines=1024),
        lambda: times(cloth(), 0.8, 0),
        lambda: times(cloth(), 1.2, 0),
        lambda: skewed(cloth(), 0.03),
        lambda: times(cloth(), 0.8, 0, columns=slice(300, 306)),
    ],
    ids=["itself", "another roll", "darker", "brighter", "skewed by 3 %", "dusty"],
)
def test_the_same_cloth_stays_the_same(same) -> None:  # type: ignore[no-untyped-def]
    assert max(look.distance(usual()) for look in looks(same())) < 0.85 * OTHER_CLOTH


def test_a_cloth_without_a_weave_to_be_seen_is_no_other() -> None:
    grey = np.full((1280, 512), 100, np.uint8)
    spoilt = grey.copy()
    spoilt[:, 100:400:2] = 200
    assert looks(spoilt)[0].distance(looks(grey)[0]) > OTHER_CLOTH
    assert not is_other_cloth(looks(spoilt)[0], looks(grey)[0])


@pytest.mark.parametrize("sigma", [0.5, 0.7, 1.0])
def test_out_of_focus_is_no_other_cloth(sigma: float) -> None:
    blurred = looks(np.ascontiguousarray(cv2.GaussianBlur(cloth()[:1024], (0, 0), sigma)))
    assert not any(is_other_cloth(look, usual()) for look in blurred)
    assert np.mean([look.defocus_px(usual()) for look in blurred]) == pytest.approx(sigma, abs=0.12)
