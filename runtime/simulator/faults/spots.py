"""Faults in one spot: thick places, knots, neps, loops of weft, holes and stains. All are painted on the light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.simulator.faults.base import Class, Cloth, Paint, Request, Sketch, between, size
from runtime.simulator.shapes import (
    Depth,
    Float64,
    cover,
    curl,
    distance_to_course,
    held_within,
    lay_thread,
    rough_disc,
)
from runtime.types import Float32, Kind

THREAD_MM = 2.0
"""Farther from its course no thread or its shadow is seen."""


@dataclass(frozen=True)
class Spot:
    """A frame in millimetres around the middle of a spot.

    Attributes:
        column, line: its middle. half_x, half_y: half its extent, mm. soft: blur of every rim, mm.
    """

    cloth: Cloth
    column: float
    line: float
    half_x: float
    half_y: float

    @property
    def soft(self) -> float:
        return max(self.cloth.mm_per_px, self.cloth.mm_per_line)

    def places(self, y: Float64, x: Float64) -> tuple[Float64, Float64]:
        """Millimetres across [1, m] and along [n, 1] from the middle."""
        return (x - self.column)[None, :] * self.cloth.mm_per_px, (y - self.line)[:, None] * self.cloth.mm_per_line

    def framed(self, paint: Paint) -> Sketch:
        """A sketch that covers the frame."""
        across, along = self.cloth.px(self.half_x), self.cloth.lines(self.half_y)
        return Sketch((self.column - across, self.column + across), (self.line - along, self.line + along), paint)

    def sketch(self, paint: Paint) -> Sketch:
        """The same with a paint that is given places in millimetres: (light, x [1, m], y [n, 1], grey)."""

        def in_mm(part: Float32, y: Float64, x: Float64, grey: float) -> None:
            paint(part, *self.places(y, x), grey)

        return self.framed(in_mm)


def spot(request: Request, cloth: Cloth, half_x: float, half_y: float) -> Spot:
    """The frame of a spot that begins where it was asked for."""
    column, first = cloth.place(request)
    return Spot(cloth, column, first + cloth.lines(half_y), half_x, half_y)


def diameter(request: Request, usual_mm: tuple[float, float]) -> float:
    """Millimetres, as asked for or as the severity says."""
    return request.length_mm if request.length_mm is not None else size(usual_mm, request.severity)


def veil(part: Float32, mask: Float64, factor: float) -> None:
    """Darken or brighten by a factor where the mask is 1; the weave stays."""
    part *= (1 + (factor - 1) * mask).astype(np.float32)


def fill(part: Float32, mask: Float64, grey: float | Float64) -> None:
    """Hide the cloth behind a grey where the mask is 1."""
    part += (mask * (grey - part)).astype(np.float32)


def _slub(request: Request, cloth: Cloth, along_warp: bool) -> Sketch:
    """A yarn 1.5 to 4 times as thick over 5 to 60 mm, running thin at both ends."""
    length = diameter(request, (5, 60))
    fabric = cloth.fabric
    pitch = fabric.end_pitch * cloth.mm_per_px if along_warp else fabric.pick_pitch * cloth.mm_per_line
    half = pitch * between((1.5, 4.0), request.severity) / 2
    frame = spot(request, cloth, half + cloth.mm_per_px, length / 2)
    if along_warp:
        frame = Spot(cloth, fabric.end_at(frame.column), frame.line, half + cloth.mm_per_px, length / 2)
    else:
        line = fabric.pick_at(cloth.place(request)[1] + fabric.pick_pitch / 2)
        frame = Spot(cloth, frame.column, line, length / 2, half + cloth.mm_per_line)

    def paint(part: Float32, x: Float64, y: Float64, grey: float) -> None:
        away, on = (x, y) if along_warp else (y, x)
        thick = half * np.sqrt(np.clip(1 - (2 * on / length) ** 2, 0, 1))
        mask = cover(thick - np.abs(away), frame.soft)
        # Its fibres hide most of the weave; the yarns that bind it still show.
        fill(part, 0.6 * mask, grey * (1.3 - 0.45 * (np.abs(away) / np.maximum(half, 1e-9)) ** 2))

    return frame.sketch(paint)


def _weft_slub(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    return _slub(request, cloth, along_warp=False)


def _warp_slub(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    return _slub(request, cloth, along_warp=True)


def _knot(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """A hard bright point with a shadow, and the two tails that were not cut short."""
    radius = diameter(request, (0.8, 2.5)) / 2
    reach = radius + between((2.0, 6.0), request.severity)
    frame = spot(request, cloth, reach, reach)
    depth = rough_disc(rng, radius, radius, 0.15)
    tails = [held_within(curl(rng, np.zeros(2), reach, rng.uniform(-2, 2)), 0.9 * reach) for _ in range(2)]

    def paint(part: Float32, x: Float64, y: Float64, grey: float) -> None:
        for tail in tails:
            lay_thread(part, distance_to_course(tail, x, y, THREAD_MM), 0.15, 1.2 * grey, frame.soft)
        veil(part, cover(depth(x - 0.3 * radius, y - 0.3 * radius), 2 * frame.soft), 0.7)
        fill(part, 0.9 * cover(depth(x, y), frame.soft), 1.35 * grey)

    return frame.sketch(paint)


def _nep(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """A small ball of fibres on the cloth, darker or brighter than it."""
    radius = diameter(request, (0.5, 5.0)) / 2
    flat = radius * rng.uniform(0.6, 1.0)
    frame = spot(request, cloth, radius + 0.2, flat + 0.2)
    depth = rough_disc(rng, radius, flat, 0.25)
    tone = 1 + float(rng.choice([-1.0, 1.0])) * between((0.15, 0.45), request.severity)

    def paint(part: Float32, x: Float64, y: Float64, grey: float) -> None:
        veil(part, cover(depth(x - 0.2, y - 0.2), 2 * frame.soft), 0.85)
        fill(part, 0.8 * cover(depth(x, y), frame.soft + 0.3 * radius), tone * grey)

    return frame.sketch(paint)


def _fly(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """A fuzzy tangle of loose fibres: many thin curls, none of which hides the cloth."""
    radius = diameter(request, (1.0, 6.0)) / 2
    frame = spot(request, cloth, radius, radius)
    fibres = 3 + round(9 * request.severity)
    start = rng.normal(0, 0.25 * radius, (fibres, 2))
    curls = [held_within(curl(rng, at, rng.uniform(1, 2) * radius, rng.uniform(-9, 9)), 0.85 * radius) for at in start]
    tone = 1 + float(rng.choice([-1.0, 1.0])) * between((0.2, 0.4), request.severity)

    def paint(part: Float32, x: Float64, y: Float64, grey: float) -> None:
        for course in curls:
            fill(part, 0.75 * cover(0.15 - distance_to_course(course, x, y, THREAD_MM), frame.soft), tone * grey)

    return frame.sketch(paint)


def _snarl(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """A loop of twist-lively weft that stands out of the cloth, along the weft."""
    length = diameter(request, (5, 30))
    height = size((1, 5), request.severity)
    frame = spot(request, cloth, length / 2 + 0.5, height / 2 + 0.6)
    turn = np.linspace(0, 2 * np.pi, 33)
    # A drop: both legs leave the pick at one place.
    course = np.stack([0.48 * length * np.cos(turn), 0.37 * height * np.sin(turn) * (1 - np.cos(turn))], axis=1)

    def paint(part: Float32, x: Float64, y: Float64, grey: float) -> None:
        lay_thread(part, distance_to_course(course, x, y, THREAD_MM), 0.25, 1.25 * grey, frame.soft)

    return frame.sketch(paint)


def _hole(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """The background is seen through a torn rim with loose yarn ends."""
    radius = diameter(request, (1, 50)) / 2
    flat = radius * rng.uniform(0.7, 1.0)
    frame = spot(request, cloth, radius + 0.8, flat + 0.8)
    depth = rough_disc(rng, radius, flat, 0.25)
    at = rng.uniform(0, 2 * np.pi, 4 + round(radius))
    starts = 0.75 * np.stack([radius * np.cos(at), flat * np.sin(at)], axis=1)
    loose = [curl(rng, start, 0.35 * radius, rng.uniform(-2, 2), steps=8) for start in starts]
    background = cloth.fabric.background

    def paint(part: Float32, x: Float64, y: Float64, grey: float) -> None:
        inside = depth(x, y)
        rim = cover(inside + 0.5, frame.soft) - cover(inside, frame.soft)
        fill(part, 0.4 * rim, 1.2 * grey)
        fill(part, cover(inside, frame.soft), background)
        for thread in loose:
            lay_thread(
                part, distance_to_course(thread, x, y, THREAD_MM) + 1e3 * (inside < -0.3), 0.2, 0.9 * grey, frame.soft
            )

    return frame.sketch(paint)


def _hang_pick(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """A pick caught on its way: it hangs out of line, and the hole between it and its place is a triangle."""
    half = diameter(request, (3, 15)) / 2
    frame = spot(request, cloth, half + 0.5, half + 0.5)
    lean = float(rng.uniform(-0.4, 0.4)) * half
    corners = np.array([[-half, -half], [lean, half], [half, -half]])
    background = cloth.fabric.background

    def paint(part: Float32, x: Float64, y: Float64, grey: float) -> None:
        depth = np.minimum(y + half, _inside_of(corners, x, y))
        fill(part, 0.65 * cover(depth, frame.soft), 0.5 * (background + 0.5 * grey))
        lay_thread(part, distance_to_course(corners, x, y, THREAD_MM), 0.2, 1.2 * grey, frame.soft)

    return frame.sketch(paint)


def _inside_of(corners: Float64, x: Float64, y: Float64) -> Float64:
    """Depth below the two sides from a triangle's first corner over its tip to its last."""
    (ax, ay), (bx, by), (cx, cy) = corners
    left = ((by - ay) * (x - ax) - (bx - ax) * (y - ay)) / np.hypot(bx - ax, by - ay)
    right = ((cy - by) * (x - bx) - (cx - bx) * (y - by)) / np.hypot(cx - bx, cy - by)
    depth: Float64 = np.minimum(left, right)
    return depth


