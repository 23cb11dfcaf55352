"""Dust or a fault of the cloth: what a column's mean and deviation say."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.types import UInt8
from runtime.watch.change import Change, Relief
from runtime.watch.slabs import Slabs
from tests.runtime.watch.cloth import CLOTH, blocks, broken_end, cloth, times

AT, LINES = 1024, 1536


def change(pixels: UInt8, x0: int, x1: int) -> Change:
    before, since = reliefs(pixels)
    return since.since(before).strongest(x0, x1)


def reliefs(pixels: UInt8) -> tuple[Relief, Relief]:
    slabs = Slabs(LINES)
    for block in blocks(pixels[:LINES]):
        slabs.add(block)
    before, since = slabs.profile(0, AT), slabs.profile(AT, LINES)
    assert before is not None
    assert since is not None
    return Relief.of(before), Relief.of(since)


@pytest.mark.parametrize(("factor", "width"), [(0.92, 3), (0.92, 12), (0.85, 2), (0.7, 6), (1.15, 4)])
def test_dust_takes_the_same_share_of_all_light(factor: float, width: int) -> None:
    found = change(times(cloth(lines=LINES), factor, AT, columns=slice(300, 300 + width)), 298, 302 + width)
    assert found.like_dust
    assert found.gain == pytest.approx(np.log(factor), abs=0.03)
    assert abs(found.x0 - 300) <= 2
    assert abs(found.x1 - 300 - width) <= 2


@pytest.mark.parametrize("contrast", [-0.1, -0.2, -0.4])
def test_a_broken_end_changes_the_weave(contrast: float) -> None:
    found = change(cloth(lines=LINES, ends=(broken_end(300, AT - 60, 2000, contrast),)), 296, 304)
    assert not found.like_dust
    assert found.weave < -0.3


def test_a_dead_pixel_sees_nothing() -> None:
    pixels = cloth(lines=LINES).copy()
    pixels[AT:, 300] = 3
    found = change(pixels, 298, 303)
    assert (found.x0, found.x1, found.dead) == (300, 301, True)


def test_spots_on_even_cloth_make_no_column_beside_them_dead() -> None:
    pixels = np.full((LINES, 1024), 120, np.uint8)
    for line in range(AT, LINES - 12, 40):
        pixels[line : line + 12, 300:340] = 255
    assert not any(relief.dead.any() for relief in reliefs(pixels))


@pytest.mark.parametrize("lamp", [1.0, 0.85, 1.15])
def test_on_clean_cloth_nothing_stands_out_whatever_the_lamp_does(lamp: float) -> None:
    before, since = reliefs(times(cloth(lines=LINES), lamp, AT))
    assert since.since(before).standing_out(CLOTH, sigmas=6) == []


def test_only_what_the_sensor_does_stands_out() -> None:
    pixels = times(cloth(lines=LINES, ends=(broken_end(300, AT - 60, 2000),)), 0.85, AT, columns=slice(350, 356))
    before, since = reliefs(pixels)
    (found,) = since.since(before).standing_out(CLOTH, sigmas=6)
    assert (found.x0, found.x1) == (350, 356)
    assert since.since(before).standing_out((0, 0), sigmas=6) == []
