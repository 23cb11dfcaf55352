"""Weaves and the styles of cloth made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.errors import UserError
from runtime.types import Bool


def twill(over: int, under: int) -> Bool:
    """Warp over ``over`` picks, under ``under``, one step to the side from end to end."""
    repeat = over + under
    pick, end = np.indices((repeat, repeat))
    over_weft: Bool = (pick - end) % repeat < over
    return over_weft


def satin(repeat: int, step: int) -> Bool:
    """Warp-faced satin: each end dives under one pick in ``repeat``, ``step`` picks on from end to end."""
    pick, end = np.indices((repeat, repeat))
    over_weft: Bool = (pick - end * step) % repeat != 0
    return over_weft


WEAVES: dict[str, Bool] = {
    "plain": twill(1, 1),
    "twill21": twill(2, 1),
    "twill22": twill(2, 2),
    "twill31": twill(3, 1),
    "satin5": satin(5, 2),
    "satin8": satin(8, 3),
}
"""Bool [picks, ends] of one repeat: True where the warp lies on top."""


@dataclass(frozen=True)
class Style:
    """One kind of cloth. Lengths in mm; shares and sigmas relative to the yarn's pitch or reflectance.

    Attributes:
        name, weave: the weave is a key of WEAVES.
        epi, ppi: ends and picks per inch.
        cover: yarn diameter over pitch; diameter_cv: its variation from yarn to yarn.
        grey: mean grey value of the cloth under the lamp's middle, DN of 255.
        warp_tone, weft_tone: reflectance of the two yarn sets relative to each other.
        crown: how much a yarn darkens where it dives under its neighbour.
        rim: brightness of a yarn's edge relative to its middle.
        shadow: brightness of a yarn seen through the gap beneath the others.
        between: reflectance sigma from yarn to yarn.
        along, along_mm: slow reflectance sigma along a yarn and its correlation length.
        fibre, fibre_mm: the same for the fine irregularity of a spun yarn.
        end_jitter, pick_jitter: sigma of a yarn's place; jitter_mm: correlation length along an end.
        density_drift: relative swing of the pick density over 5 m.
        dent_ends, dent_gap: ends per reed dent and the shift that leaves a gap between dents.
        selvedge_mm, selvedge_pitch: width of the selvedges and their end pitch relative to the cloth's.
    """

    name: str
    weave: str
    epi: float
    ppi: float
    cover: float = 0.96
    diameter_cv: float = 0.05
    grey: float = 115.0
    warp_tone: float = 1.0
    weft_tone: float = 1.0
    crown: float = 0.7
    rim: float = 0.7
    shadow: float = 0.5
    between: float = 0.03
    along: float = 0.02
    along_mm: float = 60.0
    fibre: float = 0.07
    fibre_mm: float = 0.9
    end_jitter: float = 0.04
    pick_jitter: float = 0.03
    jitter_mm: float = 30.0
    density_drift: float = 0.02
    dent_ends: int = 2
    dent_gap: float = 0.03
    selvedge_mm: float = 10.0
    selvedge_pitch: float = 0.62

    def matrix(self) -> Bool:
        """Bool [picks, ends] of one repeat: True where the warp lies on top."""
        return WEAVES[self.weave]


STYLES: dict[str, Style] = {
    style.name: style
    for style in (
        Style("plain", "plain", epi=46, ppi=40, weft_tone=0.78),
        Style("twill21", "twill21", epi=60, ppi=48, weft_tone=0.72),
        Style("twill22", "twill22", epi=72, ppi=60, weft_tone=0.68),
        Style("twill31", "twill31", epi=72, ppi=54, weft_tone=0.68),
        Style("satin5", "satin5", epi=80, ppi=60, weft_tone=0.75),
        Style("satin8", "satin8", epi=90, ppi=66, weft_tone=0.75),
    )
}


def find_style(name: str) -> Style:
    """The style of that name.

    Raises:
        UserError: no such style.
    """
    try:
        return STYLES[name]
    except KeyError:
        raise UserError(f"there is no cloth style '{name}'; there are: {', '.join(STYLES)}") from None
