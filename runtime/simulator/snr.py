"""How well an oracle could see a fault: the signal-to-noise ratio of a matched filter.

An oracle knows exactly how the fault changes the light, and the statistics of clean cloth, but not where the single
yarns lie under it: what is finer than a pair of yarns is nothing to it. Its best filter is the matched one [1]: with
the change s and cloth whose power spectrum is P,

    snr^2 = sum over frequencies f of |S(f)|^2 / P(f)

over the frequencies below half a cycle a yarn, in which P holds the cloth's own irregularity, its weave, and the
sensor's noise. On white noise of deviation sigma, without yarns, this is sum(s^2) / sigma^2. Where the weave is strong
P is large, so a change that looks like the weave counts little; and a soft band counts little on cloth that varies
softly itself.

Change and spectrum are taken in windows of one shape: over the whole width and flat for a fault of the weft, tall
and narrow for one of the warp, square for a spot. A fault larger than its window is taken piece by piece, as if the
pieces' noises were independent. Of a long fault the first WINDOW_LINES lines count: more of it only helps.

[1] G. L. Turin, An introduction to matched filters, IRE Transactions on Information Theory 6(3), 1960.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.simulator.fabric import Fabric
from runtime.simulator.rendering import CHUNK
from runtime.types import Bool, Float32, Kind

WINDOW_LINES = 1024
"""Longest window, and the number of lines of a fault that are looked at."""
SPOT_PX = 128
"""Side of a spot's window, px and lines."""
NARROW_PX = 64
"""The shorter side of a line's window."""
CLEAN_LINES = 4096
"""Clean cloth that the spectrum is estimated from."""

Light = Callable[[int], Float32]
"""Light of lines [first, first + CHUNK), float32 [CHUNK, width], without faults; ``first`` a multiple of CHUNK."""
Shape = tuple[int, int]


@dataclass(frozen=True)
class Seen:
    """What an oracle says of a change.

    Attributes:
        contrast_dn: mean change, each pixel weighted by its own change; 0 where nothing changes.
        snr: see above.
    """

    contrast_dn: float
    snr: float


class Oracle:
    """Knows clean cloth between two columns; keeps the spectra that it has estimated.

    Args:
        light: clean cloth.
        columns: [x0, x1) that are cloth.
        noise_dn: deviation of the sensor's noise, DN.
        yarns: pitch of the picks in lines and of the ends in px, (0, 0) where there are none.
    """

    def __init__(
        self, light: Light, columns: tuple[int, int], noise_dn: float = 0.0, yarns: tuple[float, float] = (0.0, 0.0)
    ) -> None:
        self._light, self._columns, self._noise, self._yarns = light, columns, noise_dn, yarns
        self._clean: Float32 | None = None
        self._spectra: dict[Shape, NDArray[np.float64]] = {}

    @classmethod
    def of(cls, fabric: Fabric, noise_dn: float) -> Oracle:
        """Who knows a fabric."""
        columns = math.ceil(fabric.edges[0]), math.floor(fabric.edges[1])
        return cls(fabric.light, columns, noise_dn, (fabric.pick_pitch, fabric.end_pitch))

    def window(self, kind: Kind | None) -> Shape:
        """Lines and columns of the window for a kind; an area is looked at like a fault of the weft."""
        width = self._columns[1] - self._columns[0]
        if kind is Kind.LOCAL:
            return SPOT_PX, min(SPOT_PX, width)
        if kind is Kind.WARP:
            return WINDOW_LINES, min(NARROW_PX, width)
        return (NARROW_PX if kind is Kind.WEFT else 4 * NARROW_PX), width

    def see(self, change: Float32, kind: Kind | None) -> Seen:
        """How well a change can be seen.

        Args:
            change: DN, float32 [lines, columns], nothing changes outside.
            kind: of the fault, which chooses the window.
        """
        weight = float(np.abs(change).sum())
        if weight == 0:
            return Seen(0.0, 0.0)
        contrast = float((change * np.abs(change)).sum() / weight)
        shape = self.window(kind)
        power = self._spectrum(shape)
        seen = self._resolved(shape)
        total = sum(float((_power(part, shape) / power)[seen].sum()) for part in _pieces(change, shape))
        return Seen(contrast, float(np.sqrt(total / (shape[0] * shape[1]))))

    def _resolved(self, shape: Shape) -> Bool:
        """The frequencies of a window at which no single yarns are told apart."""
        along, across = (np.abs(np.fft.fftfreq(n)) * pitch <= 0.5 for n, pitch in zip(shape, self._yarns, strict=True))
        return np.asarray(along[:, None] & across)

    def _spectrum(self, shape: Shape) -> NDArray[np.float64]:
        """Mean power of clean windows, float64 as _power gives it; white noise of deviation s has s**2."""
        if shape not in self._spectra:
            clean = self._cloth()
            taper = np.outer(np.hanning(shape[0] + 2)[1:-1], np.hanning(shape[1] + 2)[1:-1]).astype(np.float32)
            lines = range(0, clean.shape[0] - shape[0] + 1, shape[0] // 2)
            columns = range(0, clean.shape[1] - shape[1] + 1, max(1, shape[1] // 2))
            # Every second one: windows that share half their lines say little new.
            places = [(y, x) for y in lines for x in columns][:: 2 if len(columns) > 16 else 1]
            total = sum(_power(taper * clean[y : y + shape[0], x : x + shape[1]], shape) for y, x in places)
            self._spectra[shape] = np.asarray(total / (len(places) * float((taper**2).sum())) + self._noise**2)
        return self._spectra[shape]

    def _cloth(self) -> Float32:
        """Clean cloth without its mean, float32 [CLEAN_LINES, columns]."""
        if self._clean is None:
            x0, x1 = self._columns
            self._clean = np.concatenate([self._light(y)[:, x0:x1] for y in range(0, CLEAN_LINES, CHUNK)])
            self._clean -= self._clean.mean()
        return self._clean


def _power(part: Float32, shape: Shape) -> NDArray[np.float64]:
    """|FFT|^2 of a part set into a window of zeros."""
    return np.asarray(np.abs(np.fft.fft2(part, shape)) ** 2, np.float64)


def _pieces(change: Float32, shape: Shape) -> Iterator[Float32]:
    """A change cut to pieces that fit into a window."""
    for y in range(0, change.shape[0], shape[0]):
        for x in range(0, change.shape[1], shape[1]):
            yield change[y : y + shape[0], x : x + shape[1]]
