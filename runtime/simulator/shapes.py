"""Shapes that faults are made of: runs, rough discs, threads. Masks are 0 to 1; lengths are the caller's unit."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from runtime.types import Float32

Float64 = NDArray[np.float64]
Depth = Callable[[Float64, Float64], Float64]
"""How deep inside a shape a place is, from its across and along: negative outside."""


def overlap(at: Float64, low: float, high: float) -> Float64:
    """Share of each pixel (centres ``at``) that lies in [low, high)."""
    share: Float64 = np.clip(np.minimum(at + 0.5, high) - np.maximum(at - 0.5, low), 0, 1)
    return share


def fading(at: Float64, low: float, high: float) -> Float64:
    """1 inside [low, high), falling to 0 at its ends: no yarn is cut off with a knife."""
    return ramped(at, low, high, min(20.0, 0.1 * (high - low)))


def ramped(at: Float64, low: float, high: float, ramp: float) -> Float64:
    """1 inside [low, high), rising from 0 and falling to 0 over ``ramp`` at its ends."""
    return np.clip(np.minimum(at - low, high - at) / ramp, 0, 1)


def rough_disc(rng: np.random.Generator, rx: float, ry: float, rough: float) -> Depth:
    """An ellipse with an uneven rim that reaches its radii and stays within them.

    Args:
        rough: how uneven: 0 for a clean ellipse, 0.3 for a torn one.
    """
    order = np.arange(2, 20)
    height, phase = rng.normal(size=order.size) / order**1.2, rng.uniform(0, 2 * np.pi, order.size)
    height *= rough / max(float(np.abs(height).sum()), 1e-9)

    def rim(angle: Float64) -> Float64:
        radius: Float64 = 1 + (height * np.sin(angle[..., None] * order + phase)).sum(axis=-1)
        return radius

    farthest = float(rim(np.linspace(0, 2 * np.pi, 720)).max())

    def depth(x: Float64, y: Float64) -> Float64:
        angle = np.arctan2(y / ry, x / rx)
        inside: Float64 = (rim(angle) / farthest - np.hypot(x / rx, y / ry)) * min(rx, ry)
        return inside

    return depth


def distance_to_course(points: Float64, x: Float64, y: Float64, reach: float = np.inf) -> Float64:
    """Distance of places (x [1, m], y [n, 1]) from a course through points [k, 2], float64 [n, m].

    Args:
        reach: farther away the distance may be given as infinite, which is quicker.
    """
    nearest = np.full((y.shape[0], x.shape[1]), np.inf)
    (left, top), (right, bottom) = points.min(axis=0) - reach, points.max(axis=0) + reach
    columns = slice(*np.searchsorted(x[0], [left, right]))
    rows = slice(*np.searchsorted(y[:, 0], [top, bottom]))
    part, x, y = nearest[rows, columns], x[:, columns], y[rows]
    for (ax, ay), (bx, by) in pairwise(points):
        ux, uy = bx - ax, by - ay
        along = np.clip(((x - ax) * ux + (y - ay) * uy) / max(ux * ux + uy * uy, 1e-12), 0, 1)
        np.minimum(part, np.hypot(x - ax - along * ux, y - ay - along * uy), out=part)
    return nearest


def curl(rng: np.random.Generator, start: Float64, length: float, turn: float, steps: int = 24) -> Float64:
    """A wandering course from ``start`` [2] on; ``turn``: radians by which it turns on its way. [steps + 1, 2]"""
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.25, steps)) + np.linspace(0, turn, steps)
    step = length / steps
    course = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=1) * step, axis=0)
    points: Float64 = start + np.vstack([np.zeros((1, 2)), course])
    return points


def held_within(course: Float64, radius: float) -> Float64:
    """A course [k, 2] whose points are drawn in to ``radius`` from the origin."""
    away = np.hypot(course[:, 0], course[:, 1])
    return np.asarray(course * np.minimum(1, radius / np.maximum(away, 1e-9))[:, None])


def cover(depth: Float64, soft: float) -> Float64:
    """Mask of a shape from the depth inside it: half at its rim, rising over ``soft``."""
    return np.clip(depth / soft + 0.5, 0, 1)


def lay_thread(part: Float32, distance: Float64, half: float, grey: float, soft: float) -> None:
    """Lay a round thread over light: bright along its middle, with a narrow shadow at both sides.

    Args:
        part: float32 [n, m], changed in place.
        distance: from the thread's middle, [n, m]. half: its radius. soft: how wide its edge is blurred.
        grey: of its middle, DN.
    """
    part *= 1 - 0.25 * cover(1.6 * half + soft - distance, 2 * soft).astype(np.float32)
    tone = grey * (0.65 + 0.35 * np.cos(np.pi / 2 * np.clip(distance / half, 0, 1)))
    part += (cover(half - distance, soft) * (tone - part)).astype(np.float32)


def pulled_aside(part: Float32, shift: Float64) -> None:
    """Move light across by ``shift`` [n, m] px: each pixel takes what lay that far to its left. In place."""
    n, m = part.shape
    source = np.clip(np.arange(m) - shift, 0, m - 1)
    low = np.minimum(source.astype(np.int64), max(m - 2, 0))
    share = (source - low).astype(np.float32)
    rows = np.arange(n)[:, None]
    part[:] = part[rows, low] * (1 - share) + part[rows, np.minimum(low + 1, m - 1)] * share
