"""Defects over the border of two cameras: one event, whoever sees how much of it.

Works on events, in loom millimetres, after the cameras' trackers and before the sinks. An event that meets one of
another camera becomes part of it: the older goes on with the box around both and names both cameras, a younger that
had been told is closed with the older as its parent. An event near a border is closed only when the camera beyond it
has judged that cloth too, or was left so far behind that it is taken to be gone. A roll's defects end with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from runtime.defects.growing import kind_of
from runtime.events import DefectEvent, Event, StateEvent
from runtime.types import State

X_MM = 5.0
"""Boxes of one defect lie within this across: cameras are placed to 2 mm, boxes drawn to a cell of the map."""
Y_MM = 3.0
"""... and within this along the cloth: cameras are aligned to 3 lines."""
WAIT_MM = 20.0
"""Cloth that the neighbour must have judged beyond a defect's end: a weak beginning is told late."""
GONE_MM = 2000.0
"""A neighbour this far behind is not waited for: more than the queue of lines before the engine holds."""


@dataclass(frozen=True)
class _Box:
    """Millimetres on the loom and along the cloth."""

    x0: float
    x1: float
    y0: float
    y1: float

    @classmethod
    def of(cls, event: DefectEvent) -> _Box:
        return cls(event.x0_mm, event.x1_mm, event.y0_m * 1000, event.y1_m * 1000)

    def joined(self, other: _Box) -> _Box:
        (x0, x1), (y0, y1) = (self.x0, self.x1), (self.y0, self.y1)
        return _Box(min(x0, other.x0), max(x1, other.x1), min(y0, other.y0), max(y1, other.y1))

    def meets(self, other: _Box) -> bool:
        dx = max(self.x0 - other.x1, other.x0 - self.x1)
        dy = max(self.y0 - other.y1, other.y0 - self.y1)
        return dx <= X_MM and dy <= Y_MM


@dataclass
class _Group:
    """One defect.

    Attributes:
        number: in the order of beginning.
        whole: its event as told last, or as it would be told now.
        boxes: what each camera saw of it.
        open: ids of the cameras' events that belong to it and are not closed.
        told: it was told; another's part that was known as such from the start never is.
    """

    number: int
    whole: DefectEvent
    boxes: dict[str, _Box] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    told: bool = False

    def meets(self, other: _Group) -> bool:
        """Does any camera's part of it meet another camera's part of the other?"""
        pairs = product(self.boxes.items(), other.boxes.items())
        return any(camera != beyond and box.meets(beside) for (camera, box), (beyond, beside) in pairs)

    def take(self, event: DefectEvent, boxes: Mapping[str, _Box]) -> None:
        """Draw the box around an event too."""
        for camera, box in boxes.items():
            self.boxes[camera] = self.boxes[camera].joined(box) if camera in self.boxes else box
        self.whole = event if event.id == self.whole.id and len(self.boxes) == 1 else _around(self.whole, event)


