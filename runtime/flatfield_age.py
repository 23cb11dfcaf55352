"""Flat fields that grow old, told as maintenance while the stream runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from runtime.events import MaintenanceEvent
from runtime.judging import new_run_id
from runtime.pipeline import Pipeline
from runtime.preprocess.flatfield import FlatField
from runtime.preprocess.running_gain import Drift
from runtime.types import LineBlock, ScoreMap


class FlatFieldAge:
    """A pipeline's ``on_strip`` listener.

    Args:
        flat: each camera's flat field by its name, None where it has none.
        pipeline: gives the pipeline, once it is made: where lines lie, and who is told.
    """

    def __init__(self, flat: Mapping[str, FlatField | None], pipeline: Callable[[], Pipeline]) -> None:
        self._flat, self._pipeline = flat, pipeline
        self._run_id = new_run_id()
        self._told: dict[str, MaintenanceEvent] = {}

    def seen(self, item: LineBlock | ScoreMap) -> None:
        """The moment at which a change is told."""
        flat = self._flat.get(item.camera)
        drift = flat.running.take_news() if flat and flat.running else None
        if drift is None:
            return
        pipeline = self._pipeline()
        if drift.stale:
            lane = next(lane for lane in pipeline.lanes if lane.name == item.camera)
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
