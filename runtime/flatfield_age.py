"""Flat fields that grow old, told as maintenance while the stream runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from runtime.events import MaintenanceEvent
from runtime.judging import new_run_id
from runtime.pipeline import Pipeline, View
from runtime.preprocess.running_gain import Drift
from runtime.types import LineBlock, ScoreMap


class FlatFieldAge:
    """A pipeline's ``on_strip`` listener.

    Args:
        views: the pipeline's, in its order.
        pipeline: gives the pipeline, once it is made: where lines lie, and who is told.
    """

    def __init__(self, views: Sequence[View], pipeline: Callable[[], Pipeline]) -> None:
        self._views, self._pipeline = views, pipeline
        self._run_id = new_run_id()
        self._told: dict[str, MaintenanceEvent] = {}

    def seen(self, item: LineBlock | ScoreMap) -> None:
        """The moment at which a change is told."""
        pipeline = self._pipeline()
        looking = zip(pipeline.lanes, self._views, strict=True)
        lane, flat = next((lane, view.flat_field) for lane, view in looking if lane.name == item.camera)
        drift = flat.running.take_news() if flat and flat.running else None
        if drift is None:
            return
        if drift.stale:
            self._told[item.camera] = MaintenanceEvent(
                id=f"{self._run_id}-{item.camera}-flat-field",
                camera=item.camera,
                state="open",
                cause="column",
                message=_sentence(drift),
                first_line=item.first_line,
                y_m=round(lane.track.metres(item.first_line), 6),
                roll=pipeline.roll,
            )
            pipeline.tell(self._told[item.camera])
        elif opened := self._told.pop(item.camera, None):
            closed = {"state": "closed", "message": "the columns are even again", "roll": pipeline.roll}
            pipeline.tell(opened.model_copy(update=closed))


def _sentence(drift: Drift) -> str:
    return (
        f"the flat field has grown old: over metres of cloth the light is off by up to {-drift.worst:+.0%} at column "
        f"{drift.column}: capture it again (python -m runtime.flatfield), or let it be followed (running_gain: true)"
    )
