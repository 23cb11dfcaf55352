"""A roll of cloth as it was kept: its runs end to end, each defect once, and all that was not looked at.

Metres count from the start of the roll's first run. Where one run ends and the next begins lies at least what the
first one saw; how much cloth passed between them nobody knows, and the roll says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.rolls.grades import Cloth, Flaw
from runtime.rolls.store import Label

CUT_OFF = "cut_off"
"""Why lines that came in before a run was cut off count as not looked at."""
NO_LINES = "no_lines"
"""Why a camera that was gone before the others ended did not look."""


@dataclass(frozen=True)
class Found(Flaw):
    """A defect of the roll.

    Attributes:
        closed: False where the run was cut off while it ran on.
        crop: its picture, or None.
        repeat: number of the repeat that it is one of, or None.
    """

    cameras: tuple[str, ...] = ()
    peak_x_mm: float = 0.0
    peak_y_m: float = 0.0
    score: float = 0.0
    threshold: float = 0.0
    time: str = ""
    closed: bool = True
    crop: Path | None = None
    repeat: int | None = None


@dataclass(frozen=True)
class Unseen:
    """Cloth that was not looked at.

    Attributes:
        reason: one of runtime.types.Reason, CUT_OFF or NO_LINES.
        y0_m, y1_m: where; equal where its length is unknown.
        x0_mm, x1_mm: the part of the width that its camera sees.
        seconds: how long it lasted, where its length is unknown and the time is known.
    """

    camera: str
    reason: str
    y0_m: float
    y1_m: float
    x0_mm: float
    x1_mm: float
    seconds: float | None
    detail: str

    @property
    def metres(self) -> float:
        """Its length, 0 where that is unknown."""
        return self.y1_m - self.y0_m


@dataclass(frozen=True)
class Repeat:
    """Defects that come back at one distance.

    Attributes:
        period_mm: the distance, along the cloth.
        y0_m, y1_m: middles of the first and the newest of them.
        count: how many there were.
        defects: ids of those that are defects of the roll or became part of one, the newest last.
        closed: False where the roll ended or was cut off before the series did.
    """

    id: str
    period_mm: float
    x0_mm: float
    x1_mm: float
    y0_m: float
    y1_m: float
    count: int
    defects: tuple[str, ...]
    closed: bool


@dataclass(frozen=True)
class Maintenance:
    """What was wrong with a camera or its light, not with the cloth.

    Attributes:
        cause: as in ``runtime.events.MaintenanceEvent``.
        y0_m, y1_m: from where it was seen, and about where it was over, or where the camera's cloth ended.
        x0_mm, x1_mm: where it stands still across, or None.
        closed: it was over before that.
    """

    id: str
    camera: str
    cause: str
    message: str
    y0_m: float
    y1_m: float
    x0_mm: float | None
    x1_mm: float | None
    closed: bool


@dataclass(frozen=True)
class Run:
    """One time that a stream wrote into the roll.

    Attributes:
        y0_m, y1_m: its part of the roll.
        how: how it ended, as in the summary event; None: it was cut off, or it is still written.
    """

    number: int
    started: str
    shift: str | None
    ended: str | None
    how: str | None
    y0_m: float
    y1_m: float
    judge: str


@dataclass(frozen=True)
class Roll:
    """A roll. Repeats are numbered from 1, and so is what was maintained, in the order in which they were told.

    Attributes:
        shares: of the cloth's width that each camera sees, 0 to 1.
        live: a stream writes it at the moment.
        lost: what could not be kept, with counts.
    """

    folder: Path
    label: Label
    runs: tuple[Run, ...]
    defects: tuple[Found, ...]
    unseen: tuple[Unseen, ...]
    repeats: tuple[Repeat, ...]
    maintenance: tuple[Maintenance, ...]
    cloth: Cloth
    shares: dict[str, float]
    live: bool
    lost: dict[str, int]

    @property
    def metres(self) -> float:
        """The roll's length, cloth or not."""
        return self.runs[-1].y1_m if self.runs else 0.0

    @property
    def cut_off(self) -> tuple[Run, ...]:
        """Runs without an end."""
        return tuple(run for run in self.runs if run.how is None and not (self.live and run is self.runs[-1]))


def union(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Spans joined where they touch, in order."""
    joined: list[tuple[float, float]] = []
    for low, high in sorted(spans):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return joined
