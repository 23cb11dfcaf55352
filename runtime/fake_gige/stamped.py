"""Cloth whose every row carries its own number, so that no row can pass for another: for tests of cameras and links.

``python -m runtime.fake_gige.stamped`` is a simulated camera that looks at it. It takes the options of
``python -m runtime.fake_gige``, with ``--source WIDTH[*CHANNELS][xLENGTH][@RATE]``, RATE being the lines a second at
which this cloth can be drawn. With ``WIDTH!`` it cannot be drawn at all.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np

from runtime.errors import UserError
from runtime.fake_gige.__main__ import main
from runtime.types import Int64, Pixels, UInt8


@dataclass
class Stamped:
    """Row n: int64 n in its first 8 pixels, then a pattern that depends on n in every byte; channel c is c brighter."""

    width: int
    length: int | None = None
    channels: int = 1
    rate: float | None = None
    torn: bool = False

    def lines(self, first: int, count: int) -> UInt8:
        """As LineSource.lines."""
        if self.torn:
            raise UserError("the cloth is torn")
        if self.rate is not None:
            time.sleep(count / self.rate)
        number = np.arange(first, first + count, dtype=np.int64)
        column = np.arange(self.width, dtype=np.int64)
        rows = ((number[:, None] * 131 + column * 7) & 0xFF).astype(np.uint8)
        rows[:, :8] = number.astype(">i8").view(np.uint8).reshape(count, 8)
        channel = np.arange(self.channels, dtype=np.uint8)
        return (rows[:, :, None] + channel).astype(np.uint8, copy=False)


def numbers(pixels: Pixels) -> Int64:
    """The line numbers that the rows, uint8 [rows, width, channels], carry."""
    return np.ascontiguousarray(pixels[:, :8, 0]).view(">i8")[:, 0].astype(np.int64)


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
