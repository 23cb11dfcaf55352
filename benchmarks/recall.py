"""Which defects the runtime's events found, and which events are of no defect.

Pixels of a mask within JOIN_PX of each other are one defect. An event finds it when its box, grown by REACH_PX,
meets one of its pixels, and is not much larger than the defect: else a box of the whole strip would find all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.boxes import Box
from runtime.types import Bool

JOIN_PX = 5
REACH_PX = 16
SIDE_PX, SIDE_TIMES = 64, 3
"""An event's box is at most so long on each side, or so many times as long as the defect's."""


@dataclass(frozen=True)
class Component:
    """One defect of a mask: the box around its pixels, and they in it, Bool [lines, columns]."""

    box: Box
    pixels: Bool

    def met_by(self, event: Box) -> bool:
        """The event's box, grown by REACH_PX, has one of the pixels in it."""
        near = event.grown(REACH_PX)
        left, right = max(near.x0 - self.box.x0, 0), max(near.x1 - self.box.x0, 0)
        top, bottom = max(near.first - self.box.first, 0), max(near.end - self.box.first, 0)
        return bool(self.pixels[top:bottom, left:right].any())

    def found_by(self, event: Box) -> bool:
        """Met by an event that is not too large for it."""
        allowed_x = max(SIDE_PX, SIDE_TIMES * (self.box.x1 - self.box.x0))
        allowed_lines = max(SIDE_PX, SIDE_TIMES * (self.box.end - self.box.first))
        fits = event.x1 - event.x0 <= allowed_x and event.end - event.first <= allowed_lines
        return fits and self.met_by(event)


def components(mask: Bool) -> list[Component]:
    """The defects of a mask: pixels that touch, corners included, once each is grown by JOIN_PX in both directions."""
    side = 2 * JOIN_PX + 1
    joined = cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    found = []
    for label in range(1, count):
        x, y, width, height = (int(value) for value in stats[label, :4])
        own = (labels[y : y + height, x : x + width] == label) & mask[y : y + height, x : x + width]
        columns, lines = np.flatnonzero(own.any(axis=0)), np.flatnonzero(own.any(axis=1))
        left, right, top, bottom = int(columns[0]), int(columns[-1]) + 1, int(lines[0]), int(lines[-1]) + 1
        found.append(Component(Box(x + left, x + right, y + top, y + bottom), own[top:bottom, left:right]))
    return found


def false_events(events: Sequence[Box], defects: Sequence[Component]) -> int:
    """How many events meet no defect."""
    return sum(not any(defect.met_by(event) for defect in defects) for event in events)
