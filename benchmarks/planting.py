"""Where defects are planted for a test: every class, plainly visible, far enough apart to be told apart.

Defects stand in rows across the cloth. Rows lie ROW_GAP_MM apart and defects of a row at least about as
far, which is more than the runtime bridges: so a defect is one event, and a missing piece is a missed defect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.boxes import Box
from runtime.errors import UserError
from runtime.simulator.defects import DEFECTS, Plant
from runtime.simulator.loom import Loom

SIZES_MM = {
    "missing_pick": (200.0, 220.0),
    "broken_end": (100.0, 140.0),
    "slub": (20.0, 40.0),
    "nep": (2.5, 4.0),
    "knot": (2.0, 2.5),
    "hole": (4.0, 12.0),
    "oil_stain": (12.0, 30.0),
}
"""From and to: the visible part of each class's usual sizes, short enough for a cloth of 400 mm."""
LEAD_MM = 200.0
"""Clean cloth before the first and after the last row."""
ROW_GAP_MM = 70.0
COLUMN_MM = 105.0
"""Distance of neighbouring defects' middles in a row."""
EDGE_MM = 55.0
"""Defects' middles stay this far from the sensor's ends: margin, selvedge and half a slub."""
JITTER_MM = 6.0
"""By how much a middle may lie beside its place."""


@dataclass(frozen=True)
class Planting:
    """Cloth with known defects. lines: how many of it to look at."""

    cloth: Loom
    lines: int

    def boxes(self) -> dict[str, Box]:
        """What was planted, by id and class."""
        return {
            f"{d.id} {d.cls}": Box(d.x0_px, d.x1_px, d.first_line, d.end_line) for d in self.cloth.truth(0, self.lines)
        }


def plant_cloth(style: str, width: int, mm_per_px: float, count: int, seed: int) -> Planting:
    """Cloth with ``count`` defects, the classes taking turns.

    Raises:
        UserError: too narrow for a row, or an unknown style.
    """
    plants, end_mm = lay_out(width * mm_per_px, count, np.random.default_rng(seed))
    cloth = Loom(style, width, seed, mm_per_px, defects=plants)
    return Planting(cloth, round((end_mm + LEAD_MM) / mm_per_px))


def lay_out(width_mm: float, count: int, rng: np.random.Generator) -> tuple[list[Plant], float]:
    """Places of the defects, and the millimetre at which the last one may end.

    Classes fill rows of their own one after the other, so that a row is no longer than its class asks for;
    a missing pick needs a row for itself.

    Raises:
        UserError: the cloth is too narrow.
    """
    columns = int((width_mm - 2 * EDGE_MM) / COLUMN_MM) + 1
    if width_mm < 2 * EDGE_MM or width_mm < SIZES_MM["missing_pick"][1] + 2 * EDGE_MM:
        raise UserError(f"{width_mm:g} mm of cloth are too narrow to plant a missing pick: use wider cloth.")
    plants: list[Plant] = []
    y_mm = LEAD_MM
    for number, cls in enumerate(DEFECTS):
        left = len(range(number, count, len(DEFECTS)))
        while left:
            row = 1 if cls == "missing_pick" else min(columns, left)
            first_x = (width_mm - (row - 1) * COLUMN_MM) / 2
            here = [_plant(cls, first_x + i * COLUMN_MM, y_mm, rng) for i in range(row)]
            plants += here
            y_mm += _longest_mm(cls) + JITTER_MM + ROW_GAP_MM
            left -= row
    return plants, y_mm


def _plant(cls: str, x_mm: float, y_mm: float, rng: np.random.Generator) -> Plant:
    """One defect near a place, in the stronger half of its class's usual contrasts."""
    weak, strong = sorted(DEFECTS[cls].contrasts, key=abs)
    middle = (weak + strong) / 2
    return Plant(
        cls,
        x_mm=x_mm + float(rng.uniform(-JITTER_MM, JITTER_MM)),
        y_m=(y_mm + float(rng.uniform(0, JITTER_MM))) / 1000,
        size_mm=float(rng.uniform(*SIZES_MM[cls])),
        contrast=middle + float(rng.uniform()) * (strong - middle),
        shape_seed=int(rng.integers(1 << 16)),
    )


def _longest_mm(cls: str) -> float:
    """How far along the cloth the class may reach: wefts lie across it."""
    return 4.0 if cls in ("missing_pick", "slub") else SIZES_MM[cls][1]
