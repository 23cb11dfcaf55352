"""A camera over a LineSource in the same process: no network, no losses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from runtime.cameras.base import CameraInfo
from runtime.cameras.pace import Pace
from runtime.errors import UserError
from runtime.simulator.look import Look
from runtime.sources import LineSource
from runtime.types import Int64, LineBlock, NotInspected, Scale


class SimulatedCamera:
    """Looks at simulated (or replayed) cloth, line after line from line 0.

    Args:
        name: the camera's name.
        source: the cloth. A Look gives its bits, the counts of its encoder, which then also set the scale's
            ``counts_per_mm`` where it has none, and the time of each line as the camera's clock.
        scale: with ``counts_per_mm``, every line of another source carries the count of a perfect encoder.
        line_rate_hz: pace of a live camera; None: not live, as fast as the lines are taken.
        block_lines: lines per block; the last block may be shorter.
        lines: stop after so many; None: at the end of the cloth, if it has one.

    Raises:
        UserError: a line rate, block size or number of lines that is not above 0.
    """

    def __init__(
        self,
        name: str,
        source: LineSource,
        scale: Scale,
        line_rate_hz: float | None = None,
        block_lines: int = 128,
        lines: int | None = None,
    ) -> None:
        if block_lines < 1 or (lines is not None and lines < 1):
            raise UserError(f"block_lines and lines must be 1 or more, not {block_lines} and {lines}")
        self._name, self._source, self._scale = name, source, scale
        self._look = source if isinstance(source, Look) else None
        if self._look and self._look.encoder and scale.counts_per_mm is None:
            encoder = self._look.encoder
            self._scale = replace(scale, counts_per_mm=encoder.counts_per_mm * encoder.direction)
        self._block_lines = block_lines
        ends = [end for end in (lines, source.length) if end is not None]
        self._end = min(ends) if ends else None
        self._pace = Pace(line_rate_hz)

    def open(self) -> CameraInfo:
        rate = self._pace.line_rate_hz
        return CameraInfo(
            name=self._name,
            width=self._source.width,
            channels=self._source.channels,
            bits=self._look.bits if self._look else 8,
            scale=self._scale,
            live=rate is not None,
            line_rate_hz=rate,
            description=f"simulated, {self._source.width} px",
        )

    def items(self) -> Iterator[LineBlock | NotInspected]:
        line = 0
        while self._end is None or line < self._end:
            count = self._block_lines if self._end is None else min(self._block_lines, self._end - line)
            pixels = self._source.lines(line, count)
            if not self._pace.wait(line + count):
                return
            yield LineBlock(
                camera=self._name,
                segment=0,
                first_line=line,
                pixels=pixels,
                bits=self._look.bits if self._look else 8,
                encoder=self._counts(line, count),
                device_ns=self._clock(line, count),
                received_ns=time.monotonic_ns(),
            )
            line += count

    def close(self) -> None:
        self._pace.stop()

    def _counts(self, first: int, count: int) -> Int64 | None:
        """Signed encoder counts of the lines, int64 [count], or None without an encoder."""
        if self._look and self._look.encoder:
            return self._look.counts(first, count)
        if self._scale.counts_per_mm is None:
            return None
        counts_per_line = self._scale.counts_per_mm * self._scale.mm_per_line
        counts: Int64 = np.rint(np.arange(first, first + count) * counts_per_line).astype(np.int64)
        return counts

    def _clock(self, first: int, count: int) -> tuple[int, int] | None:
        """When the first and the last of the lines were taken, in ns, where the source knows."""
        if self._look is None:
            return None
        seconds = self._look.seconds(first, count)
        return round(seconds[0] * 1e9), round(seconds[-1] * 1e9)
