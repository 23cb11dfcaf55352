"""The yarns of a piece of cloth: where they lie, how thick and bright they are, and which lies on top."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from runtime.types import Bool, Int64

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Ends:
    """All ends of a cloth at one place along it, from left to right.

    Attributes:
        centre, pitch: float64 [n] px.
        width: float64 [n], diameter over pitch; 0 for an end that is missing.
        tone: float64 [n], reflectance.
        over: bool [n, rows of the weave's repeat], True where the end lies on top.
    """

    centre: Float64
    pitch: Float64
    width: Float64
    tone: Float64
    over: Bool


@dataclass(frozen=True)
class Picks:
    """Some picks one after the other.

    Attributes:
        number: int64 [n], which decides their random properties.
        row: int64 [n], their row in the weave's repeat.
        centre: float64 [n] lines.
        width: float64 [n], diameter over pitch.
        tone: float64 [n], reflectance.
    """

    number: Int64
    row: Int64
    centre: Float64
    width: Float64
    tone: Float64


class Change(Protocol):
    """What a fault of weaving does to the yarns."""

    @property
    def reach(self) -> float:
        """Lines by which a pick is moved at most."""
        ...

    def ends(self, ends: Ends, line: float) -> Ends:
        """The ends as the fault leaves them at a line."""
        ...

    def picks(self, picks: Picks) -> Picks:
        """The picks as the fault leaves them, in order of their centres."""
        ...


class AsWoven:
    """No change; a fault overrides what it changes."""

    @property
    def reach(self) -> float:
        return 0.0

    def ends(self, ends: Ends, line: float) -> Ends:
        return ends

    def picks(self, picks: Picks) -> Picks:
        return picks
