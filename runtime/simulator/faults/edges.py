"""Faults at the selvedges: cut, slack, curled, marked by the temple, and cloth that changes its width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.simulator.faults.base import Class, Cloth, Request, Sketch, Span, between, size
from runtime.simulator.faults.spots import fill, veil
from runtime.simulator.shapes import Float64, cover, pulled_aside, ramped
from runtime.types import Float32, Kind


@dataclass(frozen=True)
class Edge:
    """One of the two edges of the cloth, and places measured inwards from it.

    Attributes:
        column: where it lies. inwards: 1 at the left edge, -1 at the right one.
    """

    cloth: Cloth
    column: float
    inwards: int

    def depth(self, x: Float64) -> Float64:
        """Millimetres from the edge into the cloth, [m]; negative beside it."""
        return (x - self.column) * self.inwards * self.cloth.mm_per_px

    def columns(self, beside_mm: float, inside_mm: float) -> Span:
        """Columns from ``beside_mm`` beside the cloth to ``inside_mm`` inside it."""
        ends = (
            self.column - self.inwards * self.cloth.px(beside_mm),
            self.column + self.inwards * self.cloth.px(inside_mm),
        )
        return min(ends), max(ends)


def edge_by_seed(cloth: Cloth, rng: np.random.Generator) -> Edge:
    """Left or right by the seed."""
    left, right = cloth.fabric.edges
    return Edge(cloth, left, 1) if rng.integers(2) else Edge(cloth, right, -1)


def _lines(request: Request, cloth: Cloth, usual_mm: Span) -> Span:
    _, first = cloth.place(request)
    length = request.length_mm if request.length_mm is not None else size(usual_mm, request.severity)
    return first, first + cloth.lines(length)


def _waves(rng: np.random.Generator, shortest_mm: float, longest_mm: float, cloth: Cloth) -> _Waves:
    periods = cloth.lines(1.0) * rng.uniform(shortest_mm, longest_mm, 4)
    return _Waves(periods, rng.uniform(0, 2 * np.pi, 4))


@dataclass(frozen=True)
class _Waves:
    """An uneven course along the cloth, -1 to 1."""

    periods: Float64
    phases: Float64

    def __call__(self, y: Float64) -> Float64:
        course: Float64 = np.sin(2 * np.pi * y[:, None] / self.periods + self.phases).mean(axis=1)
        return course


def _selvedge_cut(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """A piece of the edge is torn off; picks hang out of the tear."""
    edge, along = edge_by_seed(cloth, rng), _lines(request, cloth, (10, 100))
    depth = size((2, 30), request.severity)
    ragged = _waves(rng, 1.0, 6.0, cloth)
    ground = cloth.fabric.background

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        at = (y - along[0]) / (along[1] - along[0]) * 2 - 1
        torn = depth * (0.85 * np.sqrt(np.clip(1 - at**2, 0, 1)) + 0.15 * ragged(y) * (np.abs(at) < 1))
        inside = edge.depth(x)[None, :]
        fill(part, cover(torn[:, None] - inside, cloth.mm_per_px) * (inside > 0), ground)

    return Sketch(edge.columns(0, depth * 1.02 + cloth.mm_per_px), along, paint)


def _selvedge_slack(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """The edge is too long for the cloth and lies in waves."""
    edge, along = edge_by_seed(cloth, rng), _lines(request, cloth, (200, 5000))
    swing = between((0.8, 3.0), request.severity)
    waves = _waves(rng, 15, 45, cloth)

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        wave = waves(y) * ramped(y, *along, cloth.lines(10.0))
        loose = np.clip(1 - np.abs(edge.depth(x)) / (6 * swing), 0, 1)
        pulled_aside(part, cloth.px(swing) * wave[:, None] * loose)
        veil(part, wave[:, None] * loose * (edge.depth(x) > -swing), 1 + between((0.05, 0.2), request.severity))

    return Sketch(edge.columns(1.2 * swing, 6 * swing), along, paint)


def _selvedge_curl(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """The edge is rolled in: background where it was, and a thick shaded roll beside it."""
    edge, along = edge_by_seed(cloth, rng), _lines(request, cloth, (50, 5000))
    roll = between((2.0, 10.0), request.severity)
    ground = cloth.fabric.background

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        rolled = roll * ramped(y, *along, cloth.lines(20.0))[:, None]
        inside = edge.depth(x)[None, :]
        across = np.clip((inside - rolled) / np.maximum(rolled, 1e-9), 0, 1)
        shade = (0.75 + 0.5 * np.sin(np.pi * across)) * (across < 1) + (across >= 1)
        part *= np.where((rolled > 0) & (inside > rolled), shade, 1).astype(np.float32)
        fill(part, cover(rolled - inside, cloth.mm_per_px) * (inside > 0) * (rolled > 0), ground)

    return Sketch(edge.columns(0, 2 * roll + cloth.mm_per_px), along, paint)


def _temple_mark(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """Rows of pin holes at a constant distance from the edge."""
    edge, along = edge_by_seed(cloth, rng), _lines(request, cloth, (200, 10_000))
    pitch, radius = float(rng.uniform(2, 5)), between((0.15, 0.5), request.severity)
    left, right = cloth.fabric.edges
    widest = (right - left) * cloth.mm_per_px / 2
    distance = float(rng.uniform(min(20, 0.4 * widest), min(100, 0.8 * widest)))
    rows = 1 + round(2 * request.severity)

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        away = edge.depth(x)[None, :] - distance
        turn = (y - along[0])[:, None] * cloth.mm_per_line
        for row in range(rows):
            dy = (turn - row * pitch / rows) % pitch - pitch / 2
            gap = np.hypot(away - 1.5 * row, dy)
            fill(part, 0.3 * cover(2 * radius - gap, cloth.mm_per_px), 1.15 * grey)
            fill(part, 0.7 * cover(radius - gap, cloth.mm_per_px), 0.55 * grey)

    columns = edge.columns(2 * radius - distance + 0.2, distance + 1.5 * (rows - 1) + 2 * radius + 0.2)
    return Sketch(columns, along, paint, period_mm=pitch)


def _width_step(request: Request, cloth: Cloth, rng: np.random.Generator) -> Sketch:
    """One edge comes in by 1 to 10 mm over 20 mm of cloth, and goes out again at the end."""
    edge, along = edge_by_seed(cloth, rng), _lines(request, cloth, (500, 20_000))
    step = between((1.0, 10.0), request.severity)
    reach, ground = 6 * step, cloth.fabric.background

    def paint(part: Float32, y: Float64, x: Float64, grey: float) -> None:
        moved = step * ramped(y, *along, cloth.lines(20.0))[:, None]
        inside = edge.depth(x)[None, :]
        pulled_aside(part, cloth.px(1.0) * edge.inwards * moved * np.clip(1 - inside / reach, 0, 1))
        fill(part, cover(moved - inside, cloth.mm_per_px) * (inside > 0) * (moved > 0), ground)

    return Sketch(edge.columns(0, reach), along, paint)


EDGES: dict[str, Class] = {
    "selvedge_cut": Class(Kind.LOCAL, _selvedge_cut, "a piece of the edge is torn off"),
    "selvedge_slack": Class(Kind.WARP, _selvedge_slack, "the edge lies in waves", continuous=True),
    "selvedge_curl": Class(Kind.WARP, _selvedge_curl, "the edge is rolled in", continuous=True),
    "temple_mark": Class(Kind.WARP, _temple_mark, "rows of pin holes from the temple", continuous=True),
    "width_step": Class(Kind.WARP, _width_step, "the cloth becomes narrower", continuous=True),
}
