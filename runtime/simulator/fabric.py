"""Endless woven cloth on a background, as a lens sees it."""

from __future__ import annotations

import numpy as np

from runtime.simulator import optics
from runtime.simulator.noise import normal
from runtime.simulator.rendering import Lit, Rendering
from runtime.simulator.styles import Style
from runtime.simulator.woven import CHUNK, Woven
from runtime.simulator.yarns import AsWoven, Change
from runtime.types import Float32

__all__ = ["CHUNK", "Fabric"]

_BACKGROUND = 22


class Fabric(Woven):
    """Woven cloth on a background: the light that comes from its lines.

    Not for use by several threads at once: it keeps the profiles that it used last.

    Attributes:
        background: its grey, DN; psf_px: width of the lens' blur.
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
        super().__init__(style, width, seed, mm_per_px, mm_per_line, margin_mm)
        self.background, self.psf_px = background, psf_px
        psf = optics.point_spread(psf_px)
        self._lit = Lit(psf, 1.0, np.zeros(width, np.float32))
        middle = slice(width // 4, max(width // 4 + 1, 3 * width // 4))
        gain = style.grey / float(self.changed(0, width, AsWoven()).light(0)[:, middle].mean())
        grain = normal(seed, _BACKGROUND, np.arange(width, dtype=np.int64))
        ground = background * (1 + 0.04 * grain) * (1 - self._cloth_share(psf))
        self._lit = Lit(psf, gain, ground.astype(np.float32))
        self._whole = self.changed(0, width, AsWoven())

    def light(self, first: int) -> Float32:
        """Light from the lines [first, first + CHUNK), float32 [CHUNK, width], in DN under an even lamp.

        ``first`` is a multiple of CHUNK.
        """
        return self._whole.light(first)

    def changed(self, x0: int, x1: int, change: Change) -> Rendering:
        """Columns [x0, x1) as they look with changed yarns."""
        return Rendering(self, self._lit, x0, x1, change)

    def of_style(self, style: Style, seed: int) -> Fabric:
        """Another cloth in the same place under the same camera."""
        return Fabric(
            style, self.width, seed, self.mm_per_px, self.mm_per_line, self.margin_mm, self.background, self.psf_px
        )

    def _cloth_share(self, psf: Float32) -> Float32:
        """How much of each column is cloth, float32 [width]."""
        columns = np.arange(self.width)
        x0, x1 = self.edges
        share = np.clip(np.minimum(x1, columns + 1) - np.maximum(x0, columns), 0, 1)
        return optics.blur_last_axis(share.astype(np.float32), psf)
