"""Lines along the warp are held back until it is known whether the cloth or the sensor draws them."""

from __future__ import annotations

from dataclasses import replace

from runtime.types import Defect, Kind, State
from runtime.watch.change import Cause, Change
from runtime.watch.columns import HALO_PX, ColumnWatch

MAX_PX = 64
"""What dust draws on the map is no wider."""
LINE_SIGMAS, SPOT_SIGMAS = 3.0, 4.0
"""How sure the change of a column has to be that explains a line, and one that explains a spot."""
RUNNING_LINES = 96
"""A defect that reached as near to the newest strip's end may be running on: the map is judged some rows late."""


class Held:
    """Stands between the tracker and those who are told."""

    def __init__(self, columns: ColumnWatch) -> None:
        self._columns = columns
        self._waiting: dict[str, Defect] = {}
        self._dropped: dict[str, tuple[Defect, Change]] = {}
        self._running: dict[str, tuple[int, int]] = {}  # columns of lines along the warp that were told

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
        self._spare(told)
        return told

    def release(self) -> list[Defect]:
        """What is in doubt is told as the cloth's: whoever judged it judges no longer."""
        told = [one for name in list(self._waiting) for one in self._release(name)]
        self._spare(told)
        return told

    def _spare(self, told: list[Defect]) -> None:
        for defect in told:
            self._running.pop(defect.id, None)
            if defect.state is not State.CLOSED and defect.kind in (Kind.WARP, Kind.LOCAL):
                self._running[defect.id] = defect.x0_px, defect.x1_px
        self._columns.spared = list(self._running.values())

    def _decide(self, defect: Defect, end_line: int) -> list[Defect]:
        sigmas = LINE_SIGMAS if defect.kind is Kind.WARP else SPOT_SIGMAS
        cause, change = self._columns.cause(defect.x0_px, defect.x1_px, defect.first_line, sigmas)
        if cause is Cause.SENSOR and change is not None:
            del self._waiting[defect.id]
            self._columns.blame(change, defect.first_line, defect.score)
            if defect.state is not State.CLOSED:
                self._dropped[defect.id] = (defect, change)
            return []
        over = defect.state is State.CLOSED or not _in_doubt(defect, end_line)
        return self._release(defect.id) if over or cause is Cause.CLOTH else []

    def _still_dropped(self, defect: Defect) -> list[Defect]:
        """Forget a dropped defect that ends; tell one that grew beyond the columns that were blamed."""
        first, change = self._dropped[defect.id]
        grew = (
            defect.x0_px < min(first.x0_px, change.x0) - HALO_PX or defect.x1_px > max(first.x1_px, change.x1) + HALO_PX
        )
        self._dropped[defect.id] = (first, change)
        if grew:
            self._waiting[defect.id] = defect
            del self._dropped[defect.id]
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
    """Dust could draw it: narrow, and it may run on."""
    narrow = defect.x1_px - defect.x0_px <= MAX_PX and defect.kind in (Kind.WARP, Kind.LOCAL)
    return narrow and end_line - defect.end_line <= RUNNING_LINES
