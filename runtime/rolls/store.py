"""What is written of a roll while it is made: a folder with ``roll.sqlite``, ``crops/`` and ``writer.lock``.

The store is SQLite in write-ahead mode and flushed to the disk with every transaction: what was added outlives a
killed process and a power cut. A roll has runs, one for each time that a stream wrote into the folder; the metres of
a run's events begin at 0. docs/rolls.md describes the tables.
"""

from __future__ import annotations

import contextlib
import fcntl
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from runtime.errors import UserError
from runtime.events import DefectEvent, Event, NotInspectedEvent, SummaryEvent, wall_time

FORMAT = 1
"""Of the tables, kept as SQLite's user_version: newer ones are refused."""
STORE, CROPS, LOCK = "roll.sqlite", "crops", "writer.lock"
ROLL_ENDED = "roll_ended"
"""How a run ended whose stream went on."""
LOCK_TRIES, LOCK_WAIT_S = 10, 0.05
TABLES = """
CREATE TABLE roll (id TEXT NOT NULL, style TEXT, loom TEXT, made TEXT NOT NULL);
CREATE TABLE runs (run INTEGER PRIMARY KEY, started TEXT NOT NULL, shift TEXT, ended TEXT, how TEXT);
CREATE TABLE events (
    number INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs, time TEXT NOT NULL, type TEXT NOT NULL,
    camera TEXT, defect TEXT, y0_m REAL, y1_m REAL, event TEXT NOT NULL
);
CREATE TABLE progress (
    run INTEGER NOT NULL REFERENCES runs, camera TEXT NOT NULL, time TEXT NOT NULL, metres REAL NOT NULL,
    looked_at_m REAL NOT NULL, x0_mm REAL, x1_mm REAL
);
CREATE TABLE crops (defect TEXT PRIMARY KEY, file TEXT NOT NULL, bytes INTEGER NOT NULL);
CREATE TABLE lost (run INTEGER NOT NULL REFERENCES runs, what TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (run, what));
"""


@dataclass(frozen=True)
class Label:
    """What a roll is called; None: not told."""

    id: str | None = None
    style: str | None = None
    loom: str | None = None


@dataclass(frozen=True)
class Progress:
    """How far one camera is, in metres of its run.

    Attributes:
        metres: of cloth that came in.
        looked_at_m: of cloth that was judged; lines behind it may still wait.
        x0_mm, x1_mm: edges of the cloth that it sees; None before any was judged.
    """

    camera: str
    time: str
    metres: float
    looked_at_m: float
    x0_mm: float | None
    x1_mm: float | None


@dataclass(frozen=True)
class RollEnd:
    """The stream went on without this roll, or with another."""

    time: str


