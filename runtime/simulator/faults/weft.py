"""Faults of the weft: a pick that is missing, doubled, loose or stained, and picks too dense or too wide apart."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from runtime.simulator.faults.base import Class, Cloth, Request, Sketch, Span, between, size
from runtime.simulator.faults.picks import (
    NEIGHBOURS,
    Crack,
    Denser,
    DoublePick,
    FadingDensity,
    MissingPick,
    TonedPick,
)
from runtime.simulator.faults.rewoven import Rewoven
from runtime.simulator.shapes import Float64, lay_thread, overlap, ramped
from runtime.types import Float32, Kind


@dataclass(frozen=True)
class _Run:
    """A piece of a pick: columns [x0, x1) around pick ``number``; its ends fade over ``ramp`` px."""

    x0: float
    x1: float
    number: int
    centre: float
    ramp: float

    def mask(self, y: Float64, x: Float64) -> Float64:
        along: Float64 = np.broadcast_to(ramped(x, self.x0, self.x1, self.ramp), (y.size, x.size))
        return along


def _run(request: Request, cloth: Cloth, length_mm: float | None) -> _Run:
    """The piece asked for, or of ``length_mm``, or (None) the whole pick."""
    x, y = cloth.place(request)
    edges = cloth.fabric.edges
    length_mm = request.length_mm if request.length_mm is not None else length_mm
    half = math.inf if length_mm is None else cloth.px(length_mm) / 2
    line = y + cloth.fabric.pick_pitch / 2
    centre = cloth.fabric.pick_at(line)
    x0, x1 = max(edges[0], x - half), min(edges[1], x + half)
    return _Run(x0, x1, cloth.fabric.pick_near(line), centre, cloth.px(1.0))


def _around(run: _Run, cloth: Cloth) -> Span:
    """Lines that a change of one pick moves."""
    reach = (NEIGHBOURS + 1.5) * cloth.fabric.pick_pitch
    return run.centre - reach, run.centre + reach


def _missing(run: _Run, cloth: Cloth, severity: float) -> Sketch:
    pitch, background = cloth.fabric.pick_pitch, cloth.fabric.background
    closing = between((0.7, 0.0), severity)
    rewoven = Rewoven(cloth.fabric, MissingPick(run.number, run.centre, pitch, closing), run.mask)
    gap = run.centre - (1 - closing) * pitch / 2, run.centre + (1 - closing) * pitch / 2

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        rewoven(part, y, x, grey)
        # What the neighbours leave open shows some of the background between the bare ends.
        through = 0.35 * overlap(y, *gap)[:, None] * run.mask(y, x)
        part += (through * (background - part)).astype(np.float32)

    return Sketch((run.x0, run.x1), _around(run, cloth), paint)


def _missing_pick(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    return _missing(_run(request, cloth, None), cloth, request.severity)


def _broken_pick(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    run = _run(request, cloth, size((50, 1000), request.severity))
    return _missing(run, cloth, request.severity)


def _double(run: _Run, cloth: Cloth, severity: float) -> Sketch:
    room, gloss = between((0.6, 1.0), severity), between((0.08, 0.35), severity)
    change = DoublePick(run.number, run.centre, cloth.fabric.pick_pitch, room, gloss)
    return Sketch((run.x0, run.x1), _around(run, cloth), Rewoven(cloth.fabric, change, run.mask))


def _double_pick(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    return _double(_run(request, cloth, None), cloth, request.severity)


def _jerk_in(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """The extra piece begins at a selvedge, left or right by the seed."""
    run = _run(request, cloth, None)
    length = cloth.px(request.length_mm if request.length_mm is not None else size((20, 300), request.severity))
    left, right = cloth.fabric.edges
    from_left = bool(rng.integers(2))
    x0, x1 = (left, min(right, left + length)) if from_left else (max(left, right - length), right)
    return _double(replace(run, x0=x0, x1=x1), cloth, request.severity)


def _weft_crack(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """An opening between two picks, in which some of the background is seen between the bare ends."""
    run = _run(request, cloth, size((20, 400), request.severity))
    gap = cloth.lines(size((0.5, 3.0), request.severity))
    line = run.centre + cloth.fabric.pick_pitch / 2
    change = Crack(line, gap)
    rewoven = Rewoven(cloth.fabric, change, run.mask)
    background = cloth.fabric.background

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        rewoven(part, y, x, grey)
        open_ = 0.35 * ramped(y, line - gap / 2, line + gap / 2, 1.0)[:, None] * run.mask(y, x)
        part += (open_ * (background - part)).astype(np.float32)

    return Sketch((run.x0, run.x1), (line - change.extent - gap, line + change.extent + gap), paint)


def _weft_bar(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    _, first = cloth.place(request)
    length = cloth.lines(request.length_mm if request.length_mm is not None else size((5, 100), request.severity))
    sign = float(rng.choice([-1.0, 1.0]))
    rewoven = Rewoven(cloth.fabric, Denser(first, length, sign * between((0.03, 0.10), request.severity)))
    change = -sign * between((0.01, 0.06), request.severity)

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        rewoven(part, y, x, grey)
        part *= (1 + change * ramped(y, first, first + length, 0.25 * length)[:, None]).astype(np.float32)

    return Sketch(cloth.fabric.edges, (first, first + length), paint)


def _starting_mark(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    _, first = cloth.place(request)
    length = cloth.lines(request.length_mm if request.length_mm is not None else size((3, 40), request.severity))
    sign = float(rng.choice([-1.0, 1.0]))
    rewoven = Rewoven(cloth.fabric, FadingDensity(first, length, sign * between((0.05, 0.15), request.severity)))
    change = -sign * between((0.02, 0.08), request.severity)

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        rewoven(part, y, x, grey)
        at = (y - first) / length
        fade = np.where((at >= 0) & (at < 1), np.exp(-4 * at) * (1 - at), 0)
        part *= (1 + change * fade[:, None]).astype(np.float32)

    return Sketch(cloth.fabric.edges, (first, first + length), paint)


def _dropped_pick(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """The pick is missing in its shed and lies above the cloth in loops."""
    run = _run(request, cloth, size((50, 1000), request.severity))
    missing = _missing(run, cloth, 0.5)
    half = cloth.lines(between((0.25, 1.0), request.severity))
    period_px = cloth.px(1.0) * rng.uniform(4, 9, 3)
    phase = rng.uniform(0, 2 * np.pi, 3)
    weight = np.array([0.5, 0.3, 0.2]) * half
    thick = 0.5 * cloth.fabric.pick_pitch

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        missing.paint(part, y, x, grey)
        turn = 2 * np.pi * x[:, None] / period_px + phase
        middle = run.centre + (weight * np.sin(turn)).sum(axis=1)
        slope = (weight * np.cos(turn) * 2 * np.pi / period_px).sum(axis=1)
        distance = np.abs(y[:, None] - middle) / np.hypot(1, slope)
        outside = (run.mask(y, x) < 0.5) * 1e3
        lay_thread(part, distance + outside, thick, 1.15 * grey, 1.0)

    low, high = missing.along
    return Sketch((run.x0, run.x1), (min(low, run.centre - half - 4), max(high, run.centre + half + 4)), paint)


def _soiled_weft(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    run = _run(request, cloth, None)
    change = TonedPick(run.number, between((0.85, 0.5), request.severity))
    half = 0.75 * cloth.fabric.pick_pitch + 1.5
    return Sketch((run.x0, run.x1), (run.centre - half, run.centre + half), Rewoven(cloth.fabric, change, run.mask))


WEFT: dict[str, Class] = {
    "missing_pick": Class(Kind.WEFT, _missing_pick, "no pick over the whole width"),
    "broken_pick": Class(Kind.WEFT, _broken_pick, "a pick that is missing over a part of the width"),
    "double_pick": Class(Kind.WEFT, _double_pick, "two picks in one shed"),
    "weft_crack": Class(Kind.WEFT, _weft_crack, "an opening between two picks"),
    "weft_bar": Class(Kind.AREA, _weft_bar, "a band of other density and shade over the whole width"),
    "starting_mark": Class(Kind.AREA, _starting_mark, "a band that begins abruptly after a stop and fades"),
    "jerk_in": Class(Kind.WEFT, _jerk_in, "an extra piece of weft dragged in from a selvedge"),
    "dropped_pick": Class(Kind.WEFT, _dropped_pick, "a pick woven without tension, in loops"),
    "soiled_weft": Class(Kind.WEFT, _soiled_weft, "a stained pick"),
}
