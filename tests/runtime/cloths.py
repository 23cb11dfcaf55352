"""Cloth, cameras and sinks whose every line is known, for tests of the whole runtime."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from runtime.cameras.base import CameraInfo
from runtime.events import Event
from runtime.types import LineBlock, NotInspected, Scale, UInt8
from tests.runtime.bundles import CLOTH, MM_PER_PX, SPOT

SCALE = Scale(MM_PER_PX, MM_PER_PX)
Item = LineBlock | NotInspected
Box = tuple[int, int, int, int]
"""First line, end line, first column, end column."""


class Sheet:
    """A LineSource: even grey with bright boxes."""

    channels = 1

    def __init__(self, width: int = 200, length: int | None = None, spots: Sequence[Box] = ()) -> None:
        self.width, self.length, self.spots = width, length, spots

    def lines(self, first: int, count: int) -> UInt8:
        pixels = np.full((count, self.width, 1), CLOTH, np.uint8)
        for top, bottom, left, right in self.spots:
            pixels[max(0, top - first) : max(0, bottom - first), left:right] = SPOT
        return pixels


def block(first: int, rows: int, width: int = 200, segment: int = 0, camera: str = "c") -> LineBlock:
    """Even grey lines."""
    pixels = np.full((rows, width, 1), CLOTH, np.uint8)
    return LineBlock(camera, segment, first, pixels, received_ns=time.monotonic_ns())


class Scripted:
    """A camera that gives what it is told to; a callable in the script is called (to wait, to raise)."""

    def __init__(self, script: Sequence[Item | Callable[[], object]], name: str = "c", live: bool = False) -> None:
        self.script, self.name, self.live = script, name, live
        self.closed = 0

    def open(self) -> CameraInfo:
        return CameraInfo(self.name, None, 1, 8, SCALE, self.live, None, "scripted")

    def items(self) -> Iterator[Item]:
        for item in self.script:
            if callable(item):
                item()
            else:
                yield item

    def close(self) -> None:
        self.closed += 1


class Collected:
    """A sink that keeps events."""

    def __init__(self) -> None:
        self.lost = 0
        self.events: list[Event] = []

    def write(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None:
        pass