def stain(frame: Spot, depth: Depth, radius: float, factor: float) -> Paint:
    """Paint of a soft stain with a slightly darker rim, in millimetres."""

    def paint(part: Float32, x: Float64, y: Float64, grey: float) -> None:
        inside = depth(x, y)
        mask = cover(inside - 0.1 * radius, 0.2 * radius)
        rim = mask * (1 - cover(inside - 0.3 * radius, 0.2 * radius))
        veil(part, 0.8 * mask + 0.4 * rim, factor)

    return paint


def _oil_stain(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    radius = diameter(request, (2, 200)) / 2
    flat = radius * rng.uniform(0.6, 1.0)
    frame = spot(request, cloth, radius, flat)
    depth = rough_disc(rng, radius, flat, 0.25)
    return frame.sketch(stain(frame, depth, radius, between((0.95, 0.6), request.severity)))


def _rust(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """A few small dark dots together."""
    spread = diameter(request, (8, 40)) / 2
    frame = spot(request, cloth, spread, spread)
    dots = 3 + round(9 * request.severity)
    radius = rng.uniform(0.25, between((0.5, 1.5), request.severity), dots)
    at = rng.uniform(-1, 1, (dots, 2)) * (spread - radius[:, None])
    depths = [rough_disc(rng, r, r, 0.3) for r in radius]

    def paint(part: Float32, x: Float64, y: Float64, grey: float) -> None:
        for (dx, dy), depth in zip(at, depths, strict=True):
            veil(part, cover(depth(x - dx, y - dy), 2 * frame.soft), between((0.85, 0.55), request.severity))

    return frame.sketch(paint)


SPOTS: dict[str, Class] = {
    "slub": Class(Kind.WEFT, _weft_slub, "a thick place of the weft"),
    "warp_slub": Class(Kind.WARP, _warp_slub, "a thick place of an end"),
    "knot": Class(Kind.LOCAL, _knot, "a knot with its tails"),
    "nep": Class(Kind.LOCAL, _nep, "a small ball of fibres"),
    "fly": Class(Kind.LOCAL, _fly, "loose fibres woven in or lying on the cloth"),
    "snarl": Class(Kind.LOCAL, _snarl, "a loop of weft standing out of the cloth"),
    "hole": Class(Kind.LOCAL, _hole, "a hole through which the background is seen"),
    "hang_pick": Class(Kind.LOCAL, _hang_pick, "a triangular hole beside a pick that was caught"),
    "oil_stain": Class(Kind.AREA, _oil_stain, "a soft stain; the weave stays visible"),
    "rust": Class(Kind.LOCAL, _rust, "a few rust dots"),
}
