"""Which columns are cloth: table, background and selvedge at the sides are not looked at.

Cloth has texture at the scale of yarns and changes slowly across its width (light, focus); at its edge brightness or
texture steps, and what lies beyond is not like it through to the sensor's border. So the cloth ends with the outermost
columns that are like those farther inside, whatever lies between: a hole, a stain or a dark stripe has cloth at both
its sides. One that leaves less than RUN_PX of cloth beside it cannot be told from the edge here, but where the edge was
before is known (runtime/preprocess/held_region.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from runtime.types import Bool, Float32, Pixels

SMOOTH_PX = 65
INSIDE_PX = 192
"""Width of the cloth inside a column with which it is compared."""
RUN_PX = 96
"""Columns side by side that are cloth if they are like the cloth inside; fewer may be a selvedge, or a step's flank."""
SEED_RATIO = 0.55, 1.8
"""Texture of columns that are surely cloth, as a ratio to the median of the textured ones."""
TEXTURE_STEP = 1.45
"""An edge is where texture changes by more than this factor against the cloth inside."""
LIGHT_STEP = 0.15
"""... or brightness by more than this part."""
MIN_TEXTURE = 6.0
"""Grey levels: below this there is no weave under the camera, only sensor noise, which measures 3 to 4 over a
dark table; the smoothest cloth tried measures 13."""
ROWS, GROUPS = 64, 8
"""Rows that are looked at, and groups of them, over which the median is taken: what is shorter than half the lines
does not show."""


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
        surely = (texture > SEED_RATIO[0] * middle) & (texture < SEED_RATIO[1] * middle)
        first, last = _seed(runs(surely, join=SMOOTH_PX), texture, light)
        surely[:first] = surely[last:] = False
        surely &= _box(surely.astype(np.float32), SMOOTH_PX) > 0.99  # without the flanks of faults and edges
        if not surely.any():
            return None
        start = _first_cloth(texture, light, surely)
        end = width - _first_cloth(texture[::-1], light[::-1], surely[::-1])
        x0 = 0 if start <= SMOOTH_PX // 2 else start + self.inset_px
        x1 = width if end >= width - SMOOTH_PX // 2 else end - self.inset_px
        x0 = -(-x0 // self.grid) * self.grid
        return (x0, x1) if x1 - x0 >= self.min_width_px else None

    def is_bare(self, pixels: Pixels) -> bool:
        """Whether there is too little texture for any cloth, be it covered or spoilt."""
        texture, _ = column_profile(pixels)
        return int((texture > MIN_TEXTURE).sum()) < self.min_width_px


def column_profile(pixels: Pixels) -> tuple[Float32, Float32]:
    """Texture and brightness of each column in 8-bit grey levels, smoothed across; two float32 [width].

    Texture is the mean absolute second difference across, at a distance of two pixels: yarns, not light.
    """
    rows = pixels[:: max(1, len(pixels) // ROWS), :, 0].astype(np.float32)
    if pixels.dtype == np.uint16:
        rows /= 257.0
    if rows.shape[1] < 5:
        return np.zeros(rows.shape[1], np.float32), np.zeros(rows.shape[1], np.float32)
    texture = _usual(np.abs(2 * rows[:, 2:-2] - rows[:, 4:] - rows[:, :-4]))
    return _box(np.pad(texture, 2, mode="edge"), SMOOTH_PX), _box(_usual(rows), SMOOTH_PX)


def runs(mask: Bool, join: int) -> list[tuple[int, int]]:
    """Runs [start, end) of True from left to right; those nearer than ``join`` count as one."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    found: list[tuple[int, int]] = []
    for start, end in edges.reshape(-1, 2).tolist():
        if found and start - found[-1][1] < join:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _length(run: tuple[int, int]) -> int:
    return run[1] - run[0]


def _seed(stretches: list[tuple[int, int]], texture: Float32, light: Float32) -> tuple[int, int]:
    """The longest stretch, with those at its sides that go on like it beyond a hole or a stain."""
    longest = start, end = max(stretches, key=_length)
    for left, right in reversed([one for one in stretches if one[1] <= longest[0]]):
        if _go_on(texture, light, (max(left, right - INSIDE_PX), right), (start, start + INSIDE_PX)):
            start = left
    for left, right in [one for one in stretches if one[0] >= longest[1]]:
        if _go_on(texture, light, (left, min(right, left + INSIDE_PX)), (max(0, end - INSIDE_PX), end)):
            end = right
    return start, end


def _go_on(texture: Float32, light: Float32, one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two stretches of columns are of the same cloth."""
    medians = [np.median(row[slice(*span)], keepdims=True) for row in (texture, light) for span in (one, other)]
    return bool(_like(*medians)[0])


def _like(texture: Float32, texture_inside: Float32, light: Float32, light_inside: Float32) -> Bool:
    """Which columns do not differ from the cloth inside them by more than a step."""
    texture_ratio = texture / np.maximum(texture_inside, 1e-3)
    light_ratio = light / np.maximum(light_inside, 1e-3)
    like: Bool = (
        (texture_ratio < TEXTURE_STEP) & (texture_ratio > 1 / TEXTURE_STEP) & (np.abs(light_ratio - 1) <= LIGHT_STEP)
    )
    return like


def _first_cloth(texture: Float32, light: Float32, surely: Bool) -> int:
    """Leftmost column of the cloth around the seed.

    Args:
        surely: columns of the seed that are cloth; between them cloth is made up, so that a hole is compared with
            the cloth around it and not the cloth with the hole.
    """
    at, known = np.arange(len(texture)), np.flatnonzero(surely)
    within = (at >= known[0]) & (at <= known[-1])
    inside = np.minimum(at + SMOOTH_PX // 2 + INSIDE_PX // 2, known[-1])
    texture_inside, light_inside = (
        _box(np.where(within, np.interp(at, known, row[known]), row), INSIDE_PX)[inside] for row in (texture, light)
    )
    like = _like(texture, texture_inside, light, light_inside)
    stretches = [run for run in runs(like, join=1) if _length(run) >= RUN_PX]
    first = next((start for start, end in stretches if end > known[0]), int(known[0]))
    for start, end in reversed([run for run in stretches if run[1] <= known[0]]):
        if not _go_on(texture, light, (max(start, end - INSIDE_PX), end), (first, first + INSIDE_PX)):
            break
        first = start
    return first


def _usual(rows: Float32) -> Float32:
    """Median of the means of GROUPS groups of rows, float32 [width]."""
    means = np.sort([group.mean(axis=0) for group in np.array_split(rows, min(GROUPS, len(rows)))], axis=0)
    usual: Float32 = (means[(len(means) - 1) // 2] + means[len(means) // 2]) / 2
    return usual


def _box(row: Float32, size: int) -> Float32:
    smooth: Float32 = cv2.blur(row[None], (size, 1), borderType=cv2.BORDER_REFLECT)[0]
    return smooth
