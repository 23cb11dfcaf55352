"""A real stream that is killed, and one whose disk is full: what the store holds afterwards."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from runtime.rolls.graded import grade
from runtime.rolls.policy import POLICIES
from runtime.rolls.reading import read_roll
from runtime.rolls.roll import CUT_OFF, Roll
from runtime.settings import Policy
from runtime.types import Reason
from tests import torchless
from tests.runtime.bundles import CLOTH as CLOTH_GREY
from tests.runtime.bundles import MM_PER_PX, SPOT, make_bundle
from tests.runtime.cameras.strips import write_png

STRIP_LINES, STRIPS = 2000, 400
CLOTH = f"replay:strips.txt?mm_per_px={MM_PER_PX}&cloth=all"
PACED = f"{CLOTH}&line_rate_hz=3000"
KILLS = int(os.environ.get("WEFTWATCH_KILLS", "3"))
"""How often the stream is killed; more take their time."""
MOST_EVENTS = 200
"""Of defects that it may tell before that."""
AGE_S = 1.0
"""Whatever was closed longer ago than this must be there."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bundle, and cloth that has a spot every 20 mm and does not end soon."""
    folder = tmp_path_factory.mktemp("killed")
    make_bundle(folder / "bundle", policy=Policy(stride_lines=32, merge_mm=2.0))
    strip = np.full((STRIP_LINES, 150), CLOTH_GREY, np.uint8)
    for line in range(10, STRIP_LINES - 20, 40):
        strip[line : line + 12, 40 + line % 60 : 52 + line % 60] = SPOT
    write_png(folder / "strip.png", strip)
    (folder / "strips.txt").write_text("strip.png\n" * STRIPS)
    return folder


def stream(roll: str, cloth: str, *options: str) -> list[str]:
    return ["runtime.stream", "--camera", cloth, "--bundle", "bundle", "--json", "--roll", roll, *options]


def killed(place: Path, roll: str, events: int, after_s: float) -> tuple[list[dict], datetime]:
    """What a stream told before it was killed, some time after so many events of defects; and when that was."""
    process = torchless.start(place, *stream(roll, PACED))
    assert process.stdout is not None
    lines: list[str] = []
    enough = threading.Event()

    def read() -> None:
        for line in process.stdout or ():
            lines.append(line)
            if sum('"type":"defect"' in line for line in lines) >= events:
                enough.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert enough.wait(torchless.TIMEOUT_S)
    time.sleep(after_s)
    process.kill()
    at = datetime.now(timezone.utc)
    reader.join(torchless.TIMEOUT_S)
    process.communicate()
    return [json.loads(line) for line in lines if line.endswith("\n")], at


def is_whole(roll: Roll, told: list[dict], at: datetime) -> None:
    """Nothing closed longer ago than AGE_S is missing, and the roll says where it was cut off and what was not seen."""
    old = [event for event in told if (at - datetime.fromisoformat(event["time"])).total_seconds() > AGE_S]
    defects = [event for event in old if event["type"] == "defect" and not event["parent"]]
    closed = {event["id"] for event in defects if event["state"] == "closed"}
    kept = {defect.id: defect for defect in roll.defects}
    assert closed <= set(kept)
    assert all(kept[id_].closed for id_ in closed)
    assert len(roll.cut_off) == len(roll.runs)
    last = roll.runs[-1]
    known = [event["y1_m"] for event in defects]
    known += [camera["metres"] for event in old if event["type"] == "status" for camera in event["cameras"]]
    assert last.y1_m - last.y0_m >= max(known, default=0.0) - 1e-4, "a status is rounded"
    unseen = [one for one in roll.unseen if one.y0_m >= last.y0_m]
    reasons = {CUT_OFF, Reason.OVERLOAD.value}  # a busy machine may not hold the pace
    assert {one.reason for one in unseen} <= reasons, "all that came in and was not judged"
    assert roll.cloth.inspected_m == pytest.approx(roll.metres - sum(one.metres for one in roll.unseen))
    warnings = grade(roll, POLICIES["metric"]).warnings()
    assert any(f"Run {last.number} was cut off at {last.y1_m:.3f} m" in one for one in warnings)


@pytest.mark.slow
def test_killed_at_random_moments_and_gone_on_with(place: Path) -> None:
    """Each time in the same folder: the store opens, and the roll goes on."""
    moments = random.Random(11)
    closed = blind = 0
    for number in range(1, KILLS + 1):
        told, at = killed(place, "roll", moments.randint(1, MOST_EVENTS), moments.uniform(0, 1))
        roll = read_roll(place / "roll")
        assert len(roll.runs) == number
        is_whole(roll, told, at)
        closed += sum(event["type"] == "defect" and event["state"] == "closed" for event in told)
        blind = sum(one.reason == CUT_OFF for one in roll.unseen)
    print(f"{closed} closed events were told, {len(roll.defects)} defects kept; {blind} of {KILLS} runs end unseen")
    assert closed > 20 * KILLS, "there was something to lose"
    assert blind > 0


@pytest.mark.slow
def test_a_disk_that_is_really_full(place: Path) -> None:
    """A file system of its own, too small for the roll: the stream ends cleanly and counts what is lost."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    (place / "small").mkdir()
    inside = "mount -t tmpfs -o size=400k tmpfs small && " + " ".join(
        ["exec", sys.executable, "-m", *(f"'{word}'" for word in stream("small/roll", CLOTH, "--lines", "30000"))]
    )
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", inside],
        cwd=place, env={**os.environ, **torchless.environment(place / "stand-in")},
        capture_output=True, text=True, timeout=torchless.TIMEOUT_S,
    )  # fmt: skip
    if "unshare:" in done.stderr or "mount:" in done.stderr:
        pytest.skip("may not make a mount namespace here")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "cannot be written: database or disk is full. Its events wait." in done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["events_lost"] > 0
    (camera,) = summary["cameras"]
    assert (camera["lines_in"], camera["lines_inspected"], camera["balanced"]) == (30000, 30000, True)
