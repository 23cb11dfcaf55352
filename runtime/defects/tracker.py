"""Blobs to defects: one defect is one event, however many strips and tiles it runs through.

A blob belongs to a growing defect when it touches it, lies within ``merge_line_mm`` of it on the same warp or
weft line, or within ``merge_mm`` where both are strong enough to be defects by themselves. A defect opens when
its highest score reaches the threshold of its shape, is updated as it runs on, and closes when enough clean
cloth followed. Two that grow together become one: the younger closes with the older as its parent.

Distances are millimetres of cloth (runtime/position.py), so a stop or a reversal is none. Cloth that nobody saw is
not clean cloth: a warp line that shows on both sides of up to UNSEEN_MM of it is one defect.
"""

from __future__ import annotations

import math
import time

from runtime.defects.blobs import HALO_PX, Blob, find_blobs
from runtime.defects.growing import ROUNDING_MM, Growing, Piece
from runtime.defects.rows import goes_on, joined, split
from runtime.position import Track
from runtime.settings import Policy, Thresholds
from runtime.types import Defect, Kind, Scale, ScoreMap, State

TOUCH_MM = 1.0
"""Blobs of neighbouring strips touch although their edges were drawn between the centres of cells."""
SAME_LINE_MM = 2.0
"""Pieces of one line lie within this across it."""
UNSEEN_MM = 1000.0
"""Cloth of one gap (lost packets, an overload, a camera that came back) that an open warp line is followed across."""


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
        self._growing: list[Growing] = []
        self._opened = 0
        self._camera = ""
        self._newest: ScoreMap | None = None
        self._unseen_mm = 0.0  # cloth in the gaps that defects were followed across
        self._farthest_m = 0.0  # that a line received by now lay
        self._waiting: ScoreMap | None = None  # rows that are not judged yet
        self._before: ScoreMap | None = None  # the rows before them, whose halo may reach them

    def add(self, strip: ScoreMap, newest_line: int, more: bool = False) -> list[Defect]:
        """Take the next strip of the map; returns what there is to tell.

        Args:
            newest_line: last line received by now, for the latency in cloth.
            more: the map goes on after the strip. Its last rows then wait until it is known whether they are the
                halo of a stronger defect that comes.
        """
        self._farthest_m = max(self._farthest_m, self.track.metres(newest_line))
        told: list[Defect] = []
        if not goes_on(self._waiting or self._before, strip):
            told += self._judge_waiting(newest_line)
            self._before = None
            if not self._follows(strip):
                told += self.close(newest_line)
        self._camera, self._newest = strip.camera, strip
        whole = strip if self._waiting is None else joined(self._waiting, strip)
        ready, self._waiting = split(whole, HALO_PX // strip.stride) if more else (whole, None)
        if ready is not None:
            told += self._judge(ready, self._waiting, newest_line)
        return told

    def close(self, newest_line: int) -> list[Defect]:
        """Judge what waits and close all that is open: the end of the stream, or of cloth that can be followed."""
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
        touched: list[Growing] = []
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
    def judged_m(self) -> float:
        """Metres of cloth up to which everything is judged; minus infinity before the first strip."""
        if self._waiting is not None:
            return self.track.metres(self._waiting.first_line)
        return -math.inf if self._newest is None else self.track.metres_to(self._newest.end_line)

    @property
    def open_defects(self) -> int:
        """How many have been opened and not closed."""
        return sum(d.number > 0 for d in self._growing)

    def _follows(self, strip: ScoreMap) -> bool:
        """Can what is open be followed to a strip that does not go on from the newest one?"""
        last = self._newest
        if last is None:
            return True
        follows_by_number = last.segment == strip.segment and last.end_line != strip.first_line
        if not (self.track.counted or follows_by_number):
            return False  # a gap of unknown length
        unseen = self._mm(strip.first_line) - self._mm_to(last.end_line)
        self._unseen_mm += max(0.0, unseen)
        return unseen <= UNSEEN_MM

    def _mm(self, line: int) -> float:
        """Cloth to the upper edge of a line."""
        return self.track.metres(line) * 1000

    def _mm_to(self, end_line: int) -> float:
        """Cloth to the lower edge of the line before."""
        return self.track.metres_to(end_line) * 1000

    def _piece(self, blob: Blob) -> Piece:
        first, end = self._mm(blob.first_line), self._mm_to(blob.end_line)
        return Piece(blob, min(first, end), max(first, end), self._mm(blob.peak_line), self._unseen_mm)

    def _place(self, blob: Blob) -> tuple[Growing, list[Growing]]:
        """The defect that a blob belongs to, and opened defects that it joined to it."""
        piece = self._piece(blob)
        new = Growing(piece, [piece])
        homes = [d for d in self._growing if any(self._near(piece, other, d) for other in d.tail)]
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

    def _near(self, new: Piece, old: Piece, defect: Growing) -> bool:
        """Does a piece go with one of a defect? They touch, or go on along one line, or are strong and close."""
        dx, dy = new.across_mm(old, self.scale), new.along_mm(old)
        if max(dx, dy) <= TOUCH_MM:
            return True
        # A strip cuts a line into short pieces: what it is shows in the whole. Lines that cross do so where they touch.
        lines = {new.kind(self.scale), defect.whole.kind(self.scale)} & {Kind.WARP, Kind.WEFT}
        line_mm = self.policy.merge_line_mm + ROUNDING_MM
        if lines == {Kind.WEFT} and dy <= SAME_LINE_MM and dx <= line_mm:
            return True
        if lines == {Kind.WARP} and dx <= SAME_LINE_MM and new.seen_along_mm(old) <= line_mm:
            return True
        # A weak blob alone is what normal cloth has too: near a defect it would only make its box wander.
        return max(dx, dy) <= self.policy.merge_mm + ROUNDING_MM and self._strong(new) and self._strong(old)

    def _strong(self, piece: Piece) -> bool:
        return piece.blob.peak >= self.thresholds.open[piece.kind(self.scale)]

    def _grown(self, defect: Growing, strip: ScoreMap, newest_line: int) -> list[Defect]:
        """Open a defect that now deserves it, or tell that an open one runs on."""
        whole = defect.whole
        if not defect.number:
            cell_mm2 = strip.stride**2 * self.scale.mm_per_px * self.scale.mm_per_line
            threshold = self.thresholds.open[whole.kind(self.scale)]
            if whole.blob.peak < threshold or whole.blob.cells * cell_mm2 < self.policy.min_area_mm2:
                return []
            self._opened += 1
            defect.number, defect.threshold = self._opened, threshold
            defect.reported_mm = whole.y1_mm
            return [self._tell(defect, State.OPEN, strip.received_ns, newest_line)]
        if whole.y1_mm - defect.reported_mm < self.policy.update_mm - ROUNDING_MM:
            return []
        defect.reported_mm = whole.y1_mm
        return [self._tell(defect, State.UPDATE, strip.received_ns, newest_line)]

    def _settle(self, strip: ScoreMap, newest_line: int) -> list[Defect]:
        """Forget pieces that nothing can join any more; close what has none left."""
        now_mm = self._mm_to(strip.end_line)
        line_reach = max(self.policy.merge_mm, self.policy.merge_line_mm)
        told = []
        for defect in list(self._growing):
            if defect.whole.kind(self.scale) is Kind.WARP:
                since = {piece: now_mm - piece.y1_mm - (self._unseen_mm - piece.unseen_mm) for piece in defect.tail}
                reach = line_reach + ROUNDING_MM
            else:
                since = {piece: now_mm - piece.y1_mm for piece in defect.tail}
                reach = self.policy.merge_mm + ROUNDING_MM
            defect.tail = [piece for piece, clean_mm in since.items() if clean_mm <= reach]
            if not defect.tail:
                self._growing.remove(defect)
                if defect.number:
                    told.append(self._tell(defect, State.CLOSED, strip.received_ns, newest_line))
        return told

    def _tell(
        self, d: Growing, state: State, received_ns: int, newest_line: int, parent: Growing | None = None
    ) -> Defect:
        whole, blob = d.whole, d.whole.blob
        across = self.track.millimetres_across
        # A loom that runs back makes no cloth: latency is counted up to where it had come.
        newest_mm = max(self._farthest_m, self.track.metres(newest_line)) * 1000
        return Defect(
            id=self._id(d),
            parent=self._id(parent) if parent else None,
            camera=self._camera,
            state=state,
            kind=whole.kind(self.scale),
            x0_px=blob.x0,
            x1_px=blob.x1,
            first_line=blob.first_line,
            end_line=blob.end_line,
            x0_mm=across(blob.x0),
            x1_mm=across(blob.x1),
            y0_m=whole.y0_mm / 1000,
            y1_m=whole.y1_mm / 1000,
            peak_x_px=blob.peak_x,
            peak_line=blob.peak_line,
            peak_x_mm=across(blob.peak_x),
            peak_y_m=whole.peak_y_mm / 1000,
            score=blob.peak,
            threshold=d.threshold,
            latency_ms=(time.monotonic_ns() - received_ns) / 1e6,
            latency_mm=max(0.0, newest_mm - whole.y0_mm),
        )

    def _id(self, d: Growing) -> str:
        return f"{self.run_id}-{self._camera}-{d.number}"
