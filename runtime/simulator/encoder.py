"""The encoder that triggers the camera: what it counts, and how far the cloth has really gone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runtime.errors import UserError
from runtime.simulator.motion import Trigger
from runtime.simulator.noise import normal, uniform
from runtime.types import Int64

Float64 = NDArray[np.float64]
_JITTER, _MISSING, _DOUBLED = 311, 312, 313


@dataclass(frozen=True)
class Encoder:
    """A measuring roller with a quadrature encoder. Without faults the count is the cloth's way, rounded.

    Attributes:
        counts_per_mm: counts a millimetre of cloth. direction: -1 where it counts down while cloth is made.
        trigger: a line at every line pitch either way ("motion"), or only on new cloth ("position_up").
        jitter: sigma of the place where a line is taken, in line pitches.
        missing, doubled: share of counts that are lost, or counted twice. They fall on new cloth; a way back
            and forth neither adds nor takes one.
        eccentricity: relative error of the roller's radius, which comes and goes once a turn.
        roller_mm: circumference of the roller.
        slip: share of the cloth's way that the roller does not turn with.
        seed: of jitter and of where counts are lost.

    Raises:
        UserError: a share or length out of range.
    """

    counts_per_mm: float = 21.2
    direction: Literal[1, -1] = 1
    trigger: Trigger = "position_up"
    jitter: float = 0.0
    missing: float = 0.0
    doubled: float = 0.0
    eccentricity: float = 0.0
    roller_mm: float = 471.0
    slip: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.counts_per_mm > 0 and self.roller_mm > 0 and self.direction in (1, -1)):
            raise UserError("an encoder has counts_per_mm and roller_mm above 0 and a direction of 1 or -1")
        if self.trigger not in ("motion", "position_up"):
            raise UserError(f"an encoder's trigger is motion or position_up, not {self.trigger}")
        shares = self.jitter, self.missing, self.doubled, self.eccentricity, self.slip
        if not all(0 <= share < 0.5 for share in shares):
            raise UserError("jitter, missing, doubled, eccentricity and slip are shares from 0 to below 0.5")

    def counts(self, marks: Int64, lines: Int64, mm_per_line: float) -> Int64:
        """Signed counts latched with the lines, int64 [n].

        Args:
            marks, lines: int64 [n], line pitches by the encoder and line numbers (motion.Path.places).
        """
        counted = (marks + self._jitter(lines)) * (mm_per_line * self.counts_per_mm * self.direction)
        counts: Int64 = np.rint(counted).astype(np.int64)
        return counts

    def cloth_lines(self, marks: Int64, tops: Int64, lines: Int64, mm_per_line: float) -> Float64:
        """Where on the cloth the lines are really taken, in line pitches, float64 [n]."""
        counted = marks.astype(np.float64) * mm_per_line
        strayed = self._lost(tops.astype(np.float64) * mm_per_line) + self._off_centre(counted)
        places: Float64 = marks * (1 + self.slip) + self._jitter(lines) + strayed / mm_per_line
        return places

    def counted_mm(self, cloth_mm: float) -> float:
        """What the count says, in mm, when ``cloth_mm`` of cloth have passed for the first time."""
        counted = cloth_mm / (1 + self.slip)
        for _ in range(4):  # the faults are small against the way: each turn of this makes the error 100 times less
            at = np.array([counted])
            counted = (cloth_mm - float((self._lost(at) + self._off_centre(at))[0])) / (1 + self.slip)
        return counted

    def _jitter(self, lines: Int64) -> Float64:
        return self.jitter * normal(self.seed, _JITTER, lines) if self.jitter else np.zeros(lines.shape)

    def _lost(self, counted_mm: Float64) -> Float64:
        """Cloth that passed uncounted so far, in mm."""
        counts = np.maximum(0, counted_mm * self.counts_per_mm)
        net = _events(self.seed, _MISSING, counts, self.missing) - _events(self.seed, _DOUBLED, counts, self.doubled)
        return net / self.counts_per_mm

    def _off_centre(self, counted_mm: Float64) -> Float64:
        """How far the cloth is ahead of an eccentric roller, in mm."""
        turn = self.roller_mm / (2 * math.pi)
        ahead: Float64 = -self.eccentricity * turn * np.sin(counted_mm / turn)
        return ahead


def _events(seed: int, stream: int, counts: Float64, rate: float) -> Float64:
    """How many events of a rate fell among the first ``counts``: one in each 1 / rate, at a place of its own."""
    if not rate:
        return np.zeros(counts.shape)
    stretch = np.floor(counts * rate)
    late = counts * rate - stretch >= uniform(seed, stream, stretch.astype(np.int64))
    happened: Float64 = stretch + late
    return happened
