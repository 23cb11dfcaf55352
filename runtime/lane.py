"""One camera's way from queued lines to told events: cut, judge, stitch, follow, account."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Literal

from runtime.account import Account
from runtime.bundle import Policy
from runtime.defects.tracker import DefectTracker
from runtime.engines.base import EngineSession
from runtime.events import CameraStatus, CameraSummary, DefectEvent, Event, Judge, NotInspectedEvent, StateEvent
from runtime.intake import Intake
from runtime.position import Track
from runtime.stitching import Stitcher
from runtime.tiler import Tiler
from runtime.types import Defect, Kind, LineBlock, NotInspected, Reason, ScoreMap, State, TileBatch, TileMaps

LATENCIES_KEPT = 4096


class Lane:
    """Steps one camera's work forward in small bounded pieces, never waiting for the camera."""

    def __init__(
        self,
        intake: Intake,
        session: EngineSession,
        max_in_flight: int,
        tiler: Tiler,
        stitcher: Stitcher,
        tracker: DefectTracker,
        track: Track,
        policy: Policy,
        judge: Judge,
        roll: str | None,
        tell: Callable[[Event], None],
        on_strip: Callable[[LineBlock | ScoreMap], None] | None = None,
    ) -> None:
        """Join the parts.

        Args:
            max_in_flight: batches of this camera at the engine at once.
            tell: takes the events.
            on_strip: sees every block and every stitched strip (pictures, tests); None: nobody looks.
        """
        self.name = intake.info.name
        self.intake = intake
        self.account: Account = intake.account
        self.finished = False
        self.tiles = 0
        self.error: BaseException | None = None
        self.tracker = tracker
        self._session = session
        self._max_in_flight = max_in_flight
        self._tiler = tiler
        self._stitcher = stitcher
        self._track = track
        self._policy = policy
        self._judge = judge
        self._roll = roll
        self._tell = tell
        self._on_strip = on_strip
        self._ready: deque[TileBatch] = deque()
        self._last_item = time.monotonic()
        self._usual_wait = 0.0  # between the last two items while lines came
        self._standing = False
        self._defects: Counter[Kind] = Counter()  # closed, by their last kind; parts of others left out
        self._latencies: deque[float] = deque(maxlen=LATENCIES_KEPT)
        self._status_mark = (time.monotonic(), 0, 0, 0.0)

    @property
    def busy(self) -> bool:
        """Something of this camera is at the engine."""
        return self._session.in_flight > 0

    def step(self, wait_s: float = 0.0) -> bool:
        """Do what can be done now; True if anything was.

        Args:
            wait_s: how long to wait for the engine's oldest batch.
        """
        moved = self._collect(wait_s)
        while self._ready and self._session.in_flight < self._max_in_flight:
            batch = self._ready.popleft()
            self._session.submit(batch)
            self.tiles += len(batch.x)
            moved = True
        if not self._ready:
            moved |= self._advance()
        return moved

    def fail(self, error: BaseException) -> None:
        """Give this camera up; what it had not judged is accounted for, the others go on."""
        self.error = error
        self._tell(StateEvent(camera=self.name, state="failed", message=str(error), roll=self._roll))
        self.intake.stop(give_up_queue=True)
        self.intake.join(5.0)
        self._session.close()
        while (item := self.intake.take()) is not None:
            if isinstance(item, NotInspected):
                self._give_up(item)
        for first, end in self.account.holes():
            self._give_up(NotInspected(self.name, Reason.STOPPED, first, end))
        self._finish()

    def status(self) -> CameraStatus:
        """How it goes since the last call."""
        now, metres, lines, tiles = time.monotonic(), self.intake.metres, self.intake.received_lines, self.tiles
        then, lines_before, tiles_before, metres_before = self._status_mark
        seconds = max(now - then, 1e-6)
        self._status_mark = (now, lines, tiles, metres)
        return CameraStatus(
            camera=self.name,
            metres=round(metres, 4),
            m_per_min=round((metres - metres_before) / seconds * 60, 3),
            lines_per_s=round((lines - lines_before) / seconds, 1),
            tiles_per_s=round((tiles - tiles_before) / seconds, 1),
            queue_blocks=self.intake.waiting,
            lines_in=self.account.lines_in,
            lines_not_inspected=sum(self.account.not_inspected.values()),
            open_defects=self.tracker.open_defects,
            defects=sum(self._defects.values()) + self.tracker.open_defects,
        )

    def summary(self) -> CameraSummary:
        """The closing account."""
        times = sorted(self._latencies)
        return CameraSummary(
            camera=self.name,
            metres=round(self.intake.metres, 4),
            lines_in=self.account.lines_in,
            lines_inspected=self.account.inspected,
            lines_not_inspected=dict(self.account.not_inspected),
            unnumbered_spans=self.account.unnumbered_spans,
            unnumbered_seconds=round(self.account.unnumbered_seconds, 3),
            tiles=self.tiles,
            defects=dict(self._defects),
            balanced=self.account.balanced,
            latency_ms_p50=round(times[len(times) // 2], 1) if times else None,
            latency_ms_p99=round(times[int(len(times) * 0.99)], 1) if times else None,
        )

    def _advance(self) -> bool:
        """Take one item from the queue, or notice that there is none."""
        item = self.intake.take()
        if item is not None:
            now = time.monotonic()
            if not self._standing:
                self._usual_wait = now - self._last_item
            self._last_item = now
            self._set_standing(False)
            self._accept(item)
            return True
        if self.intake.exhausted:
            return self._wind_up()
        quiet = time.monotonic() - self._last_item
        # On a slow loom a block takes longer to fill than flush_s; that is not a stop.
        if quiet > max(self._policy.flush_s, 2 * self._usual_wait) and not self._standing:
            self._set_standing(True)
            self._sort(self._tiler.flush(whole_cells=True))
            return True
        return False

    def _accept(self, item: LineBlock | NotInspected) -> None:
        if isinstance(item, NotInspected):
            self._sort(self._tiler.flush())  # what lies before a gap need not wait for its end
            self._give_up(item)
            return
        self._track.add(item)
        if self._on_strip:
            self._on_strip(item)
        self._sort(self._tiler.push(item))

    def _sort(self, cut: Iterable[TileBatch | NotInspected]) -> None:
        for piece in cut:
            if isinstance(piece, NotInspected):
                self._give_up(piece)
            else:
                self._ready.append(piece)

    def _collect(self, wait_s: float) -> bool:
        maps = self._session.collect(wait_s)
        if maps is None:
            return False
        while maps is not None:
            self._judge_maps(maps)
            maps = self._session.collect()
        return True

    def _judge_maps(self, maps: TileMaps) -> None:
        strip = self._stitcher.add(maps)
        self.account.looked_at(strip.first_line, strip.end_line)
        if self._on_strip:
            self._on_strip(strip)
        self._latencies.append((time.monotonic_ns() - strip.received_ns) / 1e6)
        more = not maps.batch.hard_end
        self._tell_defects(self.tracker.add(strip, self.intake.newest_line, more))

    def _wind_up(self) -> bool:
        """The camera has ended: judge what waits, then close what is open."""
        if self.intake.error and self.error is None:
            raise self.intake.error
        if self._tiler.waiting:
            self._sort(self._tiler.flush())
            return True
        if self._ready or self.busy:
            return False
        self._finish()
        return True

    def _finish(self) -> None:
        self._tell_defects(self.tracker.close(self.intake.newest_line))
        self._session.close()
        self.finished = True

    def _tell_defects(self, defects: list[Defect]) -> None:
        for defect in defects:
            if defect.state is State.CLOSED and defect.parent is None:
                self._defects[defect.kind] += 1
            self._tell(DefectEvent.of(defect, self._judge, self._roll))

    def _give_up(self, span: NotInspected) -> None:
        self.account.given_up(span)
        metres = None
        if span.first_line is not None and span.end_line is not None:
            metres = self._track.metres(span.first_line), self._track.metres(span.end_line)
        self._tell(NotInspectedEvent.of(span, metres, self._roll))

    def _set_standing(self, standing: bool) -> None:
        if standing is self._standing:
            return
        self._standing = standing
        state: Literal["standing", "running"] = "standing" if standing else "running"
        message = "no lines come: the loom stands, or its camera is gone" if standing else "lines come again"
        self._tell(StateEvent(camera=self.name, state=state, message=message, roll=self._roll))
