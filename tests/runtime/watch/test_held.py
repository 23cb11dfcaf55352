"""Lines along the warp wait for the verdict, nothing else does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from runtime.simulator.gains import Dust
from runtime.simulator.geometry import Geometry
from runtime.types import Defect, Kind, State, UInt8
from runtime.watch.columns import ColumnWatch
from runtime.watch.held import HOLD_MM, Held
from tests.runtime.watch.cloth import CLOTH, SCALE, blocks, broken_end, cloth, times, wandering

FROM = 1024
WIDE = (96, 672)
DEAD = slice(302, 304)
OPENED = Defect(
    id="d-1", parent=None, camera="c", state=State.OPEN, kind=Kind.WARP, x0_px=298, x1_px=308,
    first_line=FROM, end_line=FROM + 60, x0_mm=0, x1_mm=0, y0_m=0, y1_m=0, peak_x_px=302, peak_line=FROM + 30,
    peak_x_mm=0, peak_y_m=0, score=6.0, threshold=3.5, latency_ms=0, latency_mm=0,
)  # fmt: skip


class Run:
    """Held over a ColumnWatch that sees cloth strip by strip, 100 lines ahead of the map."""

    def __init__(self, pixels: UInt8, region: tuple[int, int] = CLOTH) -> None:
        self.columns = ColumnWatch(SCALE, 3.5)
        self.columns.region = self.region = region
        self.held = Held(self.columns, SCALE.mm_per_line, lambda column: f"m-{column.number}")
        self._blocks = blocks(pixels)
        self.line = 0

    def to(self, line: int, *defects: Defect) -> list[tuple[str, State]]:
        """As ``sifted``, in short."""
        return [(defect.id, defect.state) for defect in self.sifted(line, *defects)]

    def sifted(self, line: int, *defects: Defect) -> list[Defect]:
        """See lines up to ``line``, then sift what the tracker says of a strip that ends 100 lines before it."""
        while self.line < line:
            block = next(self._blocks)
            self.columns.follow(self.columns.see(block), self.region)
            self.line = block.end_line
        return self.held.sift(list(defects), self.line - 100)


def dead() -> UInt8:
    pixels = cloth(lines=2560).copy()
    pixels[FROM:, DEAD] = 3
    return pixels


def torn() -> UInt8:
    return cloth(lines=2560, ends=(broken_end(302, FROM - 60, 2000),))


CLOSED = replace(OPENED, state=State.CLOSED)
LATER = replace(OPENED, state=State.UPDATE, end_line=FROM + 500)


def test_what_a_dead_column_draws_is_never_told() -> None:
    run = Run(dead())
    assert run.to(1152, OPENED) == []
    for line in (1280, 1408, 1664):
        assert run.to(line) == []
    (column,) = run.columns.take_found()
    assert (column.x0, column.x1, column.first_line, column.score) == (302, 304, FROM, 6.0)
    assert run.to(1792, LATER) == []
    assert run.to(2048, replace(LATER, state=State.CLOSED)) == []
    assert run.held.waiting == 0


@pytest.mark.parametrize("pixels", [torn(), times(cloth(lines=2560), 0.8, FROM, None, slice(300, 306))])
def test_a_broken_end_and_what_looks_like_dust_are_told_as_soon_as_they_are_not_dead(pixels: UInt8) -> None:
    run = Run(pixels)
    assert run.to(FROM + 128, OPENED) == [("d-1", State.OPEN)]
    assert run.to(1792, LATER) == [("d-1", State.UPDATE)]


@pytest.mark.parametrize(
    "change",
    [
        {"kind": Kind.WEFT, "x1_px": 420},
        {"kind": Kind.AREA},
        {"x1_px": 380},
        {"kind": Kind.LOCAL, "end_line": FROM + 5},
    ],
)
def test_what_no_dead_column_draws_is_told_at_once(change: dict[str, object]) -> None:
    run = Run(dead())
    assert run.to(1280, replace(OPENED, **change)) == [("d-1", State.OPEN)]  # type: ignore[arg-type]


def test_one_that_ends_while_it_waits_is_told_whole() -> None:
    run = Run(cloth(lines=2560))
    assert run.to(1152, replace(OPENED, first_line=1120, end_line=1150)) == []
    ended = replace(CLOSED, first_line=1120, end_line=1150)
    assert run.to(1280, ended) == [("d-1", State.OPEN), ("d-1", State.CLOSED)]


def test_what_the_sensor_drew_may_still_become_a_defect() -> None:
    run = Run(dead())
    run.to(1280, OPENED)
    run.to(1536)
    assert run.to(1664, replace(LATER, x1_px=340)) == [("d-1", State.OPEN)]


def test_a_defect_that_is_part_of_one_that_waits_brings_it_out() -> None:
    run = Run(dead())
    run.to(1280, OPENED)
    part = replace(CLOSED, id="d-2", parent="d-1", kind=Kind.AREA)
    assert run.to(1280, part) == [("d-1", State.OPEN), ("d-2", State.CLOSED)]


def test_what_waits_is_told_when_it_can_wait_no_longer() -> None:
    run = Run(cloth(lines=2560))
    assert run.to(1152, replace(OPENED, first_line=1120, end_line=1150)) == []
    assert [(defect.id, defect.state) for defect in run.held.release()] == [("d-1", State.OPEN)]
    assert run.held.waiting == 0


DUST = Dust(from_m=FROM * 0.2e-3, column=302, width_px=4, loss=0.2)
FAST, SLOW, STILL = Geometry(wander_mm=3, wander_period_m=3), Geometry(wander_mm=2, wander_period_m=8), Geometry()
END = 6144


def story(run: Run, grown_at: int = END + 1) -> list[tuple[int, Defect]]:
    """A defect opens at line FROM and runs on, told of every 100 mm; what is told, and when."""
    told = []
    for line in range(FROM + 256, END + 1, 128):
        seen = replace(OPENED, x1_px=308 if line < grown_at else 350, end_line=line - 100)
        news = [seen] if line == FROM + 256 else [replace(seen, state=State.UPDATE)] if line % 512 == 0 else []
        told += [(line, defect) for defect in run.sifted(line, *news)]
    return told


def of_state(told: list[tuple[int, Defect]], state: State) -> list[tuple[str, str | None]]:
    return [(defect.id, defect.parent) for _, defect in told if defect.state is state]


def test_dust_under_cloth_that_wanders_is_never_told() -> None:
    run = Run(wandering(FAST, dust=(DUST,)), WIDE)
    assert story(run) == []
    (column,) = run.columns.take_found()
    assert column.certain
    assert (column.x0, column.x1) == (pytest.approx(300, abs=1), pytest.approx(304, abs=1))


def test_where_the_cloth_moves_too_little_it_is_told_at_once_and_closed_when_it_has_moved() -> None:
    told = story(Run(wandering(SLOW, dust=(DUST,)), WIDE))
    assert of_state(told, State.OPEN) == [("d-1", None)]
    assert told[0][0] <= FROM + 256
    assert of_state(told, State.CLOSED) == [("d-1", "m-1")]
    assert told[-1][1].state is State.CLOSED


def test_where_the_cloth_lies_still_it_stays_a_defect() -> None:
    told = story(Run(wandering(STILL, dust=(DUST,)), WIDE))
    assert told[0][0] <= FROM + 256
    assert of_state(told, State.CLOSED) == []


def test_a_broken_end_in_cloth_that_wanders_is_told_and_stays() -> None:
    shift_mm, _ = FAST.across(np.array([FROM * 0.2e-3]))
    ends = (broken_end(303 - round(shift_mm[0] / 0.2), FROM, 5000),)
    told = story(Run(wandering(FAST, ends=ends), WIDE))
    assert of_state(told, State.OPEN) == [("d-1", None)]
    assert of_state(told, State.CLOSED) == []


def test_what_shows_nothing_within_the_promised_length_is_told() -> None:
    pixels = wandering(STILL).copy()
    for line in range(FROM):
        pixels[line] = np.roll(pixels[line], (FROM - line) // 128)
    told = story(Run(times(pixels, 0.8, FROM, None, slice(300, 304)), WIDE))
    assert 0.7 * HOLD_MM <= (told[0][0] - FROM) * SCALE.mm_per_line <= HOLD_MM + 128 * SCALE.mm_per_line
    assert of_state(told, State.CLOSED) == []


@pytest.mark.parametrize(("geometry", "name"), [(FAST, "d-1"), (SLOW, "d-1-again")])
def test_what_the_sensor_drew_may_grow_into_a_defect_of_another_name(geometry: Geometry, name: str) -> None:
    told = story(Run(wandering(geometry, dust=(DUST,)), WIDE), grown_at=END - 512)
    assert (name, None) in of_state(told, State.OPEN)
    assert told[-1][1].id == name
    assert told[-1][1].state is State.UPDATE
