"""Defects that come back at one distance: a roller with a mark on it prints it once a turn.

The distances along the cloth between closed defects of like place and kind are tested for a common one. Nothing is
known of rollers: any distance from LEAST_MM to MOST_MM that shows MIN_COUNT times is told. The defects keep their own
events. One place may be empty between two that are not: a mark does not always print.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from runtime.events import DefectEvent, Event, RepeatEvent
from runtime.types import Kind, State

MIN_COUNT = 3
LEAST_MM = 20.0
"""Closer together they are one defect with parts."""
MOST_MM = 2000.0
"""Beyond any roller's circumference, and beyond what chance leaves alone."""
ACROSS_MM = 5.0
"""Defects of one mark lie within this across: the cloth wanders."""
ALONG_MM = 3.0
"""... and within this, and SLIP of the distance, of where the distance says: cloth slips and stretches."""
SLIP = 0.01
LEAST_SHARE = 0.2
"""Of the newest turn in the distance of a series."""
MOST_MARKS = 256
"""Closed defects that are remembered."""
NAMED = 16
"""Ids in an event."""


@dataclass(frozen=True)
class _Mark:
    """A closed defect. y_mm: its middle, from the stream's start."""

    id: str
    shape: Kind
    camera: str
    x0_mm: float
    x1_mm: float
    y_mm: float

    @classmethod
    def of(cls, event: DefectEvent) -> _Mark:
        # Spots that are a little larger or smaller than an area are alike.
        shape = Kind.LOCAL if event.kind is Kind.AREA else event.kind
        middle = (event.y0_m + event.y1_m) / 2 * 1000
        return cls(event.id, shape, event.cameras[0], event.x0_mm, event.x1_mm, middle)

    def like(self, other: _Mark) -> bool:
        """Of one shape, their middles at one place across."""
        apart = abs(self.x0_mm + self.x1_mm - other.x0_mm - other.x1_mm) / 2
        return self.shape is other.shape and apart <= ACROSS_MM


@dataclass(frozen=True)
class _Series:
    """Marks at one distance, as told last."""

    period_mm: float
    newest: _Mark
    event: RepeatEvent

    def turns_to(self, mark: _Mark) -> int | None:
        """How many distances a mark lies beyond the newest; None where it is none of the series."""
        turns = round((mark.y_mm - self.newest.y_mm) / self.period_mm)
        fits = turns in (1, 2) and _near(self.newest.y_mm + turns * self.period_mm, mark, self.period_mm)
        return turns if fits and mark.like(self.newest) else None


class Repeats:
    """Finds repeats in the events of one stream. Used by one thread."""

    def __init__(self) -> None:
        self._marks: list[_Mark] = []  # by y
        self._series: list[_Series] = []
        self._run_id = secrets.token_hex(4)
        self._told = 0

    def hear(self, event: Event) -> list[RepeatEvent]:
        """What a defect that closed says of those before it."""
        if not isinstance(event, DefectEvent) or event.state is not State.CLOSED or event.parent is not None:
            return []
        mark = _Mark.of(event)
        for place, series in enumerate(self._series):
            if turns := series.turns_to(mark):
                self._series[place] = _longer(series, mark, turns, event)
                return [self._series[place].event]
        self._marks = sorted([*self._marks, mark], key=lambda one: one.y_mm)[-MOST_MARKS:]
        like = [one for one in self._marks if one.like(mark)]
        found = _repeating(like)
        if found is None or mark not in found[0]:
            return []
        marks, period_mm = found
        self._marks = [one for one in self._marks if one not in marks]
        self._told += 1
        self._series.append(_begun(marks, period_mm, f"{self._run_id}-repeat-{self._told}", event))
        return [self._series[-1].event]

    def passed(self, camera: str, y_m: float) -> list[RepeatEvent]:
        """A camera has judged the cloth up to a metre: the series that ended there are closed."""
        return self._close(
            [
                series
                for series in self._series
                if series.newest.camera == camera and y_m * 1000 > series.newest.y_mm + 3 * series.period_mm
            ]
        )

    def close(self) -> list[RepeatEvent]:
        """The stream ends: close what is open."""
        return self._close(self._series)

    def _close(self, over: Sequence[_Series]) -> list[RepeatEvent]:
        self._series = [series for series in self._series if series not in over]
        return [series.event.model_copy(update={"state": State.CLOSED}) for series in over]


