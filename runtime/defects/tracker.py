"""Blobs to defects: one defect is one event, however many strips and tiles it runs through.

A blob belongs to a growing defect when it touches it, lies within ``merge_line_mm`` of it on the same warp or
weft line, or within ``merge_mm`` where both are strong enough to be defects by themselves. A defect opens when
its highest score reaches the threshold of its shape, is updated as it runs on, and closes when enough clean
cloth followed. Two that grow together become one: the younger closes with the older as its parent.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from runtime.defects.blobs import HALO_PX, Blob, find_blobs
from runtime.defects.rows import goes_on, joined, split
from runtime.position import Track
from runtime.settings import Policy, Thresholds
from runtime.types import Defect, Kind, Scale, ScoreMap, State

ELONGATED = 3.0
"""A defect this many times longer than wide is a line."""
LINE_MM = 10.0
"""... if it is at least this long."""
AREA_MM = 20.0
"""A defect at least this large in both directions is an area."""
TOUCH_MM = 1.0
"""Blobs of neighbouring strips touch although their edges were drawn between the centres of cells."""
SAME_LINE_MM = 2.0
"""Pieces of one line lie within this across it."""


def kind_of(width_mm: float, height_mm: float) -> Kind:
    """Shape of a box in cloth millimetres."""
    long, short = max(width_mm, height_mm), min(width_mm, height_mm)
    if long >= LINE_MM and long >= ELONGATED * short:
        return Kind.WEFT if width_mm > height_mm else Kind.WARP
    return Kind.AREA if short >= AREA_MM else Kind.LOCAL


@dataclass
class _Growing:
    """A defect in the making.

    Attributes:
        whole: all that belongs to it so far.
        y0_m, peak_y_m: where it begins and peaks, in metres; kept, because a track forgets lines far back.
        tail: its blobs near enough to the newest line to be joined to.
        number: of the defect, in the order of opening; 0 before it.
        threshold: what opened it.
        reported_end: end line in the last event.
    """

    whole: Blob
    y0_m: float
    peak_y_m: float
    tail: list[Blob]
    number: int = 0
    threshold: float = 0.0
    reported_end: int = 0

    def absorb(self, other: _Growing) -> None:
        if other.whole.first_line < self.whole.first_line:
            self.y0_m = other.y0_m
        if other.whole.peak > self.whole.peak:
            self.peak_y_m = other.peak_y_m
        self.whole = self.whole.joined(other.whole)
        self.tail.extend(other.tail)


class DefectTracker:
    """Follows the defects of one camera down the roll."""

    def __init__(self, run_id: str, scale: Scale, track: Track, thresholds: Thresholds, policy: Policy) -> None:
        """Set up for one camera.

        Args:
            run_id: makes ids unique across restarts.
            track: where lines lie in metres.
        """
        self.run_id = run_id
        self.scale = scale
        self.track = track
        self.thresholds = thresholds
        self.policy = policy
        self._growing: list[_Growing] = []
        self._opened = 0
        self._camera = ""
        self._segment = -1
        self._waiting: ScoreMap | None = None  # rows that are not judged yet
        self._before: ScoreMap | None = None  # the rows before them, whose halo may reach them

    def add(self, strip: ScoreMap, newest_line: int, more: bool = False) -> list[Defect]:
        """Take the next strip of the map; returns what there is to tell.

        Args:
            newest_line: last line received by now, for the latency in cloth.
            more: the map goes on after the strip. Its last rows then wait until it is known whether they are the
                halo of a stronger defect that comes.
        """
        told = self.close(newest_line) if strip.segment != self._segment else []
        self._camera, self._segment = strip.camera, strip.segment
        if not goes_on(self._waiting or self._before, strip):
            told += self._judge_waiting(newest_line)
            self._before = None
        whole = strip if self._waiting is None else joined(self._waiting, strip)
        ready, self._waiting = split(whole, HALO_PX // strip.stride) if more else (whole, None)
        if ready is not None:
            told += self._judge(ready, self._waiting, newest_line)
        return told

    def close(self, newest_line: int) -> list[Defect]:
        """Judge what waits and close all that is open: the end of a segment or of the stream."""
        told = self._judge_waiting(newest_line)
        self._before = None
        told += [self._tell(d, State.CLOSED, time.monotonic_ns(), newest_line) for d in self._growing if d.number]
        self._growing.clear()
        return told

    def _judge_waiting(self, newest_line: int) -> list[Defect]:
        waiting, self._waiting = self._waiting, None
        return [] if waiting is None else self._judge(waiting, None, newest_line)

    def _judge(self, strip: ScoreMap, after: ScoreMap | None, newest_line: int) -> list[Defect]:
        """Find the blobs of a strip that nothing to come can change, and place them."""
        told: list[Defect] = []
        touched: list[_Growing] = []
        before = None if self._before is None else self._before.values
        past = strip if self._before is None else joined(self._before, strip)
        self._before = split(past, HALO_PX // strip.stride)[1]
        for blob in find_blobs(strip, self.thresholds.keep, before, None if after is None else after.values):
            defect, swallowed = self._place(blob)
            told += [self._tell(d, State.CLOSED, strip.received_ns, newest_line, defect) for d in swallowed]
            if defect not in touched:
                touched.append(defect)
        for defect in touched:
            if defect in self._growing:  # not swallowed since
                told += self._grown(defect, strip, newest_line)
        return told + self._settle(strip, newest_line)

    @property
    def open_defects(self) -> int:
        """How many have been opened and not closed."""
        return sum(d.number > 0 for d in self._growing)

    def _place(self, blob: Blob) -> tuple[_Growing, list[_Growing]]:
        """The defect that a blob belongs to, and opened defects that it joined to it."""
        new = _Growing(blob, self.track.metres(blob.first_line), self.track.metres(blob.peak_line), [blob])
        homes = [d for d in self._growing if any(self._near(blob, piece, d) for piece in d.tail)]
        if not homes:
            self._growing.append(new)
            return new, []
        homes.sort(key=lambda d: d.number or math.inf)  # the first opened keeps its name
        home = homes[0]
        for other in homes[1:]:
            home.absorb(other)
            self._growing.remove(other)
        home.absorb(new)
        return home, [d for d in homes[1:] if d.number]

    def _near(self, blob: Blob, piece: Blob, defect: _Growing) -> bool:
        """Does a blob go with a piece of a defect? They touch, or go on along one line, or are strong and close."""
        dx = max(0, blob.x0 - piece.x1, piece.x0 - blob.x1) * self.scale.mm_per_px
        dy = max(0, blob.first_line - piece.end_line, piece.first_line - blob.end_line) * self.scale.mm_per_line
        if max(dx, dy) <= TOUCH_MM:
            return True
        line = Kind.WEFT if dy <= SAME_LINE_MM else Kind.WARP if dx <= SAME_LINE_MM else None
        # A strip cuts a line into short pieces: what it is shows in the whole.
        if line in (self._shape(blob), self._shape(defect.whole)) and max(dx, dy) <= self.policy.merge_line_mm:
            return True
        # A weak blob alone is what normal cloth has too: near a defect it would only make its box wander.
        return max(dx, dy) <= self.policy.merge_mm and self._strong(blob) and self._strong(piece)

    def _strong(self, blob: Blob) -> bool:
        return blob.peak >= self.thresholds.open[self._shape(blob)]

    def _shape(self, box: Blob) -> Kind:
        width = (box.x1 - box.x0) * self.scale.mm_per_px
        return kind_of(width, (box.end_line - box.first_line) * self.scale.mm_per_line)

    def _grown(self, defect: _Growing, strip: ScoreMap, newest_line: int) -> list[Defect]:
        """Open a defect that now deserves it, or tell that an open one runs on."""
        if not defect.number:
            cell_mm2 = strip.stride**2 * self.scale.mm_per_px * self.scale.mm_per_line
            threshold = self.thresholds.open[self._shape(defect.whole)]
            if defect.whole.peak < threshold or defect.whole.cells * cell_mm2 < self.policy.min_area_mm2:
                return []
            self._opened += 1
            defect.number, defect.threshold = self._opened, threshold
            defect.reported_end = defect.whole.end_line
            return [self._tell(defect, State.OPEN, strip.received_ns, newest_line)]
        if (defect.whole.end_line - defect.reported_end) * self.scale.mm_per_line < self.policy.update_mm:
            return []
        defect.reported_end = defect.whole.end_line
        return [self._tell(defect, State.UPDATE, strip.received_ns, newest_line)]

    def _settle(self, strip: ScoreMap, newest_line: int) -> list[Defect]:
        """Forget pieces that nothing can join any more; close what has none left."""
        reach = round(self.policy.merge_mm / self.scale.mm_per_line)
        line_reach = max(reach, round(self.policy.merge_line_mm / self.scale.mm_per_line))
        told = []
        for defect in list(self._growing):
            kept = line_reach if self._shape(defect.whole) is Kind.WARP else reach
            defect.tail = [piece for piece in defect.tail if strip.end_line - piece.end_line <= kept]
            if not defect.tail:
                self._growing.remove(defect)
                if defect.number:
                    told.append(self._tell(defect, State.CLOSED, strip.received_ns, newest_line))
        return told

    def _tell(
        self, d: _Growing, state: State, received_ns: int, newest_line: int, parent: _Growing | None = None
    ) -> Defect:
        whole = d.whole
        y1 = self.track.metres(whole.end_line)
        across = self.track.millimetres_across
        return Defect(
            id=self._id(d),
            parent=self._id(parent) if parent else None,
            camera=self._camera,
            state=state,
            kind=self._shape(whole),
            x0_px=whole.x0,
            x1_px=whole.x1,
            first_line=whole.first_line,
            end_line=whole.end_line,
            x0_mm=across(whole.x0),
            x1_mm=across(whole.x1),
            y0_m=min(d.y0_m, y1),
            y1_m=max(d.y0_m, y1),
            peak_x_px=whole.peak_x,
            peak_line=whole.peak_line,
            peak_x_mm=across(whole.peak_x),
            peak_y_m=d.peak_y_m,
            score=whole.peak,
            threshold=d.threshold,
            latency_ms=(time.monotonic_ns() - received_ns) / 1e6,
            latency_mm=abs(self.track.metres(newest_line) - d.y0_m) * 1000,
        )

    def _id(self, d: _Growing) -> str:
        return f"{self.run_id}-{self._camera}-{d.number}"
