"""Which lines show new cloth: a loom stops, runs back to find a pick, and shows the same cloth again.

The cloth that was looked at ends at a mark, the farthest that any line lay. Lines that do not get beyond it are a
NotInspected(SEEN_BEFORE) span; the others pass, with their numbers. Where no encoder tells, all lines pass.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from runtime.position import Float64, Track
from runtime.types import LineBlock, NotInspected, Reason

JITTER_COUNTS = 2
"""The count of a line may be wrong by one, and so may that of the line it is compared with."""
STILL_LINES = 64
"""A camera that goes on while the cloth stands gives this many lines before they are known to be nothing new."""
SPAN_LINES = 8192
"""A long span is told in parts: its first block at once, so that what lies before it is judged, then so many lines."""
NONE_NEW = "no line lies beyond the first: the encoder stands, or encoder.direction in cameras.yaml is wrong"


class Motion:
    """Parts one camera's lines into new cloth and cloth seen before."""

    def __init__(self, camera: str, track: Track) -> None:
        """Set up for one camera.

        Args:
            track: where its lines lie; each block is added to it before it is given to ``split``.
        """
        self._camera = camera
        self._track = track
        self._start_mm = math.nan
        self._mark_mm = -math.inf
        self._back = False
        self._still = 0  # lines since the newest one beyond the mark
        self._span: tuple[int, int] | None = None  # seen before, and not told yet

    def split(self, item: LineBlock | NotInspected) -> Iterator[LineBlock | NotInspected]:
        """The same lines in the same order, those that show no new cloth as spans; a gap passes as it is."""
        places = self._track.millimetres_along(item) if isinstance(item, LineBlock) else None
        if isinstance(item, NotInspected) or places is None:
            yield from self.end()
            yield item
            return
        if math.isnan(self._start_mm):
            self._start_mm = float(places[0])
        at, was_back = 0, self._back
        while at < item.rows:
            if self._back:
                stop = at + self._lines_back(places[at:])
                if stop > at:
                    self._span = (self._span[0] if self._span else item.first_line + at, item.first_line + stop)
            else:
                stop = at + self._lines_on(places[at:])
                if stop > at:
                    yield from self.end()
                    yield item if (at, stop) == (0, item.rows) else item.part(at, stop)
            at = stop
        if self._back and self._span and (not was_back or self._span[1] - self._span[0] >= SPAN_LINES):
            yield from self.end()

    def end(self) -> Iterator[NotInspected]:
        """The span that is not told yet, if there is one: no line follows that would show its end."""
        if self._span is not None:
            (first, end), self._span = self._span, None
            never_new = self._mark_mm <= self._start_mm + self._slack_mm
            detail = NONE_NEW if never_new else ""
            yield NotInspected(self._camera, Reason.SEEN_BEFORE, first, end, detail=detail)

    @property
    def _slack_mm(self) -> float:
        """How far a line may lie before the mark while the cloth runs on."""
        scale = self._track.scale
        return max(scale.mm_per_line, JITTER_COUNTS / abs(scale.counts_per_mm or math.inf))

    @property
    def _still_lines(self) -> int:
        """Lines without a step of a coarse encoder are none that stand."""
        scale = self._track.scale
        lines_per_count = 1 / (abs(scale.counts_per_mm or math.inf) * scale.mm_per_line)
        return max(STILL_LINES, math.ceil(4 * lines_per_count))

    def _lines_on(self, places: Float64) -> int:
        """How many of these lines pass, the cloth running on until now; notes where it no longer does."""
        rows = np.arange(len(places))
        highest = np.maximum.accumulate(np.concatenate([[self._mark_mm], places]))
        newest = np.maximum.accumulate(np.where(places > highest[:-1], rows, -1 - self._still))
        over = np.flatnonzero((highest[1:] - places > self._slack_mm) | (rows - newest >= self._still_lines))
        last = int(newest[over[0]]) if len(over) else len(places) - 1
        passed = max(last + 1, 0)
        self._back = len(over) > 0
        self._still = 0 if self._back else int(rows[-1] - newest[-1])
        self._mark_mm = float(highest[passed])
        return passed

    def _lines_back(self, places: Float64) -> int:
        """How many of these lines show nothing new, the cloth being back until now; notes where it is there again."""
        beyond = np.flatnonzero(places > self._mark_mm + self._slack_mm)
        if not len(beyond):
            return len(places)
        self._back, self._still = False, 0
        seen = np.flatnonzero(places[: beyond[0]] <= self._mark_mm)
        return int(seen[-1]) + 1 if len(seen) else 0
