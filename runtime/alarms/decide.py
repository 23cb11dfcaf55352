"""Events in, alarm events out: the same events give the same alarms, whenever they are heard.

The clock is the cloth: how far the event that is being heard reaches, in metres, for each camera by itself. Whatever
is in doubt does not stop the loom and does not sound: a rule that fails, a position that is none, a kind that is not
known, cloth of unknown length that went by unseen, a camera that failed. Each is told once, as a state event.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from runtime.alarms.rules import AlarmSection, Output, Rule, understood
from runtime.events import AlarmEvent, DefectEvent, Event, NotInspectedEvent, StateEvent
from runtime.types import Kind, State


@dataclass
class _Heard:
    """Of one rule and one camera.

    Attributes:
        fitting: defects that fit the rule and begin in its last ``within_m``.
        alarmed: defects that gave an alarm and are not closed.
        alarms_m: where the alarms of the last ``per_m`` were.
    """

    fitting: list[DefectEvent] = field(default_factory=list)
    alarmed: set[str] = field(default_factory=set)
    alarms_m: list[float] = field(default_factory=list)


@dataclass
class _Camera:
    """Of one camera.

    Attributes:
        rules: those that hold, with what each has heard.
        restart_m: where the cloth last began to run; None: somewhere before the next event.
    """

    inhibit_m: float
    rules: dict[Rule, _Heard]
    restart_m: float | None = 0.0
    failed: bool = False


class Alarms:
    """Holds rules of settings against the events of one stream."""

    def __init__(self, section: AlarmSection) -> None:
        """By the rules of one section, for each camera until it is given others."""
        self._begun_by = section
        self._faults = understood(section.rules)[1]
        self._cameras: dict[str, _Camera] = {}
        self._said: set[tuple[str | None, str]] = set()

    def use(self, camera: str, section: AlarmSection) -> None:
        """Hold other rules against a camera's events from now on; one that stays as it was goes on counting."""
        now = self._camera(camera)
        rules, faults = understood(section.rules)
        self._faults += faults
        now.inhibit_m = section.inhibit_m
        now.rules = {rule: now.rules.get(rule, _Heard()) for rule in rules}

    def _camera(self, name: str) -> _Camera:
        if name not in self._cameras:
            rules = understood(self._begun_by.rules)[0]
            self._cameras[name] = _Camera(self._begun_by.inhibit_m, {rule: _Heard() for rule in rules})
        return self._cameras[name]

    def hear(self, event: Event) -> list[AlarmEvent | StateEvent]:
        """What an event sets off, and what has to be said of the rules; never raises."""
        told: list[AlarmEvent | StateEvent] = []
        for fault in self._faults:
            self._say(fault, None, event, told)
        self._faults = []
        try:
            self._take(event, told)
        except Exception as error:
            self._say(f"no alarm from an event that could not be understood ({error})", None, event, told)
        return told

    def _take(self, event: Event, told: list[AlarmEvent | StateEvent]) -> None:
        if isinstance(event, DefectEvent):
            self._take_defect(event, told)
        elif isinstance(event, NotInspectedEvent) and event.first_line is None:
            camera = self._camera(event.camera)
            camera.restart_m, camera.rules = None, {rule: _Heard() for rule in camera.rules}
            if camera.rules:
                self._say("counts of defects begin anew after cloth of unknown length", event.camera, event, told)
        elif isinstance(event, StateEvent) and event.camera is not None:
            camera = self._camera(event.camera)
            if event.state == "running":
                camera.restart_m = event.y_m
            elif event.state == "failed":
                camera.failed = True
                if camera.rules:
                    self._say("its defects neither sound nor stop any more: it failed", event.camera, event, told)

    def _take_defect(self, event: DefectEvent, told: list[AlarmEvent | StateEvent]) -> None:
        camera = self._camera(event.cameras[0])
        if not camera.rules:
            return
        if doubt := _doubt(event):
            self._say(f"no alarm from {doubt}", event.cameras[0], event, told)
            return
        if camera.restart_m is None:
            camera.restart_m = event.y1_m
        for rule, heard in list(camera.rules.items()):
            try:
                told += self._hold(rule, heard, event, camera)
            except Exception as error:
                del camera.rules[rule]
                self._say(f"alarm rule '{rule.name}' failed and is left out ({error})", None, event, told)

    def _hold(self, rule: Rule, heard: _Heard, event: DefectEvent, camera: _Camera) -> list[AlarmEvent]:
        alarms: list[AlarmEvent] = []
        if event.parent is not None:
            heard.fitting = [one for one in heard.fitting if one.id != event.id]
        elif self._fits(rule, event, camera):
            alarms = _count(rule, event, heard)
        if event.state is State.CLOSED:
            heard.alarmed.discard(event.id)
        return alarms

    def _fits(self, rule: Rule, event: DefectEvent, camera: _Camera) -> bool:
        silent = camera.failed or event.y1_m < (camera.restart_m or 0.0) + camera.inhibit_m
        if silent and rule.output is not Output.LAMP:
            return False
        return event.kind in rule.kinds and extent_mm(event) >= rule.at_least_mm

    def _say(self, message: str, camera: str | None, cause: Event, told: list[AlarmEvent | StateEvent]) -> None:
        """Tell it, once."""
        if (camera, message) not in self._said:
            self._said.add((camera, message))
            told.append(
                StateEvent(time=cause.time, roll=cause.roll, camera=camera, state="alarms_limited", message=message)
            )


def _count(rule: Rule, event: DefectEvent, heard: _Heard) -> list[AlarmEvent]:
    """One more defect that fits: are they enough, and may the rule say so?"""
    others = [one for one in heard.fitting if one.id != event.id and event.y1_m - one.y0_m <= rule.within_m]
    heard.fitting = [*others, event]
    heard.alarms_m = [y for y in heard.alarms_m if event.y1_m - y < rule.per_m]
    alike = [one for one in others if rule.across_mm is None or _apart_mm(one, event) <= rule.across_mm]
    spent = rule.most is not None and len(heard.alarms_m) >= rule.most
    if event.id in heard.alarmed or len(alike) + 1 < rule.repeats or spent:
        return []
    heard.alarmed.add(event.id)
    heard.alarms_m.append(event.y1_m)
    return [
        AlarmEvent(
            time=event.time,
            roll=event.roll,
            output=rule.output.value,
            rule=rule.name,
            camera=event.cameras[0],
            y_m=event.y1_m,
            defects=[one.id for one in (*alike, event)],
        )
    ]


def extent_mm(event: DefectEvent) -> float:
    """Length or width, whichever is more."""
    return max(event.x1_mm - event.x0_mm, (event.y1_m - event.y0_m) * 1000)


def _doubt(event: DefectEvent) -> str:
    """Why an event is not to be trusted, or nothing."""
    if event.kind not in tuple(Kind):
        return f"a defect of the unknown kind '{event.kind}'"
    places = (event.x0_mm, event.x1_mm, event.y0_m, event.y1_m)
    return "" if all(map(math.isfinite, places)) else "a defect without a place"


def _apart_mm(one: DefectEvent, other: DefectEvent) -> float:
    return max(0.0, one.x0_mm - other.x1_mm, other.x0_mm - one.x1_mm)
