"""Charts as SVG: drawn with the page's own colours, sharp on paper, each point with its words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from calibration.verdict.record import Planted
from runtime.types import Float32

LOW, HIGH = 0.125, 32.0
"""Scores are drawn between these multiples of the threshold, what lies beyond at the edge."""
TICKS = (0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32)
BINS = 48
SIDE, WIDE, TALL, LEFT, BELOW = 420, 440, 160, 44, 34
"""Of the scatter, the histograms' width and height, and the room for numbers, px."""


def place(score: float) -> float:
    """Where a score lies between LOW (0) and HIGH (1), on a logarithmic scale."""
    share = math.log(max(score, LOW) / LOW) / math.log(HIGH / LOW) if score > LOW else 0.0
    return min(share, 1.0)


def scatter(planted: Sequence[Planted]) -> str:
    """Every painted defect: its score in the reference across, in the engine upwards."""
    counts = {kind: sum(_kind(one) == kind for one in planted) for kind in ("lost", "new", "found", "missed")}
    at = place(1) * SIDE
    drawn = [
        f'<rect class="lost-area" x="{at:.1f}" y="{SIDE - at:.1f}" width="{SIDE - at:.1f}" height="{at:.1f}"/>',
        f'<path class="grid" d="M0 {SIDE}L{SIDE} 0"/>',
        f'<path class="threshold" d="M{at:.1f} 0V{SIDE}M0 {SIDE - at:.1f}H{SIDE}"/>',
        _axis_across(SIDE, SIDE, "score in the reference, thresholds"),
        _axis_up(SIDE, "score in the engine, thresholds"),
    ]
    for kind in ("missed", "found", "new", "lost"):  # the rare ones on top
        drawn += [_dot(one, kind) for one in planted if _kind(one) == kind]
    for kind, (x, y, end) in {
        "lost": (SIDE - 6, SIDE - 8, "end"), "new": (6, 16, "start"),
        "found": (SIDE - 6, 16, "end"), "missed": (6, SIDE - 8, "start"),
    }.items():  # fmt: skip
        words = {"found": "found by both", "missed": "missed by both"}.get(kind, kind)
        drawn.append(f'<text class="label" x="{x}" y="{y}" text-anchor="{end}">{words}: {counts[kind]}</text>')
    return _svg(SIDE, SIDE, drawn, "Scores of painted defects in the reference and in the engine")


def _kind(one: Planted) -> str:
    if one.lost or one.new:
        return "lost" if one.lost else "new"
    return "found" if one.before >= 1 else "missed"


def _dot(one: Planted, kind: str) -> str:
    x, y = place(one.before) * SIDE, SIDE - place(one.after) * SIDE
    words = escape(f"{one.cls}, {one.contrast}: {one.before:.2f} to {one.after:.2f} ({one.where})")
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{words}</title></circle>'


def histogram(before: Float32, after: Float32, title: str) -> str:
    """Scores in multiples of the thresholds [n] each: the engine filled, the reference as an outline over it."""
    edges = np.linspace(0, 1, BINS + 1)
    heights = [np.histogram([place(float(one)) for one in values], edges)[0] for values in (before, after)]
    top = max(1, int(np.max(heights)))
    steps = [_steps(counts / top, edges) for counts in heights]
    at = place(1) * WIDE
    drawn = [
        f'<path class="after" d="M0 {TALL}{steps[1]}V{TALL}Z"/>',
        f'<path class="before" d="M0 {TALL}{steps[0]}V{TALL}"/>',
        f'<path class="threshold" d="M{at:.1f} 0V{TALL}"/>',
        f'<text class="tick" x="-6" y="9" text-anchor="end">{top}</text>',
        f'<text class="tick" x="-6" y="{TALL}" text-anchor="end">0</text>',
        _axis_across(WIDE, TALL, "score, thresholds"),
    ]
    return _svg(WIDE, TALL, drawn, title)


def _steps(shares: Sequence[float] | np.ndarray, edges: np.ndarray) -> str:
    """A stair over the bins, as the middle of a path that begins at the lower left."""
    return "".join(
        f"V{TALL * (1 - share):.1f}H{edge * WIDE:.1f}" for share, edge in zip(shares, edges[1:], strict=True)
    )


def _axis_across(width: int, height: int, title: str) -> str:
    marks = [f'<path class="axis" d="M0 {height}H{width}"/>']
    for tick in TICKS:
        x = place(tick) * width
        marks.append(f'<path class="axis" d="M{x:.1f} {height}v4"/>')
        marks.append(f'<text class="tick" x="{x:.1f}" y="{height + 16}" text-anchor="middle">{tick:g}</text>')
    marks.append(f'<text class="tick" x="{width / 2}" y="{height + 31}" text-anchor="middle">{title}</text>')
    return "".join(marks)


def _axis_up(height: int, title: str) -> str:
    marks = [f'<path class="axis" d="M0 0V{height}"/>']
    for tick in TICKS:
        y = height - place(tick) * height
        marks.append(f'<path class="axis" d="M0 {y:.1f}h-4"/>')
        marks.append(f'<text class="tick" x="-8" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    middle = f'x="{-height / 2}" y="-32" transform="rotate(-90)"'
    marks.append(f'<text class="tick" {middle} text-anchor="middle">{title}</text>')
    return "".join(marks)


def _svg(width: int, height: int, drawn: Sequence[str], title: str) -> str:
    box = f"{-LEFT} -6 {width + LEFT + 12} {height + BELOW + 8}"
    size = f'width="{width + LEFT + 12}" height="{height + BELOW + 8}"'
    return f'<svg viewBox="{box}" {size} role="img" aria-label="{escape(title)}">{"".join(drawn)}</svg>'
