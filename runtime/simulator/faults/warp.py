"""Faults of the warp: an end that is broken, doubled, slack, stained or wrongly drawn in, and marks of the reed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from runtime.simulator.faults.base import Class, Cloth, Request, Sketch, Span, between, size
from runtime.simulator.faults.rewoven import Rewoven
from runtime.simulator.shapes import Float64, ramped
from runtime.simulator.yarns import AsWoven, Ends
from runtime.types import Float32, Kind

_NEIGHBOURS = 4.0
"""Over so many pitches the neighbours of a missing end close up."""
_CLOSING_MM = 200.0
"""Cloth after which they have closed up."""


@dataclass(frozen=True)
class BrokenEnd(AsWoven):
    """One end is not there from ``line`` on; ``closing``: share of its place that its neighbours take in time."""

    number: int
    line: float
    closing: float
    closing_lines: float

    def ends(self, ends: Ends, line: float) -> Ends:
        away = np.arange(ends.centre.size) - self.number
        left = np.clip(1 - (np.abs(away) - 1) / _NEIGHBOURS, 0, 1) * (away != 0)
        closed = self.closing * np.clip((line - self.line) / self.closing_lines, 0, 1)
        width, over = ends.width.copy(), ends.over.copy()
        width[self.number], over[self.number] = 0, False
        centre = ends.centre - np.sign(away) * left * closed * ends.pitch / 2
        return replace(ends, centre=centre, width=width, over=over)


@dataclass(frozen=True)
class DoubleEnd(AsWoven):
    """An end woven as its left neighbour, and close to it; ``closer`` in pitches."""

    number: int
    closer: float

    def ends(self, ends: Ends, line: float) -> Ends:
        over, centre = ends.over.copy(), ends.centre.copy()
        over[self.number + 1] = over[self.number]
        centre[self.number] += self.closer / 2 * ends.pitch[self.number]
        centre[self.number + 1] -= self.closer / 2 * ends.pitch[self.number]
        return replace(ends, over=over, centre=centre)


@dataclass(frozen=True)
class Misdraw(AsWoven):
    """``count`` ends from ``number`` on are drawn into each other's heddles."""

    number: int
    count: int

    def ends(self, ends: Ends, line: float) -> Ends:
        over = ends.over.copy()
        drawn = over[self.number : self.number + self.count]
        wrong = drawn[::-1].copy()
        over[self.number : self.number + self.count] = np.roll(drawn, 1, axis=1) if (wrong == drawn).all() else wrong
        return replace(ends, over=over)


@dataclass(frozen=True)
class OpenReed(AsWoven):
    """Ends pushed apart in the middle of [left, left + width), dense beside it."""

    left: float
    width: float
    share: float

    def ends(self, ends: Ends, line: float) -> Ends:
        at = np.clip((ends.centre - self.left) / self.width, 0, 1)
        moved = self.share * self.width / (2 * math.pi) * np.sin(2 * np.pi * at)
        return replace(ends, centre=ends.centre - moved)


@dataclass(frozen=True)
class TonedEnd(AsWoven):
    """One end of another reflectance, relative to its own."""

    number: int
    factor: float

    def ends(self, ends: Ends, line: float) -> Ends:
        tone = ends.tone.copy()
        tone[self.number] *= self.factor
        return replace(ends, tone=tone)


def _along(request: Request, cloth: Cloth, usual_mm: Span) -> Span:
    """Lines of a fault as long as asked for, or as its severity says."""
    _, first = cloth.place(request)
    length_mm = request.length_mm if request.length_mm is not None else size(usual_mm, request.severity)
    return first, first + cloth.lines(length_mm)


def _end(request: Request, cloth: Cloth, count: int = 1) -> int:
    """Number of the end where it was asked for, with room for ``count`` ends and their neighbours."""
    x, _ = cloth.place(request)
    return int(np.clip(cloth.fabric.end_near(x), 1, cloth.fabric.ends.centre.size - count - 1))


def _columns(cloth: Cloth, number: int, count: int, beside: float) -> Span:
    """Columns of ``count`` ends, with ``beside`` pitches to each side."""
    centre, pitch = cloth.fabric.ends.centre, cloth.fabric.ends.pitch[number]
    return float(centre[number] - beside * pitch), float(centre[number + count - 1] + beside * pitch)


