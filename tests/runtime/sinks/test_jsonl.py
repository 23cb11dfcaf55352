"""Events as lines of JSON: appended, flushed, and counted where they cannot be written."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from runtime.errors import UserError
from runtime.events import EVENT, StateEvent
from runtime.sinks.jsonl import JsonLines


def event(number: int) -> StateEvent:
    return StateEvent(camera="c", state="running", message=f"line {number}\nand another — ü")


class Full(io.StringIO):
    """A disk that is full for a while."""

    full = True

    def flush(self) -> None:
        if self.full:
            raise OSError(28, "No space left on device")


def test_each_event_is_on_disk_as_one_line_before_the_next(tmp_path: Path) -> None:
    sink = JsonLines.to_path(tmp_path / "events.jsonl")
    for number in range(3):
        sink.write(event(number))
        lines = (tmp_path / "events.jsonl").read_text().splitlines()
        assert len(lines) == number + 1
        assert EVENT.validate_json(lines[-1]).message == event(number).message
    sink.close()
    assert sink.lost == 0


def test_a_file_is_added_to(tmp_path: Path) -> None:
    for number in range(2):
        sink = JsonLines.to_path(tmp_path / "events.jsonl")
        sink.write(event(number))
        sink.close()
    assert len((tmp_path / "events.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("name", ["nowhere/events.jsonl", "."])
def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"Cannot write events to '.*': .*"):
        JsonLines.to_path(tmp_path / name)


def test_a_full_disk_is_counted_told_once_and_got_over(capsys: pytest.CaptureFixture[str]) -> None:
    disk = Full()
    sink = JsonLines(disk, "events.jsonl")
    for number in range(5):
        sink.write(event(number))
    assert sink.lost == 5
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "cannot write to 'events.jsonl': No space left on device" in told
    disk.full = False
    sink.write(event(9))
    assert sink.lost == 5
    assert json.loads(disk.getvalue().splitlines()[-1])["message"].startswith("line 9")


def test_a_device_that_is_always_full() -> None:
    sink = JsonLines.to_path(Path("/dev/full"))
    for number in range(200):
        sink.write(event(number))
    sink.close()
    assert sink.lost == 200


def test_closing_leaves_stdout_open(capsys: pytest.CaptureFixture[str]) -> None:
    sink = JsonLines.to_stdout()
    sink.write(event(1))
    sink.close()
    print("still there")
    assert capsys.readouterr().out.endswith("still there\n")
