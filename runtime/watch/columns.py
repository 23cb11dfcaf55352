"""Columns of the sensor that see less than they should: dust on the window, dead pixels.

They are found in two ways. Whether the sensor draws a line along the warp is asked as soon as it opens (``changed``,
``marks``); and every LEAF_MM of cloth all columns are compared with what they were (``_look_for``), which finds dust,
too, that the map does not show. A column that is found stays so until it sees again what it saw before, or until it is
seen to move with the cloth. It is *certain* where it is dead, or stood still while the cloth moved on sideways: then
what the map shows there is no defect.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from runtime.types import Float32, LineBlock, Scale, ScoreMap
from runtime.watch.change import AROUND_PX, REACH_PX, Change, Relief
from runtime.watch.frames import Frame, Marks
from runtime.watch.slabs import SLAB_LINES, Slab, Slabs

LEAF_MM = 100.0
LEARN_LEAVES, FORGET_LEAVES = 3, 500
"""Leaves after which the usual state of the columns is known well enough, and over which it follows slow changes."""
RECENT_LEAVES = (2, 10, 40)
"""What is strong shows in two leaves, what is weak in ten, and where the cloth wanders in forty."""
OFTEN = 5
"""So often each leaf is looked at with as many others."""
SIGMAS = 6.0
CLEAR_LINES = 2 * SLAB_LINES
"""From so many lines on a dead column is told from one that looks at a dark thread."""
GONE_SHARE, GONE_LEAVES = 1 / 3, 2
"""Dust is gone where no more than this part of its gain is left for so many leaves; where the cloth moved beneath it,
for twice as many, because what passes may look so for a time."""
STEADY_SHARE, STEADY_GAIN = 0.75, 0.25
"""A column that always sees less shows a part of its gain in most slabs; spots of the cloth, one below another, do
not."""
HALO_PX = 28
"""The map is raised beside a column too: its filters reach so far."""
CEILING = 1.5
"""The map above a bad column is its own up to so many times the height that it was found with, from the usual map on:
it wavers, and simulated dust was found to reach 1.4 to 1.6 times as high later."""
EDGE_PX = 32
"""Columns this near to the cloth's edge see background when the cloth wanders."""


class NotYet(Exception):
    """Too few lines were seen to say."""


