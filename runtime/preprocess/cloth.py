"""Which columns are cloth: table, background and selvedge at the sides are not looked at.

Cloth has texture at the scale of yarns and changes slowly across its width (light, focus); at its edge
brightness or texture steps. So the search starts inside the widest well-textured run of columns and
grows outwards until a column differs from the cloth just inside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from runtime.types import Bool, Float32, Pixels

SMOOTH_PX = 65
INSIDE_PX = 192
"""Width of the cloth inside a column with which it is compared."""
SEED_RATIO = 0.55, 1.8
"""Texture of columns that are surely cloth, as a ratio to the median of the textured ones."""
TEXTURE_STEP = 1.45
"""An edge is where texture changes by more than this factor within about INSIDE_PX."""
LIGHT_STEP = 0.15
"""... or brightness by more than this part."""
MIN_TEXTURE = 6.0
"""Grey levels: below this there is no weave under the camera, only sensor noise, which measures 3 to 4 over a
dark table; the smoothest cloth tried measures 13."""


@dataclass(frozen=True)
class ClothFinder:
    """Finds the cloth's columns.

    Attributes:
        grid: x0 is rounded up to this (the map's stride).
        inset_px: columns left out inside each found edge that is not the sensor's edge.
        min_width_px: a narrower run is not cloth.
    """

    grid: int = 4
    inset_px: int = 32
    min_width_px: int = 128

    def find(self, pixels: Pixels) -> tuple[int, int] | None:
        """Columns [x0, x1) of cloth in a block of lines, x0 on the grid; None where there is no cloth.

        Args:
            pixels: [rows, width, channels].
        """
        texture, light = column_profile(pixels)
        width = len(texture)
        floor = max(MIN_TEXTURE, 0.3 * float(np.percentile(texture, 90)))
        textured = texture[texture > floor]
        if len(textured) < self.min_width_px:
            return None
        middle = float(np.median(textured))
        seed = widest_run((texture > SEED_RATIO[0] * middle) & (texture < SEED_RATIO[1] * middle), join=SMOOTH_PX)
        start = _grow_left(texture, light, seed)
        end = width - _grow_left(texture[::-1], light[::-1], (width - seed[1], width - seed[0]))
        x0 = 0 if start <= SMOOTH_PX // 2 else start + self.inset_px
        x1 = width if end >= width - SMOOTH_PX // 2 else end - self.inset_px
        x0 = -(-x0 // self.grid) * self.grid
        return (x0, x1) if x1 - x0 >= self.min_width_px else None


def column_profile(pixels: Pixels) -> tuple[Float32, Float32]:
    """Texture and mean of each column in 8-bit grey levels, smoothed across; two float32 [width].

    Texture is the mean absolute second difference across, at a distance of two pixels: yarns, not light.
    """
    rows = pixels[:: max(1, len(pixels) // 64), :, 0].astype(np.float32)
    if pixels.dtype == np.uint16:
        rows /= 257.0
    if rows.shape[1] < 5:
        return np.zeros(rows.shape[1], np.float32), np.zeros(rows.shape[1], np.float32)
    across = np.abs(2 * rows - np.roll(rows, 2, axis=1) - np.roll(rows, -2, axis=1)).mean(axis=0)
    across[:2], across[-2:] = across[2], across[-3]
    return _box(across, SMOOTH_PX), _box(rows.mean(axis=0), SMOOTH_PX)


def widest_run(mask: Bool, join: int) -> tuple[int, int]:
    """Longest run [start, end) of True; runs nearer than ``join`` count as one (a hole is still cloth)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    runs: list[tuple[int, int]] = []
    for start, end in edges.reshape(-1, 2).tolist():
        if runs and start - runs[-1][1] < join:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return max(runs, key=lambda run: run[1] - run[0], default=(0, 0))


def _grow_left(texture: Float32, light: Float32, seed: tuple[int, int]) -> int:
    """First cloth column: left of the seed's inside the nearest step, or 0."""
    inner = min(seed[0] + INSIDE_PX, (seed[0] + seed[1]) // 2)
    shift = SMOOTH_PX // 2 + INSIDE_PX // 2
    at = np.minimum(np.arange(inner) + shift, len(texture) - 1)
    texture_inside, light_inside = _box(texture, INSIDE_PX)[at], _box(light, INSIDE_PX)[at]
    texture_ratio = texture[:inner] / np.maximum(texture_inside, 1e-3)
    light_ratio = light[:inner] / np.maximum(light_inside, 1e-3)
    step = (np.abs(np.log(np.maximum(texture_ratio, 1e-3))) > np.log(TEXTURE_STEP)) | (
        np.abs(light_ratio - 1) > LIGHT_STEP
    )
    steps = np.flatnonzero(step)
    return int(steps[-1]) + 1 if len(steps) else 0


def _box(row: Float32, size: int) -> Float32:
    smooth: Float32 = cv2.blur(row[None], (size, 1), borderType=cv2.BORDER_REFLECT)[0]
    return smooth
