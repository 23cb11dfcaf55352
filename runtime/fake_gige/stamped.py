"""Cloth whose every row carries its own number, so that no row can pass for another: for tests of cameras and links.

``python -m runtime.fake_gige.stamped`` is a simulated camera that looks at it. It takes the options of
``python -m runtime.fake_gige``, with ``--source WIDTH[*CHANNELS][xLENGTH][@RATE]``, RATE being the lines a second at
which this cloth can be drawn. With ``WIDTH!`` it cannot be drawn at all.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

import numpy as np

from runtime.errors import UserError
from runtime.fake_gige.__main__ import main
from runtime.types import Int64, Pixels, UInt8

NUMBER_BYTES = 8
PERIOD = 251
"""A prime: what is left of an earlier turn of a ring of buffers is never whole periods old."""


@dataclass
class Stamped:
    """Row n: int64 n in its first 8 pixels, then a pattern that depends on n in every byte; channel c is c brighter.

    The pattern comes back after ``PERIOD`` rows, and no byte of it within them. So it is drawn once and copied, at the
    line rate of a full Gigabit link too.
    """

    width: int
    length: int | None = None
    channels: int = 1
    rate: float | None = None
    torn: bool = False
    _drawn: UInt8 = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._draw(PERIOD)

    def lines(self, first: int, count: int) -> UInt8:
        """As LineSource.lines."""
        if self.torn:
            raise UserError("the cloth is torn")
        if self.rate is not None:
            time.sleep(count / self.rate)
        rows: UInt8 = self.pattern(first, count).copy()
        number = np.arange(first, first + count, dtype=np.int64).astype(">i8").view(np.uint8)
        channel = np.arange(self.channels, dtype=np.uint8)
        rows[:, :NUMBER_BYTES] = number.reshape(count, NUMBER_BYTES, 1) + channel
        return rows

    def pattern(self, first: int, count: int) -> UInt8:
        """The rows without their numbers, uint8 [count, width, channels]: a view of what is drawn once for all."""
        begin = first % PERIOD
        if begin + count > len(self._drawn):
            self._draw(PERIOD + count)
        rows: UInt8 = self._drawn[begin : begin + count]
        return rows

    def _draw(self, rows: int) -> None:
        step = np.arange(rows, dtype=np.int64)[:, None, None] % PERIOD * 131
        across = np.arange(self.width, dtype=np.int64)[:, None] * 7 + np.arange(self.channels)
        self._drawn = ((step + across) & 0xFF).astype(np.uint8)


def numbers(pixels: Pixels) -> Int64:
    """The line numbers that the rows, uint8 [rows, width, channels], carry."""
    return np.ascontiguousarray(pixels[:, :NUMBER_BYTES, 0]).view(">i8")[:, 0].astype(np.int64)


def open_stamped(uri: str) -> Stamped:
    """The cloth that ``--source`` describes."""
    size, _, rate = uri.rstrip("!").partition("@")
    across, _, length = size.partition("x")
    width, _, channels = across.partition("*")
    return Stamped(
        int(width),
        int(length) if length else None,
        int(channels or 1),
        rate=float(rate) if rate else None,
        torn=uri.endswith("!"),
    )


if __name__ == "__main__":
    sys.exit(main(None, open_stamped))
