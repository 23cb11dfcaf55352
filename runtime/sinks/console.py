"""Events for people: a line a defect, and a status line that stays in place on a terminal."""

from __future__ import annotations

import sys
from typing import TextIO

from runtime.events import (
    AlarmEvent,
    DefectEvent,
    Event,
    MaintenanceEvent,
    NotInspectedEvent,
    RepeatEvent,
    StateEvent,
    StatusEvent,
    SummaryEvent,
)
from runtime.types import State


class Console:
    """Prints to a terminal or a log. See runtime.sinks.base.Sink."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self.lost = 0
        self._out = out
        self._live = out.isatty()
        self._status = ""

    def write(self, event: Event) -> None:
        if isinstance(event, StatusEvent):
            self._show_status(event)
            return
        text = self._text(event)
        if text:
            self._print(text)

    def close(self) -> None:
        if self._status:
            self._put("\r\x1b[K")
            self._status = ""

    def _text(self, event: Event) -> str:
        if isinstance(event, DefectEvent):
            return describe_defect(event)
        if isinstance(event, NotInspectedEvent):
            return describe_gap(event)
        if isinstance(event, AlarmEvent):
            return describe_alarm(event)
        if isinstance(event, MaintenanceEvent):
            return describe_maintenance(event)
        if isinstance(event, RepeatEvent):
            return describe_repeat(event)
        if isinstance(event, StateEvent):
            return f"{event.camera or 'stream'}: {event.message}"
        if isinstance(event, SummaryEvent):
            return describe_summary(event)
        return ""

    def _print(self, text: str) -> None:
        clear = "\r\x1b[K" if self._status else ""
        self._put(f"{clear}{text}\n{self._status}")

    def _put(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except OSError:  # a full disk, a pipe that nobody reads any more
            self.lost += 1

    def _show_status(self, event: StatusEvent) -> None:
        line = " | ".join(
            f"{c.camera} {c.metres:.2f} m  {c.m_per_min:.1f} m/min  {c.lines_per_s:.0f} lines/s  "
            f"{c.tiles_per_s:.0f} tiles/s  queue {c.queue_blocks}  lost {c.lines_not_inspected}  defects {c.defects}"
            for c in event.cameras
        )
        if event.events_lost:
            line += f" | EVENTS LOST {event.events_lost}"
        if self._live:
            self._status = line
        self._put(f"\r\x1b[K{line}" if self._live else f"{line}\n")


def describe_defect(event: DefectEvent) -> str:
    """One readable line."""
    word = {State.OPEN: "DEFECT", State.UPDATE: "  runs on", State.CLOSED: "  closed"}[event.state]
    size = f"{event.x1_mm - event.x0_mm:.1f} x {(event.y1_m - event.y0_m) * 1000:.1f} mm"
    joined = f", belongs to {event.parent}" if event.parent else ""
    return (
        f"{word} {event.id} {event.kind.value}: x {event.x0_mm:.1f} to {event.x1_mm:.1f} mm, "
        f"y {event.y0_m:.4f} to {event.y1_m:.4f} m ({size}), score {event.score:.3f} of {event.threshold:.3f}, "
        f"{event.latency_ms:.0f} ms, {event.latency_mm:.0f} mm later{joined}"
    )


def describe_alarm(event: AlarmEvent) -> str:
    """One readable line."""
    return f"ALARM {event.output} by '{event.rule}' at {event.y_m:.4f} m: {', '.join(event.defects)}"


def describe_maintenance(event: MaintenanceEvent) -> str:
    """One readable line."""
    word = "MAINTENANCE" if event.state == "open" else "  well again"
    return f"{word} {event.camera} {event.cause}, since {event.y_m:.4f} m: {event.message}"


def describe_repeat(event: RepeatEvent) -> str:
    """One readable line."""
    word = {State.OPEN: "REPEAT", State.UPDATE: "  goes on", State.CLOSED: "  is over"}[event.state]
    return (
        f"{word} {event.id}: {event.count} defects {event.period_mm:.0f} mm from each other, "
        f"x {event.x0_mm:.1f} to {event.x1_mm:.1f} mm, y {event.y0_m:.4f} to {event.y1_m:.4f} m"
    )


def describe_gap(event: NotInspectedEvent) -> str:
    """One readable line."""
    if event.first_line is None or event.end_line is None:
        span = f"{event.seconds:.1f} s, lines unknown" if event.seconds is not None else "lines unknown"
    else:
        span = f"{event.end_line - event.first_line} lines from line {event.first_line}"
        if event.y0_m is not None and event.y1_m is not None:
            span += f", y {event.y0_m:.4f} to {event.y1_m:.4f} m"
    detail = f" ({event.detail})" if event.detail else ""
    return f"NOT INSPECTED {event.camera} {event.reason.value}: {span}{detail}"


def describe_summary(event: SummaryEvent) -> str:
    """The closing account, a few lines."""
    lines = [f"Summary ({event.ended}, {event.seconds:.1f} s, bundle {event.judge.bundle}, {event.judge.engine}):"]
    for c in event.cameras:
        reasons = ", ".join(f"{reason.value} {n}" for reason, n in c.lines_not_inspected.items()) or "none"
        kinds = ", ".join(f"{kind.value} {n}" for kind, n in c.defects.items() if n) or "none"
        sign = "=" if c.balanced else "DOES NOT EQUAL"
        lines.append(f"  {c.camera}: {c.metres:.3f} m, {c.tiles} tiles, defects: {kinds}")
        lines.append(
            f"    lines in {c.lines_in} {sign} inspected {c.lines_inspected} "
            f"+ not inspected {sum(c.lines_not_inspected.values())} ({reasons})"
        )
        if c.unnumbered_spans:
            lines.append(f"    and {c.unnumbered_spans} spans of unknown length, {c.unnumbered_seconds:.1f} s")
        if c.latency_ms_p50 is not None:
            tail = f"p50 {c.latency_ms_p50:.0f} ms, p99 {c.latency_ms_p99:.0f} ms"
            lines.append(f"    latency after the last line needed: {tail}")
    if event.events_lost:
        lines.append(f"  events that could not be written: {event.events_lost}")
    return "\n".join(lines)
