"""Reads a kept roll, while it is made too: the rows of its store are put together to a Roll."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from runtime.errors import UserError
from runtime.rolls.grades import Cloth
from runtime.rolls.notes import maintenance, repeats
from runtime.rolls.places import Places
from runtime.rolls.roll import CUT_OFF, NO_LINES, Found, Maintenance, Repeat, Roll, Run, Unseen, union
from runtime.rolls.store import CROPS, STORE, Label, being_written, check_format
from runtime.types import Kind, Reason

PLACES = """(
    SELECT camera, time, metres, looked_at_m FROM progress WHERE run = ?
    UNION ALL
    SELECT camera, time, y1_m, CASE type WHEN 'defect' THEN y1_m ELSE 0 END FROM events
    WHERE run = ? AND y1_m IS NOT NULL
    UNION ALL
    SELECT camera, time, json_extract(event, '$.y0_m') + json_extract(event, '$.latency_mm') / 1000, 0 FROM events
    WHERE run = ? AND type = 'defect'
)"""
"""Every place of a run that is known: how far a camera was, and how far it was judged. A defect's event says both: its
latency is the cloth from its first line to the newest."""
SKEW_M = 0.1
"""Cameras side by side need not end at the same line."""


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
        again: list[Repeat] = []
        needed: list[Maintenance] = []
        for row in self._db.execute("SELECT run, started, shift, ended, how FROM runs ORDER BY run").fetchall():
            events = self._events(row[0])
            if not events:  # a stream that never began
                continue
            number, started, shift, ended, how = row
            start = runs[-1].y1_m if runs else 0.0
            place = Places.of_run(start, events, str(label.id))
            ends = self._ends(number, place)
            y1 = max((metres for metres, _ in ends.values()), default=start)
            run = Run(number, started, shift, ended, how, start, y1, _judges(events))
            runs.append(run)
            defects += self._defects(events, place)
            unseen += [*_joined(self._unseen(number, events, place)), *self._tails(run, ends)]
            again += repeats(events, place)
            came = {camera: metres for camera, (metres, _) in ends.items()}
            needed += maintenance(events, place, partial(self._place, number), came)
        metres = runs[-1].y1_m if runs else 0.0
        lost = dict(self._db.execute("SELECT what, sum(count) FROM lost GROUP BY what").fetchall())
        cloth = self._cloth(metres, unseen)
        return Roll(
            self._folder, label, tuple(runs), tuple(defects), tuple(unseen), tuple(again), tuple(needed), cloth,
            self._shares, live, lost,
        )  # fmt: skip

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

    def _ends(self, run: int, place: Places) -> dict[str, tuple[float, float]]:
        """How far each camera of a run came, and how far it was judged, in metres of the roll."""
        query = f"SELECT camera, max(metres), max(looked_at_m) FROM {PLACES} GROUP BY camera"
        rows = self._db.execute(query, (run, run, run)).fetchall()
        return {
            camera: (place.of(camera, metres), max(place.start, place.of(camera, looked_at)))
            for camera, metres, looked_at in rows
        }

    def _defects(self, events: Sequence[dict[str, Any]], place: Places) -> list[Found]:
        """The last word on each defect; those that became part of another are left out."""
        last = {event["id"]: event for event in events if event["type"] == "defect"}
        return [self._found(event, place) for event in last.values() if event["parent"] is None]

    def _found(self, event: dict[str, Any], place: Places) -> Found:
        camera = event["cameras"][0]
        file = self._crops.get(event["id"])
        return Found(
            id=event["id"],
            kind=Kind(event["kind"]),
            x0_mm=event["x0_mm"],
            x1_mm=event["x1_mm"],
            y0_m=place.of(camera, event["y0_m"]),
            y1_m=place.of(camera, event["y1_m"]),
            cameras=tuple(event["cameras"]),
            peak_x_mm=event["peak_x_mm"],
            peak_y_m=place.of(camera, event["peak_y_m"]),
            score=event["score"],
            threshold=event["threshold"],
            time=event["time"],
            closed=event["state"] == "closed",
            crop=self._folder / CROPS / file if file else None,
        )

    def _unseen(self, run: int, events: Sequence[dict[str, Any]], place: Places) -> list[Unseen]:
        """Spans that were told; one of unknown length lies where its camera was when it was told.

        Cloth that came by again was looked at when it came first.
        """
        found = []
        for event in events:
            if event["type"] == "not_inspected" and event["reason"] != Reason.SEEN_BEFORE.value:
                y0, y1, camera = event["y0_m"], event["y1_m"], event["camera"]
                if y0 is None:
                    y0 = y1 = self._place(run, camera, event["time"])
                y0, y1 = place.of(camera, y0), place.of(camera, max(y0, y1))
                found.append(self._blank(camera, event["reason"], y0, y1, event["detail"], event["seconds"]))
        return found

    def _place(self, run: int, camera: str, time: str) -> float:
        """The last known metre of a camera at a time."""
        query = f"SELECT max(metres) FROM {PLACES} WHERE camera = ? AND time <= ?"
        return float(self._db.execute(query, (run, run, run, camera, time)).fetchone()[0] or 0.0)

    def _tails(self, run: Run, ends: dict[str, tuple[float, float]]) -> list[Unseen]:
        """What no span tells: lines that a cut-off run had not judged, and a camera that was not there to the end."""
        found = []
        for camera in self._edges:
            metres, looked_at = ends.get(camera, (run.y0_m, run.y0_m))
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


def _joined(spans: Sequence[Unseen]) -> list[Unseen]:
    """Spans of one camera, reason and detail that lie end to end, as one."""
    joined: list[Unseen] = []
    for one in spans:
        before = next((other for other in reversed(joined) if other.camera == one.camera), None)
        if before and one.metres and replace(before, y0_m=one.y0_m, y1_m=one.y1_m) == one and before.y1_m == one.y0_m:
            joined[joined.index(before)] = replace(before, y1_m=one.y1_m)
        else:
            joined.append(one)
    return joined


def _judges(events: Sequence[dict[str, Any]]) -> str:
    """Who judged, in words: each bundle and engine with the revisions of its settings."""
    revisions: dict[tuple[str, str], list[int]] = {}
    for event in events:
        if "judge" in event:
            judge = event["judge"]
            revisions.setdefault((judge["bundle"], judge["engine"]), []).append(judge["settings_revision"])
    if not revisions:
        return next((event["message"] for event in events if event["type"] == "state"), "")
    return "; ".join(f"bundle {bundle}, {engine}, {_range(of)}" for (bundle, engine), of in revisions.items())


def _range(revisions: Sequence[int]) -> str:
    low, high = min(revisions), max(revisions)
    return f"settings revision {low}" if low == high else f"settings revisions {low} to {high}"
