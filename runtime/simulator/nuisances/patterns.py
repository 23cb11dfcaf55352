"""What belongs to good cloth: coloured stripes, visible dents, melange, fringe, and what is too small to mend."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from runtime.simulator.faults.base import Class, Cloth, Draw, Request, Sketch, Span, between
from runtime.simulator.faults.edges import edge_by_seed
from runtime.simulator.faults.rewoven import Rewoven
from runtime.simulator.faults.spots import SPOTS, fill
from runtime.simulator.noise import TABLE_BITS, offsets, smooth_table, uniform
from runtime.simulator.shapes import Float64
from runtime.simulator.yarns import AsWoven, Ends, Picks
from runtime.types import Float32

_END_BLOTCH, _PICK_BLOTCH, _FRINGE = 311, 312, 313


@dataclass(frozen=True)
class ColouredPicks(AsWoven):
    """``count`` of every ``repeat`` picks are of another colour."""

    repeat: int
    count: int
    factor: float

    def picks(self, picks: Picks) -> Picks:
        coloured = picks.number % self.repeat < self.count
        return replace(picks, tone=np.where(coloured, picks.tone * self.factor, picks.tone))


@dataclass(frozen=True)
class VisibleDents(AsWoven):
    """Ends of a dent stand close together, and every second dent is brighter."""

    dent_ends: int
    change: float

    def ends(self, ends: Ends, line: float) -> Ends:
        number = np.arange(ends.centre.size)
        aside = number % self.dent_ends - (self.dent_ends - 1) / 2
        bright = np.where(number // self.dent_ends % 2, 1 + self.change, 1 - self.change)
        return replace(ends, centre=ends.centre - self.change * aside * ends.pitch, tone=ends.tone * bright)


def _along(request: Request, cloth: Cloth) -> Span:
    """To the end of the roll unless a length is asked for."""
    _, first = cloth.place(request)
    return first, first + (math.inf if request.length_mm is None else cloth.lines(request.length_mm))


def _weft_stripes(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    pitch = cloth.fabric.pick_pitch * cloth.mm_per_line
    repeat = max(4, round(rng.uniform(8, 40) / pitch))
    change = ColouredPicks(repeat, max(2, repeat // 4), between((0.9, 0.5), request.severity))
    paint = Rewoven(cloth.fabric, change)
    return Sketch(cloth.fabric.edges, _along(request, cloth), paint, period_mm=repeat * pitch)


def _reed_stripes(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    change = VisibleDents(int(rng.integers(2, 5)), between((0.03, 0.10), request.severity))
    return Sketch(cloth.fabric.edges, _along(request, cloth), Rewoven(cloth.fabric, change))


def _melange(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """Yarns spun of two colours: each yarn is blotched along its course."""
    sigma = between((0.04, 0.12), request.severity)
    table = smooth_table(rng, (sigma, cloth.px(6.0)), (sigma / 2, cloth.px(1.5)))
    ends, pitch = cloth.fabric.ends.centre, cloth.fabric.pick_pitch
    mask = (1 << TABLE_BITS) - 1

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        lines, columns = y.astype(np.int64)[:, None], x.astype(np.int64)[None, :]
        end = offsets(request.seed, _END_BLOTCH, np.searchsorted(ends, x).astype(np.int64))
        pick = offsets(request.seed, _PICK_BLOTCH, np.floor(y / pitch).astype(np.int64))
        part *= 1 + 0.7 * (table[(lines + end) & mask] + table[(columns + pick[:, None]) & mask])

    return Sketch(cloth.fabric.edges, _along(request, cloth), paint)


def _fringe(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """Cut ends of the picks stand out beside one edge, each as far as it likes."""
    edge = edge_by_seed(cloth, rng)
    longest = between((5.0, 10.0), request.severity)
    pitch = cloth.fabric.pick_pitch

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        outside = -edge.depth(x)[None, :]
        pick = np.floor(y / pitch).astype(np.int64)
        reach = longest * uniform(request.seed, _FRINGE, pick)[:, None]
        strand = np.cos(np.pi * (y / pitch - pick - 0.5))[:, None]
        fill(part, 0.8 * strand * ((outside > 0) & (outside < reach)), 0.85 * grey)

    return Sketch(edge.columns(longest, 0), _along(request, cloth), paint)


def _too_small(cls: str, sizes_mm: Span) -> Draw:
    """A spot of a fault's class below what anybody would mend."""

    def draw(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
        length = request.length_mm if request.length_mm is not None else between(sizes_mm, request.severity)
        return SPOTS[cls].draw(replace(request, severity=0.0, length_mm=length), cloth, rng)

    return draw


PATTERNS: dict[str, Class] = {
    "weft_stripes": Class(None, _weft_stripes, "coloured stripes of the weft, with a repeat", True, "learned"),
    "reed_stripes": Class(None, _reed_stripes, "dents of the reed that are seen as stripes", True, "learned"),
    "melange": Class(None, _melange, "yarns spun of two colours", True, "learned"),
    "fringe": Class(None, _fringe, "cut ends of the picks beside an edge", True, "ignore"),
    "loose_fly": Class(None, _too_small("fly", (0.6, 1.0)), "a few loose fibres", expect="count"),
    "small_nep": Class(None, _too_small("nep", (0.25, 0.5)), "a nep below the limit", expect="count"),
    "small_slub": Class(None, _too_small("slub", (2.0, 4.0)), "a thick place below the limit", expect="count"),
}
