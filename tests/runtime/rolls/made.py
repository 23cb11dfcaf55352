"""Rolls made from events that are written down, for tests of what is kept and reported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from runtime.events import (
    DefectEvent,
    Event,
    Judge,
    MaintenanceEvent,
    NotInspectedEvent,
    RepeatEvent,
    StateEvent,
    SummaryEvent,
)
from runtime.rolls.store import Label, Progress, Store
from runtime.types import Kind, NotInspected, Reason, State

JUDGE = Judge(bundle="0123456789abcdef", engine="openvino-fp32", settings_revision=3)
TIME = "2026-03-01T10:00:00.000+00:00"
MM_PER_PX = 0.5


def defect(
    id_: str,
    y: tuple[float, float],
    x: tuple[float, float] = (100.0, 110.0),
    kind: Kind = Kind.LOCAL,
    state: State = State.CLOSED,
    parent: str | None = None,
    camera: str = "c",
) -> DefectEvent:
    """A defect at metres y and millimetres x."""
    columns = [round(mm / MM_PER_PX) for mm in x]
    lines = [round(metre * 1000 / MM_PER_PX) for metre in y]
    return DefectEvent(
        id=id_, parent=parent, state=state, kind=kind, cameras=[camera], x0_mm=x[0], x1_mm=x[1], y0_m=y[0], y1_m=y[1],
        x0_px=columns[0], x1_px=columns[1], first_line=lines[0], end_line=lines[1], peak_x_mm=x[0], peak_y_m=y[0],
        peak_x_px=columns[0], peak_line=lines[0], score=3.0, threshold=2.0, latency_ms=1.0, latency_mm=1.0, judge=JUDGE,
        time=TIME,
    )  # fmt: skip


def gap(
    reason: Reason, y: tuple[float, float] | None, camera: str = "c", seconds: float | None = None, time: str = TIME
) -> Event:
    """A span that was not looked at; without y its length is unknown."""
    lines = [round(metre * 1000 / MM_PER_PX) for metre in y] if y else [None, None]
    told = NotInspectedEvent.of(NotInspected(camera, reason, lines[0], lines[1], seconds), y, None)
    return told.model_copy(update={"time": time})


def repeat(
    id_: str, period_mm: float, defects: Sequence[DefectEvent], state: State = State.CLOSED, x: float = 105.0
) -> RepeatEvent:
    """The newest word on defects that come back at one distance."""
    middles = [(one.y0_m + one.y1_m) / 2 for one in defects]
    return RepeatEvent(
        id=id_, state=state, period_mm=period_mm, x0_mm=x - 5, x1_mm=x + 5, y0_m=min(middles), y1_m=max(middles),
        defects=[one.id for one in defects], count=len(defects), time=TIME,
    )  # fmt: skip


def care(
    id_: str,
    y_m: float,
    state: Literal["open", "closed"] = "open",
    cause: Literal["column", "light", "focus", "encoder"] = "column",
    x: tuple[float, float] | None = (40.0, 41.0),
    camera: str = "c",
    time: str = TIME,
) -> MaintenanceEvent:
    """A camera that needs care from a metre on, or no longer."""
    return MaintenanceEvent(
        id=id_, camera=camera, state=state, cause=cause, message=f"{cause} {state}", x0_mm=x and x[0],
        x1_mm=x and x[1], first_line=round(y_m * 1000 / MM_PER_PX), y_m=y_m, time=time,
    )  # fmt: skip


def progress(
    metres: float,
    looked_at_m: float | None = None,
    x: tuple[float, float] = (0, 1000),
    camera: str = "c",
    time: str = TIME,
) -> Progress:
    """A camera that has come so far."""
    return Progress(camera, time, metres, metres if looked_at_m is None else looked_at_m, *x)


def started(camera: str | None = None) -> StateEvent:
    return StateEvent(camera=camera, state="started", message="begins", time=TIME)


def summary() -> SummaryEvent:
    """The end of a run."""
    return SummaryEvent(ended="limit", seconds=1.0, judge=JUDGE, cameras=[], events_lost=0, time=TIME)


def make_roll(folder: Path, *runs: Sequence[Event | Progress], label: Label | None = None) -> Path:
    """A roll of these runs; one without a summary is cut off."""
    for rows in runs:
        store = Store(folder, label or Label("7"))
        store.add(rows)
        store.close()
    return folder
