"""Lines along the warp are held back for some lines, until it is known whether a dead column draws them."""

from __future__ import annotations

from dataclasses import replace

from runtime.types import Defect, Kind, State
from runtime.watch.change import Change
from runtime.watch.columns import HALO_PX, ColumnWatch, NotYet

MAX_PX = 64
"""What a dead column draws on the map is no wider."""
RUNNING_LINES = 96
"""A defect that reached as near to the newest strip's end may be running on: the map is judged some rows late."""


class Held:
    """Stands between the tracker and those who are told."""

    def __init__(self, columns: ColumnWatch) -> None:
        self._columns = columns
        self._waiting: dict[str, Defect] = {}
        self._dropped: dict[str, tuple[Defect, Change]] = {}

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
                told.append(defect)
        for defect in list(self._waiting.values()):
            told += self._decide(defect, end_line)
        return told

    def release(self) -> list[Defect]:
        """What is in doubt is told as the cloth's: whoever judged it judges no longer."""
        return [one for name in list(self._waiting) for one in self._release(name)]

    def _decide(self, defect: Defect, end_line: int) -> list[Defect]:
        try:
            dead = self._columns.dead(defect.x0_px, defect.x1_px, defect.first_line)
        except NotYet:
            over = defect.state is State.CLOSED or not _in_doubt(defect, end_line)
            return self._release(defect.id) if over else []
        if dead is None:
            return self._release(defect.id)
        del self._waiting[defect.id]
        self._columns.blame(dead, defect.first_line, defect.score)
        if defect.state is not State.CLOSED:
            self._dropped[defect.id] = (defect, dead)
        return []

    def _still_dropped(self, defect: Defect) -> list[Defect]:
        """Forget a dropped defect that ends; tell one that grew beyond the columns that were blamed."""
        first, change = self._dropped[defect.id]
        grew = (
            defect.x0_px < min(first.x0_px, change.x0) - HALO_PX or defect.x1_px > max(first.x1_px, change.x1) + HALO_PX
        )
        if grew:
            self._dropped[defect.id] = (defect, change)
            return self._release(defect.id)
        if defect.state is State.CLOSED:
            del self._dropped[defect.id]
        return []

    def _release(self, name: str) -> list[Defect]:
        """Tell one that was held back: that it opened, and that it closed if it did."""
        defect = self._waiting.pop(name, None) or self._dropped.pop(name)[0]
        opened = replace(defect, state=State.OPEN, parent=None)
        return [opened, defect] if defect.state is State.CLOSED else [opened]


def _in_doubt(defect: Defect, end_line: int) -> bool:
    """A dead column could draw it: narrow, and it may run on."""
    narrow = defect.x1_px - defect.x0_px <= MAX_PX and defect.kind in (Kind.WARP, Kind.LOCAL)
    return narrow and end_line - defect.end_line <= RUNNING_LINES
