"""A session at an engine that takes tiles in calls of a fixed number: rows of tiles in, their maps out, in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

import numpy as np

from runtime.engines.base import EngineSpec
from runtime.engines.timed import StageTimes
from runtime.types import Float32, TileBatch, TileMaps, UInt8

CLOSING_S = 60.0
"""How long a closing session waits for what is at the device."""


class Call:
    """Tiles of one row that go to the device together.

    Attributes:
        tiles: uint8 [batch, tile, tile, channels], the last tile repeated where the row has fewer.
    """

    def __init__(self, row: Row, start: int, tiles: UInt8) -> None:
        self.tiles = tiles
        self._row = row
        self._start = start

    def done(self, maps: Float32, times: StageTimes) -> None:
        """Give the row its maps, float32 [batch, cells, cells]; they are copied."""
        self._row.take(self._start, maps, times)

    def failed(self, error: Exception) -> None:
        """Give the row the reason why it has none."""
        self._row.fail(error)


class Row:
    """One TileBatch on its way: counts its calls down. Told of them by any thread."""

    def __init__(self, batch: TileBatch, calls: int, cells: int) -> None:
        self.batch = batch
        self.maps: Float32 = np.empty((len(batch.x), cells, cells), np.float32)
        self.times = StageTimes(0.0, 0.0, 0.0)
        self._left = calls
        self._error: Exception | None = None
        self._wake = threading.Condition()

    def take(self, start: int, maps: Float32, times: StageTimes) -> None:
        """Maps of the call that began at tile ``start``."""
        count = min(len(maps), len(self.maps) - start)
        self.maps[start : start + count] = maps[:count]
        with self._wake:
            self.times = StageTimes(
                self.times.upload_ms + times.upload_ms,
                self.times.compute_ms + times.compute_ms,
                self.times.download_ms + times.download_ms,
            )
            self._left -= 1
            self._wake.notify_all()

    def fail(self, error: Exception) -> None:
        with self._wake:
            self._error = error
            self._wake.notify_all()

    def ended(self, timeout_s: float) -> bool:
        """Have all calls ended within the time, or one of them failed?"""
        with self._wake:
            return self._wake.wait_for(lambda: self._left == 0 or self._error is not None, timeout_s)

    def result(self) -> TileMaps:
        """The maps of a row that has ended; raises what a call failed with."""
        if self._error is not None:
            raise self._error
        return TileMaps(self.batch, self.maps)


class RowSession:
    """See runtime.engines.base.EngineSession, and TimedSession in runtime.engines.timed."""

    def __init__(self, spec: EngineSpec, batch: int, start: Callable[[Call], None]) -> None:
        """Join a session to a device.

        Args:
            batch: tiles of one call.
            start: puts a call on its way and returns at once.
        """
        self._spec = spec
        self._batch = batch
        self._start = start
        self._rows: deque[Row] = deque()
        self._last_times: StageTimes | None = None

    @property
    def in_flight(self) -> int:
        return len(self._rows)

    @property
    def last_times(self) -> StageTimes | None:
        return self._last_times

    def submit(self, batch: TileBatch) -> None:
        if self.in_flight >= self._spec.max_in_flight:
            raise ValueError(f"{self.in_flight} batches are in flight already; collect one first")
        wanted = (self._spec.tile, self._spec.tile, self._spec.channels)
        if batch.pixels.shape[1:] != wanted:
            raise ValueError(f"the engine takes tiles of {list(wanted)}, got {list(batch.pixels.shape[1:])}")
        starts = range(0, len(batch.x), self._batch)
        row = Row(batch, len(starts), self._spec.tile // self._spec.map_stride)
        self._rows.append(row)
        for start in starts:
            tiles = batch.pixels[start : start + self._batch]
            if len(tiles) < self._batch:  # a static graph takes full batches only
                tiles = np.concatenate([tiles, np.repeat(tiles[-1:], self._batch - len(tiles), axis=0)])
            self._start(Call(row, start, tiles))

    def collect(self, timeout_s: float = 0.0) -> TileMaps | None:
        if not self._rows or not self._rows[0].ended(timeout_s):
            return None
        row = self._rows.popleft()
        self._last_times = row.times
        return row.result()

    def reset(self) -> None:
        """Nothing to forget: tiles carry no state."""

    def close(self) -> None:
        while self._rows:
            self._rows.popleft().ended(CLOSING_S)
