"""Where on the cloth each pixel of a line looks: how the cloth lies, and how the camera is mounted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.errors import UserError

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Geometry:
    """How the cloth lies under the cameras. Periods are metres of cloth.

    Attributes:
        wander_mm, wander_period_m: the cloth moves across by so much either way.
        width_change, width_period_m: relative swing of its width.
        skew: slope of the weft, mm along per mm across.
        bow: height of the weft's arc relative to the loom's width.

    Raises:
        UserError: a period that is not above 0, or more skew, bow or width change than cloth has.
    """

    wander_mm: float = 0.0
    wander_period_m: float = 5.0
    width_change: float = 0.0
    width_period_m: float = 7.0
    skew: float = 0.0
    bow: float = 0.0

    def __post_init__(self) -> None:
        if not (self.wander_period_m > 0 and self.width_period_m > 0):
            raise UserError("wander_period_m and width_period_m must be above 0")
        if not (abs(self.skew) <= 0.2 and abs(self.bow) <= 0.2 and abs(self.width_change) <= 0.2):
            raise UserError("skew, bow and width_change are relative: 0.03 is 3 %, and 0.2 is the most")

    @property
    def straight(self) -> bool:
        """The cloth lies still and true: each pixel looks where it would anyway."""
        return not (self.wander_mm or self.width_change or self.skew or self.bow)

    def across(self, metres: Float64) -> tuple[Float64, Float64]:
        """Shift in mm and stretch (about 1) of the cloth at so many metres of it, float64 [n] each."""
        shift = self.wander_mm * np.sin(2 * np.pi * metres / self.wander_period_m)
        stretch = 1 + self.width_change * np.sin(2 * np.pi * metres / self.width_period_m)
        return shift, stretch

    def ahead_mm(self, x_mm: Float64, width_mm: float) -> Float64:
        """How much later cloth comes by at ``x_mm`` from the middle of a loom ``width_mm`` wide."""
        arc = 1 - (2 * x_mm / width_mm) ** 2
        ahead: Float64 = self.skew * x_mm + self.bow * width_mm * arc
        return ahead


@dataclass(frozen=True)
class Mount:
    """How a camera is really mounted over the loom, which it does not know itself.

    Attributes:
        x_mm: where its column 0 lies, from column 0 of the Loom.
        lines: how many line pitches further along the cloth it looks.
        angle_deg: by how much its line is turned about its middle.
        gain: of all its pixels.
        width: px; None: all that the Loom has.
        seed: added to the Loom's for the noise of this sensor.
    """

    x_mm: float = 0.0
    lines: float = 0.0
    angle_deg: float = 0.0
    gain: float = 1.0
    width: int | None = None
    seed: int = 0

    def columns(self, width: int, mm_per_px: float) -> Float64:
        """Loom px that the camera's columns look at, float64 [width]; 0.5 is the middle of the first."""
        away = np.arange(width) + 0.5 - width / 2
        return np.asarray(self.x_mm / mm_per_px + width / 2 + away * math.cos(math.radians(self.angle_deg)), np.float64)

    def lines_ahead(self, width: int, mm_per_px: float, mm_per_line: float) -> Float64:
        """Line pitches that each column looks ahead, float64 [width]."""
        away = (np.arange(width) + 0.5 - width / 2) * mm_per_px / mm_per_line
        return np.asarray(self.lines + away * math.sin(math.radians(self.angle_deg)), np.float64)
