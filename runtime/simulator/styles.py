"""Weaves and the styles of cloth made of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from runtime.errors import UserError
from runtime.types import Bool, Int64

Stripes = tuple[tuple[int, float], ...]
"""Yarns one after the other, and what their reflectance is multiplied by; then the same again."""


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


def herringbone(width: int) -> Bool:
    """Twill 2/2 that turns round after ``width`` ends, and back after as many more."""
    across = np.arange(2 * width)
    end = np.where(across < width, across, 2 * width - 1 - across)
    over_weft: Bool = (np.arange(4)[:, None] - end) % 4 < 2
    return over_weft


def basket(yarns: int) -> Bool:
    """Plain weave of ``yarns`` ends and picks side by side."""
    pick, end = np.indices((2 * yarns, 2 * yarns)) // yarns
    over_weft: Bool = (pick + end) % 2 == 0
    return over_weft


def dobby(repeat: int, longest: int, seed: int) -> Bool:
    """A weave without order: as much warp as weft on top in each end and pick, no float over ``longest``.

    Crossings of a twill are exchanged in fours, so that each end and pick keeps its sum, wherever no float grows
    too long.
    """
    weave = np.tile(twill(2, 2), (repeat // 4, repeat // 4))
    rng = np.random.default_rng(seed)
    for picks in rng.integers(repeat, size=(40 * repeat, 4)):
        corners = np.ix_(picks[:2], picks[2:])
        four = weave[corners]
        if four[0, 0] == four[1, 1] != four[0, 1] == four[1, 0]:
            weave[corners] = ~four
            if max(_longest_float(weave), _longest_float(weave.T)) > longest:
                weave[corners] = four
    return weave


def _longest_float(weave: Bool) -> int:
    """Longest run of equal crossings along the columns, the repeat going on in itself."""
    turns = np.tile(weave, (2, 1))
    longest = run = np.ones(weave.shape[1], int)
    for before, here in pairwise(turns):
        run = np.where(before == here, run + 1, 1)
        longest = np.maximum(longest, run)
    return int(longest.max())


WEAVES: dict[str, Bool] = {
    "plain": twill(1, 1),
    "twill21": twill(2, 1),
    "twill22": twill(2, 2),
    "twill31": twill(3, 1),
    "satin5": satin(5, 2),
    "satin8": satin(8, 3),
    "herringbone": herringbone(8),
    "basket22": basket(2),
    "dobby16": dobby(16, longest=5, seed=1),
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
        slubs, slub_mm, slub_gain: thick places a metre of yarn, their length, and their mean gain of reflectance,
            about which they vary as an exponential does: few are strong.
        uneven_px: how much less sharp it is seen at the right than at the left; see optics.blur_to_the_right.
        warp_stripes, weft_stripes: dyed yarns.
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
    slubs: float = 0.0
    slub_mm: float = 12.0
    slub_gain: float = 0.2
    uneven_px: float = 0.0
    warp_stripes: Stripes = ()
    weft_stripes: Stripes = ()

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
        Style("herringbone", "herringbone", epi=64, ppi=52, weft_tone=0.68),
        Style("basket22", "basket22", epi=60, ppi=50, weft_tone=0.75),
        Style("dobby16", "dobby16", epi=70, ppi=56, weft_tone=0.7),
        # Open cloth with its ends in pairs, as leno looks at this scale; the ends do not really cross.
        Style("leno", "plain", epi=32, ppi=28, weft_tone=0.85, cover=0.86, dent_gap=0.08, shadow=0.45),
        Style(
            "streaky22",
            "twill22",
            epi=84,
            ppi=66,
            weft_tone=0.68,
            between=0.07,
            along=0.05,
            along_mm=150.0,
            diameter_cv=0.1,
            fibre=0.1,
            dent_gap=0.06,
            density_drift=0.03,
        ),
        Style("slubby", "plain", epi=52, ppi=46, weft_tone=0.78, slubs=2.0, between=0.05, fibre=0.09),
        Style("striped", "plain", epi=46, ppi=40, weft_tone=0.85, weft_stripes=((12, 1.0), (4, 0.75))),
        Style(
            "checked22",
            "twill22",
            epi=72,
            ppi=60,
            weft_tone=0.75,
            warp_stripes=((24, 1.0), (8, 0.75)),
            weft_stripes=((20, 1.0), (6, 0.75)),
        ),
    )
}
STYLES |= {
    f"lively_{name}": replace(STYLES[name], name=f"lively_{name}", slubs=0.3, slub_mm=6.0, slub_gain=0.3, uneven_px=0.8)
    for name in ("plain", "twill22", "satin5")
}
"""The same cloth less even, as real cloth is: thick places in its yarns, and not equally sharp across its width."""


def dyed(stripes: Stripes, yarns: Int64) -> NDArray[np.float64]:
    """What the reflectance of each yarn is multiplied by, float64 [n], for yarns of those numbers."""
    if not stripes:
        return np.ones(yarns.shape)
    tones = np.concatenate([np.full(count, tone) for count, tone in stripes])
    return tones[yarns % tones.size]


def find_style(name: str) -> Style:
    """The style of that name.

    Raises:
        UserError: no such style.
    """
    try:
        return STYLES[name]
    except KeyError:
        raise UserError(f"there is no cloth style '{name}'; there are: {', '.join(STYLES)}") from None
