"""Maps of normal cloth, kept on disk: events are counted at many thresholds, and the net looks only once."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import IO

import numpy as np

from calibration.evidence import and_more, with_lines
from calibration.tail import Float64
from runtime.defects.evidence_scale import LineScale
from runtime.defects.tracker import DefectTracker
from runtime.position import Track
from runtime.settings import Policy, Thresholds
from runtime.types import Kind, Scale, ScoreMap


@dataclass(frozen=True)
class _Strip:
    """A strip without its values, where these lie in the file, and the scale of its camera."""

    head: ScoreMap
    at: int
    scale: Scale


class NormalCloth:
    """Stitched maps of some rolls, one after the other.

    Attributes:
        metres: of cloth that was looked at, for each roll that has any.
        width_mm: of the widest strip's cloth.
        lines: what faint lines count in the maps, once ``join_lines`` has said it; None: they are not sought.
    """

    def __init__(self, file: IO[bytes]) -> None:
        """Keep the maps in a file that is open for writing and reading; it is not closed."""
        self.metres: list[float] = []
        self.width_mm = 0.0
        self.lines: LineScale | None = None
        self._file = file
        self._rolls: list[list[_Strip]] = []

    def add_roll(self, strips: Iterable[ScoreMap], scale: Scale) -> None:
        """Keep the maps of one more roll; a strip without cloth counts as no metres."""
        kept, metres = [], 0.0
        for strip in strips:
            kept.append(self._keep(strip, scale))
            if np.isfinite(strip.values).any():
                metres += (strip.end_line - strip.first_line) * scale.mm_per_line / 1000
                self.width_mm = max(self.width_mm, (strip.region[1] - strip.region[0]) * scale.mm_per_px)
        if metres:
            self._rolls.append(kept)
            self.metres.append(metres)

    def join_lines(self, lines: LineScale | None) -> None:
        """Take faint lines for what they are worth, from here on; they are sought once, and the joined maps kept."""
        self.lines = lines
        if lines is None:
            return
        for number, roll in enumerate(self._rolls):
            joined = with_lines(map(self._read, roll), lines)
            self._rolls[number] = [self._keep(strip, roll[0].scale) for strip in joined]

    def strips(self) -> Iterator[ScoreMap]:
        """All maps in order, as the runtime judges them once lines have been joined."""
        return (strip for roll in self._rolls for strip in map(self._read, roll))

    def peaks(self, opening: float, keep: float, policy: Policy) -> list[Float64]:
        """Highest map value of each event that the runtime would tell at these thresholds; of each roll, [events]."""
        thresholds = Thresholds(open=dict.fromkeys(Kind, opening), keep=keep)
        return [self._peaks_of_roll(roll, thresholds, policy) for roll in self._rolls]

    def events(self, opening: float, keep: float, policy: Policy) -> int:
        """How many events the runtime would tell."""
        return sum(map(len, self.peaks(opening, keep, policy)))

    def _peaks_of_roll(self, roll: list[_Strip], thresholds: Thresholds, policy: Policy) -> Float64:
        scale = roll[0].scale
        # The track knows no line, so that lines lie by the pitch: the maps are of cloth that did not stop.
        tracker = DefectTracker("normal", scale, Track(scale), thresholds, policy)
        told = []
        for strip, more in and_more(map(self._read, roll)):
            told += tracker.add(strip, strip.end_line, more)
        told += tracker.close(roll[-1].head.end_line)
        last = {defect.id: defect for defect in told}
        return np.array([defect.score for defect in last.values() if defect.parent is None])

    def _keep(self, strip: ScoreMap, scale: Scale) -> _Strip:
        at = self._file.seek(0, io.SEEK_END)
        np.save(self._file, strip.values)
        return _Strip(replace(strip, values=strip.values[:0]), at, scale)

    def _read(self, strip: _Strip) -> ScoreMap:
        self._file.seek(strip.at)
        return replace(strip.head, values=np.load(self._file, allow_pickle=False))
