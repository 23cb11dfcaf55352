"""python -m runtime.control against a real stream, and python -m runtime.stream --control as a user starts it."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from runtime.bundle import Bundle
from runtime.command import status
from runtime.control.__main__ import main
from runtime.control.client import Client
from runtime.control.protocol import CameraNow, LinesMessage, MapMessage, StatusAnswer, StatusRequest, TapRequest
from runtime.report import main as report
from runtime.rolls.reading import read_roll
from runtime.rolls.store import ROLL_ENDED
from runtime.types import Kind
from tests import torchless
from tests.runtime.bundles import KEEP, MM_PER_PX, OPEN, make_bundle
from tests.runtime.cloths import Scripted, block
from tests.runtime.control.controlled import KEY, WAIT_S, Controlled


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return make_bundle(tmp_path / "bundle")


@pytest.fixture
def started(bundle: Bundle) -> Controlled:
    """Whose lines come once ``go`` is set."""
    go = threading.Event()
    run = Controlled(bundle, [Scripted([lambda: go.wait(WAIT_S), block(0, 300)])])
    run.go = go  # type: ignore[attr-defined]
    return run


def test_verbs_against_a_running_stream(
    started: Controlled,
    bundle: Bundle,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(bundle.path, tmp_path / "copy")
    monkeypatch.chdir(tmp_path)  # a relative path is the client's, whatever the stream's folder is
    with started:
        door = str(started.socket)
        assert main([door, "set-threshold", "local", "0.9", "keep", "0.5"]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert answer["thresholds"] == {"open": dict.fromkeys(Kind, OPEN) | {"local": 0.9}, "keep": 0.5}
        assert answer["cameras"] == ["c"]
        assert main([door, "load-bundle", "copy", "--at-line", "100"]) == 0
        assert json.loads(capsys.readouterr().out)["first_line"] == {"c": 100}
        assert main([door, "status"]) == 0
        (camera,) = json.loads(capsys.readouterr().out)["cameras"]
        assert (camera["camera"], camera["bundle"], camera["next_line"]) == ("c", "brightness", 0)
        assert camera["judge"] == {"bundle": bundle.id, "engine": KEY, "settings_revision": 2}
        assert camera["ordered"] == {"bundle": bundle.id, "first_line": 100, "roll": None}
        assert status(main, [door, "load-bundle", "nowhere"]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("error: No bundle at ")
        started.go.set()  # type: ignore[attr-defined]
    assert [(revision, first) for _, revision, first in started.judges()] == [(2, 0), (1, 100)]
    assert bundle.settings().thresholds[KEY].keep == 0.5
    assert Bundle(tmp_path / "copy").settings().thresholds[KEY].keep == KEEP


def test_a_tap_is_printed_until_the_stream_ends(started: Controlled, capsys: pytest.CaptureFixture[str]) -> None:
    ended: list[int] = []
    with started:
        tap = [str(started.socket), "tap", "--events", "--lines", "--every", "50"]
        reading = threading.Thread(target=lambda: ended.append(main(tap)))
        reading.start()
        while not started.control.taps.count:
            time.sleep(0.002)
        started.go.set()  # type: ignore[attr-defined]
    reading.join(WAIT_S)
    assert ended == [0]
    messages = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [m["shape"] for m in messages if m["type"] == "lines"] == [[6, 4, 1]]
    assert messages[-1]["event"]["type"] == "summary"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["status"], "No stream answers at 's' (No such file or directory): start one with --control s."),
        (["set-threshold", "hole", "4"], "There is no threshold 'hole'; there is: local, warp, weft, area, keep."),
        (["set-threshold", "local"], "The threshold 'local' needs a number after it, got ''."),
        (["set-threshold", "local", "much"], "The threshold 'local' needs a number after it, got 'much'."),
        (["set-threshold", "keep", "inf"], "finite number"),
        (["load-bundle", "b", "--at-line", "-1"], "greater than or equal to 0"),
        (["tap"], "Name what to show: --events, --lines or --maps."),
        (["tap", "--maps", "--every", "65"], "less than or equal to 64"),
    ],
)
def test_what_the_client_itself_refuses(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert status(main, ["s", *words]) == 2
    err = capsys.readouterr().err
    assert sentence in err
    assert len(err.splitlines()) == 1


def test_the_stream_that_ends_during_a_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        threading.Thread(target=lambda: silent.accept()[0].close()).start()
        assert status(main, [str(tmp_path / "s"), "status"]) == 2
    assert "The stream has ended." in capsys.readouterr().err


def test_the_command_with_a_door(bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cloth = f'{{backend: simulated, source: "sim:plain?width=600", mm_per_px: {MM_PER_PX}, line_rate_hz: 2000}}'
    (tmp_path / "cameras.yaml").write_text(f"live: {cloth}\n")
    arguments = ["--cameras", "cameras.yaml", "--camera", "live", "--bundle", "bundle", "--json", "--control", "s"]
    process = torchless.start(tmp_path, "runtime.stream", *arguments, "--roll", "r7")
    assert process.stdout
    said = process.stdout.readline() + process.stdout.readline()
    assert '"camera":"live","state":"started"' in said
    while status(main, [str(tmp_path / "s"), "set-threshold", "local", "0.95"]) != 0:
        assert process.poll() is None
    with Client(tmp_path / "s") as client:
        client.ask(TapRequest(lines=True, maps=True))
        shown = {type(message) for message, _ in zip(client.messages(), range(200), strict=False)}
    assert shown == {LinesMessage, MapMessage}
    capsys.readouterr()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=torchless.TIMEOUT_S)
    assert (process.returncode, err) == (0, "")
    summary = json.loads(out.splitlines()[-1])
    assert summary["judge"]["settings_revision"] == 2
    assert summary["cameras"][0]["balanced"]
    assert not (tmp_path / "s").exists()


def test_two_rolls_of_one_stream_have_a_report_each(bundle: Bundle, tmp_path: Path) -> None:
    cloth = f'{{backend: simulated, source: "sim:plain?width=600", mm_per_px: {MM_PER_PX}, line_rate_hz: 2000}}'
    (tmp_path / "cameras.yaml").write_text(f"live: {cloth}\n")
    arguments = ["--cameras", "cameras.yaml", "--camera", "live", "--bundle", "bundle", "--json", "--control", "s"]
    process = torchless.start(tmp_path, "runtime.stream", *arguments)
    door, deadline = str(tmp_path / "s"), time.monotonic() + WAIT_S
    while status(main, [door, "roll-start", str(tmp_path / "r1"), "--style", "denim", "--shift", "early"]) != 0:
        assert process.poll() is None
        assert time.monotonic() < deadline
    for number in (1, 2):
        with Client(tmp_path / "s") as client:
            client.ask(TapRequest(lines=True))
            last = [message.first_line for message, _ in zip(client.messages(), range(5), strict=False)][-1]
        verb = ["roll-start", str(tmp_path / "r2"), "--at-line", str(last + 1000)] if number == 1 else ["roll-end"]
        assert status(main, [door, *verb]) == 0
        while (camera := camera_now(tmp_path / "s")).ordered:
            assert time.monotonic() < deadline
    assert camera.roll is None
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=torchless.TIMEOUT_S)
    assert (process.returncode, err) == (0, "")
    assert json.loads(out.splitlines()[-1])["cameras"][0]["balanced"]
    for name in ("r1", "r2"):
        roll = read_roll(tmp_path / name)
        assert [run.how for run in roll.runs] == [ROLL_ENDED]
        assert roll.metres > 0
        assert report([str(tmp_path / name)]) == 0
        assert f"Roll {name}" in (tmp_path / name / "report" / "report.html").read_text()


def camera_now(door: Path) -> CameraNow:
    with Client(door) as client:
        answer = client.ask(StatusRequest())
    assert isinstance(answer, StatusAnswer)
    return answer.cameras[0]


def test_a_door_that_cannot_be_had_is_refused_before_the_first_line(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "s").write_text("mine")
    cloth = f"sim:plain?width=600&mm_per_px={MM_PER_PX}"
    done = torchless.run(
        tmp_path, "runtime.stream", "--camera", cloth, "--bundle", "bundle", "--lines", "100", "--control", "s"
    )
    assert done.returncode == 2
    assert "Cannot listen at 's'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
