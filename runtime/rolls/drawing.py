"""Drawings of boxes, strokes and words, which a page and a PDF both can show; and as SVG.

Units are those of the drawing, y runs down. A shape's style is a name: the page and the PDF know its colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal


@dataclass(frozen=True)
class Box:
    """A rectangle. ``title``: what it is, for whoever points at it; ``link``: an anchor on the page."""

    x: float
    y: float
    width: float
    height: float
    style: str
    title: str = ""
    link: str = ""


@dataclass(frozen=True)
class Stroke:
    """A straight line."""

    x0: float
    y0: float
    x1: float
    y1: float
    style: str


@dataclass(frozen=True)
class Words:
    """Text; ``y`` is its baseline."""

    x: float
    y: float
    text: str
    style: str
    anchor: Literal["start", "middle", "end"] = "start"


Shape = Box | Stroke | Words


@dataclass(frozen=True)
class Drawing:
    """Shapes in the order in which they are drawn."""

    width: float
    height: float
    shapes: Sequence[Shape]


def svg(drawing: Drawing, title: str) -> str:
    """As an SVG element; styles become classes, and the style ``blind`` is hatched."""
    hatch = (
        '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect class="hatch-ground" width="6" height="6"/><path class="hatch" d="M0 0V6"/></pattern></defs>'
    )
    drawn = "".join(_element(shape) for shape in drawing.shapes)
    size = f'viewBox="0 0 {drawing.width:g} {drawing.height:g}" width="{drawing.width:g}" height="{drawing.height:g}"'
    return f'<svg {size} role="img" aria-label="{escape(title)}">{hatch}{drawn}</svg>'


def _element(shape: Shape) -> str:
    if isinstance(shape, Stroke):
        return f'<path class="{shape.style}" d="M{shape.x0:.1f} {shape.y0:.1f}L{shape.x1:.1f} {shape.y1:.1f}"/>'
    if isinstance(shape, Words):
        place = f'x="{shape.x:.1f}" y="{shape.y:.1f}" text-anchor="{shape.anchor}"'
        return f'<text class="{shape.style}" {place}>{escape(shape.text)}</text>'
    place = f'x="{shape.x:.1f}" y="{shape.y:.1f}" width="{shape.width:.1f}" height="{shape.height:.1f}"'
    words = f"<title>{escape(shape.title)}</title>" if shape.title else ""
    drawn = f'<rect class="{shape.style}" {place}>{words}</rect>'
    return f'<a href="#{escape(shape.link)}">{drawn}</a>' if shape.link else drawn
