"""Faults of an area: floats, a smash, abrasion, creases, and drifts of shade."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from runtime.simulator.faults.base import Class, Cloth, Fault, Request, Sketch, between, size
from runtime.simulator.faults.rewoven import Rewoven
from runtime.simulator.faults.spots import THREAD_MM, Spot, diameter, fill, spot, stain, veil
from runtime.simulator.shapes import Depth, Float64, cover, curl, distance_to_course, lay_thread, ramped, rough_disc
from runtime.simulator.yarns import AsWoven, Ends
from runtime.types import Bool, Float32, Kind

ROLLERS_MM = (314.0, 471.0, 628.0)
"""Circumferences of rollers of 100, 150 and 200 mm."""


@dataclass(frozen=True)
class Floating(AsWoven):
    """Some ends do not interlace: they lie on top of all picks (``above``) or under them."""

    floats: Bool
    above: bool

    def ends(self, ends: Ends, line: float) -> Ends:
        return replace(ends, over=np.where(self.floats[:, None], self.above, ends.over))


@dataclass(frozen=True)
class Torn(AsWoven):
    """Some ends are gone."""

    gone: Bool

    def ends(self, ends: Ends, line: float) -> Ends:
        return replace(
            ends, over=np.where(self.gone[:, None], False, ends.over), width=np.where(self.gone, 0.0, ends.width)
        )


@dataclass(frozen=True)
class _Within:
    """Mask of a shape around the middle of a spot."""

    frame: Spot
    depth: Depth

    def __call__(self, y: Float64, x: Float64) -> Float64:
        return cover(self.depth(*self.frame.places(y, x)), self.frame.soft)


def _float_patch(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """Two of three ends float over a rough patch, above the picks or below them."""
    radius = diameter(request, (3, 50)) / 2
    flat = radius * rng.uniform(0.6, 1.0)
    frame = spot(request, cloth, radius, flat)
    depth = rough_disc(rng, radius, flat, 0.2)
    change = Floating(np.arange(cloth.fabric.ends.centre.size) % 3 != 0, bool(rng.integers(2)))
    rewoven = Rewoven(cloth.fabric, change, _Within(frame, depth))
    return frame.framed(rewoven)


def _smash(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """Many ends broken at once: bare weft, holes, and the broken yarns lying about."""
    radius = diameter(request, (20, 200)) / 2
    frame = spot(request, cloth, 0.7 * radius, radius)
    depth = rough_disc(rng, 0.7 * radius, radius, 0.25)
    gone = rng.random(cloth.fabric.ends.centre.size) < between((0.5, 0.85), request.severity)
    rewoven = Rewoven(cloth.fabric, Torn(gone), _Within(frame, depth))
    holes = [(rng.normal(0, 0.22 * radius, 2), rough_disc(rng, 0.12 * radius, 0.25 * radius, 0.3)) for _ in range(5)]
    threads = [curl(rng, rng.normal(0, 0.25 * radius, 2), 0.4 * radius, rng.uniform(-4, 4)) for _ in range(12)]
    background = cloth.fabric.background

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        rewoven(part, y, x, grey)
        across, along = frame.places(y, x)
        outside = 1e3 * (depth(across, along) < 0)
        for (dx, dy), hole in holes:
            fill(part, cover(hole(across - dx, along - dy) - outside, frame.soft), background)
        for thread in threads:
            lay_thread(
                part, distance_to_course(thread, across, along, THREAD_MM) + outside, 0.2, 1.1 * grey, frame.soft
            )

    return frame.framed(paint)


def _abrasion(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """Rubbed cloth: the weave fades into fuzz, a little brighter."""
    radius = diameter(request, (20, 500)) / 2
    frame = spot(request, cloth, 0.5 * radius, radius)
    depth = rough_disc(rng, 0.5 * radius, radius, 0.25)
    loss = between((0.25, 0.75), request.severity)

    def paint(part: Float32, x: Float64, y: Float64, grey: float) -> None:
        mask = cover(depth(x, y) - 0.08 * radius, 0.16 * radius)
        fill(part, loss * mask, 1.06 * grey)

    return frame.sketch(paint)


def _crease(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """A bright and a dark flank side by side, along the cloth or leaning by up to 15 degrees."""
    column, first = cloth.place(request)
    length = request.length_mm if request.length_mm is not None else size((50, 5000), request.severity)
    width = size((1, 10), request.severity)
    # A long crease leans less: it stays on the cloth.
    lean = rng.uniform(-1, 1) * min(0.27 * length, 60.0)
    bend = rng.uniform(-0.15, 0.15) * abs(lean)
    strength = between((0.06, 0.25), request.severity)

    def course(at: Float64) -> Float64:
        """Millimetres across at shares 0 to 1 of its length."""
        return (at - 0.5) * lean + bend * np.sin(np.pi * at)

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        at = (y - first) / cloth.lines(length)
        across = (x - column)[None, :] * cloth.mm_per_px - course(at)[:, None]
        flank = across / (width / 2)
        shape = np.sin(np.pi * np.clip(flank, -1, 1)) * ramped(at, 0, 1, min(0.1, 10.0 / length))[:, None]
        part *= (1 + strength * shape).astype(np.float32)

    at = np.linspace(0, 1, 9)
    points = tuple(
        (column + cloth.px(float(c)), first + cloth.lines(length) * float(t))
        for t, c in zip(at, course(at), strict=True)
    )
    half = cloth.px(abs(lean) / 2 + abs(bend) + width / 2)
    return Sketch((column - half, column + half), (first, first + cloth.lines(length)), paint, points)


def _periodic_stain(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """The same stain from a dirty roller, once a turn; ``length_mm``: of the cloth that it marks."""
    asked = request.period_mm if isinstance(request, Fault) else None
    period = asked if asked is not None else float(rng.choice(ROLLERS_MM))
    run = request.length_mm if request.length_mm is not None else 10 * period
    radius = size((3, 40), request.severity) / 2
    frame = spot(request, cloth, radius, radius)
    depth = rough_disc(rng, radius, radius, 0.25)
    one = stain(frame, depth, radius, between((0.92, 0.6), request.severity))
    first = frame.line - cloth.lines(radius)

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        across, along = frame.places(y, x)
        one(part, across, (along + radius) % period - radius, grey)

    across = cloth.px(radius)
    end = first + cloth.lines(run if math.isinf(run) else max(0, math.floor(run / period - 1e-9)) * period + 2 * radius)
    return Sketch((frame.column - across, frame.column + across), (first, end), paint, period_mm=period)


def _shade_drift(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """Middle and sides differ in shade by 2 to 6 %, coming and going over 300 mm."""
    _, first = cloth.place(request)
    length = cloth.lines(request.length_mm if request.length_mm is not None else size((2000, 50_000), request.severity))
    change = float(rng.choice([-1.0, 1.0])) * between((0.02, 0.06), request.severity)
    left, right = cloth.fabric.edges
    ramp = min(cloth.lines(300.0), length / 3)

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        at = np.clip((x - left) / (right - left), 0, 1) * 2 - 1
        veil(part, (at**2 - 1 / 3) * ramped(y, first, first + length, ramp)[:, None], 1 + change)

    return Sketch(cloth.fabric.edges, (first, first + length), paint)


PATCHES: dict[str, Class] = {
    "float_patch": Class(Kind.AREA, _float_patch, "a patch of yarns that do not interlace"),
    "smash": Class(Kind.AREA, _smash, "many ends broken at once"),
    "abrasion": Class(Kind.AREA, _abrasion, "rubbed cloth whose weave has faded"),
    "crease": Class(Kind.WARP, _crease, "a fold with a bright and a dark flank"),
    "periodic_stain": Class(Kind.AREA, _periodic_stain, "the stain of a dirty roller, once a turn", continuous=True),
    "shade_drift": Class(Kind.AREA, _shade_drift, "middle and sides of different shade", continuous=True),
}
