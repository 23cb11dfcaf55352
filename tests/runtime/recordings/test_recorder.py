"""Recording beside other work: a disk that is slow or full costs the recording, and not who hands lines over."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from runtime.cameras.base import CameraInfo
from runtime.recordings import recorder as module
from runtime.recordings.beside import Recordings
from runtime.recordings.reader import RecordedRoll
from runtime.recordings.recorder import QUEUE_BLOCKS, Recorder
from runtime.recordings.writer import RecordingWriter
from runtime.types import LineBlock, NotInspected, Reason
from tests.runtime.cloths import Scripted
from tests.runtime.recordings.rolls import assert_same, block, eventful, info

ROWS = 20


class Stuck(RecordingWriter):
    """A disk that takes nothing until it is let go."""

    free = threading.Event()

    def write(self, item: LineBlock | NotInspected) -> None:
        self.free.wait(10)
        super().write(item)


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    Stuck.free.clear()
    monkeypatch.setattr(module, "RecordingWriter", Stuck)
    return Stuck.free


def test_items_come_out_as_they_were_handed_over(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r", info(counts_per_mm=10.0))
    for item in eventful(counts=5.0):
        recorder.take(item)
    account = recorder.close()
    assert account == recorder.close()
    assert account.startswith("recorded 207 lines, 0.0 MB, into ")
    assert_same(list(RecordedRoll(tmp_path / "r").items("left")), eventful(counts=5.0))


def test_lines_of_a_live_camera_without_room_are_a_gap(tmp_path: Path, stuck: threading.Event) -> None:
    recorder = Recorder(tmp_path / "r", info())
    blocks = 2 * QUEUE_BLOCKS
    for number in range(blocks):
        recorder.take(block(number * ROWS))
    stuck.set()
    assert f"; {recorder.lost:,} lines that the camera gave are not in it" in recorder.close()
    items = list(RecordedRoll(tmp_path / "r").items("left"))
    recorded = [item for item in items if isinstance(item, LineBlock)]
    gaps = [item for item in items if isinstance(item, NotInspected)]
    assert {gap.reason for gap in gaps} == {Reason.OVERLOAD}
    # What is being written, and a full queue behind it, if it was taken out in time.
    assert len(recorded) - QUEUE_BLOCKS in (0, 1)
    assert recorder.lost == sum(gap.lines for gap in gaps) == (blocks - len(recorded)) * ROWS
    assert [one.end_line for one in items[:-1]] == [one.first_line for one in items[1:]]


def test_a_file_waits_for_the_disk(tmp_path: Path, stuck: threading.Event) -> None:
    recorder = Recorder(tmp_path / "r", replace(info(), live=False))
    threading.Timer(0.3, stuck.set).start()
    for number in range(2 * QUEUE_BLOCKS):
        recorder.take(block(number * ROWS))
    recorder.close()
    assert (recorder.recorded, recorder.lost) == (2 * QUEUE_BLOCKS * ROWS, 0)


def test_a_full_disk_is_told_once_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Full(RecordingWriter):
        def _write(self, item: LineBlock | NotInspected) -> None:
            if self.bytes > 3000:
                raise OSError(28, "No space left on device")
            super()._write(item)

    monkeypatch.setattr(module, "RecordingWriter", Full)
    told: list[tuple[str, str]] = []
    recordings = Recordings(tmp_path / "r", lambda camera, message: told.append((camera, message)))
    camera = recordings.of(Scripted([block(number * ROWS) for number in range(20)], "left"))
    opened: CameraInfo = camera.open()
    assert opened.name == "left"
    for item in camera.items():
        assert isinstance(item, LineBlock)
    assert not recordings.close()
    for _ in range(2):
        recordings.seen(item)
    (only,) = told
    assert only[0] == "left"
    assert "ends at line 80 (No space left on device): make room" in only[1]
    assert only[1].endswith("Inspection goes on.")
    assert "left: recorded 80 lines" in capsys.readouterr().err
    assert RecordedRoll(tmp_path / "r").end_line == 80
