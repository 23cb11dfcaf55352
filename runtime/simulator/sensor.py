"""The line sensor: pixel gains, shot and read noise, whole numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from runtime.simulator.noise import normal, offsets
from runtime.types import Float32, Int64, Pixels

_STREAM_GAIN, _STREAM_NOISE = 101, 102
_NOISE_BITS = 18


@dataclass(frozen=True)
class SensorModel:
    """Noise figures of a line sensor.

    Attributes:
        prnu: sigma of the pixels' gains, relative.
        read_noise: DN. Noise is a function of seed, line and column: a second look gives the same value.
        full_well: electrons at 255 DN, which sets the shot noise; 0 for none.

    DN are of 255 whatever the bits.
    """

    prnu: float = 0.005
    read_noise: float = 1.0
    full_well: float = 20000.0

    def noise_dn(self, grey: float) -> float:
        """Deviation of a pixel's noise at a grey value, DN: read noise and shot noise."""
        shot = 255 * grey / self.full_well if self.full_well else 0.0
        return math.sqrt(self.read_noise**2 + shot)


class Sensor:
    """Turns light into grey values of ``bits`` bits. ``light`` is the lamp's profile, float32 [width]."""

    def __init__(self, model: SensorModel, light: Float32, seed: int, bits: int = 8) -> None:
        width = light.shape[0]
        columns = np.arange(width, dtype=np.int64)
        self.gain: Float32 = (light * (1 + model.prnu * normal(seed, _STREAM_GAIN, columns))).astype(np.float32)
        self.most = (1 << bits) - 1
        self._model = model
        self._seed = seed
        rng = np.random.default_rng([seed, _STREAM_NOISE])
        table = rng.standard_normal((1 << _NOISE_BITS) + width, np.float32)
        self._noise = np.lib.stride_tricks.sliding_window_view(table, width)

    def expose(self, light: Float32, lines: Int64) -> Pixels:
        """Grey values of the light that falls on the sensor.

        Args:
            light: float32 [n, width] in DN as a perfect sensor under an even lamp would give; overwritten.
            lines: int64 [n], the line numbers.

        Returns:
            uint8 [n, width], uint16 where a pixel has more than 8 bits.
        """
        light *= self.gain
        np.maximum(light, 0, out=light)
        sigma = light * np.float32(255 / self._model.full_well if self._model.full_well else 0)
        sigma += np.float32(self._model.read_noise**2)
        np.sqrt(sigma, out=sigma)
        sigma *= self._noise[offsets(self._seed, _STREAM_NOISE, lines, _NOISE_BITS)]
        light += sigma
        if self.most > 255:
            light *= np.float32(self.most / 255)
        light += np.float32(0.5)
        np.clip(light, 0, self.most, out=light)
        return light.astype(np.uint8 if self.most <= 255 else np.uint16)
