"""Cloth at the speed of the fastest cameras: a stretch that was drawn once, repeated, and changed cheaply."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from runtime.simulator.defects import PlantedDefect
from runtime.simulator.fabric import CHUNK, Fabric
from runtime.simulator.faults import Placed
from runtime.simulator.sensor import Sensor
from runtime.types import Float32, UInt8

_SHORTEST, _LONGEST = 1024, 3072
_FADE = 16
_SWING = 0.02


class CachedCloth:
    """Repeats a stretch of clean cloth whose length is, as nearly as can be, whole repeats of the weave.

    Where it begins again two pieces are faded into each other. Over it goes a slow gain; what lies on the
    cloth is laid on as ever, where it lies. Noise repeats with the stretch: this is for tests of load.
    """

    def __init__(self, stretch: UInt8, gain: Float32) -> None:
        """Args: ``stretch`` uint8 [n * CHUNK, width] as the sensor gave it; ``gain`` float32 [width] of light to DN."""
        self._stretch, self._gain = stretch, gain
        self._scratch = np.empty((CHUNK, stretch.shape[1]), np.float32)

    @classmethod
    def drawn(cls, fabric: Fabric, sensor: Sensor) -> CachedCloth:
        """A stretch of this fabric, its picks evenly dense, seen by this sensor."""
        even = fabric.of_style(replace(fabric.style, density_drift=0.0), fabric.seed)
        repeat = fabric.ends.over.shape[1] * fabric.pick_pitch
        lengths = range(_SHORTEST, _LONGEST + 1, CHUNK)
        length = min(lengths, key=lambda n: abs(n - repeat * round(n / repeat)))
        light = np.concatenate([even.light(at) for at in range(0, length + CHUNK, CHUNK)])
        late = (np.arange(_FADE, dtype=np.float32)[:, None] + 1) / (_FADE + 1)
        light[:_FADE] = late * light[:_FADE] + (1 - late) * light[length : length + _FADE]
        lines = np.arange(length, dtype=np.int64)
        seen = [sensor.expose(light[at : at + CHUNK], lines[at : at + CHUNK]) for at in range(0, length, CHUNK)]
        return cls(np.concatenate(seen).astype(np.uint8), sensor.gain)

    def chunk(self, start: int, things: Sequence[PlantedDefect | Placed], grey: float) -> UInt8:
        """Lines [start, start + CHUNK), ``start`` a multiple of CHUNK, with what lies on them, uint8 [CHUNK, width]."""
        at = start % self._stretch.shape[0]
        slow = 1 + _SWING * math.sin(start / 5077) * math.cos(start / 1913)
        pixels = np.asarray(cv2.convertScaleAbs(self._stretch[at : at + CHUNK], alpha=slow), np.uint8)
        if things:
            self._lay_on(pixels, start, things, grey)
        return pixels

    def _lay_on(self, pixels: UInt8, start: int, things: Sequence[PlantedDefect | Placed], grey: float) -> None:
        """Change the light only between the outermost columns of what lies here."""
        columns = slice(min(thing.x0_px for thing in things), max(thing.x1_px for thing in things))
        light = self._scratch
        np.divide(pixels[:, columns], self._gain[columns], out=light[:, columns])
        for thing in things:
            thing.apply(light, start, grey)
        seen = light[:, columns] * self._gain[columns]
        pixels[:, columns] = np.clip(seen + np.float32(0.5), 0, 255)
