"""What lies beyond the cloth that was seen: the weave, continued.

Tiles reach a margin beyond a segment's first and last line and beyond the sensor's edges. Mirrored there, a weave has
a kink, which nets and filters take for a defect: the highest values of good cloth then lie at its ends. So the
missing lines are taken from further in, from behind the place that looks most like the end: the repeat goes on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from runtime.geometry import TileGeometry, mirrored
from runtime.types import Float32, Int64, UInt8

MATCH = 16
"""Lines that are compared: about a repeat of a weave and more."""
FURTHEST = 96
"""How much further in than need be a place is looked for: several repeats of a coarse weave."""
EVERY = 4
"""Of the pixels along the compared lines, every so many: they are thousands, and the choice needs few."""


class Ends(NamedTuple):
    """How far in to go for what lies before a first and after a last line (or column); 0: mirror, there are too few."""

    before: int
    after: int


def find_ends(lines: UInt8, geometry: TileGeometry) -> Ends:
    """How the two ends of some lines go on.

    Only what a run's first tile can see of an end is looked at, however many lines there are.

    Args:
        lines: uint8 [n, width, channels], n at least 1. geometry: of the tiles; its margin is what will be missing.
    """
    reach = geometry.tile - geometry.margin
    return Ends(_further_in(lines[:reach], geometry), _further_in(lines[-reach:][::-1], geometry))


def find_edges(lines: UInt8, geometry: TileGeometry) -> Ends:
    """How the first and the last column of the sensor go on; what a run's first tile can see of them decides.

    Args:
        lines: the run's first, uint8 [n, width, channels], n at least 1.
    """
    return find_ends(lines[: geometry.tile - geometry.margin].transpose(1, 0, 2), geometry)


def _further_in(lines: UInt8, geometry: TileGeometry) -> int:
    """Where lines look most like the first MATCH of them, at least a margin further in; 0 where they are too few."""
    lowest = max(geometry.margin, 1)
    highest = min(lowest + FURTHEST, len(lines) - MATCH)
    if highest < lowest:
        return 0
    seen: Float32 = lines[: highest + MATCH, ::EVERY].astype(np.float32)
    unlike = [float(np.square(seen[at : at + MATCH] - seen[:MATCH]).mean()) for at in range(lowest, highest + 1)]
    return lowest + int(np.argmin(unlike))


def continued(start: int, stop: int, low: int, high: int, ends: Ends) -> Int64:
    """Indices start..stop-1, those outside [low, high) brought inside as ``ends`` says.

    Returns:
        int64 [stop - start], each in [low, high).

    Raises:
        ValueError: an empty range to stay in.
    """
    index = mirrored(start, stop, low, high)
    asked = np.arange(start, stop, dtype=np.int64)
    if ends.before:
        inside = low + ends.before - 1 - (low - 1 - asked) % ends.before
        index = np.where(asked < low, inside, index)
    if ends.after:
        index = np.where(asked >= high, high - ends.after + (asked - high) % ends.after, index)
    return index
