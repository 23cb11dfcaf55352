"""Defect events as a camera's tracker would tell them."""

from __future__ import annotations

from runtime.events import DefectEvent, Judge
from runtime.types import Kind, State

JUDGE = Judge(bundle="b", engine="e", settings_revision=1)


def defect(
    name: str,
    state: State,
    x_mm: tuple[float, float],
    y_mm: tuple[float, float],
    camera: str = "a",
    kind: Kind = Kind.LOCAL,
    score: float = 1.0,
    parent: str | None = None,
) -> DefectEvent:
    """An event; pixels and lines are ten times its millimetres, so that they can be told from them."""
    (x0, x1), (y0, y1) = x_mm, y_mm
    return DefectEvent(
        id=name, parent=parent, state=state, kind=kind, cameras=[camera],
        x0_mm=x0, x1_mm=x1, y0_m=y0 / 1000, y1_m=y1 / 1000,
        x0_px=round(10 * x0), x1_px=round(10 * x1), first_line=round(10 * y0), end_line=round(10 * y1),
        peak_x_mm=x0, peak_y_m=y0 / 1000, peak_x_px=round(10 * x0), peak_line=round(10 * y0),
        score=score, threshold=0.5, latency_ms=1.0, latency_mm=2.0, judge=JUDGE,
    )  # fmt: skip
