"""In which frame does a column that sees less stand still: the sensor's, or the cloth's?

Dust stays at its column of the sensor while the weave moves sideways beneath it; a broken end goes with the weave. Once
the cloth has moved by more than a mark is wide, the lines seen since are laid over each other twice: as the sensor saw
them, and moved back to where the cloth lay. In one of the two pictures the mark stays sharp, in the other it is
smeared over the columns that it passed. From both, the cloth itself is taken away, as it looked before the mark began.

Where another piece of cloth comes (a seam passes, another style follows), a mark that goes on at its column was never
in the cloth.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np

from runtime.types import Float32
from runtime.watch.change import Change
from runtime.watch.sideways import STRETCH_SLABS, Sideways, Stretch
from runtime.watch.slabs import SLAB_LINES, Slab

MOVED_PX, CLEAR_PX = 3.0, 1.0
"""So far the cloth has to move at least, and by so much more than the mark is wide."""
STAYED_PX = 1.0
"""Dust is found within this of where it was."""
AROUND_PX, FARTHEST_PX = 64, 128
"""Columns at each side of a mark that it has to stand out from; cloth that moved farther is not compared."""
MOVED_STRETCHES, ELSEWHERE_STRETCHES = 3, 8
"""Stretches of cloth that has moved, or of another piece, which are enough to say."""
BEFORE_STRETCHES = 4
LATE_LINES = 32
"""The map's edges are not exact: a mark begins by so much sooner or later."""
MIN_GAIN, SIGMAS = 0.03, 5.0
"""What a mark has to change at least (natural logarithm), and sigmas of the columns around to stand out by."""
LEFT = 0.4
"""No more of the mark is left in the frame in which it does not stand still."""
REACH_PX, SHARE_OF_PEAK = 4, 0.5
"""A mark is sought this near to the columns that are asked about, and is as wide as it has this part of its depth."""
MOST_MARKS = 16
"""Marks that are followed at a time; others stay unknown."""


class Frame(Enum):
    """Whose a mark is."""

    UNKNOWN = "unknown"
    SENSOR = "sensor"
    CLOTH = "cloth"


@dataclass(frozen=True)
class _Depth:
    """Of a mark in a picture: what it changes, what it has to change at least, and whether it is at its place."""

    depth: float
    least: float
    stayed: bool

    def left_of(self, other: _Depth) -> bool:
        """No more is left of it than of a mark that stands still in the other picture."""
        return abs(self.depth) <= LEFT * abs(other.depth)

    @property
    def clear(self) -> bool:
        return self.stayed and abs(self.depth) >= self.least


@dataclass
class _Pictures:
    """Sums over stretches: as the sensor saw them, and moved back with the cloth; float32 [columns around a mark]."""

    sensor: Float32
    cloth: Float32
    stretches: int = 0

    def add(self, sensor: Float32, cloth: Float32) -> None:
        self.sensor += sensor
        self.cloth += cloth
        self.stretches += 1


