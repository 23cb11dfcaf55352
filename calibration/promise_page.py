"""The tail of normal cloth as one HTML page: events counted, the fit through them, and the promise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from calibration.tail import Tail
from calibration.verdict.numbers import poisson_interval
from calibration.verdict.style import STYLE

WIDE, TALL, LEFT, BELOW = 640, 360, 64, 44
"""Of the chart and the room for numbers, px."""
STEPS = 60


class _Axes:
    """Thresholds across, events per 100 m upwards on a logarithmic scale, whole decades."""

    def __init__(self, thresholds: tuple[float, float], rates: tuple[float, float]) -> None:
        self.left, self.right = thresholds
        self.low, self.high = math.floor(math.log10(rates[0])), math.ceil(math.log10(rates[1]))

    def x(self, threshold: float) -> float:
        return (threshold - self.left) / (self.right - self.left) * WIDE

    def y(self, rate: float) -> float:
        decade = math.log10(max(rate, 10.0**self.low))
        return TALL * (self.high - decade) / (self.high - self.low)


def page(tail: Tail, per_100m: float, counted: Sequence[tuple[float, int]], judged: str) -> str:
    """The whole page.

    Args:
        per_100m: events promised.
        counted: thresholds and events that the runtime tells of the cloth at each.
        judged: bundle and engine, for people.
    """
    title = f"{per_100m:g} false events per 100 m"
    said = (
        f"{escape(judged)}: opens at {tail.threshold(per_100m):.4f}, from {len(tail.excesses)} chance peaks in "
        f"{tail.metres:.1f} m of normal cloth."
    )
    caption = (
        "Dots: events that the runtime counts on this cloth at a threshold, with the exact 95 % interval of a Poisson "
        "count. Line: generalised Pareto fit to the peaks above the level where it begins; band: its 95 % profile "
        "likelihood interval. Dashed: the promise and its threshold."
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}: {escape(judged)}</title>\n'
        f"<style>{STYLE}.band {{ fill: var(--after); opacity: .3 }} .whisker {{ stroke: var(--soft) }}</style>\n"
        f"<main>\n<h1>{title}</h1><p>{said}</p>\n<figure>{chart(tail, per_100m, counted)}"
        f"<figcaption>{caption}</figcaption></figure>\n</main>\n</html>\n"
    )


def chart(tail: Tail, per_100m: float, counted: Sequence[tuple[float, int]]) -> str:
    """Events per 100 m over the threshold, as SVG."""
    opening = tail.threshold(per_100m)
    most = max(opening, tail.level + float(tail.excesses.max()))
    right = tail.level + 1.1 * (most - tail.level)
    axes = _Axes((tail.level, right), (per_100m / 10, tail.peaks_per_100m * 2))
    thresholds = np.linspace(tail.level, right, STEPS)
    lows, highs = zip(*(tail.rate_interval(float(one)) for one in thresholds), strict=True)
    up = " L".join(f"{axes.x(x):.1f} {axes.y(y):.1f}" for x, y in zip(thresholds, highs, strict=True))
    back = " L".join(f"{axes.x(x):.1f} {axes.y(y):.1f}" for x, y in list(zip(thresholds, lows, strict=True))[::-1])
    line = " L".join(f"{axes.x(x):.1f} {axes.y(tail.per_100m(float(x))):.1f}" for x in thresholds)
    x, y = axes.x(opening), axes.y(per_100m)
    drawn = [
        f'<path class="band" d="M{up} L{back}Z"/>',
        f'<path class="before" d="M{line}"/>',
        f'<path class="threshold" d="M0 {y:.1f}H{x:.1f}V{TALL}"/>',
        *(_dot(axes, threshold, count, tail.metres) for threshold, count in counted),
        _marks(axes),
    ]
    box = f"{-LEFT} -8 {WIDE + LEFT + 12} {TALL + BELOW + 8}"
    words = escape(f"Events per 100 m over the threshold; promised {per_100m:g} at {opening:.4f}")
    return f'<svg viewBox="{box}" role="img" aria-label="{words}">{"".join(drawn)}</svg>'


def _dot(axes: _Axes, threshold: float, count: int, metres: float) -> str:
    low, high = (100 / metres * end for end in poisson_interval(count))
    x, rate = axes.x(threshold), 100 / metres * count
    words = f"{count} events in {metres:.1f} m at {threshold:.3f}"
    return (
        f'<path class="whisker" d="M{x:.1f} {axes.y(low):.1f}V{axes.y(high):.1f}"/>'
        f'<circle cx="{x:.1f}" cy="{axes.y(rate):.1f}" r="4"><title>{words}</title></circle>'
    )


def _marks(axes: _Axes) -> str:
    marks = [f'<path class="axis" d="M0 0V{TALL}H{WIDE}"/>']
    for decade in range(axes.low, axes.high + 1):
        y = axes.y(10.0**decade)
        marks.append(f'<path class="axis" d="M0 {y:.1f}h-4"/>')
        marks.append(f'<text class="tick" x="-8" y="{y + 4:.1f}" text-anchor="end">{10.0**decade:g}</text>')
    for threshold in np.linspace(axes.left, axes.right, 6):
        x = axes.x(threshold)
        marks.append(f'<text class="tick" x="{x:.1f}" y="{TALL + 16}" text-anchor="middle">{threshold:.2f}</text>')
    marks.append(f'<text class="tick" x="{WIDE / 2}" y="{TALL + 34}" text-anchor="middle">threshold, map value</text>')
    turned = f'x="{-TALL / 2}" y="-48" transform="rotate(-90)" text-anchor="middle"'
    marks.append(f'<text class="tick" {turned}>events per 100 m</text>')
    return "".join(marks)
