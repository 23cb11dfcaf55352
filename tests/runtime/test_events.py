"""Events are what their published schema says, and come back from JSON as they went."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError

import runtime
from runtime.events import (
    EVENT,
    AlarmEvent,
    CameraStatus,
    CameraSummary,
    DefectEvent,
    Event,
    Judge,
    MaintenanceEvent,
    NotInspectedEvent,
    RepeatEvent,
    StateEvent,
    StatusEvent,
    SummaryEvent,
    json_schema,
)
from runtime.types import Defect, Kind, NotInspected, Reason, State

PUBLISHED = Path(runtime.__file__).parent / "events.schema.json"
JUDGE = Judge(bundle="0123456789abcdef", engine="openvino-fp32", settings_revision=3)
DEFECT = Defect(
    id="r-c-2", parent="r-c-1", camera="c", state=State.CLOSED, kind=Kind.WEFT, x0_px=10, x1_px=90, first_line=1000,
    end_line=1010, x0_mm=2.0, x1_mm=18.0, y0_m=0.2, y1_m=0.202, peak_x_px=50, peak_line=1004, peak_x_mm=10.0,
    peak_y_m=0.2008, score=0.123456789, threshold=0.1, latency_ms=12.5, latency_mm=60.0,
)  # fmt: skip

EVENTS: list[Event] = [
    DefectEvent.of(DEFECT, JUDGE, roll="7"),
    NotInspectedEvent.of(NotInspected("c", Reason.OVERLOAD, 5, 9, detail="x"), (0.001, 0.0018), roll=None),
    NotInspectedEvent.of(NotInspected("c", Reason.CAMERA_LOST, seconds=2.5), None, roll="7"),
    StateEvent(camera=None, state="over_capacity", message="too much"),
    MaintenanceEvent(
        id="r-c-m1", camera="c", state="open", cause="column", message="clean the window", x0_px=5, x1_px=7, x0_mm=1.0,
        x1_mm=1.4, first_line=9, y_m=0.0018,
    ),
    RepeatEvent(
        id="r-r1", state="open", period_mm=471.0, x0_mm=1.0, x1_mm=2.0, y0_m=0.1, y1_m=1.1, defects=["r-c-1"], count=3
    ),
    AlarmEvent(output="buzzer", rule="repeated", camera="c", y_m=0.202, defects=["r-c-1", "r-c-2"]),
    StatusEvent(
        cameras=[
            CameraStatus(
                camera="c", metres=1.0, m_per_min=2.0, lines_per_s=3.0, tiles_per_s=4.0, queue_blocks=5, lines_in=6,
                lines_not_inspected=1, open_defects=0, defects=2,
            )
        ]
    ),
    SummaryEvent(
        ended="limit", seconds=1.5, judge=JUDGE, events_lost=0,
        cameras=[
            CameraSummary(
                camera="c", metres=1.0, lines_in=10, lines_inspected=8, lines_not_inspected={Reason.NO_CLOTH: 2},
                unnumbered_spans=0, unnumbered_seconds=0.0, tiles=3, defects={Kind.WARP: 1}, balanced=True,
                latency_ms_p50=None, latency_ms_p99=None,
            )
        ],
    ),
]  # fmt: skip


def label(event: Event) -> str:
    return event.type


def test_the_published_schema_is_that_of_the_events() -> None:
    assert json.loads(PUBLISHED.read_text()) == json_schema(), "python -m runtime.events > runtime/events.schema.json"


def test_the_module_prints_the_published_schema() -> None:
    printed = subprocess.run([sys.executable, "-m", "runtime.events"], capture_output=True, text=True, check=True)
    assert printed.stdout == PUBLISHED.read_text()


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("event", EVENTS, ids=label)
def test_every_type_is_valid_by_the_published_schema_on_one_line(event: Event) -> None:
    line = event.line()
    assert "\n" not in line
    content = json.loads(line)
    jsonschema.validate(content, json.loads(PUBLISHED.read_text()))
    assert content["schema"] == 1


@pytest.mark.parametrize("event", EVENTS, ids=label)
def test_json_and_back(event: Event) -> None:
    assert EVENT.validate_json(event.line()) == event


def test_every_event_type_is_tried_here() -> None:
    tried = {event.type for event in EVENTS}
    assert tried == set(json_schema()["discriminator"]["mapping"])


@pytest.mark.parametrize("spoil", [{"type": "gossip"}, {"schema": 2}, {"time": None}])
def test_the_schema_refuses_what_is_no_event(spoil: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**json.loads(EVENTS[0].line()), **spoil}, json_schema())


def test_a_defect_event_carries_the_defect_its_camera_and_its_judge() -> None:
    content = json.loads(EVENTS[0].line())
    assert content["cameras"] == ["c"]
    assert content["judge"] == {"bundle": "0123456789abcdef", "engine": "openvino-fp32", "settings_revision": 3}
    assert (content["id"], content["parent"], content["state"], content["kind"]) == ("r-c-2", "r-c-1", "closed", "weft")
    assert content["score"] == 0.123457, "lengths and scores to six places"
    assert content["roll"] == "7"
    left_out = {"camera"}
    assert set(vars(DEFECT)) - left_out <= set(content)


def test_a_gap_of_unknown_length_has_seconds_and_no_lines() -> None:
    content = json.loads(EVENTS[2].line())
    assert (content["first_line"], content["end_line"], content["y0_m"], content["y1_m"]) == (None,) * 4
    assert content["seconds"] == 2.5


def test_events_do_not_take_what_they_do_not_know() -> None:
    with pytest.raises(ValidationError):
        StateEvent(camera="c", state="confused", message="")
    with pytest.raises(ValidationError):
        StateEvent(camera="c", state="failed", message="", colour="red")
