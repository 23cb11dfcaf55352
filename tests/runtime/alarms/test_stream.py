"""Rules in settings.yaml, alarms among the events of a stream."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.alarms.rules import AlarmSection
from runtime.bundle import Bundle
from runtime.cameras.base import Camera
from runtime.cameras.simulated import SimulatedCamera
from runtime.engines.openvino import OpenVinoEngine
from runtime.events import AlarmEvent, DefectEvent, StateEvent
from runtime.pipeline import Pipeline, View
from runtime.sinks.console import describe_alarm
from tests.runtime.bundles import MM_PER_PX, make_bundle
from tests.runtime.cloths import SCALE, Box, Collected, Scripted, Sheet, block

WARP: Box = (400, 1100, 120, 128)
RUNNING_WARP = {"name": "running warp", "output": "stop", "kinds": ["warp"], "at_least_mm": 300}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_bundle(tmp_path_factory.mktemp("alarms") / "bundle")


def events(bundle: Bundle, camera: Camera, *rules: Any) -> Collected:
    """All that a stream tells under some rules, which go through settings.yaml."""
    settings = bundle.settings()
    bundle.write_settings(settings.model_copy(update={"alarms": AlarmSection(inhibit_m=0.0, rules=rules)}))
    engine, sink = OpenVinoEngine(bundle), Collected()
    Pipeline(bundle, engine, "openvino-fp32", [View(camera)], [sink], roll="r7").run()
    engine.close()
    return sink


def cloth(length: int = 1500) -> SimulatedCamera:
    return SimulatedCamera("c", Sheet(length=length, spots=[WARP]), SCALE, block_lines=50)


def test_a_running_warp_defect_stops_the_loom_while_it_runs(bundle: Bundle) -> None:
    told = events(bundle, cloth(), {"name": "odd", "output": "siren"}, RUNNING_WARP).events
    (alarm,) = [event for event in told if isinstance(event, AlarmEvent)]
    assert (alarm.output, alarm.rule, alarm.camera, alarm.roll) == ("stop", "running warp", "c", "r7")
    start_m, line_m = WARP[0] * MM_PER_PX / 1000, MM_PER_PX / 1000
    assert start_m + 0.3 <= alarm.y_m < WARP[1] * line_m, "long enough, and before its end"
    assert describe_alarm(alarm).startswith("ALARM stop by 'running warp' at 0.")
    limits = [e.message for e in told if isinstance(e, StateEvent) and e.state == "alarms_limited"]
    assert len(limits) == 1
    assert limits[0].startswith("alarm rule 1 is left out: output")


def test_without_rules_a_stream_tells_no_alarm(bundle: Bundle) -> None:
    assert not [event for event in events(bundle, cloth(), *()).events if isinstance(event, AlarmEvent)]


def test_a_camera_that_dies_stops_no_loom(bundle: Bundle) -> None:
    """Its last defects are told when it is given up; the rule would have them."""

    def dies() -> None:
        raise RuntimeError("gone")

    lines = list(cloth().items())
    rule = {**RUNNING_WARP, "at_least_mm": 105}
    alive = events(bundle, Scripted(lines), rule).events
    assert [event.output for event in alive if isinstance(event, AlarmEvent)] == ["stop"]
    dead = events(bundle, Scripted([*lines[:14], dies]), rule).events
    failed = next(n for n, event in enumerate(dead) if isinstance(event, StateEvent) and event.state == "failed")
    last = [event for event in dead[failed:] if isinstance(event, DefectEvent)][-1]
    assert last.y1_m - last.y0_m > 0.105
    assert not [event for event in dead[failed:] if isinstance(event, AlarmEvent)]


def test_a_state_says_where_the_cloth_was(bundle: Bundle) -> None:
    told = events(bundle, Scripted([block(0, 300), lambda: 1 / 0])).events
    (failed,) = [event for event in told if isinstance(event, StateEvent) and event.state == "failed"]
    assert failed.y_m == pytest.approx(300 * MM_PER_PX / 1000)
