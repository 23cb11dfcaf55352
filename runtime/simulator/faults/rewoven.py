"""Paint that weaves the cloth again with changed yarns, instead of drawing on it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from runtime.simulator.fabric import Fabric
from runtime.simulator.rendering import CHUNK, Rendering
from runtime.simulator.shapes import Float64
from runtime.simulator.yarns import AsWoven, Change
from runtime.types import Float32

Mask = Callable[[Float64, Float64], Float64]
"""Where the change holds, 0 to 1, at line centres [n] and column centres [m]: [n, m]."""


class Rewoven:
    """Adds the difference between changed and unchanged cloth; see ``Paint``.

    Adding the difference keeps what other faults and nuisances did to the same place.
    """

    def __init__(self, fabric: Fabric, change: Change, mask: Mask | None = None) -> None:
        self._fabric, self._change, self._mask = fabric, change, mask
        self._window: tuple[int, int] | None = None
        self._changed: Rendering
        self._plain: Rendering

    def __call__(self, part: Float32, y: Float64, x: Float64, grey: float) -> None:
        window = int(x[0] - 0.5), int(x[-1] + 0.5)
        if window != self._window:
            self._window = window
            self._changed = self._fabric.changed(*window, self._change)
            self._plain = self._fabric.changed(*window, AsWoven())
        first = int(y[0] - 0.5)
        end = first + part.shape[0]
        for start in range(first // CHUNK * CHUNK, end, CHUNK):
            low, high = max(first, start), min(end, start + CHUNK)
            rows = slice(low - start, high - start)
            difference = self._changed.light(start)[rows] - self._plain.light(start)[rows]
            if self._mask is not None:
                difference *= self._mask(y[low - first : high - first], x).astype(np.float32)
            part[low - first : high - first] += difference
