"""An HTML page of pictures: what was missed and what was raised for nothing, the worst first.

Each strip is drawn twice, at half its size: the cloth with an outline around the mask (red) and the events' boxes
(green), and the map under it, from black (its median) over mid-grey (the opening threshold) to white; what was not
judged is blue.
The folder holds all that the page needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import chain, zip_longest
from pathlib import Path

import cv2
import numpy as np

from benchmarks.boxes import Box
from benchmarks.measures import StripResult
from benchmarks.replay import Seen
from runtime.cameras.images import read_image
from runtime.errors import UserError
from runtime.preprocess.flatfield import to_8_bit
from runtime.types import Bool, Float32, UInt8

MOST = 12
"""Strips of a fabric."""
SHRINK = 2
CLEAR_PX = 6
RED, GREEN, BLUE = (40, 40, 230), (60, 200, 60), (140, 70, 30)
STYLE = "body { font: 14px sans-serif; margin: 2em } img { max-width: 100%; display: block } figure { margin: 2em 0 }"


def worst(results: Sequence[StripResult]) -> list[int]:
    """Numbers of at most MOST strips: in turn the next with most defects missed and with most false events."""
    numbers = range(len(results))
    misses = sorted(numbers, key=lambda i: (-results[i].missed, np.nan_to_num(results[i].tiles.highest)))
    alarms = sorted(numbers, key=lambda i: (-results[i].false_events, -np.nan_to_num(results[i].tiles.highest)))
    in_turn = chain.from_iterable(zip_longest(misses, alarms))
    return list(dict.fromkeys(in_turn))[:MOST]


def draw(seen: Seen, opening: float) -> UInt8:
    """A strip's picture, uint8 [height, width, 3], blue green red."""
    grey = to_8_bit(image := read_image(seen.strip.path, 1), 8 * image.dtype.itemsize)
    cloth = np.repeat(grey, 3, axis=2)
    mask = seen.mask()
    if mask is not None:
        _outline(cloth, mask)
    for box in seen.boxes:
        _frame(cloth, box)
    heat = heat_map(seen.values, opening)
    heat = heat.repeat(seen.stride, axis=0).repeat(seen.stride, axis=1)[: seen.shape[0], : seen.shape[1]]
    gap = np.full((SHRINK * 4, seen.shape[1], 3), 255, np.uint8)
    both = np.concatenate([cloth, gap, heat])
    size = max(1, both.shape[1] // SHRINK), max(1, both.shape[0] // SHRINK)
    return np.asarray(cv2.resize(both, size, interpolation=cv2.INTER_AREA), np.uint8)


def _outline(cloth: UInt8, mask: Bool) -> None:
    """Draw a little outside the mask: many are thinner than the line."""
    side = 2 * CLEAR_PX + 1
    around = cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8))
    lines, _ = cv2.findContours(around, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(cloth, lines, -1, RED, SHRINK)


def _frame(cloth: UInt8, box: Box) -> None:
    cv2.rectangle(cloth, (box.x0, box.first), (box.x1 - 1, box.end - 1), GREEN, SHRINK)


def heat_map(values: Float32, opening: float) -> UInt8:
    """A map in grey, [rows, columns] -> uint8 [rows, columns, 3]; the opening threshold is half-way up."""
    judged = ~np.isnan(values)
    heat = np.full((*values.shape, 3), BLUE, np.uint8)
    if judged.any():
        low = float(np.median(values[judged]))
        reach = max(2 * (opening - low), 1e-6)
        heat[judged] = (np.clip((values[judged] - low) / reach, 0, 1) * 255).astype(np.uint8)[:, None]
    return heat


class Page:
    """A page that grows by a fabric at a time and is written at the end.

    Raises:
        UserError: its folder cannot be made.
    """

    def __init__(self, folder: Path, title: str) -> None:
        self._folder, self._title = folder, title
        self._parts: list[str] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"Cannot make the page's folder '{folder}': {error.strerror}.") from error

    def add(self, fabric: str, seen: Sequence[Seen], results: Sequence[StripResult], opening: float) -> None:
        """Draw a fabric's worst strips."""
        self._parts.append(f"<h2>{escape(fabric)}</h2>")
        for place, number in enumerate(worst(results)):
            name = f"{fabric}-{place:02}.png"
            self._write(name, cv2.imencode(".png", draw(seen[number], opening))[1].tobytes())
            caption = escape(caption_of(results[number]))
            self._parts.append(f'<figure><img src="{escape(name)}"><figcaption>{caption}</figcaption></figure>')

    def write(self) -> None:
        """Write index.html."""
        title = escape(self._title)
        head = (
            f"<!doctype html>\n<meta charset='utf-8'>\n<title>{title}</title>\n<style>{STYLE}</style>\n<h1>{title}</h1>"
        )
        self._write("index.html", "\n".join([head, *self._parts, ""]).encode())

    def _write(self, name: str, data: bytes) -> None:
        try:
            (self._folder / name).write_bytes(data)
        except OSError as error:
            raise UserError(f"Cannot write '{self._folder / name}': {error.strerror}.") from error


def caption_of(result: StripResult) -> str:
    """A strip in words."""
    strip = result.strip
    said = strip.defect or "normal"
    contrast = f", {strip.contrast}" if strip.contrast else ""
    if not result.masked:
        return f"{strip.path.name} ({said}): no mask, {len(result.events)} events"
    found = f"{result.found.count(True)} of {len(result.defects)} defects found"
    return f"{strip.path.name} ({said}{contrast}): {found}, {result.false_events} false events"