@dataclass(frozen=True)
class _Mask:
    """The whole width of a fault between its lines, rising over one pitch or so."""

    along: Span
    ramp: float = 4.0

    def __call__(self, y: Float64, x: Float64) -> Float64:
        rows: Float64 = np.broadcast_to(ramped(y, *self.along, self.ramp)[:, None], (y.size, x.size))
        return rows


def _broken_end(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    along = _along(request, cloth, (50, 100_000))
    number = _end(request, cloth)
    change = BrokenEnd(number, along[0], between((0.9, 0.4), request.severity), cloth.lines(_CLOSING_MM))
    paint = Rewoven(cloth.fabric, change, _Mask(along))
    return Sketch(_columns(cloth, number, 1, _NEIGHBOURS + 1.5), along, paint)


def _double_end(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    along = _along(request, cloth, (500, 50_000))
    number = _end(request, cloth, 2)
    paint = Rewoven(cloth.fabric, DoubleEnd(number, between((0.1, 0.4), request.severity)), _Mask(along))
    return Sketch(_columns(cloth, number, 2, 1.5), along, paint)


def _misdraw(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    along = _along(request, cloth, (1000, 50_000))
    count = 2 + round(2 * request.severity)
    number = _end(request, cloth, count)
    return Sketch(
        _columns(cloth, number, count, 1.5), along, Rewoven(cloth.fabric, Misdraw(number, count), _Mask(along))
    )


def _soiled_end(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    along = _along(request, cloth, (500, 10_000))
    number = _end(request, cloth)
    change = TonedEnd(number, between((0.85, 0.5), request.severity))
    return Sketch(_columns(cloth, number, 1, 1.5), along, Rewoven(cloth.fabric, change, _Mask(along)))


def _slack_end(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """Painted: an end that stands up in waves catches the light along its own wavy course."""
    along = _along(request, cloth, (200, 50_000))
    middle = cloth.fabric.end_at(cloth.place(request)[0])
    swing = cloth.px(between((0.1, 0.3), request.severity))
    waves = cloth.lines(1.0) * rng.uniform(8, 30, 2)
    phase = rng.uniform(0, 2 * np.pi, 2)
    half = cloth.fabric.end_pitch
    gloss = between((0.10, 0.35), request.severity)

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        at = middle + swing * (np.sin(2 * np.pi * y[:, None] / waves + phase) * [0.6, 0.4]).sum(axis=1)
        across = np.clip((x - at[:, None]) / half, -1, 1)
        shape = np.cos(np.pi / 2 * across) * ramped(y, *along, 10.0)[:, None]
        # One flank in the light, the other in its shadow.
        part *= (1 + gloss * shape * (1 - 1.5 * (across > 0))).astype(np.float32)

    return Sketch((middle - swing - half, middle + swing + half), along, paint)


def _reed_mark(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """Runs to the end of the roll unless a length is asked for: a bent dent stays bent."""
    length_mm = math.inf if request.length_mm is None else request.length_mm
    x, first = cloth.place(request)
    along = first, first + cloth.lines(length_mm)
    # Room for the dense flanks beside the streak that is seen.
    width = cloth.px(2 * size((1.0, 4.0), request.severity))
    left = x - width / 2
    rewoven = Rewoven(cloth.fabric, OpenReed(left, width, between((0.10, 0.30), request.severity)), _Mask(along))
    change = -between((0.02, 0.05), request.severity)

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        rewoven(part, y, x, grey)
        streak = ramped(x, left + width / 4, left + 3 * width / 4, width / 8) * ramped(y, *along, 4.0)[:, None]
        part *= (1 + change * streak).astype(np.float32)

    return Sketch((left, left + width), along, paint)


WARP: dict[str, Class] = {
    "broken_end": Class(Kind.WARP, _broken_end, "an end that is missing; its neighbours close up", continuous=True),
    "double_end": Class(Kind.WARP, _double_end, "two ends drawn in as one", continuous=True),
    "slack_end": Class(Kind.WARP, _slack_end, "a loose end that stands up in waves", continuous=True),
    "reed_mark": Class(Kind.WARP, _reed_mark, "a streak where the reed pushes ends apart", continuous=True),
    "misdraw": Class(Kind.WARP, _misdraw, "ends drawn into each other's heddles", continuous=True),
    "soiled_end": Class(Kind.WARP, _soiled_end, "a stained end", continuous=True),
}
