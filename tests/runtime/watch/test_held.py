"""Lines along the warp wait for the verdict, nothing else does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runtime.types import Defect, Kind, State, UInt8
from runtime.watch.columns import ColumnWatch
from runtime.watch.held import Held
from tests.runtime.watch.cloth import CLOTH, SCALE, blocks, broken_end, cloth, times

FROM = 1024
DEAD = slice(302, 304)
OPENED = Defect(
    id="d-1", parent=None, camera="c", state=State.OPEN, kind=Kind.WARP, x0_px=298, x1_px=308,
    first_line=FROM, end_line=FROM + 60, x0_mm=0, x1_mm=0, y0_m=0, y1_m=0, peak_x_px=302, peak_line=FROM + 30,
    peak_x_mm=0, peak_y_m=0, score=6.0, threshold=3.5, latency_ms=0, latency_mm=0,
)  # fmt: skip


class Run:
    """Held over a ColumnWatch that sees cloth strip by strip, 100 lines ahead of the map."""

    def __init__(self, pixels: UInt8) -> None:
        self.columns = ColumnWatch(SCALE, 3.5)
        self.columns.region = CLOTH
        self.held = Held(self.columns)
        self._blocks = blocks(pixels)
        self.line = 0

    def to(self, line: int, *defects: Defect) -> list[tuple[str, State]]:
        """See lines up to ``line``, then sift what the tracker says of a strip that ends 100 lines before it."""
        while self.line < line:
            block = next(self._blocks)
            self.columns.see(block)
            self.line = block.end_line
        return [(defect.id, defect.state) for defect in self.held.sift(list(defects), self.line - 100)]


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
