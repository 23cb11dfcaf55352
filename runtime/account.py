"""The account of one camera's lines: in = inspected + not inspected, by reason, each line once.

Lines in are counted where the camera gives them, spans where they end; the two are counted apart, and
the spans must also tile the camera's numbers without hole or overlap. Memory is bounded by how far
spans arrive out of order.
"""

from __future__ import annotations

import heapq
from collections import Counter

from runtime.types import LineBlock, NotInspected, Reason


class Account:
    """Counts of one camera. The reader's side and the pipeline's side are each used by one thread."""

    def __init__(self) -> None:
        self.lines_in = 0
        self.inspected = 0
        self.not_inspected: Counter[Reason] = Counter()
        self.unnumbered_spans = 0
        self.unnumbered_seconds = 0.0
        self._first: int | None = None
        self._end_in = 0
        self._told_to: int | None = None
        self._early: list[tuple[int, int]] = []
        self._overlap = False

    def received(self, item: LineBlock | NotInspected) -> None:
        """The camera gave lines, or said which are missing."""
        if item.first_line is None or item.end_line is None:
            return
        if self._first is None:
            self._first = item.first_line
        self.lines_in += item.end_line - item.first_line
        self._end_in = item.end_line

    def looked_at(self, first: int, end: int) -> None:
        """Lines [first, end) are judged."""
        self.inspected += end - first
        self._tell(first, end)

    def given_up(self, span: NotInspected) -> None:
        """A span was not looked at."""
        if span.first_line is None or span.end_line is None:
            self.unnumbered_spans += 1
            self.unnumbered_seconds += span.seconds or 0.0
            return
        self.not_inspected[span.reason] += span.lines
        self._tell(span.first_line, span.end_line)

    @property
    def balanced(self) -> bool:
        """Every line that came in stands in exactly one span."""
        told = self.inspected + sum(self.not_inspected.values())
        if self._first is None:
            return told == 0
        return told == self.lines_in and self._told_to == self._end_in and not self._early and not self._overlap

    def holes(self) -> list[tuple[int, int]]:
        """Lines that came in and stand in no span yet."""
        if self._first is None:
            return []
        holes, at = [], self._first if self._told_to is None else self._told_to
        for first, end in [*sorted(self._early), (self._end_in, self._end_in)]:
            if first > at:
                holes.append((at, first))
            at = max(at, end)
        return holes

    def _tell(self, first: int, end: int) -> None:
        if self._told_to is None:
            self._told_to = self._first if self._first is not None else first
        heapq.heappush(self._early, (first, end))
        while self._early and self._early[0][0] <= self._told_to:
            start, stop = heapq.heappop(self._early)
            self._overlap |= start < self._told_to
            self._told_to = max(self._told_to, stop)
