"""Lines along the warp, between the tracker and those who are told: is it the sensor that draws them?

A line is held back for some lines, until it is known whether a dead column draws it. One that looks as dust does is
held back for up to HOLD_MM while the cloth moves sideways, for then it will show whether it moves along. Where the
cloth lies still, or nothing showed by then, it is told; if it turns out to be the sensor's later, it is closed as part
of the maintenance event that explains it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from runtime.types import Defect, Kind, State
from runtime.watch.change import Change
from runtime.watch.columns import HALO_PX, Column, ColumnWatch, NotYet
from runtime.watch.frames import MOVED_PX, Frame, Mark

MAX_PX = 64
"""What the sensor draws on the map is no wider."""
RUNNING_LINES = 96
"""A defect that reached as near to the newest strip's end may be running on: the map is judged some rows late."""
HOLD_MM = 850.0
"""A broken end is told within a metre of cloth; the newest line of the map lies some tiles behind the camera's."""


@dataclass(frozen=True)
class _Dropped:
    """A line that the sensor draws, as it was when that was known; told: it had been told before, and was closed."""

    defect: Defect
    column: Column
    told: bool


class Held:
    """Stands between the tracker and those who are told."""

    def __init__(self, columns: ColumnWatch, mm_per_line: float, explain: Callable[[Column], str]) -> None:
        """Set up.

        Args:
            explain: tells of a column, if that is not done yet, and returns the id of its maintenance event.
        """
        self._columns = columns
        self._hold_lines = round(HOLD_MM / mm_per_line)
        self._explain = explain
        self._waiting: dict[str, Defect] = {}
        self._told: dict[str, Defect] = {}  # and still in doubt
        self._dropped: dict[str, _Dropped] = {}
        self._renamed: dict[str, str] = {}

    @property
    def waiting(self) -> int:
        """How many are held back at the moment."""
        return len(self._waiting)

    def sift(self, defects: list[Defect], end_line: int) -> list[Defect]:
        """What is to be told of the tracker's newest: all but what is in doubt or the sensor's.

        Args:
            end_line: of the newest strip.
        """
        told: list[Defect] = []
        for defect in defects:
            if defect.parent in self._waiting or defect.parent in self._dropped:
                told += self._release(str(defect.parent))  # a defect of the cloth was found to be part of it
            if defect.id in self._dropped:
                told += self._still_dropped(defect)
            elif defect.id in self._waiting or (defect.state is State.OPEN and _in_doubt(defect, end_line)):
                self._waiting[defect.id] = defect
            else:
                told += self._pass(defect)
        for defect in list(self._waiting.values()):
            told += self._decide(defect, end_line)
        for defect in list(self._told.values()):
            told += self._withdraw(defect)
        return told

    def release(self) -> list[Defect]:
        """What is in doubt is told as the cloth's: whoever judged it judges no longer."""
        return [one for name in list(self._waiting) for one in self._release(name)]

    def _decide(self, defect: Defect, end_line: int) -> list[Defect]:
        """Drop or tell one that waits, or let it wait on."""
        try:
            change = self._columns.changed(defect.x0_px, defect.x1_px, defect.first_line)
        except NotYet:
            over = defect.state is State.CLOSED or not _in_doubt(defect, end_line)
            return self._release(defect.id) if over else []
        mark = self._mark(defect)
        frame = mark.frame if mark else Frame.UNKNOWN
        if change.dead or (mark and frame is Frame.SENSOR):
            del self._waiting[defect.id]
            self._drop(defect, mark.change if mark and not change.dead else change, told=False)
            return []
        goes_on = frame is Frame.UNKNOWN and defect.state is not State.CLOSED
        if goes_on and change.like_dust and self._may_wait(defect, mark, end_line):
            return []
        told = self._release(defect.id)
        if goes_on:
            self._told[defect.id] = defect
        else:
            self._columns.marks.forget(defect.id)
        return told

    def _may_wait(self, defect: Defect, mark: Mark | None, end_line: int) -> bool:
        """Will the cloth's move show whose it is, soon enough?"""
        middle = (defect.x0_px + defect.x1_px) / 2
        swing = self._columns.marks.swing_px(middle, self._hold_lines)
        return end_line - defect.first_line < self._hold_lines and swing >= (mark.needed_px if mark else MOVED_PX)

    def _withdraw(self, defect: Defect) -> list[Defect]:
        """Close one that was told, where it turned out to be the sensor's."""
        mark = self._mark(defect)
        if mark is None or mark.frame is Frame.UNKNOWN:
            return []
        del self._told[defect.id]
        if mark.frame is Frame.CLOTH:
            self._columns.marks.forget(defect.id)
            return []
        column = self._drop(defect, mark.change, told=True)
        return [replace(self._named(defect), state=State.CLOSED, parent=self._explain(column))]

    def _drop(self, defect: Defect, change: Change, told: bool) -> Column:
        """From here on it is the sensor's."""
        column = self._columns.blame(change, defect.first_line, defect.score, certain=True)
        self._columns.marks.forget(defect.id)
        if defect.state is not State.CLOSED:
            self._dropped[defect.id] = _Dropped(defect, column, told)
        return column

    def _still_dropped(self, defect: Defect) -> list[Defect]:
        """Forget a dropped defect that ends; tell one that grew beyond the columns that were blamed."""
        was = self._dropped[defect.id]
        left, right = min(was.defect.x0_px, was.column.x0), max(was.defect.x1_px, was.column.x1)
        if defect.x0_px < left - HALO_PX or defect.x1_px > right + HALO_PX:
            self._dropped[defect.id] = replace(was, defect=defect)
            return self._release(defect.id)
        if defect.state is State.CLOSED:
            del self._dropped[defect.id]
        return []

    def _release(self, name: str) -> list[Defect]:
        """Tell one that was held back: that it opened, and that it closed if it did."""
        defect = self._waiting.pop(name, None)
        if defect is None:
            was = self._dropped.pop(name)
            defect = was.defect
            if was.told:  # it was closed under its name
                self._renamed[name] = f"{name}-again"
        opened = self._named(replace(defect, state=State.OPEN, parent=None))
        return [opened, *self._pass(defect)] if defect.state is State.CLOSED else [opened]

    def _pass(self, defect: Defect) -> list[Defect]:
        """Tell what the tracker says of one that was told before, or is not in doubt."""
        told = [self._named(defect)]
        if defect.id in self._told:
            self._told[defect.id] = defect
        if defect.state is State.CLOSED or not _may_be_sensors(defect):
            self._told.pop(defect.id, None)
            self._columns.marks.forget(defect.id)
        if defect.state is State.CLOSED:
            self._renamed.pop(defect.id, None)
        return told

    def _named(self, defect: Defect) -> Defect:
        return replace(defect, id=self._renamed.get(defect.id, defect.id))

    def _mark(self, defect: Defect) -> Mark | None:
        first = defect.first_line
        return self._columns.marks.follow(defect.id, defect.x0_px, defect.x1_px, first, first)


def _may_be_sensors(defect: Defect) -> bool:
    """A column of the sensor could draw it."""
    return defect.x1_px - defect.x0_px <= MAX_PX and defect.kind in (Kind.WARP, Kind.LOCAL)


def _in_doubt(defect: Defect, end_line: int) -> bool:
    """A column of the sensor could draw it, and it may run on."""
    return _may_be_sensors(defect) and end_line - defect.end_line <= RUNNING_LINES
