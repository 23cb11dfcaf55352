"""``runtime.stream --record``: what is recorded beside inspection, and what a full disk does to either."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from runtime.recordings.reader import RecordedRoll
from tests import torchless
from tests.runtime.bundles import CLOTH, MM_PER_PX, SPOT, make_bundle
from tests.runtime.cameras.strips import write_png

CAMERAS = f"""
strips: {{backend: replay, path: strips, mm_per_px: {MM_PER_PX}, cloth: all}}
other: {{backend: replay, path: strips, mm_per_px: {MM_PER_PX}, x_offset_mm: 500, cloth: all}}
again: {{backend: replay, path: recorded, cloth: all}}
live: {{backend: simulated, source: "sim:plain?width=600", mm_per_px: {MM_PER_PX}, line_rate_hz: 4000, cloth: all}}
"""
OWN = ("id", "time", "cameras", "latency_ms", "latency_mm")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with bundle, cameras.yaml and strips of two widths, a spot in each."""
    make_bundle(tmp_path / "bundle")
    (tmp_path / "cameras.yaml").write_text(CAMERAS)
    (tmp_path / "strips").mkdir()
    for number, width in enumerate((150, 200)):
        strip = np.full((300, width), CLOTH, np.uint8)
        strip[100:112, 40 : 52 + 12 * number] = SPOT
        write_png(tmp_path / "strips" / f"{number}.png", strip)
    return tmp_path


def command(camera: str, *options: str) -> list[str]:
    return ["runtime.stream", "--cameras", "cameras.yaml", "--bundle", "bundle", "--json", "--camera", camera, *options]


def closed(text: str) -> list[dict]:
    """What the closed defects say, but for what names this run."""
    events = [json.loads(line) for line in text.splitlines()]
    defects = [event for event in events if event["type"] == "defect" and event["state"] == "closed"]
    return [{key: value for key, value in defect.items() if key not in OWN} for defect in defects]


def test_the_recording_gives_the_events_again(place: Path) -> None:
    first = torchless.run(place, *command("strips", "--record", "recorded"))
    assert first.returncode == 0, first.stderr
    assert first.stderr == "strips: recorded 600 lines, 0.1 MB, into recorded\n"
    again = torchless.run(place, *command("again"))
    assert len(closed(first.stdout)) == 2
    assert closed(again.stdout) == closed(first.stdout)


def test_of_several_cameras_each_has_a_folder_called_as_it_is(place: Path) -> None:
    done = torchless.run(place, *command("strips", "--camera", "other", "--record", "recorded"))
    assert done.returncode == 0, done.stderr
    for name, offset in (("strips", 0.0), ("other", 500.0)):
        roll = RecordedRoll(place / "recorded" / name)
        assert (roll.about.camera, roll.about.x_offset_mm, roll.end_line) == (name, offset, 600)


def test_nothing_is_recorded_over(place: Path) -> None:
    (place / "recorded").mkdir()
    (place / "recorded" / "something").touch()
    done = torchless.run(place, *command("strips", "--record", "recorded"))
    assert (done.returncode, done.stdout.count("summary")) == (2, 0)
    assert "'recorded' is not empty: name a new folder to record into." in done.stderr


def test_a_disk_that_is_full_ends_the_recording_and_not_the_inspection(place: Path) -> None:
    """A file system of its own, with room for about a thousand of 6000 lines."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    (place / "small").mkdir()
    words = [sys.executable, "-m", *command("live", "--lines", "6000", "--record", "small/recorded")]
    look = f"{sys.executable} -m runtime.camera show replay:small/recorded"
    inside = f'mount -t tmpfs -o size=700k tmpfs small || exit 77; "$@"; status=$?; {look} >&2; exit $status'
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", inside, "sh", *words],
        cwd=place, env={**os.environ, **torchless.environment(place / "stand-in")},
        capture_output=True, text=True, timeout=torchless.TIMEOUT_S,
    )  # fmt: skip
    if done.returncode == 77 or "unshare:" in done.stderr:
        pytest.skip("may not make a mount namespace here")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    told = [event for event in events if event["type"] == "state" and event["state"] == "recording"]
    assert len(told) == 1
    assert "(No space left on device): make room on its disk" in told[0]["message"]
    (camera,) = events[-1]["cameras"]
    assert (camera["lines_in"], camera["lines_inspected"]) == (6000, 6000)
    assert done.returncode == 1, "the recording lacks lines"
    account = next(line for line in done.stderr.splitlines() if line.startswith("live: recorded "))
    recorded, lost = (int(word.replace(",", "")) for word in account.split() if word.replace(",", "").isdigit())
    assert 0 < recorded < 1200
    assert recorded + lost == 6000 // 128 * 128 + 128, "the last block is recorded whole"
    assert f"{recorded * MM_PER_PX / 1000:.3f} m of camera 'live'" in done.stderr, "all that was recorded can be read"
