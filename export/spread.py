"""Is one of two things faster, or did the machine only have a better moment?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

SURE = 0.9
"""Share of pairs. Of five windows each, 23 of 25 pairs: by chance once in twenty (Mann and Whitney, 1947: U <= 2)."""
LEAST_WINDOWS = 4
"""With fewer on either side even a share of 1 comes by chance more often than that."""


def share_above(a: Sequence[float], b: Sequence[float]) -> float:
    """Share of all pairs of a window of A and a window of B in which B's value is the higher; equal ones are half."""
    return sum((y > x) + (y == x) / 2 for x, y in product(a, b)) / (len(a) * len(b))


def apart(a: Sequence[float], b: Sequence[float]) -> bool:
    """B is above A, or below, by more than their windows' spread."""
    share = share_above(a, b)
    return min(len(a), len(b)) >= LEAST_WINDOWS and max(share, 1 - share) >= SURE
