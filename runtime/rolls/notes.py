"""What a run tells beside its defects: those that come back at one distance, and what its cameras needed.

Events are those of ``runtime.events`` as they are kept, one dict each; places become metres of the roll.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from runtime.rolls.places import Places
from runtime.rolls.roll import Maintenance, Repeat


def repeats(events: Sequence[dict[str, Any]], place: Places) -> list[Repeat]:
    """The last word on each repeat, with every defect that was named in its course."""
    camera_of = {event["id"]: event["cameras"][0] for event in events if event["type"] == "defect"}
    told: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        if event["type"] == "repeat":
            told.setdefault(event["id"], []).append(event)
    return [_repeat(of_one, camera_of, place) for of_one in told.values()]


def _repeat(told: Sequence[dict[str, Any]], camera_of: dict[str, str], place: Places) -> Repeat:
    newest = told[-1]
    defects = tuple(dict.fromkeys(name for event in told for name in event["defects"] if name in camera_of))
    camera = camera_of[defects[-1]] if defects else ""
    return Repeat(
        id=newest["id"],
        period_mm=newest["period_mm"],
        x0_mm=newest["x0_mm"],
        x1_mm=newest["x1_mm"],
        y0_m=max(place.start, place.of(camera, newest["y0_m"])),  # it may have begun in the roll before
        y1_m=max(place.start, place.of(camera, newest["y1_m"])),
        count=newest["count"],
        defects=defects,
        closed=newest["state"] == "closed",
    )


def maintenance(
    events: Sequence[dict[str, Any]], place: Places, where: Callable[[str, str], float], ends: dict[str, float]
) -> list[Maintenance]:
    """What was wrong with a camera, each once.

    Args:
        where: the stream's metre at which a camera was at a time: the event that something is over has no place.
        ends: the roll's metre to which each camera came, for what was not over by then.
    """
    told: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        if event["type"] == "maintenance":
            told.setdefault(event["id"], []).append(event)
    return [_maintenance(of_one, place, where, ends) for of_one in told.values()]


def _maintenance(
    told: Sequence[dict[str, Any]], place: Places, where: Callable[[str, str], float], ends: dict[str, float]
) -> Maintenance:
    first, newest = told[0], told[-1]
    camera, closed = first["camera"], newest["state"] == "closed"
    y0 = max(place.start, place.of(camera, first["y_m"]))  # it may be older than the roll
    end = place.of(camera, where(camera, newest["time"])) if closed else ends.get(camera, y0)
    return Maintenance(
        id=first["id"],
        camera=camera,
        cause=first["cause"],
        message=first["message"],
        y0_m=y0,
        y1_m=max(y0, end),
        x0_mm=first["x0_mm"],
        x1_mm=first["x1_mm"],
        closed=closed,
    )
