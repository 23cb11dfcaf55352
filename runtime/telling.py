"""What one camera's lane tells: events with their roll and metres, and the figures of its status and summary."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Literal

from runtime.events import CameraStatus, CameraSummary, DefectEvent, Event, Judge, NotInspectedEvent, StateEvent
from runtime.intake import Intake
from runtime.position import Track
from runtime.types import Defect, Kind, NotInspected, ScoreMap, State

LATENCIES_KEPT = 4096


class Telling:
    """Tells the events of one camera, and counts what it told.

    Attributes:
        roll: id of the roll that events belong to from now on; None: to none.
        tiles: how many went to the engine so far.
    """

    def __init__(self, intake: Intake, track: Track, roll: str | None, tell: Callable[[Event], None]) -> None:
        """Set up.

        Args:
            track: where lines lie in metres.
            tell: takes the events.
        """
        self.roll = roll
        self.tiles = 0
        self._intake, self._track, self._tell = intake, track, tell
        self._camera = intake.info.name
        self._defects: Counter[Kind] = Counter()  # closed, by their last kind; parts of others left out
        self._latencies: deque[float] = deque(maxlen=LATENCIES_KEPT)
        self._status_mark = (time.monotonic(), 0, 0, 0.0)

    def defects(self, defects: Sequence[Defect], judge: Judge) -> None:
        """Defects, as they are known now and judged by ``judge``."""
        for defect in defects:
            if defect.state is State.CLOSED and defect.parent is None:
                self._defects[defect.kind] += 1
            self._tell(DefectEvent.of(defect, judge, self.roll))

    def given_up(self, span: NotInspected) -> None:
        """Lines that are not looked at."""
        metres = None
        if span.first_line is not None and span.end_line is not None:
            metres = self._track.metres(span.first_line), self._track.metres(span.end_line)
        self._tell(NotInspectedEvent.of(span, metres, self.roll))

    def watched(self, events: Sequence[Event]) -> None:
        """What the watcher says, which knows no roll."""
        for event in events:
            self._tell(event.model_copy(update={"roll": self.roll}))

    def state(self, state: Literal["started", "standing", "running", "failed"], message: str, line: int) -> None:
        """A change of the lane at a line."""
        y_m = round(self._track.metres(line), 6)
        self._tell(StateEvent(camera=self._camera, state=state, message=message, roll=self.roll, y_m=y_m))

    def stitched(self, strip: ScoreMap) -> None:
        """Note how long a strip's newest line waited for its map."""
        self._latencies.append((time.monotonic_ns() - strip.received_ns) / 1e6)

    def status(self, open_defects: int) -> CameraStatus:
        """How it goes since the last call."""
        intake, account = self._intake, self._intake.account
        now, metres, lines, tiles = time.monotonic(), intake.metres, intake.received_lines, self.tiles
        then, lines_before, tiles_before, metres_before = self._status_mark
        seconds = max(now - then, 1e-6)
        self._status_mark = (now, lines, tiles, metres)
        return CameraStatus(
            camera=self._camera,
            metres=round(metres, 4),
            m_per_min=round((metres - metres_before) / seconds * 60, 3),
            lines_per_s=round((lines - lines_before) / seconds, 1),
            tiles_per_s=round((tiles - tiles_before) / seconds, 1),
            queue_blocks=intake.waiting,
            lines_in=account.lines_in,
            lines_not_inspected=sum(account.not_inspected.values()),
            open_defects=open_defects,
            defects=sum(self._defects.values()) + open_defects,
        )

    def summary(self) -> CameraSummary:
        """The closing account."""
        account, times = self._intake.account, sorted(self._latencies)
        return CameraSummary(
            camera=self._camera,
            metres=round(self._intake.metres, 4),
            lines_in=account.lines_in,
            lines_inspected=account.inspected,
            lines_not_inspected=dict(account.not_inspected),
            unnumbered_spans=account.unnumbered_spans,
            unnumbered_seconds=round(account.unnumbered_seconds, 3),
            tiles=self.tiles,
            defects=dict(self._defects),
            balanced=account.balanced,
            latency_ms_p50=round(times[len(times) // 2], 1) if times else None,
            latency_ms_p99=round(times[int(len(times) * 0.99)], 1) if times else None,
        )
