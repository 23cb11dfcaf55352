"""A picture of what the stream sees: the cloth with its defects boxed, beside the anomaly map.

    python -m runtime.picture --camera replay:roll/strip7.png --bundle bundles/denim --out seen.png

Warp runs down; line numbers at the left, columns at the top. The map is drawn from black (the
median of what was seen) to white (twice the opening threshold); what is no cloth is blue.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from runtime.bundle import Bundle
from runtime.cameras.config import load_cameras
from runtime.command import parser, run
from runtime.engines import add_engine_options, load_engine
from runtime.errors import UserError
from runtime.events import DefectEvent, Event
from runtime.intake import Limit
from runtime.pipeline import Pipeline
from runtime.stream import DEMO_BUNDLE, make_view
from runtime.types import LineBlock, ScoreMap, State, UInt8

PANEL_PX = 560
EDGE_PX = 48
RED, BLUE, INK = (40, 40, 230), (140, 70, 30), (60, 60, 60)


@dataclass
class Seen:
    """What a stream saw of its first camera. A sink, and an ``on_strip`` listener."""

    lost: int = 0
    blocks: list[LineBlock] = field(default_factory=list)
    strips: list[ScoreMap] = field(default_factory=list)
    defects: list[DefectEvent] = field(default_factory=list)

    def strip(self, seen: LineBlock | ScoreMap) -> None:
        """Remember lines and map."""
        if isinstance(seen, LineBlock):
            self.blocks.append(seen)
        else:
            self.strips.append(seen)

    def write(self, event: Event) -> None:
        """Remember what was closed and not swallowed by another."""
        if isinstance(event, DefectEvent) and event.state is State.CLOSED and event.parent is None:
            self.defects.append(event)

    def close(self) -> None:
        """Nothing to write."""


def draw(seen: Seen, opening: float) -> UInt8:
    """The picture, uint8 [height, width, 3], blue green red.

    Raises:
        UserError: no line was seen.
    """
    if not seen.blocks:
        raise UserError("The camera gave no line, so there is nothing to draw.")
    first = seen.blocks[0].first_line
    width = max(block.width for block in seen.blocks)
    height = seen.blocks[-1].end_line - first
    cloth = np.zeros((height, width), np.uint8)
    for block in seen.blocks:
        cloth[block.first_line - first : block.end_line - first, : block.width] = block.pixels[..., 0]
    heat = heat_map(seen, first, height, width, opening)
    scale = PANEL_PX / width
    size = (PANEL_PX, max(1, round(height * scale)))
    coloured = np.repeat(cloth[..., None], 3, axis=2)
    panels = [cv2.resize(whole, size, interpolation=cv2.INTER_AREA).astype(np.uint8) for whole in (coloured, heat)]
    for panel in panels:
        for defect in seen.defects:
            box(panel, defect, first, scale)
    return frame(panels, seen)


def heat_map(seen: Seen, first: int, height: int, width: int, opening: float) -> UInt8:
    """The map at the pixels' scale, in grey; uint8 [height, width, 3]."""
    heat = np.full((height, width, 3), BLUE, np.uint8)
    if not seen.strips:
        return heat
    low = float(np.nanmedian(np.concatenate([strip.values.ravel() for strip in seen.strips])))
    for strip in seen.strips:
        grey = np.clip((strip.values - low) / max(2 * opening - low, 1e-6), 0, 1) * 255
        grey = np.repeat(np.repeat(grey, strip.stride, axis=0), strip.stride, axis=1)
        place = heat[strip.first_line - first : strip.end_line - first, strip.x0 : strip.x0 + grey.shape[1]]
        grey = grey[: place.shape[0], : place.shape[1]]
        place[np.isfinite(grey)] = np.nan_to_num(grey[np.isfinite(grey)])[:, None].astype(np.uint8)
    return heat


def box(panel: UInt8, defect: DefectEvent, first: int, scale: float) -> None:
    """A defect's box, a little outside it, with its kind."""
    x0, x1 = (round(x * scale) for x in (defect.x0_px, defect.x1_px))
    y0, y1 = (round((line - first) * scale) for line in (defect.first_line, defect.end_line))
    cv2.rectangle(panel, (x0 - 3, y0 - 3), (x1 + 3, y1 + 3), RED, 1)
    cv2.putText(panel, defect.kind.value, (max(x0 - 3, 2), max(y0 - 6, 10)), cv2.FONT_HERSHEY_SIMPLEX, 0.35, RED, 1)


def frame(panels: list[UInt8], seen: Seen) -> UInt8:
    """Panels side by side with the positions at their edges."""
    height = panels[0].shape[0]
    page = np.full((height + EDGE_PX + 8, 2 * PANEL_PX + 2 * EDGE_PX, 3), 255, np.uint8)
    for number, panel in enumerate(panels):
        x = EDGE_PX + number * (PANEL_PX + EDGE_PX // 2)
        page[EDGE_PX : EDGE_PX + height, x : x + PANEL_PX] = panel
        title = ("what the camera saw", "what the net says")[number]
        cv2.putText(page, title, (x, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
    for text, at in axis_marks(seen, height):
        cv2.putText(page, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.35, INK, 1, cv2.LINE_AA)
    return page


def axis_marks(seen: Seen, height: int) -> list[tuple[str, tuple[int, int]]]:
    """Lines and columns in words, and where they go."""
    first, last = seen.blocks[0].first_line, seen.blocks[-1].end_line
    width = max(block.width for block in seen.blocks)
    marks = [
        (f"{column} px", (EDGE_PX + round(column / width * PANEL_PX), EDGE_PX - 8)) for column in range(0, width, 512)
    ]
    for line in range(first, last, max(1, (last - first) // 6)):
        marks.append((str(line), (4, EDGE_PX + 8 + round((line - first) / (last - first) * height))))
    return marks


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    made = parser("runtime.picture", __doc__)
    made.add_argument("--camera", required=True, metavar="NAME|URI")
    made.add_argument("--cameras", type=Path, metavar="FILE", help="cameras.yaml (default: the one in the package)")
    made.add_argument("--bundle", type=Path, default=DEMO_BUNDLE, metavar="DIR", help="default: the demo bundle")
    made.add_argument("--lines", type=int, default=3000, help="stop after so many lines (default %(default)s)")
    made.add_argument("--out", type=Path, required=True, metavar="PNG")
    add_engine_options(made)
    options = made.parse_args(arguments)
    if options.lines < 1:
        raise UserError(f"--lines must be at least 1, got {options.lines}.")
    return picture(options)


def picture(options: argparse.Namespace) -> int:
    """Stream, draw, write."""
    bundle = Bundle(options.bundle)
    view = make_view(options.camera, load_cameras(options.cameras), bundle.recipe.geometry.map_stride)
    engine = load_engine(bundle, options.engine, options.precision, options.device)
    key = f"{options.engine}-{options.precision}"
    seen = Seen()
    try:
        Pipeline(
            bundle, engine, key, [view], [seen], Limit(lines=options.lines), on_strip=seen.strip
        ).run()  # fmt: skip
    finally:
        engine.close()
    drawn = draw(seen, min(bundle.thresholds(key).open.values()))
    if not cv2.imwrite(str(options.out), drawn):
        raise UserError(f"Cannot write a picture to '{options.out}'.")
    print(f"{len(seen.defects)} defects in {seen.blocks[-1].end_line - seen.blocks[0].first_line} lines: {options.out}")
    return 0


if __name__ == "__main__":
    run(main)
