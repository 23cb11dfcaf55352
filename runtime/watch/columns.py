"""Columns of the sensor that see less than they should: dust on the window, dead pixels.

They are found in two ways. A line along the warp that the map shows is asked about (``cause``) as soon as it opens;
and every LEAF_MM of cloth all columns are compared with what they were (``_look_for``), which finds dust that the map
does not show. A column that is found stays so until it sees again what it saw before.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from runtime.types import Float32, LineBlock, Scale, ScoreMap
from runtime.watch.change import REACH_PX, Cause, Change, Relief
from runtime.watch.slabs import SLAB_LINES, Slab, Slabs

LEAF_MM = 100.0
LEARN_LEAVES, FORGET_LEAVES = 3, 500
"""Leaves after which the usual state of the columns is known well enough, and over which it follows slow changes."""
RECENT_LEAVES = (2, 10, 40)
"""What is strong shows in two leaves, what is weak in ten, and where the cloth wanders in forty."""
SIGMAS = 6.0
CLEAR_LINES = 2 * SLAB_LINES
"""From so many lines on another weave is seen."""
SURE_MM, UNCLEAR_MM = 50.0, 100.0
"""Cloth from which the sensor is found guilty; and after which, where it is not, it is the cloth."""
GONE_SHARE = 1 / 3
"""Dust is gone where no more than this part of its gain is left."""
STEADY_SHARE, STEADY_GAIN = 0.75, 0.25
"""A column that always sees less shows a part of its gain in most slabs; spots of the cloth, one below another, do
not."""
HALO_PX = 16
"""The map is raised beside a column too."""
CEILING = 1.5
"""The map above a bad column is its own up to so many times the height that it was found with, from the usual map on:
it wavers, and simulated dust was found to reach 1.4 to 1.6 times as high later."""
EDGE_PX = 32
"""Columns this near to the cloth's edge see background when the cloth wanders."""


@dataclass
class Column:
    """Columns [x0, x1) that do not see what they should, since ``first_line``.

    Attributes:
        gain: logarithm of what is left of their light; dead: nothing.
        before: what they were, for telling when they are so again.
        score: the map's value that they were found with.
        gone_leaves: for how many leaves they have been as before.
    """

    number: int
    x0: int
    x1: int
    first_line: int
    gain: float
    dead: bool
    before: Relief
    score: float
    gone_leaves: int = 0


