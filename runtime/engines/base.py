"""What an engine is: tiles in, raw maps out, in order, several sessions on one device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from runtime.types import TileBatch, TileMaps


@dataclass(frozen=True)
class EngineSpec:
    """What a loaded engine takes and gives.

    Attributes:
        tile: side of a square tile, px. channels: 1 or 3.
        map_stride: px per map cell. margin: px at a tile's border that carry no judgement.
        max_in_flight: how many batches of one session may be submitted before one is collected.
        delay_lines, stateful: an engine that keeps state between calls answers ``delay_lines`` late
            and must be reset at each break; tiles have none of it.
    """

    tile: int
    channels: int
    map_stride: int
    margin: int
    max_in_flight: int = 4
    delay_lines: int = 0
    stateful: bool = False


class EngineSession(Protocol):
    """One camera's place at a shared engine. Used by one thread."""

    @property
    def in_flight(self) -> int:
        """Batches submitted and not yet collected."""

    def submit(self, batch: TileBatch) -> None:
        """Start work on a batch; returns at once while in_flight < max_in_flight, else raises ValueError."""

    def collect(self, timeout_s: float = 0.0) -> TileMaps | None:
        """The oldest batch's maps, in order of submission, or None if not done within the time."""

    def reset(self) -> None:
        """Forget state carried between batches (a break in the lines)."""

    def close(self) -> None:
        """Wait for what is in flight and give the place back."""


class Engine(Protocol):
    """A loaded graph on a device."""

    spec: EngineSpec
    name: str
    """For people: engine, precision and device as executed."""

    def stream(self, camera: str) -> EngineSession:
        """A new session; sessions share the device fairly."""

    def close(self) -> None:
        """Release the device."""
