"""Events in, alarms out: every field of a rule, and everything that must not stop a loom."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from runtime.alarms.decide import Alarms, _count
from runtime.alarms.rules import AlarmSection, Rule
from runtime.events import AlarmEvent, DefectEvent, Event, Judge, NotInspectedEvent, StateEvent
from runtime.types import Kind, Reason, State

TIME = "2026-01-01T00:00:00.000+00:00"
JUDGE = Judge(bundle="0123456789abcdef", engine="openvino-fp32", settings_revision=1)
LAMP = {"name": "lamp", "output": "lamp"}
BUZZER = {"name": "buzzer", "output": "buzzer", "kinds": ["local"], "repeats": 3, "within_m": 1.0}
STOP = {"name": "stop", "output": "stop", "kinds": ["warp"], "at_least_mm": 300.0}


def defect(
    name: str, y0_m: float, length_mm: float = 2.0, x0_mm: float = 100.0, width_mm: float = 2.0,
    kind: Kind = Kind.LOCAL, state: State = State.OPEN, camera: str = "c", parent: str | None = None,
) -> DefectEvent:  # fmt: skip
    return DefectEvent(
        time=TIME, roll="r7", id=name, parent=parent, state=state, kind=kind, cameras=[camera], x0_mm=x0_mm,
        x1_mm=x0_mm + width_mm, y0_m=y0_m, y1_m=y0_m + length_mm / 1000, x0_px=0, x1_px=1, first_line=0, end_line=1,
        peak_x_mm=x0_mm, peak_y_m=y0_m, peak_x_px=0, peak_line=0, score=2.0, threshold=1.0, latency_ms=1.0,
        latency_mm=1.0, judge=JUDGE,
    )  # fmt: skip


def warp(name: str, y0_m: float, length_mm: float, **more: Any) -> DefectEvent:
    return defect(name, y0_m, length_mm, kind=Kind.WARP, **more)


def running(y_m: float | None, camera: str = "c") -> StateEvent:
    return StateEvent(time=TIME, camera=camera, state="running", message="lines come again", y_m=y_m)


def unseen(first_line: int | None, camera: str = "c") -> NotInspectedEvent:
    known = first_line is not None
    return NotInspectedEvent(
        time=TIME, camera=camera, reason=Reason.CAMERA_LOST, first_line=first_line,
        end_line=first_line and first_line + 9, y0_m=1.0 if known else None, y1_m=1.1 if known else None,
        seconds=3.0, detail="",
    )  # fmt: skip


def failed(camera: str = "c") -> StateEvent:
    return StateEvent(time=TIME, camera=camera, state="failed", message="gone")


def heard(rules: Sequence[Any], *events: Event, inhibit_m: float = 0.0) -> list[AlarmEvent | StateEvent]:
    alarms = Alarms(AlarmSection(inhibit_m=inhibit_m, rules=tuple(rules)))
    return [told for event in events for told in alarms.hear(event)]


def alarms(rules: Sequence[Any], *events: Event, inhibit_m: float = 0.0) -> list[tuple[str, str]]:
    """Rule and newest defect of each alarm."""
    told = heard(rules, *events, inhibit_m=inhibit_m)
    return [(one.rule, one.defects[-1]) for one in told if isinstance(one, AlarmEvent)]


def sentences(told: Sequence[AlarmEvent | StateEvent]) -> list[str]:
    return [one.message for one in told if isinstance(one, StateEvent) and one.state == "alarms_limited"]


def spots(*places_m: float, **more: Any) -> list[DefectEvent]:
    return [defect(f"d{number}", y, **more) for number, y in enumerate(places_m, 1)]


def test_an_alarm_says_what_when_and_which() -> None:
    (told,) = heard([LAMP], defect("d1", 5.0))
    assert told == AlarmEvent(
        time=TIME, roll="r7", output="lamp", rule="lamp", camera="c", y_m=5.002, defects=["d1"]
    )  # fmt: skip


def test_without_rules_nothing_is_told() -> None:
    assert heard([], defect("d1", 5.0), warp("d2", 5.0, 9000), unseen(None), failed()) == []


@pytest.mark.parametrize(
    ("rule", "events", "expected"),
    [
        pytest.param(LAMP, spots(1, 2), ["d1", "d2"], id="each defect"),
        pytest.param(LAMP, [defect("d1", 1, state=state) for state in State], ["d1"], id="once a defect"),
        pytest.param({**LAMP, "kinds": ["warp"]}, [*spots(1), warp("d2", 2, 50)], ["d2"], id="kinds"),
        pytest.param(STOP, [warp("d1", 1, 299), warp("d2", 2, 301)], ["d2"], id="length along"),
        pytest.param({**LAMP, "at_least_mm": 300}, spots(1, width_mm=301), ["d1"], id="length across"),
        pytest.param(STOP, [warp("d1", 1, n, state=State.UPDATE) for n in (100, 200, 310, 400)], ["d1"], id="it grows"),
        pytest.param(BUZZER, spots(1, 1.5, 1.9), ["d3"], id="repeats"),
        pytest.param(BUZZER, spots(1, 1.5, 2.1), [], id="repeats too far apart"),
        pytest.param({**BUZZER, "within_m": 1.2}, spots(1, 1.5, 2.1), ["d3"], id="within_m"),
        pytest.param({**BUZZER, "repeats": 2}, spots(1, 1.5), ["d2"], id="two are enough"),
        pytest.param(BUZZER, spots(1, 1.2, 1.4, 1.6), ["d3", "d4"], id="and each one more"),
        pytest.param({**BUZZER, "most": 1, "per_m": 5}, spots(1, 1.2, 1.4, 1.6), ["d3"], id="most"),
        pytest.param({**LAMP, "most": 1, "per_m": 5}, spots(1, 5.9, 6.1), ["d1", "d3"], id="per_m"),
        pytest.param({**LAMP, "most": 2, "per_m": 5}, spots(1, 2, 3, 4), ["d1", "d2"], id="most of two"),
        pytest.param(
            {**BUZZER, "across_mm": 5},
            [defect(f"d{n}", 1 + n / 10, x0_mm=x) for n, x in enumerate((10, 300, 14, 9), 1)],
            ["d4"],
            id="across_mm",
        ),
        pytest.param(
            BUZZER,
            [*spots(1, 1.2), defect("d2", 1.2, state=State.CLOSED, parent="d1"), defect("d3", 1.4)],
            [],
            id="what became part of another does not count",
        ),
        pytest.param(BUZZER, [*spots(1, 1.2), defect("d3", 1.4, camera="other")], [], id="each camera"),
    ],
)  # fmt: skip
def test_when_a_rule_sets_off_its_output(rule: dict[str, Any], events: list[Event], expected: list[str]) -> None:
    assert [name for _, name in alarms([rule], *events)] == expected


def test_a_repetition_names_all_its_defects() -> None:
    (told,) = heard([BUZZER], *spots(1, 1.2, 1.4))
    assert isinstance(told, AlarmEvent)
    assert told.defects == ["d1", "d2", "d3"]


def test_a_running_defect_alarms_again_when_the_limit_is_over() -> None:
    rule = {**STOP, "most": 1, "per_m": 2.0}
    events = [warp("d1", 1, 400), warp("d2", 1, 500), warp("d2", 1, 2600, state=State.UPDATE)]
    assert alarms([rule], *events) == [("stop", "d1"), ("stop", "d2")]


def test_after_a_start_and_a_restart_nothing_sounds_or_stops_for_a_while() -> None:
    rules = [LAMP, {**BUZZER, "repeats": 1}]
    events = [defect("d1", 0.05), defect("d2", 1.0), running(5.0), defect("d3", 5.05), defect("d4", 5.2)]
    told = alarms(rules, *events, inhibit_m=0.1)
    assert [name for rule, name in told if rule == "lamp"] == ["d1", "d2", "d3", "d4"], "the lamp lights all the time"
    assert [name for rule, name in told if rule == "buzzer"] == ["d2", "d4"]
    assert len(alarms(rules, *events, inhibit_m=0.0)) == 8


def test_what_runs_on_beyond_the_stretch_after_a_restart_stops_the_loom() -> None:
    events = [running(5.0), warp("d1", 5.0, 350), warp("d1", 5.0, 600, state=State.UPDATE)]
    assert alarms([STOP], *events[:2], inhibit_m=0.5) == []
    assert alarms([STOP], *events, inhibit_m=0.5) == [("stop", "d1")]


def test_a_restart_at_an_unknown_place_is_taken_to_be_at_the_next_event() -> None:
    events = [running(None), warp("d1", 5.0, 350), warp("d2", 5.2, 400)]
    assert alarms([STOP], *events, inhibit_m=0.1) == [("stop", "d2")]


def test_the_same_events_give_the_same_alarms() -> None:
    rules = [LAMP, BUZZER, STOP]
    events = [*spots(1, 1.2, 1.4), running(2.0), warp("w", 3, 500), unseen(None), *spots(6, 6.1)]
    assert heard(rules, *events, inhibit_m=0.1) == heard(rules, *events, inhibit_m=0.1)


LONG = warp("long", 9.0, 5000)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"name": "x", "output": "stop"}, "alarm rule 1 is left out: "),
        ({"name": "x", "output": "stop", "kinds": ["knot"], "at_least_mm": 1}, "alarm rule 1 is left out: kinds.0"),
        ("stop on everything", "alarm rule 1 is left out: "),
    ],
)
def test_a_broken_rule_stops_no_loom_and_state_says_so(broken: Any, why: str) -> None:
    told = heard([broken, LAMP], LONG, LONG)
    assert [one.output for one in told if isinstance(one, AlarmEvent)] == ["lamp"], "the others hold"
    assert len(sentences(told)) == 1
    assert sentences(told)[0].startswith(why)


def test_a_rule_that_fails_is_left_out_and_state_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(rule: Rule, event: DefectEvent, seen: Any) -> list[AlarmEvent]:
        if rule.name == "stop":
            raise ZeroDivisionError("no such number")
        return _count(rule, event, seen)

    monkeypatch.setattr("runtime.alarms.decide._count", fails)
    machine = Alarms(AlarmSection(inhibit_m=0, rules=(STOP, LAMP)))
    told = [*machine.hear(LONG), *machine.hear(warp("d2", 15.0, 400))]
    assert [one.output for one in told if isinstance(one, AlarmEvent)] == ["lamp", "lamp"]
    assert sentences(told) == ["alarm rule 'stop' failed and is left out (no such number)"]


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        ({"kind": "knot"}, "no alarm from a defect of the unknown kind 'knot'"),
        ({"y1_m": math.nan}, "no alarm from a defect without a place"),
        ({"y1_m": math.inf}, "no alarm from a defect without a place"),
        ({"x0_mm": None}, "no alarm from an event that could not be understood"),
        ({"cameras": []}, "no alarm from an event that could not be understood"),
    ],
)
def test_a_defect_that_cannot_be_trusted_stops_no_loom_and_state_says_so(spoilt: dict[str, Any], why: str) -> None:
    event = DefectEvent.model_construct(**{**dict(LONG), **spoilt})
    told = heard([LAMP, STOP], event, event)
    assert not [one for one in told if isinstance(one, AlarmEvent)]
    assert len(sentences(told)) == 1, "said once"
    assert sentences(told)[0].startswith(why)
    assert alarms([STOP], event, LONG) == [("stop", "long")], "the next one counts"


def test_after_cloth_of_unknown_length_counts_begin_anew_and_state_says_so() -> None:
    events = [*spots(1, 1.2), unseen(None), defect("d3", 1.4), defect("d4", 1.5), defect("d5", 1.6), defect("d6", 1.7)]
    assert alarms([BUZZER], *events, inhibit_m=0.05) == [("buzzer", "d6")], "d3 is where the loom may have begun again"
    assert sentences(heard([BUZZER], *events)) == ["counts of defects begin anew after cloth of unknown length"]
    known = [*spots(1, 1.2), unseen(50), defect("d3", 1.4)]
    assert alarms([BUZZER], *known) == [("buzzer", "d3")]
    assert sentences(heard([BUZZER], *known)) == []


def test_a_camera_that_failed_stops_no_loom_and_state_says_so() -> None:
    told = heard([LAMP, STOP], failed(), warp("d1", 1, 900), warp("d2", 1, 900, camera="other"))
    assert [(one.output, one.camera) for one in told if isinstance(one, AlarmEvent)] == [
        ("lamp", "c"), ("lamp", "other"), ("stop", "other"),
    ]  # fmt: skip
    assert sentences(told) == ["its defects neither sound nor stop any more: it failed"]
    gone = [failed(), unseen(None), running(3.0), warp("d1", 9, 900)]
    assert alarms([STOP], *gone) == [], "it stays failed"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param([BUZZER], ["d3"], id="a rule that stays goes on counting"),
        pytest.param([{**BUZZER, "within_m": 2.0}], ["d5"], id="one that was changed begins anew"),
        pytest.param([LAMP], ["d3", "d4", "d5"], id="another"),
        pytest.param([], [], id="none"),
        pytest.param([BUZZER, {"name": "odd"}], ["d3"], id="one that is none is left out"),
    ],
)
def test_rules_that_are_taken_up_later(rules: list[Any], expected: list[str]) -> None:
    deciding = Alarms(AlarmSection(inhibit_m=0, rules=(BUZZER,)))
    told = []
    for number, event in enumerate(spots(1, 1.3, 1.6, 2.5, 3.2)):
        if number == 2:
            deciding.use("c", AlarmSection(inhibit_m=0, rules=tuple(rules)))
        told += deciding.hear(event)
    assert [one.defects[-1] for one in told if isinstance(one, AlarmEvent)] == expected
    assert len(sentences(told)) == (len(rules) == 2)


def test_rules_are_taken_up_for_one_camera_alone() -> None:
    deciding = Alarms(AlarmSection(inhibit_m=0, rules=(LAMP,)))
    deciding.use("other", AlarmSection(inhibit_m=0, rules=()))
    told = [one for camera in ("c", "other") for one in deciding.hear(defect(camera, 1.0, camera=camera))]
    assert [one.camera for one in told] == ["c"]


def test_the_cloth_that_is_silent_is_taken_up_too() -> None:
    deciding = Alarms(AlarmSection(inhibit_m=5, rules=(BUZZER,)))
    deciding.use("c", AlarmSection(inhibit_m=0, rules=({**BUZZER, "repeats": 1},)))
    assert len(deciding.hear(defect("d1", 1.0))) == 1
