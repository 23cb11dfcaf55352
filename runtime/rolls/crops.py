"""Pictures of defects: cut from the lines that just passed, kept as PNG within a quota."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from runtime.events import DefectEvent
from runtime.preprocess.flatfield import to_8_bit
from runtime.rolls.store import CROPS, Store
from runtime.types import LineBlock, State, UInt8

LINES_KEPT = 2048
"""How far back a defect's lines are looked for: several tiles, which is how late its event comes."""
BYTES_KEPT = 64 << 20
AROUND_PX = 32
"""Cloth around the defect."""
LARGEST_PX = 512
"""Of a crop in both directions; of a larger defect the part around its peak is kept."""


@dataclass(frozen=True)
class Quota:
    """How many crops a roll may have, and how large they may be together."""

    crops: int = 1000
    bytes: int = 200_000_000


@dataclass(frozen=True)
class Crop:
    """A defect's pixels, uint8 [rows, columns, channels]. ``final``: it is closed, no better crop will come."""

    defect: str
    pixels: UInt8
    final: bool = True


class RecentLines:
    """The last lines of one camera, as they came: blocks are kept, not copied."""

    def __init__(self) -> None:
        self._blocks: deque[LineBlock] = deque()
        self._bytes = 0

    def add(self, block: LineBlock) -> None:
        """Keep a block, and let go of the oldest."""
        self._blocks.append(block)
        self._bytes += block.pixels.nbytes
        while self._bytes > BYTES_KEPT or block.end_line - self._blocks[0].end_line > LINES_KEPT:
            self._bytes -= self._blocks.popleft().pixels.nbytes

    def cut(self, event: DefectEvent) -> Crop | None:
        """The pixels around a defect, or None where its peak's lines are gone. Lines that are missing are black."""
        at_peak = [b for b in self._blocks if b.first_line <= event.peak_line < b.end_line]
        if not at_peak:
            return None
        block = at_peak[-1]
        x0, x1 = _span(event.x0_px, event.x1_px, event.peak_x_px, 0, block.width)
        newest = self._blocks[-1].end_line
        y0, y1 = _span(event.first_line, event.end_line, event.peak_line, self._blocks[0].first_line, newest)
        crop: UInt8 = np.zeros((y1 - y0, x1 - x0, block.channels), np.uint8)
        for part in self._blocks:
            top, bottom = max(y0, part.first_line), min(y1, part.end_line)
            if top < bottom and part.segment == block.segment:
                rows = part.pixels[top - part.first_line : bottom - part.first_line, x0:x1]
                crop[top - y0 : bottom - y0] = to_8_bit(rows, part.bits)
        return Crop(event.id, crop, final=event.state is State.CLOSED)


def _span(first: int, end: int, peak: int, low: int, high: int) -> tuple[int, int]:
    """A range with cloth around it, cut to LARGEST_PX around the peak and to what there is."""
    first, end = first - AROUND_PX, end + AROUND_PX
    if end - first > LARGEST_PX:
        first = min(max(first, peak - LARGEST_PX // 2), end - LARGEST_PX)
        end = first + LARGEST_PX
    return max(first, low), min(end, high)


class CropFolder:
    """Writes crops within a quota; beyond it the first ones stay."""

    def __init__(self, store: Store, quota: Quota) -> None:
        self._store, self._quota = store, quota
        self._sizes = store.crops()
        for half_written in (store.folder / CROPS).glob("*.new"):
            half_written.unlink(missing_ok=True)

    def has(self, defect: str) -> bool:
        """Is there a crop of this defect?"""
        return defect in self._sizes

    def keep(self, crop: Crop) -> str | None:
        """Write a crop, in the place of an earlier one of the same defect; returns why not, or None.

        Raises:
            OSError, sqlite3.Error: the disk does not take it.
        """
        others = len(self._sizes) - (crop.defect in self._sizes)
        if others >= self._quota.crops:
            return "crops beyond the quota"
        pixels = crop.pixels[..., ::-1] if crop.pixels.shape[2] == 3 else crop.pixels  # OpenCV: blue green red
        data = cv2.imencode(".png", pixels)[1].tobytes()
        if sum(self._sizes.values()) - self._sizes.get(crop.defect, 0) + len(data) > self._quota.bytes:
            return "crops beyond the quota"
        name = f"{crop.defect}.png"
        _write(self._store.folder / CROPS / name, data)
        self._store.add_crop(crop.defect, name, len(data))
        self._sizes[crop.defect] = len(data)
        return None


def _write(path: Path, data: bytes) -> None:
    """Aside, then renamed: a crop is whole or absent."""
    aside = path.with_suffix(".new")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
