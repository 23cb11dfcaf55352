"""Between stitcher and tracker: the map joined with the evidence of lines, strip by strip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from runtime.defects.evidence_lines import REACH, draw_lines
from runtime.defects.evidence_scale import LineScale
from runtime.defects.rows import goes_on, joined, split
from runtime.types import Float32, ScoreMap

Drawn = tuple[ScoreMap, Float32]
"""A strip of the map, and the evidence of lines at each of its cells; see evidence_lines.draw_lines."""


class LineFinder:
    """Draws the lines of one camera's map: a strip comes out REACH rows late, so that what follows it is known."""

    def __init__(self, least: float, strong: float) -> None:
        """Draw lines by evidence of ``least`` or more, of cells below ``strong``; see draw_lines."""
        self._least, self._strong = least, strong
        self._before: ScoreMap | None = None  # rows that came out, and still have a say in those to come
        self._waiting: ScoreMap | None = None

    def add(self, strip: ScoreMap, more: bool) -> Iterator[Drawn]:
        """Take the next strip; what is known now of it and of earlier ones, in order.

        Args:
            more: the map goes on after the strip. Else nothing is held back.
        """
        if not goes_on(self._waiting or self._before, strip):
            yield from self.close()
            self._before = None
        whole = strip if self._waiting is None else joined(self._waiting, strip)
        ready, self._waiting = split(whole, REACH) if more else (whole, None)
        if ready is not None:
            yield self._drawn(ready)

    def close(self) -> Iterator[Drawn]:
        """What waits, as if nothing followed it."""
        ready, self._waiting = self._waiting, None
        if ready is not None:
            yield self._drawn(ready)

    def _drawn(self, ready: ScoreMap) -> Drawn:
        past = ready if self._before is None else joined(self._before, ready)
        whole = past if self._waiting is None else joined(past, self._waiting)
        first = len(past.values) - len(ready.values)
        lines = draw_lines(whole.values, ready.stride, self._least, self._strong)[first : len(past.values)]
        self._before = split(past, REACH)[1]
        return ready, lines


class LineEvidence:
    """Raises the map of one camera where a faint line runs, to the value that is as rare on normal cloth."""

    def __init__(self, scale: LineScale | None) -> None:
        """Join lines by ``scale``; None: leave the map as it is, without delay."""
        self._scale = scale
        self._finder = LineFinder(scale.usual, scale.strong) if scale else None

    def add(self, strip: ScoreMap, more: bool) -> list[ScoreMap]:
        """Take the next strip; returns what is ready of it and of earlier ones. See LineFinder.add."""
        return [strip] if self._finder is None else list(map(self._raised, self._finder.add(strip, more)))

    def close(self) -> list[ScoreMap]:
        """Return what waits: nothing follows."""
        return [] if self._finder is None else list(map(self._raised, self._finder.close()))

    def _raised(self, found: Drawn) -> ScoreMap:
        assert self._scale is not None
        strip, lines = found
        return replace(strip, values=np.maximum(strip.values, self._scale.map_value(lines)))
