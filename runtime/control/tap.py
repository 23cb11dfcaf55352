"""Taps: what passes through the stream, shown to whoever looks.

A slow reader loses messages, is told how many, and never holds the stream up.
"""

from __future__ import annotations

import base64
import threading
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from runtime.control.protocol import (
    EventMessage,
    LinesMessage,
    LostMessage,
    MapMessage,
    TapMessage,
    TapRequest,
)
from runtime.events import Event, StatusEvent
from runtime.preprocess.flatfield import to_8_bit
from runtime.types import Float32, LineBlock, ScoreMap, UInt8

MOST_MESSAGES = 512
MOST_BYTES = 4 << 20
"""Waiting for one reader."""
EVENT_BYTES = 1024
"""What an event counts as."""


class ThinLines(NamedTuple):
    """Some lines of a block: uint8 [rows, columns, channels]."""

    camera: str
    first_line: int
    every: int
    pixels: UInt8


@dataclass(frozen=True)
class ThinMap:
    """A strip with larger cells: float32 [rows, columns]."""

    strip: ScoreMap
    stride: int
    values: Float32


Item = Event | ThinLines | ThinMap


class Tap:
    """One reader's bounded queue. Filled by the stream's thread, emptied by the reader's."""

    def __init__(self, asked: TapRequest) -> None:
        self.asked = asked
        self.ended = False
        self._items: deque[tuple[Item, int]] = deque()
        self._bytes = 0
        self._lost = 0
        self._changed = threading.Condition()

    def put(self, item: Item, size: int) -> None:
        """Queue what is to be shown; the oldest goes where there is no room."""
        with self._changed:
            self._items.append((item, size))
            self._bytes += size
            while len(self._items) > MOST_MESSAGES or (self._bytes > MOST_BYTES and len(self._items) > 1):
                self._bytes -= self._items.popleft()[1]
                self._lost += 1
            self._changed.notify()

    def take(self, timeout_s: float) -> TapMessage | None:
        """The next message, or None if there is none within the time."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self.ended, timeout_s)
            if self._lost:
                lost, self._lost = self._lost, 0
                return LostMessage(messages=lost)
            if not self._items:
                return None
            item, size = self._items.popleft()
            self._bytes -= size
        return as_message(item)

    def end(self) -> None:
        """Nothing more will come."""
        with self._changed:
            self.ended = True
            self._changed.notify()


class Taps:
    """All readers; a sink for events, and the pipeline's ``on_strip``. See runtime.sinks.base.Sink.

    Attributes:
        last_status: the newest status event.
    """

    lost = 0
    """Events have other sinks: what a reader loses is told to that reader."""

    def __init__(self) -> None:
        self.last_status: StatusEvent | None = None
        self._taps: tuple[Tap, ...] = ()  # replaced, never changed: the stream's thread reads it without a lock
        self._lock = threading.Lock()

    @property
    def count(self) -> int:
        """Of readers."""
        return len(self._taps)

    def open(self, asked: TapRequest) -> Tap:
        """A new reader's tap."""
        tap = Tap(asked)
        with self._lock:
            self._taps = (*self._taps, tap)
        return tap

    def drop(self, tap: Tap) -> None:
        """The reader is gone."""
        with self._lock:
            self._taps = tuple(other for other in self._taps if other is not tap)

    def write(self, event: Event) -> None:
        if isinstance(event, StatusEvent):
            self.last_status = event
        for tap in self._taps:
            if tap.asked.events:
                tap.put(event, EVENT_BYTES)

    def seen(self, item: LineBlock | ScoreMap) -> None:
        """A block that came in, or a judged strip."""
        for tap in self._taps:
            if isinstance(item, LineBlock) and tap.asked.lines:
                lines = thin_lines(item, tap.asked.every)
                if len(lines.pixels):
                    tap.put(lines, lines.pixels.nbytes)
            elif isinstance(item, ScoreMap) and tap.asked.maps:
                thin = thin_map(item, tap.asked.every)
                tap.put(thin, thin.values.nbytes)

    def close(self) -> None:
        for tap in self._taps:
            tap.end()


def thin_lines(block: LineBlock, every: int) -> ThinLines:
    """Every so many lines and pixels of a block, on a grid that runs on from block to block."""
    skip = -block.first_line % every
    pixels = to_8_bit(block.pixels[skip::every, ::every], block.bits).copy()
    return ThinLines(block.camera, block.first_line + skip, every, pixels)


def thin_map(strip: ScoreMap, every: int) -> ThinMap:
    """The highest value of every so many pixels and lines, rounded down to whole cells: a small defect stays."""
    cells = max(1, every // strip.stride)
    rows, columns = strip.values.shape
    padded = np.pad(strip.values, ((0, -rows % cells), (0, -columns % cells)), constant_values=np.nan)
    blocks = padded.reshape(padded.shape[0] // cells, cells, padded.shape[1] // cells, cells)
    return ThinMap(strip, cells * strip.stride, np.fmax.reduce(np.fmax.reduce(blocks, axis=3), axis=1))


def as_message(item: Item) -> TapMessage:
    """For the socket."""
    if isinstance(item, ThinLines):
        rows, columns, channels = item.pixels.shape
        return LinesMessage(
            camera=item.camera,
            first_line=item.first_line,
            every=item.every,
            shape=(rows, columns, channels),
            pixels=base64.b64encode(item.pixels.tobytes()).decode(),
        )
    if isinstance(item, ThinMap):
        rows, columns = item.values.shape
        return MapMessage(
            camera=item.strip.camera,
            first_line=item.strip.first_line,
            end_line=item.strip.end_line,
            x0_px=item.strip.x0,
            stride=item.stride,
            shape=(rows, columns),
            values=base64.b64encode(item.values.astype("<f4").tobytes()).decode(),
        )
    return EventMessage(event=item)
