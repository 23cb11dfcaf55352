"""Records made by hand: what lay there, and what was told of it."""

from __future__ import annotations

from typing import Any

from benchmarks.scenario.record import Disturbance, Planted, Record
from runtime.events import (
    AlarmEvent,
    CameraSummary,
    DefectEvent,
    Event,
    Judge,
    MaintenanceEvent,
    NotInspectedEvent,
    StateEvent,
    SummaryEvent,
)
from runtime.types import Kind, Reason, State

JUDGE = Judge(bundle="b", engine="openvino-fp32", settings_revision=1)


def fault(
    cls: str = "hole",
    x: tuple[float, float] = (100, 110),
    y: tuple[float, float] = (1.0, 1.01),
    snr: float | None = 20.0,
    name: str = "",
    kind: Kind = Kind.LOCAL,
) -> Planted:
    """A fault; x in mm, y in m."""
    return Planted(
        id=name or f"{cls}-{y[0]:g}", cls=cls, kind=kind, x0_mm=x[0], x1_mm=x[1], y0_m=y[0], y1_m=y[1], snr=snr
    )


def event(
    x: tuple[float, float] = (100, 110),
    y: tuple[float, float] = (1.0, 1.01),
    name: str = "d1",
    parent: str | None = None,
    state: State = State.CLOSED,
    kind: Kind = Kind.LOCAL,
    latency_mm: float = 10.0,
) -> DefectEvent:
    """A defect event; x in mm, y in m; pixels of 1 mm."""
    x0, x1, first, end = (round(v) for v in (*x, y[0] * 1000, y[1] * 1000))
    return DefectEvent(
        id=name,
        parent=parent,
        state=state,
        kind=kind,
        cameras=["camera1"],
        x0_mm=x[0],
        x1_mm=x[1],
        y0_m=y[0],
        y1_m=y[1],
        x0_px=x0,
        x1_px=max(x1, x0 + 1),
        first_line=first,
        end_line=max(end, first + 1),
        peak_x_mm=x[0],
        peak_y_m=y[0],
        peak_x_px=x0,
        peak_line=first,
        score=5.0,
        threshold=3.0,
        latency_ms=50.0,
        latency_mm=latency_mm,
        judge=JUDGE,
    )


def disturbance(kind: str = "dust", y: tuple[float, float] = (2.0, 3.0), **more: Any) -> Disturbance:
    """A disturbance; y in m."""
    return Disturbance(id=f"{kind}-{y[0]:g}", kind=kind, y0_m=y[0], y1_m=y[1], **more)


def maintenance(y_m: float, x: tuple[float, float] | None = None, cause: str = "column") -> MaintenanceEvent:
    """A maintenance event that opens."""
    x0, x1 = x or (None, None)
    return MaintenanceEvent(
        id=f"m{y_m}", camera="camera1", state="open", cause=cause, message="", x0_mm=x0, x1_mm=x1, first_line=0, y_m=y_m
    )


def unseen(y: tuple[float, float], reason: Reason = Reason.NO_CLOTH) -> NotInspectedEvent:
    """A span that was not inspected; y in m."""
    return NotInspectedEvent(
        camera="camera1", reason=reason, first_line=0, end_line=1, y0_m=y[0], y1_m=y[1], seconds=None, detail=""
    )


def state(what: str, y_m: float) -> StateEvent:
    """A state event."""
    return StateEvent(camera="camera1", state=what, message="", y_m=y_m)


def stop(*defects: str) -> AlarmEvent:
    """An alarm that asks for a stop."""
    return AlarmEvent(output="stop", rule="r", camera="camera1", y_m=1.0, defects=list(defects))


def summary(metres: float, lines_in: int = 1000, inspected: int = 1000, missing: int = 0) -> SummaryEvent:
    """The closing account of one camera."""
    camera = CameraSummary(
        camera="camera1",
        metres=metres,
        lines_in=lines_in,
        lines_inspected=inspected,
        lines_not_inspected={Reason.OVERLOAD: missing} if missing else {},
        unnumbered_spans=0,
        unnumbered_seconds=0,
        tiles=1,
        defects={},
        balanced=True,
        latency_ms_p50=None,
        latency_ms_p99=None,
    )
    return SummaryEvent(ended="limit", seconds=1, judge=JUDGE, cameras=[camera], events_lost=0)


def record(
    faults: list[Planted] | None = None,
    events: list[Event] | None = None,
    disturbances: list[Disturbance] | None = None,
    metres: float = 10.0,
    **more: Any,
) -> Record:
    """A run of so many metres of cloth 400 mm wide."""
    told = list(events or [])
    closing = [] if any(isinstance(one, SummaryEvent) for one in told) else [summary(metres)]
    values = {"stop_rules": 1, "ppi": 25.4, **more}
    return Record(
        pack="T",
        style="plain",
        seed=1,
        bundle="b",
        engine="openvino-fp32",
        metres=metres,
        cloth_mm=(0, 400),
        seconds=1,
        faults=faults or [],
        disturbances=disturbances or [],
        events=told + closing,
        **values,
    )
