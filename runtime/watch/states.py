"""Which lines of the map may be judged: not a seam, not another cloth, not what is covered, not a flood.

Usual strips pass at once. One that looks otherwise is held back, with those after it, until it is known what it is:
until it is over, or for DECIDE_MM of cloth. Then it is given up with a reason, passed with the seam's rows quiet, or
passed as it is: then it was for the map to say.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Literal

import numpy as np

from runtime.types import NotInspected, Reason, Scale, ScoreMap
from runtime.watch.bands import Across, Bands
from runtime.watch.breaker import Breaker
from runtime.watch.slabs import SLAB_LINES

DECIDE_MM = 100.0
BACK_MM = 50.0
"""Usual cloth for so long ends a state."""
SEAM_MM = (12.0, 80.0)
COVERED_MM = 12.0
"""What covers the cloth along fewer millimetres is left to the map."""
HALO_LINES = 32
"""The map is raised by a seam or a label before its first line and after its last."""
SPAN_MM = 1000.0
"""Lines that are given up are told of at least so often."""
Told = Literal["seam", "other_cloth", "obstruction", "too_many_defects", "cloth"]


class Mode(Enum):
    """What the cloth under the camera is, as far as it is known."""

    USUAL = "cloth"
    OTHER = "other_cloth"
    COVERED = "obstruction"
    MANY = "too_many_defects"


REASONS = {Mode.OTHER: Reason.OTHER_CLOTH, Mode.COVERED: Reason.OBSTRUCTED}
SAYS: dict[Told, str] = {
    "seam": "a seam or splice passes: its rows are not graded",
    "other_cloth": "the cloth is another than the bundle knows, and is not inspected until that one comes back",
    "obstruction": "something covers the cloth: these lines are not inspected",
    "too_many_defects": "so much of the cloth is called defective that no single defect is told until that is over",
    "cloth": "cloth as the bundle knows it again",
}


@dataclass(frozen=True)
class Seen:
    """A strip of the map and what its lines looked like: the unlike mode, or USUAL; seam: a seam crosses it."""

    strip: ScoreMap
    mode: Mode
    seam: bool

    @property
    def lines(self) -> int:
        return self.strip.end_line - self.strip.first_line


@dataclass
class States:
    """Sorts one camera's strips."""

    scale: Scale
    bands: Bands
    breaker: Breaker
    _news: list[tuple[Told, int]] = field(default_factory=list)
    _mode: Mode = Mode.USUAL
    _held: list[Seen] = field(default_factory=list)
    _span: NotInspected | None = None
    _low: float | None = None  # median of the newest usual strip

    @property
    def usual(self) -> bool:
        """Nothing is in doubt, and the cloth is as the bundle knows it."""
        return self._mode is Mode.USUAL and not self._held

    def judge(self, strip: ScoreMap, other_cloth: bool) -> list[ScoreMap | NotInspected]:
        """Take the next strip; returns what became of it and of those before it, in order.

        Args:
            other_cloth: its lines look like another cloth.
        """
        seen = self._see(strip, other_cloth)
        if self._held and strip.first_line != self._held[-1].strip.end_line:
            return [*self.flush(), *self.judge(strip, other_cloth)]
        if self._mode is Mode.USUAL:
            return self._in_usual(seen)
        return self._in_state(seen)

    def take_news(self) -> list[tuple[Told, int]]:
        """What there is to tell since the last call: a state and the line where it began."""
        news, self._news = self._news, []
        return news

    def flush(self) -> list[ScoreMap | NotInspected]:
        """Decide on what is held back: a gap, or the end."""
        out = self._decide() if self._mode is Mode.USUAL else [self._given_up(seen) for seen in self._held]
        self._held = []
        return [piece for piece in [*out, self._take_span()] if piece is not None]

    def _see(self, strip: ScoreMap, other_cloth: bool) -> Seen:
        lines = strip.first_line, strip.end_line + HALO_LINES
        covered = self.bands.lines_of(Across.COVERED, *lines) > 0
        seam = self.bands.lines_of(Across.SEAM, *lines) > 0
        many = self.breaker.trips(strip, self._mode is Mode.MANY)
        mode = Mode.COVERED if covered else Mode.OTHER if other_cloth else Mode.MANY if many else Mode.USUAL
        return Seen(strip, mode, seam)

    def _in_usual(self, seen: Seen) -> list[ScoreMap | NotInspected]:
        unlike = seen.mode is not Mode.USUAL or seen.seam
        if not unlike and not self._held:
            self._low = float(np.nanmedian(seen.strip.values))
            return [seen.strip]
        self._held.append(seen)
        if unlike and self._lines_mm(seen.strip.end_line - self._doubt_from()) < DECIDE_MM:
            return []
        out = self._decide()
        self._held = []
        return [piece for piece in out if piece is not None]

    def _doubt_from(self) -> int:
        """The line from which the held strips are in doubt: what follows a seam is a question of its own."""
        lines = self._held[0].strip.first_line, self._held[-1].strip.end_line
        seam = self._seam(*lines)
        return seam[1] if seam else lines[0]

    def _seam(self, first: int, end: int) -> tuple[int, int] | None:
        """The lines of a seam that is over, where lines [first, end) have one."""
        seam = self.bands.span_of(Across.SEAM, first, end)
        over = seam is not None and seam[1] < end
        return seam if seam and over and SEAM_MM[0] <= self._lines_mm(seam[1] - seam[0]) <= SEAM_MM[1] else None

    def _decide(self) -> list[ScoreMap | NotInspected | None]:
        """What the held strips are; enters the state that goes on at their end."""
        if not self._held:
            return []
        lines = self._held[0].strip.first_line, self._held[-1].strip.end_line
        if self._lines_mm(self.bands.lines_of(Across.COVERED, *lines)) >= COVERED_MM:
            return self._enter(Mode.COVERED)
        seam = self._seam(*lines)
        if seam:
            self._news.append(("seam", seam[0]))
            quiet = seam[0] - HALO_LINES, seam[1] + HALO_LINES
            self._held = [replace(seen, strip=self._quiet(seen.strip, *quiet)) for seen in self._held]
        after = [seen for seen in self._held if seam is None or seen.strip.first_line >= seam[1]]
        for mode in (Mode.OTHER, Mode.MANY):
            if self._mm([seen for seen in after if seen.mode is mode]) >= DECIDE_MM / 2 and after[-1].mode is mode:
                return self._enter(mode)
        if seam:
            return [seen.strip for seen in self._held]
        step = self.bands.span_of(Across.SEAM, *lines)
        if step is not None and step[1] + SLAB_LINES < lines[1]:
            return [seen.strip for seen in self._held]  # over, and no seam: a fault of the weft is for the map to say
        self.bands.accept()
        if step is None:
            return [seen.strip for seen in self._held]
        # Brighter or darker over the whole width, and so it stays: the lamp. Its edge is no line along the weft.
        return [self._quiet(seen.strip, step[0] - HALO_LINES, step[0] + 2 * HALO_LINES) for seen in self._held]

    def _enter(self, mode: Mode) -> list[ScoreMap | NotInspected | None]:
        """Give up the held strips from the first to the last of a mode; go on in it unless it is over."""
        held = self._held
        at = [i for i, seen in enumerate(held) if seen.mode is mode]
        self._news.append((mode.value, held[at[0]].strip.first_line))
        self._mode = mode
        before = [seen.strip for seen in held[: at[0]]]
        middle = [self._given_up(seen) for seen in held[at[0] : at[-1] + 1]]
        after = held[at[-1] + 1 :]
        if not after:
            return [*before, *middle]
        return [*before, *middle, *self._leave(after)]

    def _in_state(self, seen: Seen) -> list[ScoreMap | NotInspected]:
        """Give up what goes on as before; the usual ends it when it has lasted."""
        if seen.mode is not Mode.USUAL:
            out = [self._given_up(late) for late in [*self._held, seen]]
            self._held = []
        else:
            self._held.append(seen)
            if self._mm(self._held) < BACK_MM:
                return []
            out = self._leave(self._held)
            self._held = []
        return [piece for piece in out if piece is not None]

    def _leave(self, back: list[Seen]) -> list[ScoreMap | NotInspected | None]:
        self._news.append(("cloth", back[0].strip.first_line))
        span, self._mode = self._take_span(), Mode.USUAL
        return [span, *(seen.strip for seen in back)]

    def _given_up(self, seen: Seen) -> ScoreMap | NotInspected | None:
        """A strip in a state: quiet where it was looked at, else part of a span, which is given out now and then."""
        strip = seen.strip
        reason = REASONS.get(self._mode)
        if reason is None:
            return self._quiet(strip, strip.first_line, strip.end_line)
        if self._span is None or self._span.end_line != strip.first_line:  # a gap in between has a span of its own
            done = self._take_span()
            self._span = NotInspected(strip.camera, reason, strip.first_line, strip.end_line)
            return done
        self._span = replace(self._span, end_line=strip.end_line)
        return self._take_span() if self._lines_mm(self._span.lines) >= SPAN_MM else None

    def _take_span(self) -> NotInspected | None:
        span, self._span = self._span, None
        return span

    def _mm(self, seen: list[Seen]) -> float:
        return self._lines_mm(sum(one.lines for one in seen))

    def _lines_mm(self, lines: int) -> float:
        return lines * self.scale.mm_per_line

    def _quiet(self, strip: ScoreMap, first: int, end: int) -> ScoreMap:
        """The strip with rows that touch lines [first, end) brought down to the usual map: no defect to anybody."""
        low, high = (first - strip.first_line) // strip.stride, -(-(end - strip.first_line) // strip.stride)
        values = strip.values.copy()
        rows = values[max(0, low) : max(0, high)]
        rows[np.isfinite(rows)] = np.nanmin(values) if self._low is None else self._low
        return replace(strip, values=values)
