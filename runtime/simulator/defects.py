"""Faults of weaving with their ground truth: where they lie, and how they change the light."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from runtime.errors import UserError
from runtime.simulator.fabric import Fabric
from runtime.simulator.shapes import fading, overlap
from runtime.types import Float32, Kind

Float64 = NDArray[np.float64]
Span = tuple[float, float]


@dataclass(frozen=True)
class Plant:
    """A defect asked for by place.

    Attributes:
        cls: a key of DEFECTS.
        x_mm: its middle across the cloth, from the camera's column 0.
        y_m: where it begins along the cloth, from line 0. Yarn faults settle on the nearest yarn.
        size_mm: length of a line defect, diameter of a round one; None: the middle of the usual sizes.
        contrast: change of mean grey relative to the cloth's; None: the middle of the usual ones.
        shape_seed: chooses the rim of a round defect.
    """

    cls: str
    x_mm: float
    y_m: float
    size_mm: float | None = None
    contrast: float | None = None
    shape_seed: int = 0


@dataclass(frozen=True)
class PlantedDefect:
    """Ground truth of one defect. No pixel outside [x0_px, x1_px) x [first_line, end_line) is changed.

    Attributes:
        id: unique within a Loom and the same whenever it is asked for.
        cls: a key of DEFECTS; kind: its shape.
        x0_px, x1_px, first_line, end_line: the box, half-open.
        x0_mm, x1_mm, y0_m, y1_m: the box in mm from column 0 and in m from line 0.
        contrast: change of mean grey relative to the cloth's, where the mask is 1.
        across_px, along_lines: exact extent inside the box, in fractions of pixels and lines.
        shape_seed: as in Plant.
    """

    id: str
    cls: str
    kind: Kind
    x0_px: int
    x1_px: int
    first_line: int
    end_line: int
    x0_mm: float
    x1_mm: float
    y0_m: float
    y1_m: float
    contrast: float
    across_px: Span
    along_lines: Span
    shape_seed: int

    def mask(self, first: int, count: int) -> Float32:
        """Strength of the defect on lines [first, first + count) of its columns.

        Returns:
            float32 [count, x1_px - x0_px], 0 to 1; zero rows before and after the defect.
        """
        x = np.arange(self.x0_px, self.x1_px, dtype=np.float64) + 0.5
        y = np.arange(first, first + count, dtype=np.float64) + 0.5
        here = (y > self.first_line) & (y < self.end_line)
        values = DEFECTS[self.cls].shape(self, x, y) * here[:, None]
        return values.astype(np.float32)

    def apply(self, light: Float32, first: int, grey: float) -> None:
        """Change the light of lines [first, first + n), float32 [n, width], in place.

        Args:
            light: DN under an even lamp.
            first: number of its first line.
            grey: mean grey of the cloth, which shows where the defect hides the weave.
        """
        low, high = max(first, self.first_line), min(first + light.shape[0], self.end_line)
        if low >= high:
            return
        part = light[low - first : high - first, self.x0_px : self.x1_px]
        mask = self.mask(low, high - low)
        part += (np.float32(DEFECTS[self.cls].hides) * mask) * (np.float32(grey) - part)
        part *= 1 + np.float32(self.contrast) * mask


@dataclass(frozen=True)
class DefectClass:
    """How one class of defect looks.

    Attributes:
        kind: its shape.
        sizes_mm, contrasts: usual ones, from and to.
        hides: how much of the weave it hides, 0 to 1.
        yarns: thickness of a line defect in yarn pitches; 0 for round defects.
        shape: mask of a defect at columns x [m] and lines y [n]: [n, m].
    """

    kind: Kind
    sizes_mm: Span
    contrasts: Span
    hides: float
    yarns: float
    shape: Callable[[PlantedDefect, Float64, Float64], Float64]


def _weft_line(defect: PlantedDefect, x: Float64, y: Float64) -> Float64:
    mask: Float64 = overlap(y, *defect.along_lines)[:, None] * fading(x, *defect.across_px)
    return mask


def _warp_line(defect: PlantedDefect, x: Float64, y: Float64) -> Float64:
    mask: Float64 = fading(y, *defect.along_lines)[:, None] * overlap(x, *defect.across_px)
    return mask


def _polar(defect: PlantedDefect, x: Float64, y: Float64) -> tuple[Float64, Float64]:
    """Places relative to the middle of the extent, in halves of it: across [m], along [n, 1]."""
    (x0, x1), (y0, y1) = defect.across_px, defect.along_lines
    return (2 * x - x0 - x1) / (x1 - x0), ((2 * y - y0 - y1) / (y1 - y0))[:, None]


def _spindle(defect: PlantedDefect, x: Float64, y: Float64) -> Float64:
    across, along = _polar(defect, x, y)
    lines = (defect.along_lines[1] - defect.along_lines[0]) / 2
    depth = (np.sqrt(np.clip(1 - across**2, 0, 1)) - np.abs(along)) * lines
    return np.clip(depth, 0, 1)


def _round(defect: PlantedDefect, x: Float64, y: Float64, soft: float) -> Float64:
    """A disc with an uneven rim, rising from 0 to 1 over ``soft`` lines."""
    across, along = _polar(defect, x, y)
    angle = np.arctan2(along, across)
    phase = defect.shape_seed % 7
    rim = 1 - 0.06 * (2 + np.sin(2 * angle + phase) + np.sin(3 * angle - phase))
    depth = (rim - np.hypot(across, along)) * (defect.along_lines[1] - defect.along_lines[0]) / 2
    mask: Float64 = np.clip(depth / soft, 0, 1)
    return mask


def _blob(defect: PlantedDefect, x: Float64, y: Float64) -> Float64:
    return _round(defect, x, y, soft=1.0)


def _stain(defect: PlantedDefect, x: Float64, y: Float64) -> Float64:
    return _round(defect, x, y, soft=0.25 * (defect.along_lines[1] - defect.along_lines[0]))


DEFECTS: dict[str, DefectClass] = {
    "missing_pick": DefectClass(Kind.WEFT, (200, 4000), (-0.4, -0.2), 0.5, 1.0, _weft_line),
    "broken_end": DefectClass(Kind.WARP, (100, 3000), (-0.4, -0.2), 0.5, 1.0, _warp_line),
    "slub": DefectClass(Kind.WEFT, (8, 40), (0.15, 0.35), 0.5, 2.5, _spindle),
    "nep": DefectClass(Kind.LOCAL, (1, 4), (0.2, 0.5), 0.8, 0, _blob),
    "knot": DefectClass(Kind.LOCAL, (1.2, 2.5), (0.3, 0.5), 0.9, 0, _blob),
    "hole": DefectClass(Kind.LOCAL, (2, 15), (-0.7, -0.5), 1.0, 0, _blob),
    "oil_stain": DefectClass(Kind.AREA, (6, 60), (-0.3, -0.12), 0.0, 0, _stain),
}

LONGEST_MM = max(entry.sizes_mm[1] for entry in DEFECTS.values() if entry.kind is not Kind.WEFT)
"""How far along the cloth a defect of usual size may reach."""


def place(plant: Plant, fabric: Fabric, mm_per_px: float, mm_per_line: float, name: str) -> PlantedDefect | None:
    """Settle a defect on the fabric's yarns and cut it at the cloth's edges.

    Returns:
        The defect, or None where it is too small for these pixels to show.

    Raises:
        UserError: an unknown class, or a place that is off the cloth.
    """
    if plant.cls not in DEFECTS:
        raise UserError(f"there is no defect class '{plant.cls}'; there are: {', '.join(DEFECTS)}")
    entry = DEFECTS[plant.cls]
    size = sum(entry.sizes_mm) / 2 if plant.size_mm is None else plant.size_mm
    contrast = sum(entry.contrasts) / 2 if plant.contrast is None else plant.contrast
    x, y = plant.x_mm / mm_per_px, plant.y_m * 1000 / mm_per_line
    if not fabric.edges[0] <= x <= fabric.edges[1] or y < 0 or not size > 0:
        raise UserError(f"a {plant.cls} of {size} mm at x {plant.x_mm} mm, y {plant.y_m} m is not on the cloth")
    across, along = _extent(entry, fabric, x, y, size / mm_per_px, size / mm_per_line)
    x0, x1 = (round(edge) for edge in fabric.edges)
    box = (
        max(x0, int(np.floor(across[0]))),
        min(x1, int(np.ceil(across[1]))),
        max(0, int(np.floor(along[0]))),
        int(np.ceil(along[1])),
    )
    if entry.yarns:
        across = (max(across[0], x0), min(across[1], x1))
    seed = plant.shape_seed
    loose = PlantedDefect(name, plant.cls, entry.kind, *box, 0, 0, 0, 0, contrast, across, along, seed)
    return _tightened(loose, mm_per_px, mm_per_line)


def _extent(entry: DefectClass, fabric: Fabric, x: float, y: float, columns: float, lines: float) -> tuple[Span, Span]:
    """Columns and lines that a defect covers whose middle is at column x and whose first line is y."""
    if entry.kind is Kind.WEFT:
        middle, half = fabric.pick_at(y + fabric.pick_pitch / 2), entry.yarns * fabric.pick_pitch / 2
        return (x - columns / 2, x + columns / 2), (middle - half, middle + half)
    if entry.kind is Kind.WARP:
        middle, half = fabric.end_at(x), entry.yarns * fabric.end_pitch / 2
        return (middle - half, middle + half), (y, y + lines)
    return (x - columns / 2, x + columns / 2), (y, y + lines)


def _tightened(loose: PlantedDefect, mm_per_px: float, mm_per_line: float) -> PlantedDefect | None:
    """The defect with its box drawn in to where its mask begins, or None if it has no such place."""
    seen = loose.mask(loose.first_line, loose.end_line - loose.first_line) > 0
    columns, rows = np.flatnonzero(seen.any(axis=0)), np.flatnonzero(seen.any(axis=1))
    if not columns.size:
        return None
    x0, x1 = loose.x0_px + int(columns[0]), loose.x0_px + int(columns[-1]) + 1
    first, end = loose.first_line + int(rows[0]), loose.first_line + int(rows[-1]) + 1
    return replace(
        loose,
        x0_px=x0,
        x1_px=x1,
        first_line=first,
        end_line=end,
        x0_mm=x0 * mm_per_px,
        x1_mm=x1 * mm_per_px,
        y0_m=first * mm_per_line / 1000,
        y1_m=end * mm_per_line / 1000,
    )
