"""Open loop: the camera keeps its pace whatever the engine does. How fast may it be?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.closed_loop import memory_view, run_for
from benchmarks.host import resident_bytes
from benchmarks.inspection import Judged
from benchmarks.memory_cloth import MemoryCloth
from runtime.errors import UserError
from runtime.events import Event, NotInspectedEvent, StatusEvent
from runtime.pipeline import Pipeline
from runtime.types import Reason

RESOLUTION = 1.03
"""The search ends when a rate that is kept and one that is not lie this near (ratio)."""
MOST_TRIALS = 12
MOST_ATTEMPTS = 10
STEP_DOWN = 0.95
WARM_UP_SHARE = 0.1
"""Memory is compared from this share of the time on: buffers have their size by then."""


@dataclass(frozen=True)
class Paced:
    """One run at a line rate.

    Attributes:
        line_rate_hz, seconds: as run; it ends early when a line drops and that was asked for.
        lines_in, lines_dropped: dropped: given up because the queue was full (overload).
        queue_blocks: blocks that waited, every few seconds.
        latency_ms_p50, latency_ms_p99: from the arrival of the newest line needed to the judgement.
        resident_bytes: after the warm-up; growth_bytes: to the highest seen later. None where unknown.
    """

    line_rate_hz: float
    seconds: float
    lines_in: int
    lines_dropped: int
    queue_blocks: list[int]
    latency_ms_p50: float | None
    latency_ms_p99: float | None
    resident_bytes: int | None
    growth_bytes: int | None

    @property
    def kept_up(self) -> bool:
        """Lines came, none was dropped, and in the second half the queue ran empty: it does not fill slowly."""
        later = self.queue_blocks[len(self.queue_blocks) // 2 :]
        return self.lines_in > 0 and self.lines_dropped == 0 and min(later, default=0) == 0


class Watch:
    """A sink that looks at queue, memory and dropped lines as they are told. See runtime.sinks.base.Sink."""

    lost = 0

    def __init__(self) -> None:
        self.on_drop: Callable[[], None] = lambda: None
        self.queue_blocks: list[int] = []
        self.resident: list[tuple[float, int]] = []
        self._started = time.monotonic()

    def write(self, event: Event) -> None:
        if isinstance(event, StatusEvent):
            self.queue_blocks.append(event.cameras[0].queue_blocks)
            if (size := resident_bytes()) is not None:
                self.resident.append((time.monotonic() - self._started, size))
        elif isinstance(event, NotInspectedEvent) and event.reason is Reason.OVERLOAD:
            self.on_drop()

    def close(self) -> None:
        """Nothing waits."""


def run_paced(judged: Judged, cloth: MemoryCloth, line_rate_hz: float, seconds: float, stop_at_drop: bool) -> Paced:
    """Run the whole stream with a camera that does not wait."""
    watch = Watch()
    view = memory_view(judged, cloth, line_rate_hz)
    pipeline = Pipeline(judged.bundle, judged.engine, judged.key, [view], [watch])
    if stop_at_drop:
        watch.on_drop = pipeline.stop
    summary = run_for(pipeline, seconds)
    camera = summary.cameras[0]
    start, growth = memory_growth(watch.resident, WARM_UP_SHARE * seconds)
    return Paced(
        line_rate_hz=line_rate_hz,
        seconds=summary.seconds,
        lines_in=camera.lines_in,
        lines_dropped=camera.lines_not_inspected.get(Reason.OVERLOAD, 0),
        queue_blocks=watch.queue_blocks,
        latency_ms_p50=camera.latency_ms_p50,
        latency_ms_p99=camera.latency_ms_p99,
        resident_bytes=start,
        growth_bytes=growth,
    )


def memory_growth(resident: list[tuple[float, int]], warm_up_s: float) -> tuple[int | None, int | None]:
    """Memory at the first sample (seconds, bytes) after the warm-up, and by how much it ever exceeded that."""
    sizes = [size for at, size in resident if at >= warm_up_s]
    return (sizes[0], max(sizes) - sizes[0]) if sizes else (None, None)


def highest_kept(keeps: Callable[[float], bool], guess: float) -> float:
    """The highest rate that is kept, to within RESOLUTION below.

    Args:
        keeps: tries a rate. guess: where to begin.

    Raises:
        UserError: no rate was kept in MOST_TRIALS.
    """
    kept, failed, rate = 0.0, float("inf"), guess
    for _ in range(MOST_TRIALS):
        if keeps(rate):
            kept = rate
        else:
            failed = rate
        if failed <= kept * RESOLUTION:
            break
        if kept == 0.0:
            rate *= 0.8
        elif failed == float("inf"):
            rate *= 1.15
        else:
            rate = (kept + failed) / 2
    if kept == 0.0:
        raise UserError(
            f"No line rate was kept, tried from {guess:.0f} down to {failed:.0f} lines/s: end what else runs on this "
            "machine and measure again."
        )
    return kept


def hold(attempt: Callable[[float], Paced], line_rate_hz: float) -> list[Paced]:
    """Try to hold a rate; after a dropped line begin anew STEP_DOWN slower. All attempts; the last is the best."""
    attempts: list[Paced] = []
    for _ in range(MOST_ATTEMPTS):
        attempts.append(attempt(line_rate_hz))
        if attempts[-1].lines_dropped == 0:
            break
        line_rate_hz *= STEP_DOWN
    return attempts
