"""What lies over the cloth for a while: a label, chalk, a hand, a shadow, a tool."""

from __future__ import annotations

import numpy as np

from runtime.simulator.faults.base import Class, Cloth, Request, Sketch, between, size
from runtime.simulator.faults.spots import diameter, fill, spot, veil
from runtime.simulator.shapes import Float64, cover, distance_to_course
from runtime.types import Float32


def _label(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """White paper with a bar code, a little askew."""
    half_x = diameter(request, (30, 120)) / 2
    half_y = 0.5 * half_x
    frame = spot(request, cloth, half_x + 2, half_y + 0.1 * half_x + 2)
    lean = rng.uniform(-0.08, 0.08)
    bars = rng.random(40) < 0.5

    def paint(part: Float32, x: Float64, y: Float64, grey: float) -> None:
        u, v = x + lean * y, y - lean * x
        depth = np.minimum(half_x - np.abs(u), half_y - np.abs(v))
        veil(part, cover(depth + 1.0, 2.0), 0.8)
        fill(part, cover(depth, frame.soft), 225.0)
        bar = bars[np.clip(((u / half_x + 0.8) / 1.6 * bars.size).astype(int), 0, bars.size - 1)]
        fill(part, bar * cover(np.minimum(0.8 * half_x - np.abs(u), 0.5 * half_y - np.abs(v)), frame.soft), 40.0)

    return frame.sketch(paint)


def _chalk(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """A stroke of chalk that catches on the yarns that stand up: brighter where the cloth is bright."""
    half = diameter(request, (50, 300)) / 2
    frame = spot(request, cloth, half, half)
    course = rng.uniform(-0.85, 0.85, (4, 2)) * half
    thick = between((1.5, 4.0), request.severity)

    def paint(part: Float32, x: Float64, y: Float64, grey: float) -> None:
        mask = 0.7 * cover(thick - distance_to_course(course, x, y), 1.5)
        fill(part, mask * np.clip(part / grey - 0.5, 0, 1), 235.0)

    return frame.sketch(paint)


def _hand(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """A hand laid on the cloth, fingers along it, with its shadow."""
    half = diameter(request, (120, 200)) / 2
    frame = spot(request, cloth, half, half)
    reach = rng.uniform(-0.85, -0.7, 4) * [0.8, 1, 0.95, 0.75]
    thumb = np.array([[-0.3, 0.5], [-0.62, 0.05]]) * half
    fingers = [
        np.array([[0.9 * base, 0.4], [1.3 * base, tip]]) * half
        for base, tip in zip((-0.36, -0.12, 0.12, 0.36), reach, strict=True)
    ]

    def depth(x: Float64, y: Float64) -> Float64:
        flesh = (1 - np.hypot(x / (0.44 * half), (y - 0.5 * half) / (0.4 * half))) * 0.4 * half
        for finger in (thumb, *fingers):
            flesh = np.maximum(flesh, 0.09 * half - distance_to_course(finger, x, y))
        return flesh

    def paint(part: Float32, x: Float64, y: Float64, grey: float) -> None:
        veil(part, cover(depth(x - 4, y - 4) - 1, 10.0), 0.6)
        inside = depth(x, y)
        fill(part, cover(inside, 1.0), 95 + 70 * np.sqrt(np.clip(inside / (0.4 * half), 0, 1)))

    return frame.sketch(paint)


def _shadow(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """Somebody stands between lamp and cloth: a wide soft shadow; the weave stays visible, but dark."""
    half = diameter(request, (150, 500)) / 2
    frame = spot(request, cloth, half, half)
    factor = between((0.7, 0.35), request.severity)

    def paint(part: Float32, x: Float64, y: Float64, grey: float) -> None:
        veil(part, cover(1 - np.hypot(x, y) / half - 0.25, 0.5), factor)

    return frame.sketch(paint)


def _tool(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """A dark smooth bar laid over the whole width, bright along its back."""
    _, first = cloth.place(request)
    length_mm = request.length_mm if request.length_mm is not None else size((20, 120), request.severity)
    middle = first + cloth.lines(length_mm) / 2

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        away = (y - middle)[:, None] * cloth.mm_per_line / (length_mm / 2)
        fill(part, np.ones((y.size, x.size)), 25 + 60 * np.exp(-0.5 * ((away + 0.3) / 0.15) ** 2))

    return Sketch((0, cloth.fabric.width), (first, first + cloth.lines(length_mm)), paint)


COVERINGS: dict[str, Class] = {
    "label": Class(None, _label, "a paper label", expect="obstructed"),
    "chalk": Class(None, _chalk, "a chalk mark", expect="obstructed"),
    "hand": Class(None, _hand, "a hand", expect="obstructed"),
    "shadow": Class(None, _shadow, "a shadow", expect="obstructed"),
    "tool": Class(None, _tool, "a bar over the whole width", expect="obstructed"),
}
