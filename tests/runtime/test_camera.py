"""python -m runtime.camera, as a user runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from runtime.camera import main
from runtime.camera_command.listing import told
from runtime.camera_command.preview import preview
from runtime.cameras.config import load_cameras
from runtime.cameras.gige_probe import Found
from runtime.command import status
from runtime.fake_gige.stamped import Stamped
from runtime.recordings import recorder
from runtime.recordings.reader import RecordedRoll
from runtime.recordings.writer import RecordingWriter
from runtime.types import LineBlock, NotInspected, Reason
from tests.runtime.cameras.strips import texture, write_png
from tests.runtime.fake_gige.process import CameraProcess
from tests.runtime.recordings.rolls import eventful, info, record

CAMERAS = """
real: {{backend: gige, ip: 127.0.0.1, block_lines: 64, line_rate_hz: 2000}}
nobody: {{backend: gige, ip: 127.0.0.9}}
fake: {{backend: gige, ip: 127.0.0.5, line_rate_hz: 2000, simulated: {{source: "sim:plain?width=256"}}}}
roll: {{backend: replay, path: {0}/roll}}
files: {{backend: replay, path: {0}/files}}
gone: {{backend: replay, path: {0}/gone}}
cloth: {{backend: simulated, source: "sim:plain?width=256", lines: 1000}}
any: {{backend: gentl, producer: /opt/maker/camera.cti, serial: A7}}
basler: {{backend: pylon, user_name: left}}
"""


@pytest.fixture
def cameras(tmp_path: Path) -> str:
    record(tmp_path / "roll", eventful(), info())
    (tmp_path / "files").mkdir()
    write_png(tmp_path / "files" / "0.png", texture(300, 64))
    (tmp_path / "cameras.yaml").write_text(CAMERAS.format(tmp_path))
    return str(tmp_path / "cameras.yaml")


@pytest.mark.net
def test_list_asks_the_configured_addresses_and_no_other(cameras: str, capsys: pytest.CaptureFixture[str]) -> None:
    with CameraProcess("--serial", "S-9"), CameraProcess("--ip", "127.0.0.3"):
        assert main(["list", "--cameras", cameras]) == 0
    lines = capsys.readouterr().out.splitlines()
    named = [line.split()[0] for line in lines]
    assert named == ["real", "nobody", "fake", "roll", "files", "gone", "cloth", "any", "basler"]
    assert "gige 127.0.0.1: answers, weftwatch Simulated LoomLine serial S-9" in lines[0]
    assert "no answer" in lines[1]
    assert "simulated, starts when it is opened" in lines[2]
    assert "a recording of 0.123 m" in lines[3]
    assert lines[4].endswith("files: files")
    assert "not there" in lines[5]
    assert "gentl serial A7 of /opt/maker/camera.cti: searched for when it is opened" in lines[7]
    assert "pylon called 'left': searched for when it is opened" in lines[8]


@pytest.mark.net
def test_only_discover_searches_the_networks(cameras: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(main, ["list", "--cameras", cameras, "--discover"]) == 2
    assert "Cameras cannot be searched for here" in capsys.readouterr().err


def test_what_a_search_found_is_named_or_told_how_to_name(cameras: str) -> None:
    found = [Found("127.0.0.1", "maker", "line", "1", ""), Found("10.0.0.7", "maker", "line", "", "north")]
    known, new = told(found, load_cameras(Path(cameras)))
    assert known.endswith("maker line serial 1; 'real' in cameras.yaml")
    assert new.endswith(
        "maker line serial not told, called 'north'; not in cameras.yaml: add 'backend: gige, ip: 10.0.0.7'"
    )
    assert told([], {}) == ["found no camera by broadcast: check power and link, or name a camera by its address"]


@pytest.mark.net
@pytest.mark.parametrize("name", ["real", "fake"])
def test_show_lists_features_and_leaves_the_camera_as_it_is(
    cameras: str, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    with CameraProcess("--height", "77", "--line-rate", "1234"):
        assert main(["show", name, "--cameras", cameras]) == 0
    shown = {line.split()[1]: line.split()[2] for line in capsys.readouterr().out.splitlines()}
    assert shown["Height"] == ("77" if name == "real" else "128")  # cameras.yaml asks for 64 lines of 'real'
    assert shown["AcquisitionLineRate"] == ("1234" if name == "real" else "2000")


def test_show_of_a_recording_says_what_it_is(cameras: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "roll", "--cameras", cameras]) == 0
    assert "0.123 m of camera 'left'" in capsys.readouterr().out


@pytest.mark.net
def test_grab_records_over_gige_what_the_camera_saw(
    cameras: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with CameraProcess("--line-rate", "2000", source="512"):
        assert main(["grab", "real", "--cameras", cameras, "--lines", "3000", "--out", str(tmp_path / "new")]) == 0
    out, err = capsys.readouterr()
    assert "lines in 3,000 = recorded 3,000 + missing 0; 0.600 m, all read back" in out
    assert "of 3,000 lines" in err
    roll = RecordedRoll(tmp_path / "new")
    for item in roll.items("x"):
        assert isinstance(item, LineBlock)
        np.testing.assert_array_equal(item.pixels, Stamped(512).lines(item.first_line, item.rows))
    picture = cv2.imread(str(tmp_path / "new" / "preview.png"))
    assert picture is not None
    assert picture.shape == (3000, 512, 3)


@pytest.mark.net
def test_grab_counts_what_was_lost_and_tells_by_its_status(
    cameras: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with CameraProcess("--line-rate", "2000", "--loss", "0.02", "--kept-frames", "0", source="2048"):
        assert main(["grab", "real", "--cameras", cameras, "--lines", "3000", "--out", str(tmp_path / "new")]) == 1
    out = capsys.readouterr().out
    counts = [
        int(word.replace(",", "")) for word in out.split("lines in ")[1].split(";")[0].split() if word[0].isdigit()
    ]
    total, recorded, missing = counts[:3]
    assert total == 3000 == recorded + missing
    assert missing > 0
    assert f"packet_loss {missing:,}" in out


def test_grab_stops_where_the_cloth_ends_and_says_so(
    cameras: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["grab", "cloth", "--cameras", cameras, "--lines", "5000", "--out", str(tmp_path / "new")]) == 0
    assert "ended before line 5,000" in capsys.readouterr().out
    assert RecordedRoll(tmp_path / "new").end_line == 1000


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_end_it_keeps_the_recording(cameras: str, tmp_path: Path, number: signal.Signals) -> None:
    command = ["grab", "sim:plain?width=256&line_rate_hz=500", "--lines", "100000", "--out", str(tmp_path / "new")]
    process = subprocess.Popen(
        [sys.executable, "-m", "runtime.camera", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    first = process.stderr.readline()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert "of 100,000 lines" in first
    assert (process.returncode, "Traceback" in err) == (0, False), err
    assert "ended before line 100,000" in out
    assert RecordedRoll(tmp_path / "new").end_line >= 400


def test_what_a_slow_disk_leaves_no_room_for_is_a_counted_gap(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "QUEUE_BLOCKS", 2)
    write = RecordingWriter.write

    def slowly(writer: RecordingWriter, item: LineBlock | NotInspected) -> None:
        time.sleep(0.1)
        write(writer, item)

    monkeypatch.setattr(RecordingWriter, "write", slowly)
    cloth = "sim:plain?width=256&line_rate_hz=5000&block_lines=50"
    assert main(["grab", cloth, "--lines", "4000", "--out", str(tmp_path / "new")]) == 1
    out = capsys.readouterr().out
    items = list(RecordedRoll(tmp_path / "new").items("x"))
    missing = sum(item.lines for item in items if isinstance(item, NotInspected))
    assert missing > 0
    assert {item.reason for item in items if isinstance(item, NotInspected)} == {Reason.OVERLOAD}
    assert f"recorded {4000 - missing:,} + missing {missing:,}, overload {missing:,}" in out
    assert items[0].first_line == 0
    assert all(one.end_line == other.first_line for one, other in pairwise(items))


def test_a_full_disk_ends_it_with_a_sentence_and_no_thread_is_left(
    cameras: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(RecordingWriter):
        def _write(self, item: LineBlock | NotInspected) -> None:
            if self.bytes > 100_000:
                raise OSError(28, "No space left on device")
            super()._write(item)

    monkeypatch.setattr(recorder, "RecordingWriter", Full)
    before = threading.active_count()
    cloth = "sim:plain?width=256&line_rate_hz=5000&block_lines=50"
    assert status(main, ["grab", cloth, "--lines", "100000", "--out", str(tmp_path / "new")]) == 2
    assert "(No space left on device): make room" in capsys.readouterr().err
    assert RecordedRoll(tmp_path / "new").end_line < 1000
    assert threading.active_count() == before


def test_grab_into_a_folder_that_holds_something_is_refused(cameras: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(Path(cameras).parent)
    assert status(main, ["grab", "cloth", "--cameras", cameras, "--lines", "10", "--out", folder]) == 2
    assert "is not empty" in capsys.readouterr().err


def test_a_preview_is_the_roll_made_small_with_its_gaps_blue(tmp_path: Path) -> None:
    picture = preview(RecordedRoll(record(tmp_path / "r", eventful(), info())))
    assert picture.shape == (247, 40, 3)
    assert (picture[100:140] == (140, 70, 30)).all()
    grey = next(item for item in eventful() if isinstance(item, LineBlock)).pixels[:, :, 0]
    for channel in range(3):
        np.testing.assert_array_equal(picture[:20, :, channel], grey)


@pytest.mark.net
def test_test_finds_a_good_link_good(cameras: str, capsys: pytest.CaptureFixture[str]) -> None:
    with CameraProcess("--line-rate", "2000", source="512"):
        ended = main(["test", "real", "--cameras", cameras, "--seconds", "3"])
    out = capsys.readouterr().out
    assert "missing 0" in out
    assert "interface lo, MTU" in out
    assert (ended, "verdict: lines arrive as they should" in out) in ((0, True), (1, False))
    # A busy machine may pause; no other fault may be found on the loopback.
    assert all("paused" in line or "lines/s came" in line for line in out.splitlines() if line.startswith("FAULT")), out


@pytest.mark.net
def test_test_names_lost_lines_and_a_camera_that_sends_none(cameras: str, capsys: pytest.CaptureFixture[str]) -> None:
    with CameraProcess("--line-rate", "2000", "--loss", "0.02", "--kept-frames", "0", source="2048"):
        assert main(["test", "real", "--cameras", cameras, "--seconds", "3"]) == 1
    out = capsys.readouterr().out
    assert "lines are missing" in out
    assert "packet_loss" in out
    with CameraProcess("--line-rate", "2000", source="512") as process:
        process.ask("stop 600")
        assert main(["test", "real", "--cameras", cameras, "--seconds", "1"]) == 1
    assert "FAULT no line came" in capsys.readouterr().out


def test_test_of_cloth_without_a_network_says_so(cameras: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", "cloth", "--cameras", cameras, "--seconds", "20"]) == 0
    out = capsys.readouterr().out
    assert "lines     in 1,000 = received 1,000 + missing 0" in out
    assert "network   none" in out


@pytest.mark.parametrize("option", [["--lines", "0"], ["--lines", "many"]])
def test_a_number_that_is_none_is_refused(cameras: str, option: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(["grab", "cloth", "--cameras", cameras, "--out", os.devnull, *option])


def test_no_thread_is_left_behind(cameras: str, tmp_path: Path) -> None:
    before = threading.active_count()
    main(["grab", "cloth", "--cameras", cameras, "--lines", "300", "--out", str(tmp_path / "new")])
    main(["test", "cloth", "--cameras", cameras, "--seconds", "5"])
    assert threading.active_count() == before