class ColumnWatch:
    """Watches the columns of one camera."""

    def __init__(self, scale: Scale, opening: float) -> None:
        """Set up.

        Args:
            opening: lowest map value that opens a defect.
        """
        self.opening = opening
        self.columns: list[Column] = []
        self._found: list[Column] = []
        self._gone: list[Column] = []
        self.region: tuple[int, int] | None = None
        self.spared: list[tuple[int, int]] = []
        """Columns [x0, x1) of lines that were told as the cloth's and run on: what was told is not taken back."""
        self._mm_per_line = scale.mm_per_line
        self.kept_lines = self._lines_in(LEAF_MM + 4 * UNCLEAR_MM) + 4096
        self._slabs = Slabs(self.kept_lines)
        self._usual: Relief | None = None
        self._learnt = 0
        self._leaf_from = -1
        self._recent: deque[Relief] = deque(maxlen=max(RECENT_LEAVES))
        self._count = 0

    def see(self, block: LineBlock) -> list[Slab]:
        """Take lines; returns the slabs that they filled."""
        slabs = self._slabs.add(block)
        if self._usual is not None and len(self._usual.gain) != block.width:
            self._start_again()
        return slabs

    def learn(self, block: LineBlock, usual: bool) -> None:
        """Compare the columns with what they were, and learn, with the lines of a block that was seen.

        Args:
            usual: they are cloth as the bundle knows it, uncovered; others say nothing about the columns.
        """
        if not usual or self._leaf_from < 0 or block.first_line < self._leaf_from:
            self._leaf_from = block.end_line
        elif block.end_line - self._leaf_from >= self._lines_in(LEAF_MM):
            self._leaf(self._leaf_from, block.end_line)
            self._leaf_from = block.end_line

    def take_found(self) -> list[Column]:
        """Columns that were found since the last call."""
        found, self._found = self._found, []
        return found

    def take_gone(self) -> list[Column]:
        """Columns that became well since the last call."""
        gone, self._gone = self._gone, []
        return gone

    def cause(self, x0: int, x1: int, first_line: int, sigmas: float) -> tuple[Cause, Change | None]:
        """What makes the map show columns [x0, x1) since a line: sensor, cloth, or not clear yet.

        Args:
            sigmas: how far a gain that explains it has to stand out from the gains of all columns.
        """
        lines = self._slabs.end_line - first_line
        since = self._slabs.profile(first_line, first_line + self._lines_in(UNCLEAR_MM) + SLAB_LINES)
        if since is None or since.lines < CLEAR_LINES:
            return Cause.UNCLEAR, None
        relief = Relief.of(since).since(self._before(first_line, len(since.mean)))
        change = relief.strongest(x0, x1)
        weak = not change.dead and abs(change.gain) < sigmas * relief.scatter(self._inside())
        if not change.dead and relief.rewoven(x0, x1):
            return Cause.CLOTH, change
        if weak or change.cause is Cause.CLOTH:
            earlier = self._standing_out(x0, x1) if weak else None
            return (Cause.SENSOR, earlier) if earlier else (Cause.CLOTH, change)
        if change.cause is Cause.SENSOR and lines >= self._lines_in(SURE_MM):
            return Cause.SENSOR, change
        return (Cause.CLOTH if lines >= self._lines_in(UNCLEAR_MM) else Cause.UNCLEAR), change

    def blame(self, change: Change, first_line: int, score: float | None = None) -> None:
        """These columns are the sensor's fault, and so is what the map shows there.

        Args:
            score: highest value of the map, None where it shows nothing.
        """
        score = self.opening if score is None else score
        for column in self.columns:
            if change.x0 <= column.x1 + REACH_PX and column.x0 <= change.x1 + REACH_PX:
                column.x0, column.x1 = min(column.x0, change.x0), max(column.x1, change.x1)
                column.score = max(column.score, score)
                return
        self._count += 1
        before = self._before(first_line, self._slabs.width) if self._usual is None else self._usual
        column = Column(self._count, change.x0, change.x1, first_line, change.gain, change.dead, before, score)
        self.columns.append(column)
        self._found.append(column)

    def quietened(self, strip: ScoreMap) -> ScoreMap:
        """The strip with the map at these columns brought down to its median, but where cloth shows through.

        That is where the map is higher than the column alone made it, or where the weave is another.
        """
        if not self.columns:
            return strip
        values = strip.values.copy()
        usual = float(np.nanmedian(values))
        seen = self._slabs.profile(strip.end_line - max(CLEAR_LINES, strip.end_line - strip.first_line), strip.end_line)
        now = None if seen is None else Relief.of(seen)
        for column in self.columns:
            if self._is_spared(column.x0, column.x1):
                continue
            if now is None or column.dead or not now.since(column.before).rewoven(column.x0, column.x1):
                first = max(0, (column.x0 - HALO_PX - strip.x0) // strip.stride)
                cells: Float32 = values[:, first : -(-(column.x1 + HALO_PX - strip.x0) // strip.stride)]
                cells[(cells < usual + CEILING * (column.score - usual)) & (cells > usual)] = usual
        return replace(strip, values=values)

    def _standing_out(self, x0: int, x1: int) -> Change | None:
        """What stands out at columns [x0, x1) against what is usual: dust that the map shows here and there only."""
        lately = self._slabs.profile(self._slabs.end_line - self._lines_in(LEAF_MM), self._slabs.end_line)
        if lately is None or self._usual is None or self._learnt < LEARN_LEAVES:
            return None
        changes = Relief.of(lately).since(self._usual).standing_out(self._inside(), SIGMAS)
        return next((change for change in changes if change.x0 < x1 + REACH_PX and change.x1 > x0 - REACH_PX), None)

    def _inside(self) -> tuple[int, int]:
        """Columns that are cloth however it wanders; an empty range where there are none."""
        x0, x1 = self.region or (0, self._slabs.width)
        return x0 + EDGE_PX, max(x0 + EDGE_PX, x1 - EDGE_PX)

    def _leaf(self, first: int, end: int) -> None:
        profile = self._slabs.profile(first, end)
        if profile is None:
            return
        leaf = Relief.of(profile)
        if self._usual is not None and self._learnt >= LEARN_LEAVES:
            self._recent.append(leaf.since(self._usual))
            self._look_for(first)
        self._close(leaf)
        self._learn(leaf)

    def _look_for(self, first_line: int) -> None:
        """Blame columns that stand out from all others lately."""
        for count in RECENT_LEAVES:
            if len(self._recent) >= count:
                lately = Relief.average(list(self._recent)[-count:])
                since = first_line - (count - 1) * self._lines_in(LEAF_MM)
                for change in lately.standing_out(self._inside(), SIGMAS):
                    if not self._is_spared(change.x0, change.x1) and self._is_steady(change):
                        self.blame(change, since)

    def _is_steady(self, change: Change) -> bool:
        """Does the change show in most slabs of the newest leaf?"""
        assert self._usual is not None
        if change.dead:
            return True
        end, usual = self._slabs.end_line, self._usual
        starts = [end - n * SLAB_LINES for n in range(1, self._lines_in(LEAF_MM) // SLAB_LINES + 1)]
        seen = [profile for first in starts if (profile := self._slabs.profile(first, first + SLAB_LINES)) is not None]
        gains = [Relief.of(one).since(usual).of_columns(change.x0, change.x1).gain for one in seen]
        steady = sum(gain / change.gain > STEADY_GAIN for gain in gains)
        return bool(gains) and steady >= STEADY_SHARE * len(gains)

    def _is_spared(self, x0: int, x1: int) -> bool:
        return any(x0 < end + HALO_PX and start < x1 + HALO_PX for start, end in self.spared)

    def _learn(self, leaf: Relief) -> None:
        """Follow what changes slowly, but not what is blamed."""
        if self._usual is None:
            self._usual, self._learnt = leaf, 1
            return
        share = np.full(len(leaf.gain), 1 / min(self._learnt + 1, FORGET_LEAVES), np.float32)
        for column in self.columns:
            share[max(0, column.x0 - HALO_PX) : column.x1 + HALO_PX] = 0
        usual = self._usual
        self._usual = Relief(
            usual.gain + share * (leaf.gain - usual.gain),
            usual.weave + share * (leaf.weave - usual.weave),
            usual.dead & leaf.dead,  # who dies later is told of, and does not become usual
        )
        self._learnt += 1

    def _close(self, leaf: Relief) -> None:
        """Columns that saw for two leaves what they saw before are well again."""
        for column in list(self.columns):
            now = leaf.since(column.before).of_columns(column.x0, column.x1)
            well = not leaf.dead[column.x0 : column.x1].any() and abs(now.gain) < GONE_SHARE * abs(column.gain)
            column.gone_leaves = column.gone_leaves + 1 if well or (column.dead and not now.dead) else 0
            if column.gone_leaves >= 2:
                self.columns.remove(column)
                self._gone.append(column)
                self._recent.clear()

    def _before(self, first_line: int, width: int) -> Relief:
        """The columns before a line; at a run's start, as they usually are; else as like as can be."""
        end = first_line - SLAB_LINES  # the map's edges are not that exact
        profile = self._slabs.profile(end - self._lines_in(UNCLEAR_MM), end)
        if profile is not None and profile.lines >= CLEAR_LINES:
            return Relief.of(profile)
        if self._usual is not None:
            return self._usual
        return Relief(np.zeros(width, np.float32), np.zeros(width, np.float32), np.zeros(width, np.bool_))

    def _start_again(self) -> None:
        """Lines of another width: nothing that was learnt holds."""
        self._gone += self.columns
        self.columns.clear()
        self._recent.clear()
        self._usual, self._learnt, self.region = None, 0, None

    def _lines_in(self, mm: float) -> int:
        return max(CLEAR_LINES, round(mm / self._mm_per_line))
