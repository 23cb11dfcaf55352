"""A kept roll as it is read: its runs put end to end, each defect once, and all that was not looked at.

Metres of a Roll count from the start of its first run. Where one run ends and the next begins lies at least what the
first one saw; how much cloth passed between them nobody knows, and the roll says so.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from runtime.errors import UserError
from runtime.rolls.grades import Cloth, Flaw
from runtime.rolls.store import CROPS, STORE, Label, being_written, check_format
from runtime.types import Kind, Reason

CUT_OFF = "cut_off"
"""Why lines that came in before a run was cut off count as not looked at."""
NO_LINES = "no_lines"
"""Why a camera that was gone before the others ended did not look."""
PLACES = """(
    SELECT camera, time, metres, looked_at_m FROM progress WHERE run = ?
    UNION ALL
    SELECT camera, time, y1_m, CASE type WHEN 'defect' THEN y1_m ELSE 0 END FROM events
    WHERE run = ? AND y1_m IS NOT NULL
)"""
"""Every place of a run that is known: how far a camera was, and how far it was judged."""
SKEW_M = 0.1
"""Cameras side by side need not end at the same line."""


@dataclass(frozen=True)
class Found(Flaw):
    """A defect of the roll.

    Attributes:
        closed: False where the run was cut off while it ran on.
        crop: its picture, or None.
    """

    cameras: tuple[str, ...] = ()
    peak_x_mm: float = 0.0
    peak_y_m: float = 0.0
    score: float = 0.0
    threshold: float = 0.0
    time: str = ""
    closed: bool = True
    crop: Path | None = None


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
    """A roll.

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


def read_roll(folder: Path) -> Roll:
    """Read a roll, while it is written too.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    path = folder / STORE
    if not path.is_file():
        raise UserError(f"There is no roll at '{folder}': name a folder that runtime.stream --roll wrote.")
    live = being_written(folder)
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            check_format(db, folder)
            db.execute("BEGIN")  # one moment of a roll that grows
            return _Reader(db, folder).roll(live)
    except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
        raise UserError(f"The roll '{folder}' cannot be read: {error}.") from error


def union(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Spans joined where they touch, in order."""
    joined: list[tuple[float, float]] = []
    for low, high in sorted(spans):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return joined


