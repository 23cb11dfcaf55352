"""Changes of picks: one that is missing, doubled or of another tone, and picks that lie denser or wider apart."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from runtime.simulator.shapes import Float64
from runtime.simulator.yarns import AsWoven, Picks

_INSERTED = 1 << 40
"""Added to a pick's number for a second one beside it, so that it is a yarn of its own."""
NEIGHBOURS = 3.0
"""Over so many pitches the neighbours of a fault move."""


def _moved(picks: Picks, at: float, pitch: float, room: float) -> Float64:
    """Centres of picks that make ``room`` pitches of room around line ``at``, or close up where it is negative."""
    away = picks.centre - at
    left = np.clip(1 - (np.abs(away) / pitch - 1) / NEIGHBOURS, 0, 1)
    moved: Float64 = picks.centre + np.sign(away) * left * room * pitch / 2
    return moved


@dataclass(frozen=True)
class _OnePick(AsWoven):
    """A change of pick ``number`` and of the room around it; ``centre`` and ``pitch`` in lines."""

    number: int
    centre: float
    pitch: float

    @property
    def reach(self) -> float:
        return self.pitch


@dataclass(frozen=True)
class MissingPick(_OnePick):
    """One pick is not there; ``closing``: share of its place that its neighbours take."""

    closing: float

    def picks(self, picks: Picks) -> Picks:
        moved = _moved(picks, self.centre, self.pitch, -self.closing)
        kept = picks.number != self.number
        return Picks(*(values[kept] for values in (picks.number, picks.row, moved, picks.width, picks.tone)))


@dataclass(frozen=True)
class DoublePick(_OnePick):
    """A second pick in the same shed.

    Attributes:
        room: pitches that it takes from its neighbours.
        gloss: by how much the two, raised out of the cloth, are brighter than one.
    """

    room: float
    gloss: float

    def picks(self, picks: Picks) -> Picks:
        moved = _moved(picks, self.centre, self.pitch, self.room)
        at = np.flatnonzero(picks.number == self.number)
        if not at.size:
            return replace(picks, centre=moved)
        i, half = int(at[0]), self.room * self.pitch / 2
        moved[i] = self.centre - half
        tone = picks.tone.copy()
        tone[i] *= 1 + self.gloss
        return Picks(
            number=np.insert(picks.number, i + 1, self.number + _INSERTED),
            row=np.insert(picks.row, i + 1, picks.row[i]),
            centre=np.insert(moved, i + 1, self.centre + half),
            width=np.insert(picks.width, i + 1, picks.width[i]),
            tone=np.insert(tone, i + 1, tone[i]),
        )


@dataclass(frozen=True)
class Crack(AsWoven):
    """An opening of ``gap`` lines above ``line``: picks are pushed away from it."""

    line: float
    gap: float

    @property
    def reach(self) -> float:
        return self.gap / 2

    @property
    def extent(self) -> float:
        """Lines to each side over which picks are pushed."""
        return 4 * self.gap

    def picks(self, picks: Picks) -> Picks:
        away = picks.centre - self.line
        left = np.clip(1 - np.abs(away) / self.extent, 0, 1)
        return replace(picks, centre=picks.centre + np.sign(away) * left * self.gap / 2)


@dataclass(frozen=True)
class Denser(AsWoven):
    """Picks beaten up denser in the middle of [first, first + length), and thinner at its flanks."""

    first: float
    length: float
    share: float

    @property
    def reach(self) -> float:
        return abs(self.share) * self.length / (2 * math.pi)

    def picks(self, picks: Picks) -> Picks:
        at = np.clip((picks.centre - self.first) / self.length, 0, 1)
        return replace(picks, centre=picks.centre + self.reach * np.sign(self.share) * np.sin(2 * np.pi * at))


@dataclass(frozen=True)
class FadingDensity(AsWoven):
    """Picks denser from ``first`` on, abruptly, getting back to normal over ``length`` lines."""

    first: float
    length: float
    share: float

    @property
    def reach(self) -> float:
        return abs(self.share) * self.length / 8

    def picks(self, picks: Picks) -> Picks:
        at = np.clip((picks.centre - self.first) / self.length, 0, 1)
        moved = -self.share * self.length * at * np.exp(-4 * at) * (1 - at)
        return replace(picks, centre=picks.centre + moved)


@dataclass(frozen=True)
class TonedPick(AsWoven):
    """One pick of another reflectance, relative to its own."""

    number: int
    factor: float

    def picks(self, picks: Picks) -> Picks:
        return replace(picks, tone=np.where(picks.number == self.number, picks.tone * self.factor, picks.tone))
