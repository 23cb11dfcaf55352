"""What an engine may tell of where a batch's time went; for measuring, never for judging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class StageTimes:
    """Time on the device of one batch's tiles, added up over its calls, in ms.

    Calls may overlap each other: the stages say where a device's time goes, not how long a batch took.

    Attributes:
        upload_ms: pixels to the device; 0 where host and device share memory.
        compute_ms: the graph.
        download_ms: maps back.
    """

    upload_ms: float
    compute_ms: float
    download_ms: float


@runtime_checkable
class TimedSession(Protocol):
    """A session (runtime.engines.base.EngineSession) that knows the stages of its batches."""

    @property
    def last_times(self) -> StageTimes | None:
        """Stages of the batch that collect() gave last; None before the first."""
