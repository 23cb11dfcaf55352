"""Where one piece of cloth ends and another begins, or none."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from runtime.simulator.faults.base import Class, Cloth, Request, Sketch, between, size
from runtime.simulator.faults.spots import fill, veil
from runtime.simulator.nuisances.base import Nuisance
from runtime.simulator.rendering import CHUNK
from runtime.simulator.shapes import Float64, cover, distance_to_course, lay_thread, ramped
from runtime.simulator.styles import find_style
from runtime.types import Float32


def _seam(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """Two pieces sewn over each other: 20 to 60 mm of double cloth, rows of stitches, and knots of the thread."""
    _, first = cloth.place(request)
    length_mm = request.length_mm if request.length_mm is not None else size((20, 60), request.severity)
    left, right = cloth.fabric.edges
    stitch_mm = rng.uniform(2.5, 4.0)
    rows = first + cloth.lines(length_mm) * np.array([0.35, 0.65])
    knots = rng.uniform(left, right, max(2, int((right - left) * cloth.mm_per_px / 80)))

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        double = ramped(y, first, first + cloth.lines(length_mm), 2.0)[:, None]
        rim = double - ramped(y, first + 4, first + cloth.lines(length_mm) - 4, 2.0)[:, None]
        on_cloth = (x >= left) & (x < right)
        veil(part, (double + 0.8 * rim) * on_cloth, between((0.92, 0.78), request.severity))
        for row in rows:
            away = (y - row)[:, None] * cloth.mm_per_line
            drawn = (x * cloth.mm_per_px % stitch_mm)[None, :] < 0.7 * stitch_mm
            lay_thread(part, np.abs(away) + 1e3 * ~(drawn & on_cloth), 0.3, 1.3 * grey, cloth.mm_per_line)
            for knot in knots:
                gap = np.hypot(away, (x - knot)[None, :] * cloth.mm_per_px)
                fill(part, 0.9 * cover(1.2 - gap, cloth.mm_per_px), 1.35 * grey)

    return Sketch((left, right), (first, first + cloth.lines(length_mm)), paint)


def _style_change(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """From here on another cloth, to the end of the roll unless a length is asked for.

    Faults beyond it are still woven of the first cloth's yarns: lay them before it.
    """
    _, first = cloth.place(request)
    style_name = request.style if isinstance(request, Nuisance) else None
    style = cloth.fabric.style if style_name is None else find_style(style_name)
    if style_name is None:
        style = replace(
            style, grey=style.grey * (1 + float(rng.choice([-1, 1])) * between((0.03, 0.15), request.severity))
        )
    other = cloth.fabric.of_style(style, cloth.fabric.seed + 1 + request.seed)
    length = math.inf if request.length_mm is None else cloth.lines(request.length_mm)

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        low, end = int(y[0] - 0.5), int(y[-1] + 0.5)
        for start in range(low // CHUNK * CHUNK, end, CHUNK):
            a, b = max(low, start), min(end, start + CHUNK)
            part[a - low : b - low] = other.light(start)[a - start : b - start, int(x[0]) : int(x[-1]) + 1]

    return Sketch((0, cloth.fabric.width), (first, first + length), paint)


def _cut_line(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """A cut across the cloth, a little aslant: a dark gap with frayed ends at both sides."""
    _, first = cloth.place(request)
    gap = between((1.0, 6.0), request.severity)
    left, right = cloth.fabric.edges
    slope = rng.uniform(-0.01, 0.01)
    height = abs(slope) * (right - left) * cloth.mm_per_px + gap + 6
    middle = first + cloth.lines(height) / 2
    fray = rng.uniform(0, 2.5, cloth.fabric.ends.centre.size)
    background = cloth.fabric.background

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        centre = slope * (x - (left + right) / 2) * cloth.mm_per_px
        away = np.abs((y - middle)[:, None] * cloth.mm_per_line - centre)
        ragged = gap / 2 + 0.2 * fray[np.searchsorted(cloth.fabric.ends.centre[1:], x)]
        fill(part, cover(ragged - away, cloth.mm_per_line) * ((x >= left) & (x < right)), background)

    return Sketch((left, right), (first, first + cloth.lines(height)), paint)


def _no_cloth(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """The beam has run out: nothing but the background, for a metre unless a length is asked for."""
    _, first = cloth.place(request)
    length_mm = 1000.0 if request.length_mm is None else request.length_mm
    background = cloth.fabric.background
    tails = np.stack([rng.uniform(*cloth.fabric.edges, 40), rng.uniform(2, 20, 40)], axis=1)

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        part[:] = background
        # Broken ends hang into the gap from the cloth before it.
        for column, tail in tails:
            course = np.array([[column * cloth.mm_per_px, 0.0], [column * cloth.mm_per_px + 0.2 * tail, tail]])
            if cloth.lines(tail) > y[0] - first:
                at = (x * cloth.mm_per_px)[None, :], ((y - first) * cloth.mm_per_line)[:, None]
                lay_thread(part, distance_to_course(course, *at), 0.15, 0.9 * grey, cloth.mm_per_px)

    return Sketch((0, cloth.fabric.width), (first, first + cloth.lines(length_mm)), paint)


CHANGES: dict[str, Class] = {
    "seam": Class(None, _seam, "two pieces sewn together", expect="seam"),
    "style_change": Class(None, _style_change, "another cloth follows", expect="other_cloth"),
    "cut_line": Class(None, _cut_line, "a cut across the cloth", expect="obstructed"),
    "no_cloth": Class(None, _no_cloth, "the cloth has run out", expect="no_cloth"),
}