class _Reader:
    """Puts the rows of a store together."""

    def __init__(self, db: sqlite3.Connection, folder: Path) -> None:
        self._db, self._folder = db, folder
        self._edges = self._edges_of_cameras()
        self._known = [edges for edges in self._edges.values() if edges]
        whole = sum(x1 - x0 for x0, x1 in self._known)
        self._shares = {name: (edges[1] - edges[0]) / whole for name, edges in self._edges.items() if edges}
        self._x0 = min((x0 for x0, _ in self._known), default=0.0)
        self._x1 = max((x1 for _, x1 in self._known), default=0.0)
        self._crops = dict(db.execute("SELECT defect, file FROM crops"))

    def roll(self, live: bool) -> Roll:
        label = Label(*self._db.execute("SELECT id, style, loom FROM roll").fetchone())
        runs: list[Run] = []
        defects: list[Found] = []
        unseen: list[Unseen] = []
        for row in self._db.execute("SELECT run, started, shift, ended, how FROM runs ORDER BY run").fetchall():
            events = self._events(row[0])
            if not events:  # a stream that never began
                continue
            start = runs[-1].y1_m if runs else 0.0
            ends = self._ends(row[0])
            length = max((metres for metres, _ in ends.values()), default=0.0)
            number, started, shift, ended, how = row
            run = Run(number, started, shift, ended, how, start, start + length, _judge(events))
            runs.append(run)
            defects += self._defects(events, start)
            unseen += [*self._unseen(number, events, start), *self._tails(run, ends)]
        metres = runs[-1].y1_m if runs else 0.0
        lost = dict(self._db.execute("SELECT what, sum(count) FROM lost GROUP BY what").fetchall())
        cloth = self._cloth(metres, unseen)
        return Roll(self._folder, label, tuple(runs), tuple(defects), tuple(unseen), cloth, self._shares, live, lost)

    def _edges_of_cameras(self) -> dict[str, tuple[float, float] | None]:
        """The usual edges of the cloth that each camera sees."""
        seen: dict[str, list[tuple[float, float]]] = {}
        for camera, x0, x1 in self._db.execute("SELECT camera, x0_mm, x1_mm FROM progress"):
            seen.setdefault(camera, []).extend([(x0, x1)] if x0 is not None and x0 < x1 else [])
        return {
            camera: (median(x0 for x0, _ in edges), median(x1 for _, x1 in edges)) if edges else None
            for camera, edges in seen.items()
        }

    def _events(self, run: int) -> list[dict[str, Any]]:
        found = self._db.execute("SELECT event FROM events WHERE run = ? ORDER BY number", (run,))
        return [json.loads(text) for (text,) in found]

    def _ends(self, run: int) -> dict[str, tuple[float, float]]:
        """Metres of each camera in a run: that came in, that were judged."""
        query = f"SELECT camera, max(metres), max(looked_at_m) FROM {PLACES} GROUP BY camera"
        rows = self._db.execute(query, (run, run))
        return {camera: (metres, looked_at) for camera, metres, looked_at in rows}

    def _defects(self, events: Sequence[dict[str, Any]], start: float) -> list[Found]:
        """The last word on each defect; those that became part of another are left out."""
        last = {event["id"]: event for event in events if event["type"] == "defect"}
        return [self._found(event, start) for event in last.values() if event["parent"] is None]

    def _found(self, event: dict[str, Any], start: float) -> Found:
        file = self._crops.get(event["id"])
        return Found(
            id=event["id"],
            kind=Kind(event["kind"]),
            x0_mm=event["x0_mm"],
            x1_mm=event["x1_mm"],
            y0_m=start + event["y0_m"],
            y1_m=start + event["y1_m"],
            cameras=tuple(event["cameras"]),
            peak_x_mm=event["peak_x_mm"],
            peak_y_m=start + event["peak_y_m"],
            score=event["score"],
            threshold=event["threshold"],
            time=event["time"],
            closed=event["state"] == "closed",
            crop=self._folder / CROPS / file if file else None,
        )

    def _unseen(self, run: int, events: Sequence[dict[str, Any]], start: float) -> list[Unseen]:
        """Spans that were told; one of unknown length lies where its camera was when it was told."""
        found = []
        for event in events:
            if event["type"] == "not_inspected":
                y0, y1 = event["y0_m"], event["y1_m"]
                if y0 is None:
                    y0 = y1 = self._place(run, event["camera"], event["time"])
                y0, y1 = start + y0, start + max(y0, y1)
                found.append(self._blank(event["camera"], event["reason"], y0, y1, event["detail"], event["seconds"]))
        return found

    def _place(self, run: int, camera: str, time: str) -> float:
        """The last known metre of a camera at a time."""
        query = f"SELECT max(metres) FROM {PLACES} WHERE camera = ? AND time <= ?"
        return float(self._db.execute(query, (run, run, camera, time)).fetchone()[0] or 0.0)

    def _tails(self, run: Run, ends: dict[str, tuple[float, float]]) -> list[Unseen]:
        """What no span tells: lines that a cut-off run had not judged, and a camera that was not there to the end."""
        found = []
        for camera in self._edges:
            metres, looked_at = (run.y0_m + end for end in ends.get(camera, (0.0, 0.0)))
            if run.how is None and looked_at < metres:
                detail = "came in, and was not judged before the stream was cut off"
                found.append(self._blank(camera, CUT_OFF, looked_at, metres, detail))
            if run.y1_m - metres > SKEW_M:
                found.append(self._blank(camera, NO_LINES, metres, run.y1_m, "the camera gave no lines here"))
        return found

    def _blank(
        self, camera: str, reason: str, y0: float, y1: float, detail: str, seconds: float | None = None
    ) -> Unseen:
        x0, x1 = self._edges.get(camera) or (self._x0, self._x1)
        return Unseen(camera, reason, y0, y1, x0, x1, seconds, detail)

    def _cloth(self, metres: float, unseen: Sequence[Unseen]) -> Cloth:
        """Length and what was looked at of it, each camera counting by its share of the width."""
        length = inspected = 0.0
        for camera, share in self._shares.items():
            spans = [(one.y0_m, one.y1_m) for one in unseen if one.camera == camera]
            bare = [(u.y0_m, u.y1_m) for u in unseen if u.camera == camera and u.reason == Reason.NO_CLOTH.value]
            length += share * (metres - sum(high - low for low, high in union(bare)))
            inspected += share * (metres - sum(high - low for low, high in union(spans)))
        return Cloth(self._x0, self._x1, length, inspected)


def _judge(events: Sequence[dict[str, Any]]) -> str:
    """Who judged, in words: bundle, engine, revision of the settings."""
    for event in reversed(events):
        if "judge" in event:
            judge = event["judge"]
            return f"bundle {judge['bundle']}, {judge['engine']}, settings revision {judge['settings_revision']}"
    return next((event["message"] for event in events if event["type"] == "state"), "")
