"""Boxes of cloth in columns and lines: do they meet, are they the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Box(NamedTuple):
    """Columns [x0, x1) and lines [first, end)."""

    x0: int
    x1: int
    first: int
    end: int

    def meets(self, other: Box) -> bool:
        """They have a pixel in common."""
        return self.x0 < other.x1 and other.x0 < self.x1 and self.first < other.end and other.first < self.end

    def moved(self, lines: int) -> Box:
        """The same box so many lines further on."""
        return self._replace(first=self.first + lines, end=self.end + lines)

    def grown(self, px: int) -> Box:
        """The box and all within ``px`` of it."""
        return Box(self.x0 - px, self.x1 + px, self.first - px, self.end + px)

    def edge_distance(self, other: Box) -> int:
        """The largest of the four edges' distances."""
        return max(abs(a - b) for a, b in zip(self, other, strict=True))


def match(a: Sequence[Box], b: Sequence[Box], edge_px: int) -> list[tuple[int, int]]:
    """Pairs (index in a, index in b) of boxes whose four edges agree within ``edge_px``, nearest first, each once."""
    near = sorted(
        (distance, i, j)
        for i, one in enumerate(a)
        for j, other in enumerate(b)
        if (distance := one.edge_distance(other)) <= edge_px
    )
    pairs: list[tuple[int, int]] = []
    for _, i, j in near:
        if all(i != taken_i and j != taken_j for taken_i, taken_j in pairs):
            pairs.append((i, j))
    return pairs
