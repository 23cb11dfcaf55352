"""The simulated camera's sensor: cloth under light that falls off to both edges, and the camera's own flat field."""

from __future__ import annotations

import numpy as np

from runtime.sources import LineSource
from runtime.types import UInt8

INNER_LEVELS = 16
"""Levels of the sensor to one of the camera's 8 bits: it digitizes with 12, and corrects before it rounds."""


class Sensor:
    """Looks at cloth.

    Args:
        source: the cloth, of 8 bits.
        falloff: share of the light that is missing at both edges; towards the middle it grows by the square.
    """

    def __init__(self, source: LineSource, falloff: float) -> None:
        self.length = source.length
        self._source = source
        across = np.linspace(-1.0, 1.0, source.width, dtype=np.float32)
        self._light = None if falloff == 0 else (1 - falloff * across**2)[:, None] * INNER_LEVELS

    def lines(self, first: int, count: int, corrected: bool) -> UInt8:
        """Lines [first, first + count) of the cloth, uint8 [count, width, channels]; ``corrected``: by the camera.

        Raises:
            ValueError: cloth of more than 8 bits.
        """
        cloth = self._source.lines(first, count)
        if cloth.dtype != np.uint8:
            raise ValueError("the simulated camera looks at cloth of 8 bits")
        if self._light is None:
            return cloth.astype(np.uint8, copy=False)
        levels = np.rint(cloth * self._light)
        seen: UInt8 = np.rint(levels / (self._light if corrected else INNER_LEVELS)).astype(np.uint8)
        return seen
