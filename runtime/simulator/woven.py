"""Endless woven cloth: its yarns, which depend on a seed and on their number alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from runtime.simulator.noise import normal, offsets, slub_table, smooth_table
from runtime.simulator.styles import Style, dyed
from runtime.simulator.yarns import Ends, Picks
from runtime.types import Bool, Float32

CHUNK = 64
"""Lines are rendered in chunks that start at multiples of this, so that sums are always taken alike."""

_END_PLACE, _END_WANDER, _END_TONE, _END_WIDTH, _END_FIBRE = 1, 2, 3, 4, 5
_PICK_PLACE, _PICK_TONE, _PICK_WIDTH, _TABLE = 11, 12, 13, 21
_DRIFT_MM = 5000.0

Float64 = NDArray[np.float64]


class Woven:
    """The yarns of endless cloth of one style between two selvedges. Lengths in px and lines.

    Attributes:
        ends: the ends where none has wandered.
        end_pitch, pick_pitch: mean pitches, px and lines.
        edges: columns between which there is cloth.
        panel_lines: ends wander from one multiple of this to the next.
        warp_table, end_offset: brightness along the ends, read from a place of its own for each end.
        weft_table: the same along the picks.
    """

    def __init__(
        self,
        style: Style,
        width: int,
        seed: int,
        mm_per_px: float,
        mm_per_line: float,
        margin_mm: float,
    ) -> None:
        self.style, self.width, self.seed = style, width, seed
        self.mm_per_px, self.mm_per_line, self.margin_mm = mm_per_px, mm_per_line, margin_mm
        self.edges = (margin_mm / mm_per_px, width - margin_mm / mm_per_px)
        self.end_pitch = 25.4 / style.epi / mm_per_px
        self.pick_pitch = 25.4 / style.ppi / mm_per_line
        self._swing = style.density_drift * _DRIFT_MM / mm_per_line / self.pick_pitch / (2 * np.pi)
        self._swing_picks = _DRIFT_MM / mm_per_line / self.pick_pitch
        self.panel_lines = CHUNK * max(1, round(style.jitter_mm / mm_per_line / CHUNK))
        self.ends = self._lay_ends(style.selvedge_mm / mm_per_px)
        self.end_offset = offsets(seed, _END_FIBRE, np.arange(self.ends.centre.size, dtype=np.int64))
        rng = np.random.default_rng([seed, _TABLE])
        slow, fine = (style.along, style.along_mm), (style.fibre, style.fibre_mm)
        self.warp_table: Float32 = 1 + smooth_table(rng, *((s, mm / mm_per_line) for s, mm in (slow, fine)))
        table = 1 + smooth_table(rng, *((s, mm / mm_per_px) for s, mm in (slow, fine)))
        if style.slubs:  # drawn last, so that yarn without them is the same as ever
            for yarn, pitch in ((self.warp_table, mm_per_line), (table, mm_per_px)):
                yarn += slub_table(rng, style.slubs * pitch / 1000, style.slub_mm / pitch, style.slub_gain)
        table = np.concatenate([table, np.resize(table, width)])
        self.weft_table: Float32 = np.lib.stride_tricks.sliding_window_view(table, width)

    def _lay_ends(self, selvedge: float) -> Ends:
        """Place the ends from selvedge to selvedge and say for each where it lies on top."""
        style, (x0, x1) = self.style, self.edges
        dense = self.end_pitch * style.selvedge_pitch
        side = round(selvedge / dense)
        body = max(1, round((x1 - x0 - 2 * side * dense) / self.end_pitch))
        pitch = np.concatenate([np.full(side, dense), np.full(body, self.end_pitch), np.full(side, dense)])
        pitch *= (x1 - x0) / pitch.sum()
        ends = np.arange(pitch.size, dtype=np.int64)
        shift = style.end_jitter / np.sqrt(2) * normal(self.seed, _END_PLACE, ends)
        in_dent = ends % style.dent_ends - (style.dent_ends - 1) / 2
        shift -= style.dent_gap * in_dent
        centre = x0 + np.cumsum(pitch) - pitch / 2 + shift * pitch
        tone = style.warp_tone * (1 + style.between * normal(self.seed, _END_TONE, ends))
        tone *= dyed(style.warp_stripes, ends)
        width = style.cover * (1 + style.diameter_cv * normal(self.seed, _END_WIDTH, ends))
        weave = style.matrix()
        rows = int(np.lcm(weave.shape[0], 2))
        over = np.tile(weave, (rows // weave.shape[0], 1))[:, ends % weave.shape[1]].T
        # The selvedge binds pairs of ends plainly, whatever the cloth does: firmer and denser.
        bound = (ends[:, None] // 2 + np.arange(rows)) % 2 == 0
        over_all: Bool = np.where(((ends < side) | (ends >= side + body))[:, None], bound, over)
        return Ends(centre, pitch, width, tone, over_all)

    def ends_at(self, panel: int) -> Ends:
        """The ends where they have wandered to at line ``panel * panel_lines``."""
        ends = np.arange(self.ends.centre.size, dtype=np.int64)
        wander = normal(self.seed, _END_WANDER, ends + panel * (1 << 20))
        centre = self.ends.centre + self.style.end_jitter / np.sqrt(2) * wander * self.ends.pitch
        return replace(self.ends, centre=centre)

    def end_near(self, column: float) -> int:
        """Number of the end nearest to ``column``."""
        return int(np.argmin(np.abs(self.ends.centre - column)))

    def end_at(self, column: float) -> float:
        """Centre, in px, of the end nearest to ``column``."""
        return float(self.ends.centre[self.end_near(column)])

    def picks(self, first: float, end: float) -> Picks:
        """The picks around lines [first, end), with some to spare at both sides."""
        style = self.style
        low = int(np.floor(first / self.pick_pitch - self._swing)) - 4
        high = int(np.ceil(end / self.pick_pitch + self._swing)) + 4
        numbers = np.arange(low, high, dtype=np.int64)
        phase = 2 * np.pi * np.remainder(numbers / self._swing_picks, 1.0)
        jitter = style.pick_jitter * normal(self.seed, _PICK_PLACE, numbers)
        centre = self.pick_pitch * (numbers + 0.5 + self._swing * np.sin(phase) + jitter)
        width = style.cover * (1 + style.diameter_cv * normal(self.seed, _PICK_WIDTH, numbers))
        tone = style.weft_tone * (1 + style.between * normal(self.seed, _PICK_TONE, numbers))
        tone *= dyed(style.weft_stripes, numbers)
        return Picks(numbers, numbers % self.ends.over.shape[1], centre, width, tone)

    def pick_near(self, line: float) -> int:
        """Number of the pick nearest to ``line``."""
        picks = self.picks(line, line)
        return int(picks.number[np.argmin(np.abs(picks.centre - line))])

    def pick_at(self, line: float) -> float:
        """Centre, in lines, of the pick nearest to ``line``."""
        centres = self.picks(line, line).centre
        return float(centres[np.argmin(np.abs(centres - line))])
