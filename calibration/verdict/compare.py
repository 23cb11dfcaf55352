"""Two engines of one bundle on the same cloth: their maps, their decisions, and the painted defects they find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from calibration.normal import opened, stitched_strips
from calibration.threshold import NormalTail
from calibration.verdict.cloth import PaintedPiece, Piece, painted
from calibration.verdict.numbers import Noise, rank_correlation
from calibration.verdict.record import Agreement, Alarms, Planted
from calibration.verdict.side import Side
from calibration.verdict.tiles import Worst
from runtime.bundle import Bundle
from runtime.defects.tracker import DefectTracker
from runtime.position import Track
from runtime.preprocess.cloth import ClothFinder
from runtime.settings import Thresholds
from runtime.tiler import Tiler
from runtime.types import Bool, Float32, Int64, Scale, ScoreMap, State

GROWN_CELLS = 3
"""The map peaks up to so many cells beside what was painted: blur and the filters' reach."""


@dataclass
class Closeness:
    """Maps of one kind of cloth compared, added up piece by piece."""

    noise: Noise = field(default_factory=Noise)
    correlations: list[float] = field(default_factory=list)
    cells: int = 0
    decided_otherwise: int = 0

    def add(self, before: Float32, after: Float32, openings: tuple[float, float]) -> None:
        """Two maps of one piece [rows, columns], NaN where nothing was judged, and the thresholds to decide by."""
        judged = np.isfinite(before)
        a, b = before[judged], after[judged]
        self.noise.add(a, b)
        self.correlations.append(rank_correlation(a, b))
        self.cells += a.size
        self.decided_otherwise += int(((a >= openings[0]) != (b >= openings[1])).sum())

    def told(self) -> Agreement:
        """The sums as figures; a piece on which a map does not vary has no say in the rank correlation."""
        varied = [one for one in self.correlations if not np.isnan(one)]
        return Agreement(
            cells=self.cells,
            sqnr_db=self.noise.sqnr_db,
            rank_correlation=float(np.mean(varied)) if varied else float("nan"),
            decided_otherwise=self.decided_otherwise / max(self.cells, 1),
        )


