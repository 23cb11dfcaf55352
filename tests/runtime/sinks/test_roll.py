"""The roll's sink: what it is told is in the store within a second, and a disk that takes nothing stops nothing."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from runtime.events import CameraStatus, Event, StatusEvent
from runtime.position import Track
from runtime.rolls.crops import Quota
from runtime.rolls.reading import read_roll
from runtime.rolls.roll import CUT_OFF, Roll
from runtime.rolls.store import ROLL_ENDED, STORE, Label, Progress, Store
from runtime.sinks import roll as module
from runtime.sinks.roll import RollSink
from runtime.types import Kind, Scale, ScoreMap, State
from tests.runtime.cloths import block
from tests.runtime.rolls.made import MM_PER_PX, TIME, defect, started, summary

WAIT_S = 20.0
AHEAD = CameraStatus(
    camera="c", metres=2.0, m_per_min=1, lines_per_s=1, tiles_per_s=1, queue_blocks=60, lines_in=4000,
    lines_not_inspected=0, open_defects=0, defects=0,
)  # fmt: skip
"""2 m came in, more than was given to the sink."""


class Fussy(Store):
    """A store whose disk is full when told so, as SQLite says it."""

    full = False

    def add(self, rows: list[Event | Progress]) -> None:  # type: ignore[override]
        pages = self._db.execute("PRAGMA page_count").fetchone()[0]
        self._db.execute(f"PRAGMA max_page_count = {pages if self.full else 1 << 30}")
        super().add(rows)


@pytest.fixture
def store(tmp_path: Path) -> Fussy:
    return Fussy(tmp_path / "roll", Label())


def strip(first: int, end: int, region: tuple[int, int] = (20, 180)) -> ScoreMap:
    values = np.zeros(((end - first) // 4, 50), np.float32)
    return ScoreMap("c", 0, 0, first, end, 0, 4, values, region, received_ns=0)


def streaming(store: Store, quota: Quota | None = None, lines: int = 1000) -> RollSink:
    """A sink whose camera has given lines, all of them judged."""
    sink = RollSink(store, quota or Quota())
    track = Track(Scale(MM_PER_PX, MM_PER_PX))
    sink.opened("c", track)
    for first in range(0, lines, 50):
        track.add(block(first, 50))
        sink.seen(block(first, 50))
    sink.seen(strip(0, lines))
    sink.write(started())
    return sink


def until(store: Store, is_so: Callable[[Roll], bool]) -> Roll:
    """The roll once it is so, read as anybody may read it meanwhile."""
    deadline = time.monotonic() + WAIT_S
    while not is_so(roll := read_roll(store.folder)):
        assert time.monotonic() < deadline, roll
        time.sleep(0.02)
    return roll


def test_an_event_is_in_the_store_before_the_stream_ends(store: Store) -> None:
    sink = streaming(store)
    sink.write(defect("a", (0.2, 0.21)))
    roll = until(store, lambda roll: bool(roll.defects) and roll.defects[0].crop is not None)
    assert roll.live
    sink.close()
    assert sink.lost == 0


def test_how_far_it_is_and_where_the_cloth_lies(store: Store) -> None:
    sink = streaming(store, lines=1000)
    sink.seen(block(1000, 200))
    sink.write(StatusEvent(cameras=[]))
    sink.close()
    roll = read_roll(store.folder)
    assert (roll.metres, roll.cloth.inspected_m) == (0.6, 0.5)
    assert (roll.cloth.x0_mm, roll.cloth.x1_mm) == (10.0, 90.0)


def test_lines_that_wait_for_their_turn_came_in_too(store: Store) -> None:
    """A stream that is killed then loses them."""
    sink = streaming(store, lines=1000)
    sink.write(StatusEvent(cameras=[AHEAD, AHEAD.model_copy(update={"camera": "of another roll"})]))
    sink.close()
    roll = read_roll(store.folder)
    assert [(one.reason, one.y0_m, one.y1_m) for one in roll.unseen] == [(CUT_OFF, 0.5, 2.0)]


def test_lines_that_waited_for_the_next_roll_are_not_this_ones(store: Store) -> None:
    sink = streaming(store, lines=1000)
    sink.write(StatusEvent(cameras=[AHEAD]))
    sink.left("c", started("c").model_copy(update={"roll": "next", "y_m": 0.5}))
    sink.end(TIME)
    sink.close()
    roll = read_roll(store.folder)
    assert ([run.how for run in roll.runs], roll.metres, roll.unseen) == ([ROLL_ENDED], 0.5, ())


def test_a_stream_that_is_killed_before_its_first_status_has_a_width(store: Store) -> None:
    sink = streaming(store)
    roll = until(store, lambda roll: roll.cloth.width_mm > 0)
    assert (roll.cloth.x0_mm, roll.cloth.x1_mm, roll.cloth.inspected_m) == (10.0, 90.0, 0.5)
    sink.close()


def test_a_loom_that_stands_adds_nothing(store: Store) -> None:
    sink = streaming(store)
    for _ in range(50):
        sink.write(StatusEvent(cameras=[]))
    sink.write(summary())
    sink.close()
    with sqlite3.connect(store.folder / STORE) as db:
        assert db.execute("SELECT count(*) FROM progress").fetchone() == (1,)
    assert read_roll(store.folder).cut_off == ()


@pytest.mark.parametrize(
    ("events", "crops"),
    [
        ([defect("a", (0.2, 0.21), state=State.OPEN), defect("a", (0.2, 0.22))], 1),
        ([defect("a", (0.2, 0.21), state=State.UPDATE)], 0),
        ([defect("a", (0.2, 0.21), parent="b")], 0),
    ],
)
def test_a_picture_of_each_defect(store: Store, events: list[Event], crops: int) -> None:
    sink = streaming(store)
    for event in events:
        sink.write(event)
    sink.close()
    assert len(list((store.folder / "crops").iterdir())) == crops


def test_the_picture_at_the_end_shows_the_whole_defect(store: Store) -> None:
    sink = streaming(store)
    sink.write(defect("a", (0.2, 0.21), kind=Kind.WARP, state=State.OPEN))
    first = until(store, lambda roll: bool(roll.defects) and roll.defects[0].crop is not None).defects[0].crop
    assert first is not None
    small = first.stat().st_size
    sink.write(defect("a", (0.2, 0.35), kind=Kind.WARP))
    sink.close()
    assert first.stat().st_size > small


def test_what_is_not_kept_of_pictures_is_counted_and_named(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "WRITE_EVERY_S", 3600.0)
    monkeypatch.setattr(module, "MOST_CROPS", 3)
    sink = streaming(store, Quota(crops=2), lines=4000)
    sink.write(defect("old", (0.1, 0.11), state=State.OPEN))
    for name in "abcde":
        sink.write(defect(name, (1.9, 1.91)))
    sink.close()
    lost = {"crops whose lines were gone": 1, "crops that came too fast": 2, "crops beyond the quota": 1}
    assert read_roll(store.folder).lost == lost
    told = capsys.readouterr().err
    assert all(f"{count} {what}" in told for what, count in lost.items())
    assert sink.lost == 0


def test_a_defect_whose_first_picture_was_kept_lacks_none(store: Store) -> None:
    sink = streaming(store, Quota(bytes=3000))
    sink.write(defect("a", (0.2, 0.21), state=State.OPEN))
    until(store, lambda roll: bool(roll.defects) and roll.defects[0].crop is not None)
    sink._crop_folder._quota = Quota(bytes=1)
    for name in "ab":
        sink.write(defect(name, (0.2, 0.21), state=State.OPEN))
        sink.write(defect(name, (0.2, 0.22)))
    sink.close()
    assert read_roll(store.folder).lost == {"crops beyond the quota": 1}, "b's, once"


def test_pictures_that_the_disk_does_not_take(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = streaming(store)
    (store.folder / "crops").rmdir()
    sink.write(defect("a", (0.2, 0.21)))
    sink.write(summary())
    sink.close()
    roll = read_roll(store.folder)
    assert roll.lost == {"crops that the disk did not take": 1}
    assert len(roll.defects) == 1


def test_events_wait_for_a_full_disk_and_are_written_when_there_is_room(
    store: Fussy, capsys: pytest.CaptureFixture[str]
) -> None:
    store.full = True
    sink = streaming(store)
    for number in range(300):
        sink.write(defect(str(number), (0.2, 0.21), parent="x"))
    deadline = time.monotonic() + WAIT_S
    while not sink.lost and time.monotonic() < deadline:
        time.sleep(0.02)
    assert sink.lost == 302, "the defects, a start, and how far the camera is"
    store.full = False
    until(store, lambda roll: bool(roll.runs))
    sink.write(summary())
    sink.close()
    assert sink.lost == 0
    with sqlite3.connect(store.folder / STORE) as db:
        assert db.execute("SELECT count(*) FROM events WHERE type = 'defect'").fetchone() == (300,)
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert "cannot be written: database or disk is full. Its events wait." in told[0]
    assert "is written again; 0 events lost" in told[1]


def test_more_than_can_wait_is_lost_and_counted(
    store: Fussy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 100)
    store.full = True
    sink = streaming(store)
    for number in range(300):
        sink.write(defect(str(number), (0.2, 0.21), parent="x"))
    assert sink.lost >= 201
    store.full = False
    until(store, lambda roll: bool(roll.runs))
    sink.close()
    roll = read_roll(store.folder)
    assert roll.lost == {"events": sink.lost}
    assert sink.lost >= 201
    assert f"lacks {sink.lost} events" in capsys.readouterr().err


def test_a_disk_that_stays_full(store: Fussy, capsys: pytest.CaptureFixture[str]) -> None:
    store.full = True
    sink = streaming(store)
    for number in range(300):
        sink.write(defect(str(number), (0.2, 0.21), parent="x"))
    sink.close()
    assert sink.lost == 302
    assert "lacks 302 events" in capsys.readouterr().err
