"""Whose a mark is: the sensor's stands still while the cloth moves, the cloth's moves along."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.simulator.gains import Dust
from runtime.simulator.geometry import Geometry
from runtime.types import UInt8
from runtime.watch.frames import MOST_MARKS, Frame, Mark, Marks
from runtime.watch.slabs import Slabs
from tests.runtime.watch.cloth import blocks, broken_end, cloth, times, wandering

FROM = 1536
REGION = (96, 672)
WANDER = Geometry(wander_mm=3, wander_period_m=3)
STILL = Geometry()
DUST = (Dust(from_m=FROM * 0.2e-3, column=402, width_px=4, loss=0.2),)


def end_at(column: int, geometry: Geometry) -> tuple[UInt8, int]:
    """Cloth with an end that breaks at line FROM, and the column where it is seen to."""
    shift_mm, _ = geometry.across(np.array([FROM * 0.2e-3]))
    return wandering(geometry, ends=(broken_end(column, FROM, 4000, -0.4),)), column + round(shift_mm[0] / 0.2)


def asked(pixels: UInt8, column: int, asked_at: int = FROM + 512, cloth_columns: tuple[int, int] = REGION) -> Mark:
    """The mark next to a column, first asked for at a line, after all lines."""
    slabs, marks = Slabs(1024), Marks(6144)
    for block in blocks(pixels):
        for slab in slabs.add(block):
            marks.add(slab, cloth_columns)
        if block.end_line >= asked_at:
            mark = marks.follow("m", column - 4, column + 5, FROM, FROM)
    assert mark is not None
    return mark


@pytest.mark.parametrize("asked_at", [FROM + 256, 4096])
def test_dust_stands_still_while_the_cloth_moves(asked_at: int) -> None:
    mark = asked(wandering(WANDER, dust=DUST), 402, asked_at)
    assert mark.frame is Frame.SENSOR
    assert abs(mark.x0 - 400) <= 1
    assert abs(mark.x1 - 404) <= 1
    assert mark.change.gain == pytest.approx(np.log(0.8), abs=0.06)


@pytest.mark.parametrize("asked_at", [FROM + 256, 4096])
def test_a_broken_end_moves_with_the_cloth(asked_at: int) -> None:
    pixels, column = end_at(300, WANDER)
    assert asked(pixels, column, asked_at).frame is Frame.CLOTH


def test_on_cloth_that_lies_still_nobody_can_say() -> None:
    assert asked(wandering(STILL, dust=DUST), 402).frame is Frame.UNKNOWN
    pixels, column = end_at(300, STILL)
    assert asked(pixels, column).frame is Frame.UNKNOWN


def test_a_wide_mark_needs_a_longer_move() -> None:
    little = Geometry(wander_mm=2.4, wander_period_m=4)
    wide = (Dust(from_m=FROM * 0.2e-3, column=402, width_px=24, loss=0.2),)
    assert asked(wandering(little, dust=DUST), 402).frame is Frame.SENSOR
    assert asked(wandering(little, dust=wide), 402).frame is Frame.UNKNOWN


def test_what_is_no_mark_is_nobodys() -> None:
    assert asked(wandering(WANDER), 402).frame is Frame.UNKNOWN


@pytest.mark.parametrize(("told", "frame"), [(True, Frame.SENSOR), (False, Frame.UNKNOWN)])
@pytest.mark.parametrize("goes_on", [True, False])
def test_what_goes_on_on_another_piece_of_cloth_was_never_in_the_cloth(told: bool, frame: Frame, goes_on: bool) -> None:
    pieces = np.concatenate([cloth(lines=2560), cloth(lines=2560, seed=9)])
    pixels = times(pieces, 0.6, FROM, None if goes_on else 2560, slice(300, 304))
    slabs, marks = Slabs(1024), Marks(6144)
    for block in blocks(pixels):
        for slab in slabs.add(block):
            marks.add(slab, (64, 448))
        if block.end_line >= FROM + 512:
            mark = marks.follow("m", 298, 306, FROM, FROM)
        if block.end_line == 3072 and told:
            marks.other_piece()
    assert mark is not None
    assert mark.frame is (frame if goes_on else Frame.UNKNOWN)


def test_how_far_the_cloth_moved_lately() -> None:
    slabs, marks = Slabs(1024), Marks(8192)
    assert marks.swing_px(400, 3000) == 0
    for block in blocks(wandering(WANDER)[:3840]):  # a quarter of a period
        for slab in slabs.add(block):
            marks.add(slab, REGION)
    assert marks.swing_px(400, 3840) == pytest.approx(15, abs=1)
    assert marks.swing_px(400, 512) < 1.5


def test_no_more_marks_are_followed_than_can_be() -> None:
    slabs, marks = Slabs(1024), Marks(6144)
    for block in blocks(wandering(WANDER)[:2560]):
        for slab in slabs.add(block):
            marks.add(slab, REGION)
    assert marks.follow("early", 398, 406, 2500, 2500) is None, "no stretch has it wholly"
    followed = [marks.follow(f"m-{n}", 398, 406, FROM, FROM) is not None for n in range(MOST_MARKS + 1)]
    assert followed == [True] * MOST_MARKS + [False]
    marks.forget("m-0")
    assert marks.follow("one more", 398, 406, FROM, FROM) is not None
