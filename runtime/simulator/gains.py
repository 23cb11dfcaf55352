"""What stands between cloth and sensor and changes its light column by column: the lamp and the window.

Each nuisance is a pattern over the camera's columns times a strength over the camera's metres: line number
times line pitch, which goes on where the cloth runs back. It stands still in the camera's frame, whatever
the cloth does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.errors import UserError
from runtime.simulator.noise import normal, uniform
from runtime.types import Float32, Int64

Float64 = NDArray[np.float64]
_SEGMENT, _STALE = 321, 322


@dataclass(frozen=True)
class Gain:
    """Light is multiplied by 1 + strength(metre) * pattern(column).

    Attributes:
        from_m, to_m: where on the camera's metres it begins and ends.
    """

    from_m: float = 0.0
    to_m: float = math.inf

    def __post_init__(self) -> None:
        if not self.to_m > self.from_m:
            raise UserError(f"{type(self).__name__} ends at {self.to_m} m, before it begins at {self.from_m} m")

    def pattern(self, width: int) -> Float32:
        """Relative change of the light by column at full strength, float32 [width]."""
        raise NotImplementedError

    def strength(self, metres: Float64) -> Float64:
        """0 to 1 (a swing may go below) for each line, float64 [n]; 0 outside [from_m, to_m)."""
        return ((metres >= self.from_m) & (metres < self.to_m)).astype(np.float64)


@dataclass(frozen=True)
class _Growing(Gain):
    """Grows evenly from from_m to to_m, and stays."""

    def strength(self, metres: Float64) -> Float64:
        """0 up to from_m, 1 from to_m on."""
        if math.isinf(self.to_m):
            raise UserError(f"{type(self).__name__} grows up to to_m: give it an end")
        return np.clip((metres - self.from_m) / (self.to_m - self.from_m), 0, 1)


@dataclass(frozen=True)
class Dust(Gain):
    """Dust or lint on the window, or a fly on the lens (40 px or more, a loss of half, for two seconds).

    Attributes:
        column: its middle, in px. width_px: how wide, to half its depth. loss: share of light lost in its middle.
    """

    column: float = 0.0
    width_px: float = 4.0
    loss: float = 0.04

    def pattern(self, width: int) -> Float32:
        """Out of focus, so with soft edges: a Gaussian to the fourth power."""
        away = (np.arange(width) + 0.5 - self.column) / (self.width_px / 2)
        return np.asarray(-self.loss * np.exp(-math.log(2) * away**4), np.float32)


@dataclass(frozen=True)
class Segments(Gain):
    """Steps of gain between the sensor's read-out segments.

    Attributes:
        count: how many. step: mean size of their gains, which take turns in sign. seed: of their sizes.
    """

    count: int = 4
    step: float = 0.007
    seed: int = 0

    def pattern(self, width: int) -> Float32:
        """One gain a segment."""
        numbers = np.arange(self.count, dtype=np.int64)
        gains = self.step * (-1.0) ** numbers * (0.5 + uniform(self.seed, _SEGMENT, numbers))
        return gains[np.arange(width) * self.count // width].astype(np.float32)


@dataclass(frozen=True)
class StaleFlatField(_Growing):
    """The flat field grows old as the camera warms up: smooth gains over the columns that grow, and stay.

    Attributes:
        drift: the largest of the gains. seed: of their course over the columns.
    """

    drift: float = 0.02
    seed: int = 0

    def pattern(self, width: int) -> Float32:
        """Three waves of random weight."""
        across = (np.arange(width) + 0.5) / width
        weights = normal(self.seed, _STALE, np.arange(6, dtype=np.int64)).reshape(3, 2)
        waves = sum(
            a * np.sin(2 * np.pi * n * across) + b * np.cos(2 * np.pi * n * across)
            for n, (a, b) in enumerate(weights, start=1)
        )
        return np.asarray(self.drift * waves / np.abs(waves).max(), np.float32)


@dataclass(frozen=True)
class LampDrift(_Growing):
    """The lamp warms up or ages: all light changes by ``share`` from from_m to to_m, and stays so."""

    share: float = -0.03

    def pattern(self, width: int) -> Float32:
        """The same everywhere."""
        return np.full(width, self.share, np.float32)


@dataclass(frozen=True)
class LampStep(Gain):
    """All light is changed by ``share`` at once (a new lamp, another exposure)."""

    share: float = 0.1

    def pattern(self, width: int) -> Float32:
        """The same everywhere."""
        return np.full(width, self.share, np.float32)


@dataclass(frozen=True)
class Leak(Gain):
    """Ambient light on the cloth, strongest at the left, slowly rising and falling.

    Attributes:
        share: of the lamp's light, at its highest. period_m: camera's metres from high to high.
    """

    share: float = 0.03
    period_m: float = 20.0

    def pattern(self, width: int) -> Float32:
        """Falls to a half at the right."""
        return np.linspace(self.share, self.share / 2, width, dtype=np.float32)

    def strength(self, metres: Float64) -> Float64:
        """Between 0 and 1, beginning at 0."""
        swing = (1 - np.cos(2 * np.pi * (metres - self.from_m) / self.period_m)) / 2
        return super().strength(metres) * swing


@dataclass(frozen=True)
class LedNodes(Gain):
    """Each LED of the lamp is brighter in front of itself.

    Attributes:
        share: half of the swing from LED to LED. pitch_px: their distance.
    """

    share: float = 0.04
    pitch_px: float = 120.0

    def pattern(self, width: int) -> Float32:
        """A wave over the columns."""
        return np.asarray(self.share * np.cos(2 * np.pi * (np.arange(width) + 0.5) / self.pitch_px), np.float32)


class Gains:
    """Several gains over a camera of one width."""

    def __init__(self, gains: tuple[Gain, ...], width: int, mm_per_line: float) -> None:
        self._gains = [(gain, gain.pattern(width)) for gain in gains]
        self._mm_per_line = mm_per_line

    def apply(self, light: Float32, lines: Int64) -> None:
        """Change the light of the camera's lines, float32 [n, width], in place."""
        metres = lines * self._mm_per_line / 1000
        for gain, pattern in self._gains:
            strength = gain.strength(metres)
            columns = np.flatnonzero(np.abs(pattern) > 1e-6)
            if columns.size and strength.any():
                here = slice(int(columns[0]), int(columns[-1]) + 1)
                light[:, here] *= 1 + strength.astype(np.float32)[:, None] * pattern[here]
