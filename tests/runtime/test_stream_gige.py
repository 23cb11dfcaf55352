"""The whole stream over real GigE Vision packets: two cameras, a death and a rebirth."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.bundles import make_bundle

pytestmark = [pytest.mark.net, pytest.mark.slow]

LINE_RATE = 400
AWAY_S = 3

CAMERA = """
{name}:
  backend: gige
  ip: {ip}
  line_rate_hz: {rate}
  block_lines: 32
  mm_per_px: 0.5
  cloth: all
{encoder}
  simulated:
    source: sim:plain?width={width}&seed=1
"""
ENCODER = """  encoder:
    counts_per_mm: 10
"""


class Stream:
    """A stream in a process of its own, its events read as they come."""

    def __init__(
        self, folder: Path, cameras: dict[str, bool], seconds: float, width: int = 256, line_rate: int = LINE_RATE
    ) -> None:
        text = "".join(
            CAMERA.format(
                name=name, ip=f"127.0.0.{number}", rate=line_rate, encoder=ENCODER if encoder else "", width=width
            )
            for number, (name, encoder) in enumerate(cameras.items(), 1)
        )
        (folder / "cameras.yaml").write_text(text)
        make_bundle(folder / "bundle")
        named = [word for name in cameras for word in ("--camera", name)]
        self.events: list[dict[str, Any]] = []
        options = ["--cameras", folder / "cameras.yaml", "--bundle", folder / "bundle", "--seconds", seconds, "--json"]
        command = [sys.executable, "-m", "runtime.stream", *named, *map(str, options)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def until(self, wanted: str, **fields: Any) -> dict[str, Any]:
        """The next event of a type with these fields."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = json.loads(line)
            self.events.append(event)
            if event["type"] == wanted and all(event[key] == value for key, value in fields.items()):
                return event
        raise AssertionError(f"the stream ended without {wanted} {fields}; it said {self.events}")

    def lines_in(self, camera: str, least: int) -> None:
        """Wait until a camera has given so many lines."""
        while True:
            status = {c["camera"]: c for c in self.until("status")["cameras"]}
            if status[camera]["lines_in"] >= least:
                return

    def more_lines(self, camera: str, count: int) -> None:
        """Wait until a camera has given so many more than it had at the next status."""
        status = {c["camera"]: c for c in self.until("status")["cameras"]}
        self.lines_in(camera, status[camera]["lines_in"] + count)

    def of(self, kind: str, camera: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind and event.get("camera") == camera]


def kill_and_restart(message: str, after_s: float) -> subprocess.Popen[bytes]:
    """Kill the simulated camera named in a 'started' message and start it anew, the loom weaving on meanwhile."""
    pid = int(re.search(r"process (\d+)", message).group(1))  # type: ignore[union-attr]
    command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
    command.remove("--until-stdin-closes")
    started = time.time() - process_age_s(pid)
    os.kill(pid, signal.SIGKILL)
    time.sleep(after_s)
    return subprocess.Popen([*command, f"--woven-since={started}"], stdout=subprocess.DEVNULL)


def process_age_s(pid: int) -> float:
    """Seconds since a process was started."""
    ticks = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    return float(Path("/proc/uptime").read_text().split()[0]) - ticks / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("encoder", [True, False])
def test_a_camera_that_dies_and_comes_back_is_one_span(tmp_path: Path, encoder: bool) -> None:
    stream = Stream(tmp_path, {"one": encoder}, seconds=120)  # it is stopped when all has been seen
    started = stream.until("state", camera="one", state="started")
    stream.lines_in("one", 400)
    reborn = kill_and_restart(started["message"], after_s=AWAY_S)
    try:
        span = stream.until("not_inspected", reason="camera_lost")
        stream.more_lines("one", 400)
        stream.process.send_signal(signal.SIGINT)
        summary = stream.until("summary")["cameras"][0]
    finally:
        reborn.terminate()
        reborn.wait(10)
    assert stream.process.wait(30) == 0
    assert [event for event in stream.of("not_inspected", "one") if event["reason"] != "stopped"] == [span]
    assert summary["balanced"]
    assert summary["lines_inspected"] > 400
    not_inspected = {reason: n for reason, n in summary["lines_not_inspected"].items() if reason != "stopped"}
    if not encoder:
        assert span["first_line"] is span["end_line"] is span["y0_m"] is None
        assert span["seconds"] >= AWAY_S
        assert not_inspected == {}
        assert summary["unnumbered_spans"] == 1
        return
    lines = span["end_line"] - span["first_line"]
    assert lines >= AWAY_S * LINE_RATE
    assert not_inspected == {"camera_lost": lines}
    # Metres come from the encoder's counts, so they can only agree with the lines if no line is miscounted.
    assert (span["y1_m"] - span["y0_m"]) * 1000 == pytest.approx(lines * 0.5, abs=0.5)
    assert summary["metres"] * 1000 == pytest.approx(summary["lines_in"] * 0.5, abs=0.5)


def test_one_cameras_death_is_not_the_others(tmp_path: Path) -> None:
    stream = Stream(tmp_path, {"left": True, "right": True}, seconds=10)
    victim = stream.until("state", camera="left", state="started")
    stream.lines_in("right", 400)
    os.kill(int(re.search(r"process (\d+)", victim["message"]).group(1)), signal.SIGKILL)  # type: ignore[union-attr]
    summary = {camera["camera"]: camera for camera in stream.until("summary")["cameras"]}
    assert stream.process.wait(30) == 0
    assert summary["right"]["lines_not_inspected"] == {}
    assert summary["right"]["unnumbered_spans"] == 0
    assert summary["right"]["lines_inspected"] > summary["left"]["lines_inspected"] + LINE_RATE
    assert summary["left"]["unnumbered_spans"] == 1
    assert all(camera["balanced"] for camera in summary.values())
    assert not [event for event in stream.of("state", "right") if event["state"] != "started"]


def test_lines_of_16384_px(tmp_path: Path) -> None:
    stream = Stream(tmp_path, {"wide": True}, seconds=5, width=16384, line_rate=50)
    (summary,) = stream.until("summary")["cameras"]
    assert stream.process.wait(30) == 0
    assert summary["balanced"]
    assert summary["lines_not_inspected"] == {}
    assert summary["lines_inspected"] >= 64
    assert summary["tiles"] >= 2 * 16384 // 64
