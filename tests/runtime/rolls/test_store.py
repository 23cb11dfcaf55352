"""What is written of a roll: gone on with, refused, locked, and whole after a cut in the middle."""

from __future__ import annotations

import fcntl
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from runtime.errors import UserError
from runtime.rolls.reading import read_roll
from runtime.rolls.store import FORMAT, LOCK, STORE, Label, Store, being_written
from tests.runtime.rolls.made import defect, make_roll, progress, started, summary
from tests.runtime.test_events import EVENTS


def test_a_roll_is_called_like_its_folder_unless_told(tmp_path: Path) -> None:
    make_roll(tmp_path / "4711", [started()], label=Label())
    make_roll(tmp_path / "other", [started()], label=Label("r9", "denim", "12"))
    assert read_roll(tmp_path / "4711").label == Label("4711", None, None)
    assert read_roll(tmp_path / "other").label == Label("r9", "denim", "12")


def test_it_goes_on_where_it_is_and_its_label_stays(tmp_path: Path) -> None:
    make_roll(tmp_path, [started(), summary()], label=Label("r9", "denim", "12"))
    for label in (Label(), Label("r9"), Label("r9", "denim", "12")):
        store = Store(tmp_path, label)
        assert store.label == Label("r9", "denim", "12")
        store.close()


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (Label("r8"), "whose id is 'r9', not 'r8'"),
        (Label("r9", "shirting"), "whose style is 'denim', not 'shirting'"),
        (Label(loom="3"), "whose loom is '12', not '3'"),
    ],
)
def test_another_roll_in_its_folder_is_refused(tmp_path: Path, label: Label, message: str) -> None:
    make_roll(tmp_path, [started()], label=Label("r9", "denim", "12"))
    with pytest.raises(UserError, match=message):
        Store(tmp_path, label)


def test_one_writes_and_any_may_read(tmp_path: Path) -> None:
    store = Store(tmp_path, Label())
    store.add([started(), defect("a", (1, 1.1))])
    assert being_written(tmp_path)
    assert [one.id for one in read_roll(tmp_path).defects] == ["a"]
    with pytest.raises(UserError, match="Another stream writes into the roll"):
        Store(tmp_path, Label())
    store.close()
    assert not being_written(tmp_path)
    Store(tmp_path, Label()).close()


def test_a_report_that_looks_stops_no_stream(tmp_path: Path) -> None:
    make_roll(tmp_path, [started()])
    looks = (tmp_path / LOCK).open("rb")
    fcntl.flock(looks, fcntl.LOCK_SH)
    threading.Timer(0.1, looks.close).start()
    Store(tmp_path, Label()).close()


def test_rows_are_added_all_or_none(tmp_path: Path) -> None:
    store = Store(tmp_path, Label())
    with pytest.raises(sqlite3.Error):
        store.add([started(), defect("a", (1, 1.1)), progress(None)])  # type: ignore[arg-type]
    store.add([defect("b", (2, 2.1))])
    store.close()
    assert [one.id for one in read_roll(tmp_path).defects] == ["b"]


def test_every_type_of_event_is_kept_as_it_was(tmp_path: Path) -> None:
    make_roll(tmp_path, EVENTS)
    with closing(sqlite3.connect(tmp_path / STORE)) as db:
        kept = db.execute("SELECT type, camera, defect, y0_m, event FROM events ORDER BY number").fetchall()
    assert [row[4] for row in kept] == [event.line() for event in EVENTS]
    assert kept[0][:4] == ("defect", "c", "r-c-2", 0.2)
    assert kept[1][:4] == ("not_inspected", "c", None, 0.001)


def test_closed_it_is_one_file_that_a_read_only_place_can_hold(tmp_path: Path) -> None:
    make_roll(tmp_path / "roll", [started(), progress(1.0), summary()])
    assert [path.name for path in (tmp_path / "roll").glob("roll.sqlite*")] == [STORE]
    (tmp_path / "roll" / "writer.lock").unlink()
    assert read_roll(tmp_path / "roll").metres == 1.0


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    make_roll(tmp_path, [started()])
    with closing(sqlite3.connect(tmp_path / STORE)) as db:
        db.execute(f"PRAGMA user_version = {FORMAT + 1}")
    for use in (lambda: read_roll(tmp_path), lambda: Store(tmp_path, Label())):
        with pytest.raises(UserError, match="update weftwatch"):
            use()


@pytest.mark.parametrize("content", [b"", b"not a database, but long enough to be looked at as one" * 40])
def test_what_is_no_roll_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / STORE).write_bytes(content)
    with pytest.raises(UserError, match="cannot be read"):
        read_roll(tmp_path)


def test_power_that_goes_while_the_tables_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as half_way:
        half_way.setattr("runtime.rolls.store.wall_time", gone)
        with pytest.raises(KeyboardInterrupt):
            Store(tmp_path, Label())
    make_roll(tmp_path, [started(), defect("a", (1, 1.1))])
    assert len(read_roll(tmp_path).defects) == 1


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_place_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="Cannot write the roll"):
        Store(tmp_path / name, Label())


def test_no_roll_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no roll at .*: name a folder that runtime.stream --roll wrote"):
        read_roll(tmp_path)