class Comparison:
    """All that is measured, filled piece by piece.

    Attributes:
        pieces: with cloth in them. px: pixels judged on them.
        normal, painted: closeness of the maps. planted: every painted defect.
        tails: highest value of each block of normal cloth in multiples of the own threshold, reference and candidate.
        worst: the tiles on which they differ most.
    """

    def __init__(self, bundle: Bundle, reference: Side, candidate: Side) -> None:
        self.bundle = bundle
        self.policy = bundle.settings().policy
        self.sides = (reference, candidate)
        self.openings = (reference.opening, candidate.opening)
        self.pieces = self.px = 0
        self.normal, self.painted = Closeness(), Closeness()
        self.planted: list[Planted] = []
        self.tails: tuple[list[Float32], list[Float32]] = ([], [])
        self.worst = Worst()
        self._events: tuple[list[int], list[int], list[int]] = ([], [], [])

    def add(self, piece: Piece, cloth: ClothFinder | None) -> None:
        """Look at a piece and at painted copies of it with both engines; nothing is counted where no cloth is."""
        before, after = self._see(piece, cloth)
        if not before:
            return
        self.pieces += 1
        self.px += sum((one.end_line - one.first_line) * (one.region[1] - one.region[0]) for one in before)
        self._raise_alarms(before, after, piece.camera.scale)
        for tail, strips, opening in zip(self.tails, (before, after), self.openings, strict=True):
            tail.append(NormalTail.of(strips).maxima / np.float32(opening))
        self._compare(self.normal, piece, before, after)
        columns = max(one.region[0] for one in before), min(one.region[1] for one in before)
        for copy in painted(piece, self.pieces - 1, columns):
            maps = self._compare(self.painted, copy.piece, *self._see(copy.piece, cloth))
            self.planted += self._scores(copy, *maps)

    def alarms(self) -> tuple[Alarms, Alarms, Alarms]:
        """Events on normal cloth: reference, candidate, and candidate at the reference's thresholds."""
        before, after, unset = (Alarms.of(events, self.px) for events in self._events)
        return before, after, unset

    def _see(self, piece: Piece, cloth: ClothFinder | None) -> tuple[list[ScoreMap], list[ScoreMap]]:
        recipe, stride = self.bundle.recipe, self.policy.stride_lines
        with opened(piece, self.bundle) as info:
            tilers = [Tiler("piece", recipe.tiles, stride, recipe.channels, info.scale, cloth) for _ in self.sides]
            before, after = (
                list(stitched_strips(piece, tiler, side.engine, self.bundle))
                for tiler, side in zip(tilers, self.sides, strict=True)
            )
        return before, after

    def _raise_alarms(self, before: Sequence[ScoreMap], after: Sequence[ScoreMap], scale: Scale) -> None:
        reference, candidate = (side.thresholds for side in self.sides)
        ways = ((before, reference), (after, candidate), (after, reference))
        for events, (strips, thresholds) in zip(self._events, ways, strict=True):
            events.append(self._count_events(strips, thresholds, scale))

    def _count_events(self, strips: Sequence[ScoreMap], thresholds: Thresholds, scale: Scale) -> int:
        # The track stays empty, so that lines lie by the pitch.
        tracker = DefectTracker("report", scale, Track(scale), thresholds, self.policy)
        told = []
        for strip in strips:
            told += tracker.add(strip, strip.end_line, more=strip is not strips[-1])
        told += tracker.close(strips[-1].end_line)
        return sum(one.state is State.CLOSED and one.parent is None for one in told)

    def _compare(
        self, sums: Closeness, piece: Piece, before: Sequence[ScoreMap], after: Sequence[ScoreMap]
    ) -> tuple[Float32, Float32]:
        """Add a piece to the sums; returns its two maps."""
        stride = self.bundle.recipe.geometry.map_stride
        a, b = (whole_map(strips, piece, stride) for strips in (before, after))
        sums.add(a, b, self.openings)
        self.worst.add(piece, stride, a / np.float32(self.openings[0]), b / np.float32(self.openings[1]))
        return a, b

    def _scores(self, copy: PaintedPiece, before: Float32, after: Float32) -> list[Planted]:
        stride, made = self.bundle.recipe.geometry.map_stride, []
        for number, cls in enumerate(copy.classes, start=1):
            lines, columns = np.nonzero(copy.number == number)
            if not lines.size:  # another was painted over it
                continue
            cells = grown(lines // stride, columns // stride, before.shape)
            if not np.isfinite(before[cells]).any():
                continue
            scores = [highest(values[cells]) / at for values, at in zip((before, after), self.openings, strict=True)]
            where = f"{copy.piece.name}, px {int(np.median(columns))}, line {int(np.median(lines))}"
            made.append(Planted(where=where, cls=cls, contrast=copy.contrast, before=scores[0], after=scores[1]))
        return made


def whole_map(strips: Sequence[ScoreMap], piece: Piece, stride: int) -> Float32:
    """Strips of a piece put together, [ceil(lines / stride), ceil(width / stride)], NaN where nothing was judged."""
    lines, width = piece.pixels.shape[:2]
    values = np.full((-(-lines // stride), -(-width // stride)), np.nan, np.float32)
    for strip in strips:
        row, column = strip.first_line // stride, strip.x0 // stride
        values[row : row + strip.values.shape[0], column : column + strip.values.shape[1]] = strip.values
    return values


def grown(rows: Int64, columns: Int64, shape: tuple[int, ...]) -> Bool:
    """Cells [n] of a map and those up to GROWN_CELLS beside them, as a mask of the map's shape."""
    mask = np.zeros(shape, np.uint8)
    mask[rows, columns] = 1
    side = 2 * GROWN_CELLS + 1
    return np.asarray(cv2.dilate(mask, np.ones((side, side), np.uint8)) > 0)


def highest(values: Float32) -> float:
    """Highest value; minus infinity where none is a number."""
    return float(np.where(np.isnan(values), -np.inf, values).max())