class Mark:
    """Something that changes columns [x0, x1), and whose it is."""

    def __init__(self, x0: int, x1: int, before: list[Stretch], since: Stretch) -> None:
        """Find the mark near columns [x0, x1).

        Args:
            before: stretches of the cloth before the mark, of one chain with ``since``; may be none.
            since: a stretch that has it wholly, its shift known.
        """
        self._chain, self._shift = since.chain, since.shift_at((x0 + x1) / 2)
        reach = AROUND_PX + FARTHEST_PX
        self._columns: Float32 = np.arange(x0 - reach, x1 + reach, dtype=np.float32)
        back = [self._seen(one) for one in before]
        moved = [one.shift_at((x0 + x1) / 2) - self._shift for one in before]
        cloth = [self._at(self._columns + np.float32(by), row) for by, row in zip(moved, back, strict=True)]
        self._cloth: Float32 = np.mean(cloth, axis=0) if cloth else np.zeros(len(self._columns), np.float32)
        self.x0, self.x1 = self._find(self._seen(since) - self._cloth, x0, x1)
        width = self.x1 - self.x0 + 2 * AROUND_PX
        self._moved = _Pictures(np.zeros(width, np.float32), np.zeros(width, np.float32))
        self._elsewhere: _Pictures | None = None  # on another piece of cloth

    def add(self, stretch: Stretch) -> None:
        """Take the next stretch."""
        seen, here = self._seen(stretch), self._around(0.0)
        if stretch.chain != self._chain:
            if self._elsewhere:
                self._elsewhere.add(self._at(here, seen), 0 * here)
            return
        moved = stretch.shift_at((self.x0 + self.x1) / 2) - self._shift
        if not self.needed_px <= abs(moved) <= FARTHEST_PX:  # also where it is not known
            return
        left = seen - self._at(self._columns - np.float32(moved), self._cloth)
        self._moved.add(self._at(here, left), self._at(self._around(moved), left))

    def other_piece(self) -> None:
        """From here on another piece of cloth lies under the camera."""
        self._elsewhere = _Pictures(0 * self._moved.sensor, 0 * self._moved.cloth)

    @property
    def change(self) -> Change:
        """How the light at its columns changed, where it is the sensor's."""
        for pictures in (self._moved, self._elsewhere):
            if pictures and pictures.stretches:
                return Change(self.x0, self.x1, self._depth(pictures, pictures.sensor).depth, weave=0.0)
        return Change(self.x0, self.x1, gain=0.0, weave=0.0)

    @property
    def needed_px(self) -> float:
        """So far the cloth has to move before anything can be said."""
        return max(MOVED_PX, self.x1 - self.x0 + CLEAR_PX)

    @property
    def frame(self) -> Frame:
        """Whose it is, as far as is known."""
        if self._moved.stretches >= MOVED_STRETCHES:
            sensor = self._depth(self._moved, self._moved.sensor)
            cloth = self._depth(self._moved, self._moved.cloth)
            if sensor.clear and cloth.left_of(sensor):
                return Frame.SENSOR
            if cloth.clear and sensor.left_of(cloth):
                return Frame.CLOTH
        if self._elsewhere and self._elsewhere.stretches >= ELSEWHERE_STRETCHES:
            return Frame.SENSOR if self._depth(self._elsewhere, self._elsewhere.sensor).clear else Frame.UNKNOWN
        return Frame.UNKNOWN

    def _find(self, left: Float32, x0: int, x1: int) -> tuple[int, int]:
        """Where the mark is strongest in or next to columns [x0, x1), and how wide."""
        smooth = cv2.blur(left[None], (3, 1))[0]
        low, high = (int(np.searchsorted(self._columns, x)) for x in (x0 - REACH_PX, x1 + REACH_PX))
        peak = low + int(np.abs(smooth[low:high]).argmax())
        strong = left * np.sign(smooth[peak]) > SHARE_OF_PEAK * abs(smooth[peak])
        start, end = peak, peak + 1
        while start > low and strong[start - 1]:
            start -= 1
        while end < high and strong[end]:
            end += 1
        return int(self._columns[start]), int(self._columns[end - 1]) + 1

    def _seen(self, stretch: Stretch) -> Float32:
        """A stretch's columns around the mark; beyond the sensor's edge, as at the edge."""
        seen: Float32 = stretch.relief[np.clip(self._columns, 0, len(stretch.relief) - 1).astype(np.int64)]
        return seen

    def _at(self, columns: Float32, row: Float32) -> Float32:
        """Of a row over the columns around, what it has at others."""
        return np.asarray(np.interp(columns, self._columns, row), np.float32)

    def _around(self, moved: float) -> Float32:
        """Columns around the mark, moved."""
        return np.arange(self.x0 - AROUND_PX + moved, self.x1 + AROUND_PX + moved - 0.5, dtype=np.float32)

    def _depth(self, pictures: _Pictures, picture: Float32) -> _Depth:
        """How deep the mark is in a picture."""
        width = self.x1 - self.x0
        sums = np.concatenate([[0.0], np.cumsum(picture / pictures.stretches)])
        means = (sums[width:] - sums[:-width]) / width
        means -= np.median(means)
        away = np.abs(np.arange(len(means)) - AROUND_PX)
        sigma = 1.4826 * float(np.median(np.abs(means[away >= width])))
        near = np.flatnonzero(away <= width + REACH_PX)
        peak = near[np.abs(means[near]).argmax()]
        return _Depth(float(means[AROUND_PX]), max(MIN_GAIN, SIGMAS * sigma), abs(int(peak) - AROUND_PX) <= STAYED_PX)


