"""A whole stream over one camera, with all that it told kept for measuring."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from runtime.bundle import Bundle
from runtime.engines.base import Engine
from runtime.events import DefectEvent, Event, NotInspectedEvent, SummaryEvent
from runtime.pipeline import Pipeline, View
from runtime.types import LineBlock, ScoreMap


@dataclass(frozen=True)
class Judged:
    """An engine with the bundle it came from: all that a stream judges with.

    Attributes:
        key: ``<engine>-<precision>``, whose thresholds to judge by.
    """

    bundle: Bundle
    engine: Engine
    key: str


@dataclass(frozen=True)
class Inspection:
    """What a stream told.

    Attributes:
        defects: the last word on each defect that opened; pieces that became part of another are left out.
        gaps: cloth that was not looked at.
        summary: the closing account.
    """

    defects: list[DefectEvent]
    gaps: list[NotInspectedEvent]
    summary: SummaryEvent


class Recorder:
    """A sink that keeps everything. See runtime.sinks.base.Sink."""

    lost = 0

    def __init__(self) -> None:
        self.events: list[Event] = []

    def write(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None:
        """Nothing waits."""


def inspect(judged: Judged, view: View, on_strip: Callable[[LineBlock | ScoreMap], None] | None = None) -> Inspection:
    """Run a camera to its end through the runtime's own pipeline.

    Args:
        on_strip: sees every block of lines and every stitched strip.

    Raises:
        UserError: the camera cannot be opened or does not fit the bundle.
        RuntimeError: see run_whole.
    """
    recorder = Recorder()
    pipeline = Pipeline(judged.bundle, judged.engine, judged.key, [view], [recorder], on_strip=on_strip)
    summary = run_whole(pipeline)
    gaps = [event for event in recorder.events if isinstance(event, NotInspectedEvent)]
    return Inspection(last_words(recorder.events), gaps, summary)


def run_whole(pipeline: Pipeline) -> SummaryEvent:
    """Run a pipeline of one camera to its end.

    Raises:
        UserError: the camera cannot be opened or does not fit the bundle.
        RuntimeError: the stream failed, or its account of lines does not balance: nothing measured on it counts.
    """
    summary = pipeline.run()
    if summary.ended == "failed" or not summary.cameras[0].balanced:
        raise RuntimeError("the stream failed on the way") from pipeline.lanes[0].error
    return summary


def last_words(events: Iterable[Event]) -> list[DefectEvent]:
    """The last event of each defect, by first line; without those that became part of another."""
    last = {event.id: event for event in events if isinstance(event, DefectEvent)}
    return sorted((event for event in last.values() if event.parent is None), key=lambda e: (e.first_line, e.x0_px))