@dataclass
class Column:
    """Columns [x0, x1) that do not see what they should, since ``first_line``.

    Attributes:
        there_line: they surely do since then.
        gain: logarithm of what is left of their light; dead: nothing.
        certain: it is the sensor's, and not a fault of the cloth that looks so.
        before: what they were, for telling when they are so again.
        score: the map's value that they were found with.
        gone_leaves: for how many leaves they have been as before.
    """

    number: int
    x0: int
    x1: int
    first_line: int
    there_line: int
    gain: float
    dead: bool
    before: Relief
    score: float
    certain: bool
    gone_leaves: int = 0

    @property
    def name(self) -> str:
        return f"column-{self.number}"


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
        self._of_cloth: list[Column] = []
        self.region: tuple[int, int] | None = None
        self._mm_per_line = scale.mm_per_line
        self.kept_lines = self._lines_in(5 * LEAF_MM) + 4096
        self._slabs = Slabs(self.kept_lines)
        self.marks = Marks(self.kept_lines)
        """In which frame things stand still that somebody asks about."""
        self._usual: Relief | None = None
        self._learnt = 0
        self._leaf_from = -1
        self._end_line = -1  # of the newest slab that was followed
        self._recent: deque[Relief] = deque(maxlen=max(RECENT_LEAVES))
        self._count = 0

    def see(self, block: LineBlock) -> list[Slab]:
        """Keep lines; returns the slabs that they filled."""
        return self._slabs.add(block)

    def follow(self, slabs: list[Slab], cloth: tuple[int, int]) -> None:
        """Go on to slabs that were seen; ``cloth``: their columns that are cloth."""
        for slab in slabs:
            self._end_line = slab.end_line
            if self._usual is not None and len(self._usual.gain) != len(slab.mean):
                self.begin()
                self._gone += self.columns
                self.columns.clear()
            self.marks.add(slab, cloth)
        self._tell_apart()

    def learn(self, first_line: int, end_line: int, usual: bool) -> None:
        """Compare the columns with what they were, and learn, with lines that were followed.

        Args:
            usual: they are cloth as the bundle knows it, uncovered; others say nothing about the columns.
        """
        if not usual or self._leaf_from < 0 or first_line < self._leaf_from:
            self._leaf_from = end_line
        elif end_line - self._leaf_from >= self._lines_in(LEAF_MM):
            self._leaf(self._leaf_from, end_line)
            self._leaf_from = end_line

    def take_found(self) -> list[Column]:
        """Columns that were found since the last call."""
        found, self._found = self._found, []
        return found

    def take_gone(self) -> list[Column]:
        """Columns that became well since the last call."""
        gone, self._gone = self._gone, []
        return gone

    def take_of_cloth(self) -> list[Column]:
        """Columns that were found, and since the last call turned out to move with the cloth."""
        of_cloth, self._of_cloth = self._of_cloth, []
        return of_cloth

    def changed(self, x0: int, x1: int, first_line: int) -> Change:
        """How the columns in or next to [x0, x1) changed that changed most by ``first_line``.

        Raises:
            NotYet: too few lines were seen since.
        """
        after = first_line + SLAB_LINES  # the map's edges are not that exact
        since = self._slabs.profile(after, min(after + self._lines_in(LEAF_MM), self._end_line))
        if since is None or since.lines < CLEAR_LINES:
            raise NotYet
        return Relief.of(since).since(self._before(first_line, len(since.mean))).strongest(x0, x1)

    def blame(self, change: Change, first_line: int, score: float | None = None, certain: bool = False) -> Column:
        """These columns see what they should not.

        Args:
            score: highest value of the map, None where it shows nothing.
            certain: it is the sensor's fault, and so is what the map shows there; what is dead always is.
        """
        certain |= change.dead
        score = self.opening if score is None else score
        for column in self.columns:
            if change.x0 <= column.x1 + REACH_PX and column.x0 <= change.x1 + REACH_PX:
                column.x0, column.x1 = min(column.x0, change.x0), max(column.x1, change.x1)
                column.score = max(column.score, score)
                column.dead |= change.dead
                column.certain |= certain
                return column
        self._count += 1
        when = self._before(first_line, self._slabs.width)
        before = when if certain or self._usual is None else self._usual  # who is certain knows when it began, too
        there = max(first_line, self._end_line - self._lines_in(LEAF_MM))
        x0, x1, gain = change.x0, change.x1, change.gain
        column = Column(self._count, x0, x1, first_line, there, gain, change.dead, before, score, certain)
        self.columns.append(column)
        self._found.append(column)
        return column

    def quietened(self, strip: ScoreMap) -> ScoreMap:
        """The strip with the map at columns that are certainly the sensor's brought down to its median, but where it is
        higher than they made it.

        Others that are blamed stay as they are: on real cloth a broken end may look as dust does.
        """
        certain = [column for column in self.columns if column.certain]
        if not certain:
            return strip
        values = strip.values.copy()
        usual = float(np.nanmedian(values))
        for column in certain:
            first = max(0, (column.x0 - HALO_PX - strip.x0) // strip.stride)
            cells: Float32 = values[:, first : -(-(column.x1 + HALO_PX - strip.x0) // strip.stride)]
            cells[(cells < usual + CEILING * (column.score - usual)) & (cells > usual)] = usual
        return replace(strip, values=values)

    def _tell_apart(self) -> None:
        """Ask of the columns in doubt whether they stand still or move with the cloth."""
        for column in [one for one in self.columns if not one.certain]:
            mark = self.marks.follow(column.name, column.x0, column.x1, column.there_line, first_line=None)
            frame = mark.frame if mark else Frame.UNKNOWN
            column.certain = frame is Frame.SENSOR
            if frame is Frame.CLOTH:
                self.columns.remove(column)
                self._of_cloth.append(column)
            if frame is not Frame.UNKNOWN:
                self.marks.forget(column.name)

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
            due = self._learnt % max(1, count // OFTEN) == 0
            if due and len(self._recent) >= count:
                lately = Relief.average(list(self._recent)[-count:])
                since = first_line - (count - 1) * self._lines_in(LEAF_MM)
                for change in lately.standing_out(self._inside(), SIGMAS):
                    if self._is_steady(change):
                        self.blame(change, since)

    def _is_steady(self, change: Change) -> bool:
        """Does the change show in most slabs of the newest leaf?"""
        assert self._usual is not None
        if change.dead:
            return True
        low = max(0, change.x0 - 2 * AROUND_PX)
        near, x0, x1 = slice(low, change.x1 + 2 * AROUND_PX), change.x0 - low, change.x1 - low
        end, usual = self._end_line, self._usual.part(near)
        starts = [end - n * SLAB_LINES for n in range(1, self._lines_in(LEAF_MM) // SLAB_LINES + 1)]
        slabs = [self._slabs.profile(first, first + SLAB_LINES, near) for first in starts]
        gains = [Relief.of(one).since(usual).of_columns(x0, x1).gain for one in slabs if one is not None]
        steady = sum(gain / change.gain > STEADY_GAIN for gain in gains)
        return bool(gains) and steady >= STEADY_SHARE * len(gains)

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
        """Columns that saw for GONE_LEAVES what they saw before are well again."""
        for column in list(self.columns):
            now = leaf.since(column.before).of_columns(column.x0, column.x1)
            well = not leaf.dead[column.x0 : column.x1].any() and abs(now.gain) < GONE_SHARE * abs(column.gain)
            column.gone_leaves = column.gone_leaves + 1 if well or (column.dead and not now.dead) else 0
            if column.gone_leaves >= GONE_LEAVES * (2 if column.certain and not column.dead else 1):
                self.columns.remove(column)
                self._gone.append(column)
                self.marks.forget(column.name)
                self._recent.clear()

    def _before(self, first_line: int, width: int) -> Relief:
        """The columns before a line; at a run's start, as they usually are; else as like as can be."""
        end = first_line - SLAB_LINES  # the map's edges are not that exact
        profile = self._slabs.profile(end - self._lines_in(LEAF_MM), end)
        if profile is not None and profile.lines >= CLEAR_LINES:
            return Relief.of(profile)
        return _level(width) if self._usual is None else self._usual

    def begin(self) -> None:
        """Another piece of cloth, under another light: of what was learnt, only columns that are certain still hold."""
        self._gone += [column for column in self.columns if not column.certain]
        self.columns = [replace(one, before=_level(len(one.before.gain))) for one in self.columns if one.certain]
        self._recent.clear()
        self.marks.begin()
        self._usual, self._learnt, self._leaf_from, self.region = None, 0, -1, None

    def _lines_in(self, mm: float) -> int:
        return max(CLEAR_LINES, round(mm / self._mm_per_line))


def _level(width: int) -> Relief:
    """Columns that are all as those around them."""
    return Relief(np.zeros(width, np.float32), np.zeros(width, np.float32), np.zeros(width, np.bool_))
