"""Woven cloth as light: yarns over and under each other, integrated over each pixel's area.

In the cell where end k crosses pick j, brightness is a sum of products f(v) * g(u), where v is the
place across the pick and u the place across the end. Which products apply is said by the weave, and
depends on j only through its row r in the repeat. So a picture is a matrix product,

    (line weights [lines, products x rows of the repeat]) @ (column profiles [products x rows, width])

and integrating over pixels and blurring by the lens work on the two small factors alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runtime.simulator import optics
from runtime.simulator.noise import TABLE_BITS, normal, offsets, smooth_table
from runtime.simulator.styles import Style
from runtime.types import Bool, Float32, Int64

CHUNK = 64
"""Lines are rendered in chunks that start at multiples of this, so that sums are always taken alike."""

_END_PLACE, _END_WANDER, _END_TONE, _END_WIDTH, _END_FIBRE = 1, 2, 3, 4, 5
_PICK_PLACE, _PICK_TONE, _PICK_WIDTH, _PICK_FIBRE, _TABLE, _BACKGROUND = 11, 12, 13, 14, 21, 22
_MASK = (1 << TABLE_BITS) - 1
_X_SAMPLES, _Y_SAMPLES = 6, 8
_DRIFT_MM = 5000.0

Float64 = NDArray[np.float64]


def _profile(place: Float64, diameter: Float64, rim: float) -> tuple[Float64, Bool]:
    """Brightness across a yarn (0 outside) and where the yarn is. ``place`` and ``diameter`` in pitches."""
    inside = np.abs(place) < diameter / 2
    shape = rim + (1 - rim) * np.cos(np.pi * np.clip(place / diameter, -0.5, 0.5))
    return np.where(inside, shape, 0.0), inside


def _dip(place: Float64) -> tuple[Float64, Float64]:
    """How far a yarn has dived before and after the middle of a crossing: 0 in the middle, 1 at the end."""
    return np.maximum(0, -2 * place) ** 2, np.maximum(0, 2 * place) ** 2


class Fabric:
    """Endless cloth of one style between two selvedges, on a background. Lengths in px and lines.

    Not for use by several threads at once: it keeps the profiles that it used last.
    """

    def __init__(
        self,
        style: Style,
        width: int,
        seed: int,
        mm_per_px: float,
        mm_per_line: float,
        margin_mm: float,
        background: float,
        psf_px: float,
    ) -> None:
        self.style, self.width = style, width
        self._seed = seed
        self.edges = (margin_mm / mm_per_px, width - margin_mm / mm_per_px)
        self.end_pitch = 25.4 / style.epi / mm_per_px
        self.pick_pitch = 25.4 / style.ppi / mm_per_line
        self._psf = optics.point_spread(psf_px)
        self._swing = style.density_drift * _DRIFT_MM / mm_per_line / self.pick_pitch / (2 * np.pi)
        self._swing_picks = _DRIFT_MM / mm_per_line / self.pick_pitch
        self._panel_lines = CHUNK * max(1, round(style.jitter_mm / mm_per_line / CHUNK))
        self._lay_ends(style.selvedge_mm / mm_per_px)
        rng = np.random.default_rng([seed, _TABLE])
        slow, fine = (style.along, style.along_mm), (style.fibre, style.fibre_mm)
        self._warp_table = 1 + smooth_table(rng, *((s, mm / mm_per_line) for s, mm in (slow, fine)))
        table = 1 + smooth_table(rng, *((s, mm / mm_per_px) for s, mm in (slow, fine)))
        table = np.concatenate([table, np.resize(table, width)])
        self._weft_table = np.lib.stride_tricks.sliding_window_view(table, width)
        self._panels: dict[int, tuple[Float32, Float32]] = {}
        self._gain, self._ground = 1.0, np.zeros(width, np.float32)
        middle = slice(width // 4, max(width // 4 + 1, 3 * width // 4))
        self._gain = style.grey / float(self.light(0)[:, middle].mean())
        grain = normal(seed, _BACKGROUND, np.arange(width, dtype=np.int64))
        self._ground = (background * (1 + 0.04 * grain) * (1 - self._cloth_share())).astype(np.float32)

    # --- ends -----------------------------------------------------------------------------------

    def _lay_ends(self, selvedge: float) -> None:
        """Place the ends from selvedge to selvedge and say for each where it lies on top."""
        style, (x0, x1) = self.style, self.edges
        dense = self.end_pitch * style.selvedge_pitch
        side = round(selvedge / dense)
        body = max(1, round((x1 - x0 - 2 * side * dense) / self.end_pitch))
        pitch = np.concatenate([np.full(side, dense), np.full(body, self.end_pitch), np.full(side, dense)])
        pitch *= (x1 - x0) / pitch.sum()
        ends = np.arange(pitch.size, dtype=np.int64)
        shift = style.end_jitter / np.sqrt(2) * normal(self._seed, _END_PLACE, ends)
        in_dent = ends % style.dent_ends - (style.dent_ends - 1) / 2
        shift -= style.dent_gap * in_dent
        self._end_pitch: Float64 = pitch
        self._end_centre: Float64 = x0 + np.cumsum(pitch) - pitch / 2 + shift * pitch
        self._end_tone = style.warp_tone * (1 + style.between * normal(self._seed, _END_TONE, ends))
        self._end_width = style.cover * (1 + style.diameter_cv * normal(self._seed, _END_WIDTH, ends))
        self._end_offset = offsets(self._seed, _END_FIBRE, ends)
        weave = style.matrix()
        rows = int(np.lcm(weave.shape[0], 2))
        over = np.tile(weave, (rows // weave.shape[0], 1))[:, ends % weave.shape[1]].T
        # The selvedge binds pairs of ends plainly, whatever the cloth does: firmer and denser.
        bound = (ends[:, None] // 2 + np.arange(rows)) % 2 == 0
        self._over: Bool = np.where(((ends < side) | (ends >= side + body))[:, None], bound, over)
        columns = np.arange(self.width, dtype=np.float64) + 0.5
        self._end_of_column = self._nearest_end(self._end_centre, columns)

    def _nearest_end(self, centres: Float64, columns: Float64) -> Int64:
        return np.searchsorted((centres[1:] + centres[:-1]) / 2, columns).astype(np.int64)

    def _cloth_share(self) -> Float32:
        """How much of each column is cloth, float32 [width]."""
        columns = np.arange(self.width)
        x0, x1 = self.edges
        share = np.clip(np.minimum(x1, columns + 1) - np.maximum(x0, columns), 0, 1)
        return optics.blur_last_axis(share.astype(np.float32), self._psf)

    def _panel(self, number: int) -> tuple[Float32, Float32]:
        """Column profiles at one place along the cloth; between two such places they are cross-faded.

        Ends wander by a fraction of a pixel from panel to panel, so that the cross-fade is a shift.

        Returns:
            warp float32 [4 * rows, width] and weft float32 [rows, width].
        """
        if number in self._panels:
            return self._panels[number]
        style, over = self.style, self._over
        ends = np.arange(self._end_pitch.size, dtype=np.int64)
        wander = normal(self._seed, _END_WANDER, ends + number * (1 << 20))
        centres = self._end_centre + style.end_jitter / np.sqrt(2) * wander * self._end_pitch
        x = (np.arange(self.width * _X_SAMPLES) + 0.5) / _X_SAMPLES
        k = self._nearest_end(centres, x)
        u = (x - centres[k]) / self._end_pitch[k]
        cloth = (x >= self.edges[0]) & (x < self.edges[1])
        shape, inside = _profile(u, self._end_width[k], style.rim)
        shape *= self._end_tone[k] * cloth
        before, after = _dip(u)
        up = over.astype(np.float32)
        left, right = np.roll(up, 1, axis=0), np.roll(up, -1, axis=0)
        # By end first, then spread over samples: [samples, rows].
        weft = (1 - up)[k] - style.crown * (
            before[:, None] * ((1 - up) * left)[k] + after[:, None] * ((1 - up) * right)[k]
        )
        weft += style.shadow * (~inside)[:, None] * up[k]
        weft *= cloth[:, None]
        above, below = np.roll(up, 1, axis=1), np.roll(up, -1, axis=1)
        warp_by_end = np.concatenate(
            [up, -style.crown * up * (1 - above), -style.crown * up * (1 - below), style.shadow * (1 - up)], 1
        )
        warp = warp_by_end[k] * shape[:, None]
        panel = self._to_columns(warp), self._to_columns(weft)
        if len(self._panels) >= 4:
            del self._panels[next(iter(self._panels))]
        self._panels[number] = panel
        return panel

    def _to_columns(self, samples: NDArray[np.floating]) -> Float32:
        """Integrate [samples, n] over the pixels and the lens, float32 [n, width]."""
        summed = samples.reshape(self.width, _X_SAMPLES, -1).mean(axis=1, dtype=np.float32)
        return np.ascontiguousarray(optics.blur_last_axis(np.ascontiguousarray(summed.T), self._psf))

    # --- picks ----------------------------------------------------------------------------------

    def _picks(self, first: float, end: float) -> tuple[Int64, Float64]:
        """Numbers of the picks around lines [first, end) and their centres in lines."""
        low = int(np.floor(first / self.pick_pitch - self._swing)) - 4
        high = int(np.ceil(end / self.pick_pitch + self._swing)) + 4
        numbers = np.arange(low, high, dtype=np.int64)
        phase = 2 * np.pi * np.remainder(numbers / self._swing_picks, 1.0)
        jitter = self.style.pick_jitter * normal(self._seed, _PICK_PLACE, numbers)
        return numbers, self.pick_pitch * (numbers + 0.5 + self._swing * np.sin(phase) + jitter)

    def _line_weights(self, first: int) -> tuple[Float32, Float32, Int64]:
        """Weights of the products for the lines of a chunk, and the pick that each line mostly shows.

        Returns:
            warp float32 [CHUNK, 4 * rows], weft float32 [CHUNK, rows], int64 [CHUNK].
        """
        style, rows = self.style, self._over.shape[1]
        y = first - 1 + (np.arange((CHUNK + 2) * _Y_SAMPLES) + 0.5) / _Y_SAMPLES
        numbers, centres = self._picks(first - 1, first + CHUNK + 1)
        at = np.searchsorted((centres[1:] + centres[:-1]) / 2, y)
        pick = numbers[at]
        v = (y - centres[at]) / self.pick_pitch
        diameter = style.cover * (1 + style.diameter_cv * normal(self._seed, _PICK_WIDTH, pick))
        shape, inside = _profile(v, diameter, style.rim)
        shape *= style.weft_tone * (1 + style.between * normal(self._seed, _PICK_TONE, pick))
        v = np.clip(v, -0.5, 0.5)
        products = np.stack([np.ones_like(v), *_dip(v), (~inside).astype(np.float64), shape])
        row = (pick % rows)[:, None] == np.arange(rows)
        spread = (products[:, :, None] * row).reshape(5, CHUNK + 2, _Y_SAMPLES, rows).mean(axis=2)
        blurred = optics.blur_last_axis(spread.astype(np.float32).transpose(0, 2, 1), self._psf)[..., 1:-1]
        weights = blurred.transpose(2, 0, 1)
        main = pick.reshape(CHUNK + 2, _Y_SAMPLES)[1:-1, _Y_SAMPLES // 2]
        return weights[:, :4].reshape(CHUNK, -1), weights[:, 4], main

    # --- the picture ----------------------------------------------------------------------------

    def light(self, first: int) -> Float32:
        """Light from the lines [first, first + CHUNK), float32 [CHUNK, width], in DN under an even lamp.

        ``first`` is a multiple of CHUNK.
        """
        number, inside = divmod(first, self._panel_lines)
        warp_weight, weft_weight, pick = self._line_weights(first)
        late = ((inside + np.arange(CHUNK, dtype=np.float32)[:, None]) / self._panel_lines) * self._gain
        late = late.astype(np.float32)
        early = np.float32(self._gain) - late
        warp0, weft0 = self._panel(number)
        warp1, weft1 = self._panel(number + 1)
        picture: Float32 = (early * warp_weight) @ warp0
        picture += (late * warp_weight) @ warp1
        places = (first + np.arange(CHUNK, dtype=np.int64)[:, None] + self._end_offset) & _MASK
        picture *= np.take(self._warp_table[places], self._end_of_column, axis=1)
        weft: Float32 = (early * weft_weight) @ weft0
        weft += (late * weft_weight) @ weft1
        weft *= self._weft_table[offsets(self._seed, _PICK_FIBRE, pick)]
        picture += weft
        picture += self._ground
        return picture

    def pick_at(self, line: float) -> float:
        """Centre, in lines, of the pick nearest to ``line``."""
        _, centres = self._picks(line, line)
        return float(centres[np.argmin(np.abs(centres - line))])

    def end_at(self, column: float) -> float:
        """Centre, in px, of the end nearest to ``column``."""
        return float(self._end_centre[np.argmin(np.abs(self._end_centre - column))])