class Marks:
    """The marks of one camera that somebody wants to know about.

    As long as nobody asks, slabs are only kept: how the cloth moved is found out when it is needed.
    """

    def __init__(self, kept_lines: int) -> None:
        """Keep about ``kept_lines`` lines for marks that are asked about later than they began."""
        self._slabs: deque[tuple[Slab, tuple[int, int]]] = deque(maxlen=max(1, kept_lines // SLAB_LINES))
        self._stretches: deque[Stretch] = deque(maxlen=max(2, kept_lines // SLAB_LINES // STRETCH_SLABS))
        self._sideways = Sideways()
        self._marks: dict[str, Mark] = {}

    def add(self, slab: Slab, cloth: tuple[int, int]) -> None:
        """Take the next slab, of which columns ``cloth`` are cloth."""
        if self._slabs and len(self._slabs[-1][0].mean) != len(slab.mean):
            self.begin()
        self._slabs.append((slab, cloth))
        if self._marks:
            self._catch_up()

    def _catch_up(self) -> None:
        """Follow the cloth through the slabs that wait."""
        while self._slabs:
            stretch = self._sideways.add(*self._slabs.popleft())
            if stretch:
                self._stretches.append(stretch)
                for mark in self._marks.values():
                    mark.add(stretch)

    def follow(self, name: str, x0: int, x1: int, there_line: int, first_line: int | None) -> Mark | None:
        """The mark of a name, which is found at or next to columns [x0, x1) when it is first asked for.

        Args:
            there_line: it is there soon after this line, whenever it began.
            first_line: it was not there shortly before this one; None: it may have been.

        Returns:
            None where too few lines were seen since, or too many marks are followed.
        """
        self._catch_up()
        if name not in self._marks and len(self._marks) < MOST_MARKS:
            mark = self._begun(x0, x1, there_line, first_line)
            if mark:
                self._marks[name] = mark
        return self._marks.get(name)

    def forget(self, name: str) -> None:
        """Nobody asks for it any more."""
        self._marks.pop(name, None)

    def other_piece(self) -> None:
        """A seam or another style has passed."""
        for mark in self._marks.values():
            mark.other_piece()

    def swing_px(self, column: float, lines: int) -> float:
        """How far the cloth at a column moved to and fro in the newest ``lines``, as far as is known."""
        self._catch_up()
        newest = [one for one in self._stretches if one.end_line > self._stretches[-1].end_line - lines]
        shifts = [one.shift_at(column) for one in newest if one.chain == newest[-1].chain]
        known = [shift for shift in shifts if np.isfinite(shift)]
        return max(known) - min(known) if known else 0.0

    def begin(self) -> None:
        """Lines of another width, or of another camera's run: nothing can be compared."""
        self._slabs.clear()
        self._stretches.clear()
        self._marks.clear()
        self._sideways.begin()

    def _begun(self, x0: int, x1: int, there_line: int, first_line: int | None) -> Mark | None:
        middle = (x0 + x1) / 2
        known = [one for one in self._stretches if np.isfinite(one.shift_at(middle))]
        since = [one for one in known if one.first_line >= there_line + LATE_LINES]
        if not since:
            return None
        end = -1 if first_line is None else first_line - LATE_LINES
        until = [one for one in known if one.end_line <= end and one.chain == since[0].chain]
        mark = Mark(x0, x1, until[-BEFORE_STRETCHES:], since[0])
        for one in self._stretches:
            if one.first_line > since[0].first_line:
                mark.add(one)
        return mark
