"""A recorded roll in place of a camera."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from runtime.bundle import Bundle
from runtime.cameras.config import make_camera, roll_uri
from runtime.cameras.gige import GigeCamera
from runtime.engines.openvino import OpenVinoEngine
from runtime.errors import UserError
from runtime.events import DefectEvent, NotInspectedEvent, SummaryEvent
from runtime.intake import Limit
from runtime.pipeline import Pipeline, View
from runtime.recordings.beside import Recordings
from runtime.stream import DEMO_BUNDLE
from runtime.types import Scale, State
from tests.runtime.cloths import Collected
from tests.runtime.fake_gige.process import CameraProcess
from tests.runtime.recordings.rolls import DEVICE, assert_same, eventful, info, record


def test_a_replay_uri_of_a_recording_gives_what_was_recorded(tmp_path: Path) -> None:
    folder = record(tmp_path / "r", eventful(12, counts=3.0), info(12, counts_per_mm=6.0))
    camera = make_camera(f"replay:{folder}", {})
    found = camera.open()
    items = list(camera.items())
    for item in items:
        if item.first_line is not None and hasattr(item, "received_ns"):
            assert abs(item.received_ns - time.monotonic_ns()) < 60e9  # the time of arrival is this one's
            object.__setattr__(item, "received_ns", item.first_line * 1000 + 1)
    assert_same(items, eventful(12, counts=3.0), camera="replay-r")
    assert (found.bits, found.live, found.device) == (12, False, DEVICE)
    assert found.scale == Scale(0.5, 0.5, 10.0, 6.0)
    assert "0.123 m of camera 'left' (maker line 1k at 10.0.0.1), recorded 20" in found.description


@pytest.mark.parametrize(
    ("part", "lines"),
    [
        ("from_line=30&lines=10", (30, 40)),
        ("from_line=30", (30, 247)),
        ("lines=25", (0, 25)),
        ("from_m=0.01&metres=0.02", (20, 60)),
        ("from_line=30&metres=0.005", (30, 40)),
        ("from_m=0.01&lines=7", (20, 27)),
        ("from_m=0.1&metres=9", (200, 247)),
        ("metres=0.0101", (0, 21)),
    ],
)
def test_a_part_by_lines_or_metres(tmp_path: Path, part: str, lines: tuple[int, int]) -> None:
    camera = make_camera(f"replay:{record(tmp_path / 'r', eventful(), info())}?{part}", {})
    camera.open()
    items = [item for item in camera.items() if item.first_line is not None]
    assert (items[0].first_line, items[-1].end_line) == lines


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("from_line=247", "has lines 0 to 246, not 247"),
        ("from_m=1", r"has metres 0 to 0\.123, not 1"),
        ("from_m=0.01&from_line=3", "by from_line or by from_m, not by both"),
        ("metres=1&lines=3", "by lines or by metres, not by both"),
        ("mm_per_px=0.2", r"has mm_per_px 0\.5, not 0\.2: leave mm_per_px out"),
        ("channels=3", "has channels 1, not 3"),
    ],
)
def test_what_a_recording_is_not_is_refused(tmp_path: Path, query: str, sentence: str) -> None:
    folder = record(tmp_path / "r", eventful(), info())
    with pytest.raises(UserError, match=sentence):
        make_camera(f"replay:{folder}?{query}", {}).open()


def test_a_roll_that_is_asked_for_at_its_own_scale_is_taken(tmp_path: Path) -> None:
    folder = record(tmp_path / "r", eventful(), info())
    assert make_camera(roll_uri(str(folder), 0.5), {}).open().scale.mm_per_px == 0.5


def test_images_have_no_parts(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "strip.png"), np.zeros((30, 64), np.uint8))
    with pytest.raises(UserError, match="is no recording, and only of one can a part be replayed"):
        make_camera(f"replay:{tmp_path}?from_line=3", {})


def test_a_recording_that_broke_off_says_so_when_it_is_opened(tmp_path: Path) -> None:
    folder = record(tmp_path / "r", eventful(), info(), chunk_bytes=10**6)
    (folder / "index.jsonl").unlink()
    chunk = folder / "chunk-000000.lines"
    chunk.write_bytes(chunk.read_bytes()[:-1])
    assert "it broke off while chunk-000000.lines was written" in make_camera(f"replay:{folder}", {}).open().description


def test_at_a_line_rate_it_is_live_and_close_ends_it(tmp_path: Path) -> None:
    folder = record(tmp_path / "r", eventful(), info())
    camera = make_camera(f"replay:{folder}?line_rate_hz=0.5", {})
    assert (camera.open().live, camera.open().line_rate_hz) == (True, 0.5)
    closer = threading.Timer(0.2, camera.close)
    closer.start()
    assert list(camera.items()) == []
    closer.join()


def patient_demo(folder: Path) -> Bundle:
    """The demo bundle, but a loom must stand for a minute before its last lines are judged without those to come.

    Where a busy machine holds the simulated camera up for a second, the live stream would else see a stop that the
    recording does not have.
    """
    shutil.copytree(DEMO_BUNDLE, folder)
    bundle = Bundle(folder)
    settings = bundle.settings()
    bundle.write_settings(settings.model_copy(update={"policy": settings.policy.model_copy(update={"flush_s": 60.0})}))
    return bundle


def told(bundle: Bundle, camera: object, limit: int) -> tuple[list[dict], list[dict], SummaryEvent]:
    """Closed defects, gaps and summary of a stream with the demo bundle."""
    sink, engine = Collected(), OpenVinoEngine(bundle)
    try:
        summary = Pipeline(bundle, engine, "openvino-fp32", [View(camera)], [sink], Limit(lines=limit)).run()  # type: ignore[arg-type]
    finally:
        engine.close()
    closed = [e for e in sink.events if isinstance(e, DefectEvent) and e.state is State.CLOSED and e.parent is None]
    own = {"id", "latency_ms", "latency_mm", "cameras", "time", "score"}
    defects = [e.model_dump(exclude=own) for e in sorted(closed, key=lambda e: (e.first_line, e.x0_px))]
    gaps = [e.model_dump(exclude={"camera", "time"}) for e in sink.events if isinstance(e, NotInspectedEvent)]
    return defects, gaps, summary


@pytest.mark.net
@pytest.mark.slow
def test_a_roll_recorded_over_gige_gives_the_events_of_the_live_stream(tmp_path: Path) -> None:
    bundle, lines = patient_demo(tmp_path / "bundle"), 3000
    cloth = "sim:twill22?width=1024&seed=13&mm_per_px=0.2&mm_per_line=0.2&defects_per_100m=2500"
    faults = ("--loss", "0.02", "--kept-frames", "0")
    scale = Scale(0.2, 0.2, counts_per_mm=25.0)
    recordings = Recordings(tmp_path / "r", lambda camera, message: pytest.fail(message))
    with CameraProcess("--line-rate", "500", *faults, module="runtime.fake_gige", source=cloth):
        live = told(bundle, recordings.of(GigeCamera("loom", "127.0.0.1", scale)), lines)
    assert recordings.close()
    again = told(bundle, make_camera(f"replay:{tmp_path / 'r'}", {}), lines)
    assert len(live[0]) >= 3
    assert len(live[1]) >= 3
    assert again[0] == live[0]
    assert again[1] == live[1]
    (one,), (other,) = live[2].cameras, again[2].cameras
    assert one.balanced
    assert other.balanced
    for count in ("metres", "lines_in", "lines_inspected", "lines_not_inspected", "defects"):
        assert getattr(one, count) == getattr(other, count)
