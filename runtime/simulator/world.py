"""All that stands between the cloth and the pixels, as plain numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from runtime.errors import UserError
from runtime.simulator.encoder import Encoder
from runtime.simulator.gains import Gain
from runtime.simulator.geometry import Geometry
from runtime.simulator.motion import AnyMotion


@dataclass(frozen=True)
class StuckPixel:
    """A pixel that always says the same: dead (0) or hot (1).

    Attributes:
        column: px. level: share of the largest grey value. from_m, to_m: on the camera's metres.
    """

    column: int
    level: float = 0.0
    from_m: float = 0.0
    to_m: float = math.inf

    def __post_init__(self) -> None:
        if not (self.column >= 0 and 0 <= self.level <= 1):
            raise UserError(f"a stuck pixel has a column and a level from 0 to 1, not {self.column} and {self.level}")


@dataclass(frozen=True)
class Defocus:
    """The lens is out of focus from one camera's metre to another.

    Attributes:
        sigma_px: of the blur, across and along alike, besides the lens's own.
    """

    sigma_px: float = 1.5
    from_m: float = 0.0
    to_m: float = math.inf

    def __post_init__(self) -> None:
        if not 0 < self.sigma_px <= 8:
            raise UserError(f"a defocus has a sigma above 0 and up to 8 px, not {self.sigma_px}")

    def kernel(self) -> list[float]:
        """Weights of the pixels from -n to n, sum 1."""
        reach = math.ceil(3 * self.sigma_px)
        weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / self.sigma_px) ** 2)
        return [float(weight) for weight in weights / weights.sum()]


Disturbance = Gain | StuckPixel | Defocus


@dataclass(frozen=True)
class World:
    """What a camera and its loom do, beside the cloth (Loom) itself. Without arguments: nothing.

    Attributes:
        motion: how the cloth moves; None: on and on, a line pitch a line.
        encoder: what triggers and stamps the lines; None: a perfect one where there is a motion.
        geometry: how the cloth lies.
        disturbances: what stands still in the camera's frame: gains.Gain, StuckPixel, Defocus.
        bits: of a pixel: 8, 10 or 12.
        line_rate_hz: how fast lines follow each other where there is no motion.
    """

    motion: AnyMotion | None = None
    encoder: Encoder | None = None
    geometry: Geometry = field(default_factory=Geometry)
    disturbances: tuple[Disturbance, ...] = ()
    bits: int = 8
    line_rate_hz: float = 1000.0

    def __post_init__(self) -> None:
        if self.bits not in (8, 10, 12):
            raise UserError(f"a simulated sensor has 8, 10 or 12 bits, not {self.bits}")
        if not self.line_rate_hz > 0:
            raise UserError(f"line_rate_hz must be above 0, not {self.line_rate_hz}")
