"""Strips replayed through the runtime, each as a piece of its own: what it saw, and what it told of each."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.aitex import Strip
from benchmarks.boxes import Box
from benchmarks.inspection import Judged, inspect
from benchmarks.pictures import read_picture
from runtime.cameras.config import roll_uri
from runtime.errors import UserError
from runtime.events import DefectEvent
from runtime.stream import make_view
from runtime.types import Bool, Float32, LineBlock, ScoreMap


@dataclass(frozen=True)
class Seen:
    """One strip as the runtime saw it.

    Attributes:
        values: the stitched map, float32 [ceil(lines / stride), ceil(width / stride)], NaN where nothing was judged.
        stride: px a map cell. shape: lines and px of the strip.
        boxes: of the events, in the strip's own lines.
    """

    strip: Strip
    values: Float32
    stride: int
    shape: tuple[int, int]
    boxes: list[Box]

    def mask(self) -> Bool | None:
        """The strip's mask from cloth_x0 rightwards; all False for normal cloth, None if a defect has none.

        Returns:
            Bool [lines, px].

        Raises:
            UserError: it cannot be read, or is of another size than its strip.
        """
        return read_mask(self.strip, self.shape)

    @property
    def events(self) -> list[Box]:
        """The boxes' parts on the cloth; one that lies left of cloth_x0 is left out."""
        x0 = self.strip.cloth_x0
        return [box._replace(x0=max(box.x0, x0)) for box in self.boxes if box.x1 > x0]


class StripMaps:
    """Puts the stitched strips of the stream together, one map per file; the pipeline's ``on_strip``."""

    def __init__(self) -> None:
        self.starts: dict[int, int] = {}
        self.shapes: dict[int, tuple[int, int]] = {}
        self._parts: dict[int, list[ScoreMap]] = {}

    def __call__(self, item: LineBlock | ScoreMap) -> None:
        if isinstance(item, ScoreMap):
            self._parts.setdefault(item.segment, []).append(item)
            return
        start = self.starts.setdefault(item.segment, item.first_line)
        self.shapes[item.segment] = (item.end_line - start, item.width)

    def whole(self, segment: int, stride: int) -> Float32:
        """A file's map, float32 [ceil(lines / stride), ceil(width / stride)], NaN where nothing was judged."""
        lines, width = self.shapes[segment]
        values = np.full((-(-lines // stride), -(-width // stride)), np.nan, np.float32)
        for part in self._parts.get(segment, []):
            row, column = (part.first_line - self.starts[segment]) // stride, part.x0 // stride
            values[row : row + part.values.shape[0], column : column + part.values.shape[1]] = part.values
        return values


def replay(judged: Judged, strips: Sequence[Strip]) -> list[Seen]:
    """Replay strips as 'python -m runtime.stream --camera replay:...' does, in the colours that the bundle takes.

    Raises:
        UserError: a strip cannot be read.
    """
    recipe, maps = judged.bundle.recipe, StripMaps()
    stride = recipe.geometry.map_stride
    with tempfile.TemporaryDirectory() as folder:
        roll = roll_of([strip.path for strip in strips], Path(folder) / "strips.txt", recipe.channels)
        told = inspect(judged, make_view(roll_uri(roll, recipe.mm_per_px), {}, stride), maps)
    missing = [strip.path.name for segment, strip in enumerate(strips) if segment not in maps.starts]
    if missing:
        raise UserError(f"{len(missing)} strip(s) cannot be read, the first is '{missing[0]}': repair the data folder.")
    return [
        Seen(
            strip,
            maps.whole(segment, stride),
            stride,
            maps.shapes[segment],
            boxes_of(told.defects, maps.starts[segment], maps.shapes[segment][0]),
        )
        for segment, strip in enumerate(strips)
    ]


def roll_of(paths: Sequence[Path], listed: Path, channels: int) -> str:
    """Write a list of strips; returns it as ``--rolls`` and ``--camera`` take it, read as grey (1) or colour (3)."""
    listed.write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")
    return f"replay:{listed}?channels={channels}"


def boxes_of(defects: Sequence[DefectEvent], start: int, lines: int) -> list[Box]:
    """Boxes of the events of one strip, in its own lines: no event crosses a strip's end."""
    return [
        Box(event.x0_px, event.x1_px, event.first_line - start, event.end_line - start)
        for event in defects
        if start <= event.first_line < start + lines
    ]


def read_mask(strip: Strip, shape: tuple[int, int]) -> Bool | None:
    """See Seen.mask."""
    if strip.mask is None:
        return None if strip.defect is not None else np.zeros(shape, np.bool_)
    image = read_picture(strip.mask, 1, "mask")[:, :, 0]
    if image.shape != shape:
        raise UserError(
            f"The mask '{strip.mask}' is {image.shape}, its strip {shape} (lines, px): correct the data folder."
        )
    mask: Bool = image > 127
    mask[:, : strip.cloth_x0] = False
    return mask