class Store:
    """Writes a roll. One process writes at a time; any number may read meanwhile.

    Used by one thread at a time. Its methods raise sqlite3.Error where the disk is full or gone; what was
    to be added is then not added, all of it or nothing.

    Attributes:
        label: what the roll is called, as it was told when it was begun; its id is never None.
        run: number of this run.
    """

    def __init__(self, folder: Path, label: Label, shift: str | None = None) -> None:
        """Make the folder, or go on with the roll in it.

        Args:
            label: a roll without an id is called like its folder.

        Raises:
            UserError: it cannot be written, holds another roll, or another stream writes into it.
        """
        self.folder = folder
        self._lock = _lock(folder)
        try:
            self._db = _open(folder / STORE)
            self._make(label)
            self.label = self._checked(label)
            self.run = self._begin(shift)
        except sqlite3.Error as error:
            raise UserError(f"Cannot write the roll '{folder}': {error}.") from error

    def add(self, rows: Sequence[Event | Progress | RollEnd]) -> None:
        """Add rows in one transaction; they are on the disk when this returns."""
        with self._db:
            for row in rows:
                if isinstance(row, Progress):
                    self._add_progress(row)
                elif isinstance(row, RollEnd):
                    self._end_run(row.time, ROLL_ENDED)
                else:
                    self._add_event(row)

    def add_crop(self, defect: str, file: str, size: int) -> None:
        """Remember the crop of a defect; a later one takes the place of an earlier one."""
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO crops VALUES (?, ?, ?)", (defect, file, size))

    def crops(self) -> dict[str, int]:
        """Bytes of the crops kept so far, by defect."""
        return dict(self._db.execute("SELECT defect, bytes FROM crops"))

    def add_lost(self, what: str, count: int) -> None:
        """Say how much of something this run lost so far."""
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO lost VALUES (?, ?, ?)", (self.run, what, count))

    def close(self) -> None:
        """Leave one plain file that can be read from a read-only place too."""
        with contextlib.suppress(sqlite3.Error):  # another process reads at the moment: it stays in write-ahead mode
            self._db.execute("PRAGMA journal_mode = DELETE")
        self._db.close()
        self._lock.close()

    def _make(self, label: Label) -> None:
        if self._db.execute("PRAGMA user_version").fetchone()[0] != 0:
            return
        name = label.id or self.folder.resolve().name
        with self._db:  # all tables or none: the power may go here too
            self._db.execute("BEGIN IMMEDIATE")
            for statement in TABLES.split(";\n")[:-1]:
                self._db.execute(statement)
            self._db.execute("INSERT INTO roll VALUES (?, ?, ?, ?)", (name, label.style, label.loom, wall_time()))
            self._db.execute(f"PRAGMA user_version = {FORMAT}")

    def _checked(self, wanted: Label) -> Label:
        """The label of the roll that is there, which must be the one that is meant."""
        check_format(self._db, self.folder)
        there = Label(*self._db.execute("SELECT id, style, loom FROM roll").fetchone())
        for name, value in vars(wanted).items():
            if value is not None and value != getattr(there, name):
                raise UserError(
                    f"The folder '{self.folder}' holds a roll whose {name} is '{getattr(there, name)}', not '{value}': "
                    "name another folder for another roll."
                )
        return there

    def _begin(self, shift: str | None) -> int:
        with self._db:
            made = self._db.execute("INSERT INTO runs (started, shift) VALUES (?, ?)", (wall_time(), shift))
        return int(made.lastrowid or 0)

    def _add_event(self, event: Event) -> None:
        camera = defect = y0_m = y1_m = None
        if isinstance(event, DefectEvent):
            camera, defect = event.cameras[0], event.id
        elif not isinstance(event, SummaryEvent):
            camera = getattr(event, "camera", None)
        if isinstance(event, DefectEvent | NotInspectedEvent):
            y0_m, y1_m = event.y0_m, event.y1_m
        self._db.execute(
            "INSERT INTO events (run, time, type, camera, defect, y0_m, y1_m, event) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (self.run, event.time, event.type, camera, defect, y0_m, y1_m, event.line()),
        )
        if isinstance(event, SummaryEvent):
            self._end_run(event.time, event.ended)

    def _end_run(self, time: str, how: str) -> None:
        self._db.execute("UPDATE runs SET ended = ?, how = ? WHERE run = ?", (time, how, self.run))

    def _add_progress(self, row: Progress) -> None:
        self._db.execute(
            "INSERT INTO progress VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self.run, row.camera, row.time, row.metres, row.looked_at_m, row.x0_mm, row.x1_mm),
        )


def check_format(db: sqlite3.Connection, folder: Path) -> None:
    """Raise UserError for a store of a newer version."""
    found = db.execute("PRAGMA user_version").fetchone()[0]
    if found > FORMAT:
        raise UserError(f"The roll '{folder}' has format {found}; this version reads up to {FORMAT}: update weftwatch.")


def being_written(folder: Path) -> bool:
    """Does a stream write into the folder at the moment?"""
    try:
        with (folder / LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no such file: nobody ever wrote here
        return False
    return False


def _lock(folder: Path) -> IO[bytes]:
    """Hold the folder for this process; the system lets it go when the process ends, however it ends."""
    try:
        (folder / CROPS).mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK).open("wb")
        for _ in range(LOCK_TRIES):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return file
            time.sleep(LOCK_WAIT_S)  # a report that looks whether anybody writes holds it for a moment
    except OSError as error:
        raise UserError(f"Cannot write the roll '{folder}': {error.strerror}.") from error
    raise UserError(f"Another stream writes into the roll '{folder}': name another folder with --roll.")


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, check_same_thread=False, timeout=5.0, isolation_level="IMMEDIATE")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    return db
