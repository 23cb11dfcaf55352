"""Woven cloth as light: yarns over and under each other, integrated over each pixel's area.

In the cell where end k crosses pick j, brightness is a sum of products f(v) * g(u), where v is the
place across the pick and u the place across the end. Which products apply is said by the weave, and
depends on j only through its row r in the repeat. So a picture is a matrix product,

    (line weights [lines, products x rows of the repeat]) @ (column profiles [products x rows, width])

and integrating over pixels and blurring by the lens work on the two small factors alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.simulator import optics
from runtime.simulator.noise import TABLE_BITS, offsets
from runtime.simulator.woven import CHUNK, Woven
from runtime.simulator.yarns import Change
from runtime.types import Bool, Float32, Int64, Pixels

__all__ = ["CHUNK", "Lit", "Rendering", "fill"]

_PICK_FIBRE = 14
_MASK = (1 << TABLE_BITS) - 1
_X_SAMPLES, _Y_SAMPLES = 6, 8
_NO_YARN = 1e-9

Float64 = NDArray[np.float64]


def _profile(place: Float64, diameter: Float64, rim: float) -> tuple[Float64, Bool]:
    """Brightness across a yarn (0 outside) and where the yarn is. ``place`` and ``diameter`` in pitches."""
    inside = np.abs(place) < diameter / 2
    shape = rim + (1 - rim) * np.cos(np.pi * np.clip(place / np.maximum(diameter, _NO_YARN), -0.5, 0.5))
    return np.where(inside, shape, 0.0), inside


def _dip(place: Float64) -> tuple[Float64, Float64]:
    """How far a yarn has dived before and after the middle of a crossing: 0 in the middle, 1 at the end."""
    return np.maximum(0, -2 * place) ** 2, np.maximum(0, 2 * place) ** 2


def nearest(centres: Float64, places: Float64) -> Int64:
    """Index of the nearest of ascending centres for each place."""
    return np.searchsorted((centres[1:] + centres[:-1]) / 2, places).astype(np.int64)


@dataclass(frozen=True)
class Lit:
    """How cloth is lit and seen.

    Attributes:
        psf: the lens, float32 [3].
        gain: DN of a unit of reflectance.
        ground: light of the background beside the cloth, float32 [width].
    """

    psf: Float32
    gain: float
    ground: Float32


class Rendering:
    """Columns [x0, x1) of woven cloth, its yarns changed by ``change``.

    Not for use by several threads at once: it keeps the profiles that it used last.
    """

    def __init__(self, woven: Woven, lit: Lit, x0: int, x1: int, change: Change) -> None:
        self._woven, self._lit, self._x0, self._x1, self._change = woven, lit, x0, x1, change
        self._panels: dict[int, tuple[Float32, Float32]] = {}
        columns = np.arange(x0, x1, dtype=np.float64) + 0.5
        end = nearest(woven.ends.centre, columns)
        self._ends_here = slice(int(end[0]), int(end[-1]) + 1)
        self._end_of_column = end - end[0]

    def light(self, first: int) -> Float32:
        """Light from the lines [first, first + CHUNK), float32 [CHUNK, x1 - x0], in DN under an even lamp.

        ``first`` is a multiple of CHUNK.
        """
        woven = self._woven
        number, inside = divmod(first, woven.panel_lines)
        warp_weight, weft_weight, pick = self._line_weights(first)
        late = ((inside + np.arange(CHUNK, dtype=np.float32)[:, None]) / woven.panel_lines) * self._lit.gain
        late = late.astype(np.float32)
        early = np.float32(self._lit.gain) - late
        warp0, weft0 = self._panel(number)
        warp1, weft1 = self._panel(number + 1)
        picture: Float32 = (early * warp_weight) @ warp0
        picture += (late * warp_weight) @ warp1
        places = (first + np.arange(CHUNK, dtype=np.int64)[:, None] + woven.end_offset[self._ends_here]) & _MASK
        picture *= np.take(woven.warp_table[places], self._end_of_column, axis=1)
        weft: Float32 = (early * weft_weight) @ weft0
        weft += (late * weft_weight) @ weft1
        weft *= woven.weft_table[offsets(woven.seed, _PICK_FIBRE, pick), self._x0 : self._x1]
        picture += weft
        picture += self._lit.ground[self._x0 : self._x1]
        return picture

    def _panel(self, number: int) -> tuple[Float32, Float32]:
        """Column profiles at one place along the cloth; between two such places they are cross-faded.

        Ends wander by a fraction of a pixel from panel to panel, so that the cross-fade is a shift.

        Returns:
            warp float32 [4 * rows, x1 - x0] and weft float32 [rows, x1 - x0].
        """
        if number in self._panels:
            return self._panels[number]
        woven, style = self._woven, self._woven.style
        ends = self._change.ends(woven.ends_at(number), number * woven.panel_lines)
        x = self._x0 + (np.arange((self._x1 - self._x0) * _X_SAMPLES) + 0.5) / _X_SAMPLES
        k = nearest(ends.centre, x)
        u = (x - ends.centre[k]) / ends.pitch[k]
        cloth = (x >= woven.edges[0]) & (x < woven.edges[1])
        shape, inside = _profile(u, ends.width[k], style.rim)
        shape *= ends.tone[k] * cloth
        before, after = _dip(u)
        up = ends.over.astype(np.float32)
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
        """Integrate [samples, n] over the pixels and the lens, float32 [n, x1 - x0]."""
        summed = samples.reshape(self._x1 - self._x0, _X_SAMPLES, -1).mean(axis=1, dtype=np.float32)
        return np.ascontiguousarray(optics.blur_last_axis(np.ascontiguousarray(summed.T), self._lit.psf))

    def _line_weights(self, first: int) -> tuple[Float32, Float32, Int64]:
        """Weights of the products for the lines of a chunk, and the pick that each line mostly shows.

        Returns:
            warp float32 [CHUNK, 4 * rows], weft float32 [CHUNK, rows], int64 [CHUNK].
        """
        woven, rows = self._woven, self._woven.ends.over.shape[1]
        y = first - 1 + (np.arange((CHUNK + 2) * _Y_SAMPLES) + 0.5) / _Y_SAMPLES
        spare = 1 + self._change.reach
        picks = self._change.picks(woven.picks(first - spare, first + CHUNK + spare))
        at = nearest(picks.centre, y)
        v = (y - picks.centre[at]) / woven.pick_pitch
        shape, inside = _profile(v, picks.width[at], woven.style.rim)
        shape *= picks.tone[at]
        v = np.clip(v, -0.5, 0.5)
        products = np.stack([np.ones_like(v), *_dip(v), (~inside).astype(np.float64), shape])
        row = picks.row[at][:, None] == np.arange(rows)
        spread = (products[:, :, None] * row).reshape(5, CHUNK + 2, _Y_SAMPLES, rows).mean(axis=2)
        blurred = optics.blur_last_axis(spread.astype(np.float32).transpose(0, 2, 1), self._lit.psf)[..., 1:-1]
        weights = blurred.transpose(2, 0, 1)
        main = picks.number[at].reshape(CHUNK + 2, _Y_SAMPLES)[1:-1, _Y_SAMPLES // 2]
        return weights[:, :4].reshape(CHUNK, -1), weights[:, 4], main


def fill(out: Pixels, first: int, chunk: Callable[[int], Pixels]) -> None:
    """Fill ``out`` [n, width] with lines from ``first`` on.

    Args:
        chunk: gives the CHUNK lines from a multiple of CHUNK on.
    """
    line, end = first, first + len(out)
    while line < end:
        start = line // CHUNK * CHUNK
        stop = min(start + CHUNK, end)
        out[line - first : stop - first] = chunk(start)[line - start : stop - start]
        line = stop