def _near(y_mm: float, mark: _Mark, period_mm: float) -> bool:
    return abs(mark.y_mm - y_mm) <= ALONG_MM + SLIP * period_mm


def _repeating(marks: Sequence[_Mark]) -> tuple[list[_Mark], float] | None:
    """The newest marks that follow each other at one distance, oldest first, and the distance; the longest such row.

    Args:
        marks: like each other, by y.
    """
    newest = marks[-1]
    rows: list[tuple[list[_Mark], float]] = []
    for earlier in marks[:-1]:
        apart = newest.y_mm - earlier.y_mm
        rows += [_row(marks, apart / turns) for turns in (1, 2) if LEAST_MM <= apart / turns <= MOST_MM]
    enough = [row for row in rows if len(row[0]) >= MIN_COUNT]
    return max(enough, key=lambda row: (len(row[0]), row[1]), default=None)


def _row(marks: Sequence[_Mark], period_mm: float) -> tuple[list[_Mark], float]:
    """Marks at multiples of a distance back from the newest, one place in three empty at most; and the distance."""
    row, turns = [marks[-1]], 0
    while True:
        before = [(step, _at(marks, row[-1].y_mm - step * period_mm, period_mm)) for step in (1, 2)]
        step, mark = next(((step, mark) for step, mark in before if mark), (0, None))
        places, filled = turns + step + 1, len(row) + 1
        if mark is None or places - filled > max(1, filled // MIN_COUNT):
            break
        row.append(mark)
        turns += step
    return row[::-1], (row[0].y_mm - row[-1].y_mm) / turns if turns else period_mm


def _at(marks: Iterable[_Mark], y_mm: float, period_mm: float) -> _Mark | None:
    there = [mark for mark in marks if _near(y_mm, mark, period_mm)]
    return min(there, key=lambda mark: abs(mark.y_mm - y_mm), default=None)


def _begun(marks: Sequence[_Mark], period_mm: float, name: str, cause: DefectEvent) -> _Series:
    event = RepeatEvent(
        id=name,
        state=State.OPEN,
        period_mm=round(period_mm, 3),
        x0_mm=min(mark.x0_mm for mark in marks),
        x1_mm=max(mark.x1_mm for mark in marks),
        y0_m=round(marks[0].y_mm / 1000, 6),
        y1_m=round(marks[-1].y_mm / 1000, 6),
        defects=[mark.id for mark in marks][-NAMED:],
        count=len(marks),
        time=cause.time,
        roll=cause.roll,
    )
    return _Series(period_mm, marks[-1], event)


def _longer(series: _Series, mark: _Mark, turns: int, cause: DefectEvent) -> _Series:
    """The series with one more mark; its distance is a mean in which old turns fade, as cloth stretches."""
    event = series.event
    share = max(LEAST_SHARE, 1 / event.count)
    period_mm = series.period_mm + share * ((mark.y_mm - series.newest.y_mm) / turns - series.period_mm)
    told = {
        "state": State.UPDATE,
        "period_mm": round(period_mm, 3),
        "x0_mm": min(event.x0_mm, mark.x0_mm),
        "x1_mm": max(event.x1_mm, mark.x1_mm),
        "y1_m": round(mark.y_mm / 1000, 6),
        "defects": [*event.defects, mark.id][-NAMED:],
        "count": event.count + 1,
        "time": cause.time,
        "roll": cause.roll,
    }
    return replace(series, period_mm=period_mm, newest=mark, event=event.model_copy(update=told))
