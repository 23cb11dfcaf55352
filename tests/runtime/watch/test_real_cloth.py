"""Long faults of real cloth are never taken for dust, whether the cloth lies still or wanders.

Needs the strips of AITEX, which are no part of this project: AITEX=FOLDER names one with a manifest.csv
(benchmarks/aitex.py). A strip is 256 lines; it is drawn out by turning it over again and again.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.aitex import Strip, read_manifest
from runtime.types import Defect, Float32, State, UInt8
from runtime.watch.columns import ColumnWatch
from runtime.watch.held import HOLD_MM, Held
from tests.runtime.watch.cloth import SCALE, blocks, times
from tests.runtime.watch.test_held import OPENED

DATA = Path(os.environ.get("AITEX", "aitex-is-not-named"))
pytestmark = pytest.mark.skipif(not (DATA / "manifest.csv").exists(), reason="AITEX=FOLDER names the strips")
LONG_LINES = 100
BESIDE_PX = 512
FROM, LINES = 2048, 8192
ROWS, LATE_LINES = 128, 256


@dataclass(frozen=True)
class Fault:
    """A fault of a strip that runs along the warp: columns [x0, x1) of its cloth around, uint8 [256, width]."""

    name: str
    pixels: UInt8
    x0: int
    x1: int

    def drawn_out(self, wander_px: float) -> UInt8:
        """LINES of cloth that moves to and fro once; the fault begins at line FROM."""
        turned = [np.concatenate([one, one[::-1]]) for one in (self.without.pixels, self.pixels)]
        cloth = np.concatenate([turned[line >= FROM] for line in range(0, LINES, 512)])
        rows = np.arange(LINES, dtype=np.float32)[:, None]
        columns = np.arange(cloth.shape[1], dtype=np.float32)[None] - shift(rows, wander_px)
        lines = np.repeat(rows, columns.shape[1], axis=1)
        moved: UInt8 = cv2.remap(cloth, columns, lines, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        return moved

    @property
    def without(self) -> Fault:
        """The same cloth, mended."""
        width, pixels = self.x1 - self.x0, self.pixels.copy()
        pixels[:, self.x0 : self.x1] = pixels[:, self.x1 + 8 : self.x1 + 8 + width]
        return Fault(self.name, pixels, self.x0, self.x1)


def shift(rows: Float32, wander_px: float) -> Float32:
    return np.asarray(wander_px * np.sin(2 * np.pi * rows / LINES), np.float32)


def faults() -> list[Fault]:
    """Every fault of the strips that is at least LONG_LINES long and three times as long as wide."""
    found = []
    for strip in read_manifest(DATA) if (DATA / "manifest.csv").exists() else []:
        if strip.mask:
            found += [fault for box in boxes(strip.mask) if (fault := fault_of(strip, *box))]
    return found


def boxes(mask: Path) -> list[tuple[int, int, int]]:
    _, _, stats, _ = cv2.connectedComponentsWithStats((cv2.imread(str(mask), 0) > 0).astype(np.uint8))
    return [(int(x), int(w), int(h)) for x, _, w, h, _ in stats[1:] if h >= LONG_LINES and h >= 3 * w]


def fault_of(strip: Strip, x: int, width: int, height: int) -> Fault | None:
    left = max(strip.cloth_x0, x - BESIDE_PX)
    pixels = cv2.imread(str(strip.path), 0)[:, left : x + width + BESIDE_PX]
    return Fault(f"{strip.path.name} {strip.defect}", pixels, x - left, x - left + width)


def run(pixels: UInt8, x0: int, x1: int) -> list[tuple[int, Defect]]:
    """What is told, and at which line, of a defect that the map shows in columns [x0, x1) from line FROM on."""
    columns = ColumnWatch(SCALE, 3.5)
    region = (32, pixels.shape[1] - 32)
    columns.region = region
    held = Held(columns, SCALE.mm_per_line, lambda column: column.name)
    told: list[tuple[int, Defect]] = []
    for block in blocks(pixels):
        columns.follow(columns.see(block), region)
        columns.learn(block.first_line, block.end_line, usual=True)
        end = block.end_line - LATE_LINES  # of the map
        since = (end - FROM) // ROWS
        seen = replace(OPENED, x0_px=x0, x1_px=x1, end_line=end, first_line=FROM)
        news = [seen] if since == 1 else [replace(seen, state=State.UPDATE)] if since > 1 and since % 4 == 0 else []
        told += [(end, defect) for defect in held.sift(news, end)]
    return told


@pytest.mark.parametrize("wander_px", [0.0, 12.0, -12.0])
@pytest.mark.parametrize("fault", faults(), ids=lambda fault: fault.name)
def test_a_long_fault_is_told_within_a_metre_and_never_explained_away(fault: Fault, wander_px: float) -> None:
    moved = round(float(shift(np.float32([FROM]), wander_px)[0]))
    told = run(fault.drawn_out(wander_px), fault.x0 + moved, fault.x1 + moved)
    (opened,) = [line for line, defect in told if defect.state is State.OPEN]
    assert (opened - FROM) * SCALE.mm_per_line <= HOLD_MM + ROWS * SCALE.mm_per_line
    assert [defect.state for _, defect in told if defect.state is State.CLOSED] == []


def test_most_dust_on_cloth_that_wanders_is_known_for_what_it_is() -> None:
    known = 0
    for fault in faults():
        pixels = times(fault.without.drawn_out(12.0), 0.8, FROM, None, slice(fault.x0 + 3, fault.x0 + 7))
        told = run(pixels, fault.x0, fault.x0 + 10)
        known += not told or told[-1][1].parent is not None
    assert known >= 0.8 * len(faults())
