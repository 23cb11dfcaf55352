"""Short windows of an engine at work, each row of tiles timed: alone, kept full, and at a camera's pace."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field, replace

from benchmarks.memory_cloth import TileRows
from runtime.engines.base import EngineSession
from runtime.engines.timed import StageTimes, TimedSession
from runtime.types import TileBatch, TileMaps

POLL_S = 0.02
"""Longest wait for the engine between two looks at the clock, as in the runtime's own loop."""
PATIENCE_S = 60.0


@dataclass
class Window:
    """What happened in one window.

    Attributes:
        seconds: from its begin until the last maps came.
        latency_ms: of each row, in order; what it counts from is the measurement's to say.
        tiles: judged. rows_dropped: given up because too many waited.
        cpu_s: processor time of the whole process.
        stages: of each row, where the engine tells.
    """

    seconds: float = 0.0
    latency_ms: list[float] = field(default_factory=list)
    tiles: int = 0
    rows_dropped: int = 0
    cpu_s: float = 0.0
    stages: list[StageTimes] = field(default_factory=list)

    def __enter__(self) -> Window:
        self._began = time.monotonic(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        wall, cpu = self._began
        self.seconds, self.cpu_s = time.monotonic() - wall, time.process_time() - cpu

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began[0]

    def take(self, maps: TileMaps, session: EngineSession, since_ns: int) -> None:
        """Note a row whose maps came just now."""
        self.latency_ms.append((time.monotonic_ns() - since_ns) / 1e6)
        self.tiles += len(maps.batch.x)
        if isinstance(session, TimedSession) and (times := session.last_times) is not None:
            self.stages.append(times)


def run_alone(session: EngineSession, row: TileBatch, seconds: float) -> Window:
    """One row after the other, nothing else at the engine. Latency: from submission to maps."""
    return _run_filled(session, row, seconds, depth=1)


def run_full(session: EngineSession, row: TileBatch, seconds: float, depth: int) -> Window:
    """The session kept full with ``depth`` rows. Latency: from submission to maps, waiting included."""
    return _run_filled(session, row, seconds, depth)


def _run_filled(session: EngineSession, row: TileBatch, seconds: float, depth: int) -> Window:
    with Window() as window:
        while (open_still := window.elapsed < seconds or not window.latency_ms) or session.in_flight:
            if open_still and session.in_flight < depth:
                session.submit(replace(row, received_ns=time.monotonic_ns()))
            elif maps := session.collect(timeout_s=PATIENCE_S):
                window.take(maps, session, maps.batch.received_ns)
            else:
                raise RuntimeError(f"the engine gave no maps in {PATIENCE_S:g} s")
    return window


@dataclass(frozen=True)
class Pace:
    """How rows of tiles come from a camera.

    Attributes:
        line_rate_hz, stride_lines: a row is due every ``stride_lines`` lines.
        most_waiting: a row that is due while so many wait is given up.
    """

    line_rate_hz: float
    stride_lines: int
    most_waiting: int

    @property
    def period_s(self) -> float:
        return self.stride_lines / self.line_rate_hz


def run_paced(session: EngineSession, rows: TileRows, pace: Pace, seconds: float, depth: int) -> Window:
    """Rows come when their last line is due, whatever the engine does, and are cut then.

    Latency: from the moment that a row's last line was due to its maps, cutting and waiting included. A row that
    waits is late from the moment it was due, not from when there was time for it.

    Args:
        depth: rows that may be at the engine at once.
    """
    waiting: deque[int] = deque()  # when each row was due, ns
    came, end = 0, max(1, round(seconds / pace.period_s))
    with Window() as window:
        began_ns = time.monotonic_ns()
        while came < end or waiting or session.in_flight:
            due_ns = began_ns + round((came + 1) * pace.period_s * 1e9)
            if came < end and time.monotonic_ns() >= due_ns:
                if len(waiting) < pace.most_waiting:
                    waiting.append(due_ns)
                else:
                    window.rows_dropped += 1
                came += 1
            elif waiting and session.in_flight < depth:
                session.submit(rows.cut(received_ns=waiting.popleft()))
            else:
                wait_s = POLL_S if came == end else min(POLL_S, max(0.0, due_ns - time.monotonic_ns()) / 1e9)
                if not session.in_flight:
                    time.sleep(wait_s)
                elif maps := session.collect(wait_s):
                    window.take(maps, session, maps.batch.received_ns)
    return window