class Across:
    """Joins the defect events of the cameras of one stream. Used by one thread."""

    def __init__(self, spans: Mapping[str, tuple[float, float]]) -> None:
        """Set up.

        Args:
            spans: what each camera sees, loom mm from and to; a camera that is left out is alone.
        """
        self._spans = spans
        self._judged_mm = dict.fromkeys(spans, -math.inf)
        self._ended: set[str] = set()
        self._rolls: dict[str, str | None] = {}  # of the cameras that came to another
        self._groups: dict[int, _Group] = {}
        self._group_of: dict[str, _Group] = {}
        self._begun = 0

    def hear(self, event: Event) -> list[Event]:
        """What is to be told instead of an event."""
        if isinstance(event, StateEvent) and event.state == "started" and event.camera:
            self._rolls[event.camera] = event.roll
            return [*self._close_ready(), event]
        if len(self._spans) < 2 or not isinstance(event, DefectEvent) or event.cameras[0] not in self._spans:
            return [event]
        group = self._group_of.get(event.id) or self._begin(event)
        if event.state is State.CLOSED:
            group.open.discard(event.id)
            self._group_of.pop(event.id, None)
        home = self._group_of.get(event.parent) if event.parent else None
        group.take(event, {event.cameras[0]: _Box.of(event)})
        others = [
            other
            for other in self._groups.values()
            if other is not group and other.whole.roll == event.roll and group.meets(other)
        ]
        if home and home is not group and home not in others:
            others.append(home)
        elder, told = self._join([group, *others], event)
        news = event.state is not State.CLOSED or bool(others)
        return [*told, *self._say(elder, event, news)]

    def passed(self, camera: str, y_m: float) -> list[DefectEvent]:
        """A camera has judged the cloth up to a metre: the defects that waited for it and are closed now."""
        if camera in self._judged_mm:
            self._judged_mm[camera] = max(self._judged_mm[camera], y_m * 1000)
        return self._close_ready()

    def ended(self, camera: str) -> list[DefectEvent]:
        """Nothing more comes of a camera."""
        self._ended.add(camera)
        return self._close_ready()

    def _close_ready(self) -> list[DefectEvent]:
        ready = [group for group in self._groups.values() if not group.open and not self._waits(group)]
        return [self._close(group) for group in ready]

    def _begin(self, event: DefectEvent) -> _Group:
        self._begun += 1
        group = _Group(self._begun, event, open={event.id})
        self._groups[group.number] = self._group_of[event.id] = group
        return group

    def _join(self, groups: list[_Group], cause: DefectEvent) -> tuple[_Group, list[Event]]:
        """Make one of several; returns it, and the closing events of those that were told."""
        elder, *younger = sorted(groups, key=lambda group: group.number)
        told: list[Event] = []
        for group in younger:
            elder.take(group.whole, group.boxes)
            elder.open |= group.open
            self._group_of.update(dict.fromkeys(group.open, elder))
            del self._groups[group.number]
            if group.told:
                told.append(_now(group.whole, cause, state=State.CLOSED, parent=elder.whole.id))
        return elder, told

    def _say(self, group: _Group, cause: DefectEvent, news: bool) -> list[Event]:
        """The event of a defect that changed."""
        if not group.open and not self._waits(group):
            return [self._close(group, cause)]
        if not news:
            return []
        state = State.UPDATE if group.told else State.OPEN
        group.told = True
        group.whole = _now(group.whole, cause, state=state, parent=None)
        return [group.whole]

    def _close(self, group: _Group, cause: DefectEvent | None = None) -> DefectEvent:
        del self._groups[group.number]
        # A parent that is no defect is what explains it: the camera's own fault.
        explained = cause.parent if cause and cause.parent not in self._group_of else None
        return _now(group.whole, cause or group.whole, state=State.CLOSED, parent=explained)

    def _waits(self, group: _Group) -> bool:
        """May a camera that has not judged this cloth yet see more of the defect?"""
        x0, x1 = group.whole.x0_mm - X_MM, group.whole.x1_mm + X_MM
        end = group.whole.y1_m * 1000
        farthest = max(self._judged_mm[camera] for camera in group.boxes)
        beyond = {camera for camera, (left, right) in self._spans.items() if left <= x1 and x0 <= right}
        beyond -= self._ended | group.boxes.keys()
        beyond -= {camera for camera, roll in self._rolls.items() if roll != group.whole.roll}
        return farthest < end + GONE_MM and any(self._judged_mm[camera] < end + WAIT_MM for camera in beyond)


def _around(whole: DefectEvent, event: DefectEvent) -> DefectEvent:
    """The event with the box around both; pixels and lines stay those of its first camera."""
    x0, x1 = min(whole.x0_mm, event.x0_mm), max(whole.x1_mm, event.x1_mm)
    y0, y1 = min(whole.y0_m, event.y0_m), max(whole.y1_m, event.y1_m)
    cameras = [*whole.cameras, *(camera for camera in event.cameras if camera not in whole.cameras)]
    found: dict[str, Any] = {"x0_mm": x0, "x1_mm": x1, "y0_m": y0, "y1_m": y1, "cameras": cameras}
    found["kind"] = kind_of(x1 - x0, (y1 - y0) * 1000)
    higher = event.score > whole.score
    if higher:
        found |= {"score": event.score, "peak_x_mm": event.peak_x_mm, "peak_y_m": event.peak_y_m}
    if event.cameras[0] == whole.cameras[0]:
        found |= {"x0_px": min(whole.x0_px, event.x0_px), "x1_px": max(whole.x1_px, event.x1_px)}
        found["first_line"] = min(whole.first_line, event.first_line)
        found["end_line"] = max(whole.end_line, event.end_line)
        if higher:
            found |= {"peak_x_px": event.peak_x_px, "peak_line": event.peak_line}
    return whole.model_copy(update=found)


def _now(whole: DefectEvent, cause: DefectEvent, **changes: Any) -> DefectEvent:
    """The event as told at the moment of another, with changes."""
    latency = {"latency_ms": cause.latency_ms, "latency_mm": cause.latency_mm}
    return whole.model_copy(update={"time": cause.time, "judge": cause.judge, **latency, **changes})
