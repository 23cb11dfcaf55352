"""Simulated cloth for the watcher's tests, and what a lamp, a lens and dust do to it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

from runtime.simulator.defects import Plant
from runtime.simulator.gains import Dust
from runtime.simulator.geometry import Geometry
from runtime.simulator.look import Look
from runtime.simulator.loom import Loom
from runtime.simulator.world import World
from runtime.types import LineBlock, Scale, UInt8

SCALE = Scale(mm_per_px=0.2, mm_per_line=0.2)
WIDTH = 512
CLOTH = (100, 412)
"""Columns well inside the selvedges."""


@cache
def cloth(style: str = "twill22", lines: int = 5120, seed: int = 5, ends: tuple[Plant, ...] = ()) -> UInt8:
    """Lines of cloth, uint8 [lines, WIDTH]; not to be written to."""
    pixels = Loom(style, width=WIDTH, seed=seed, defects=ends).lines(0, lines)[..., 0]
    pixels.flags.writeable = False
    return pixels


@cache
def wandering(
    geometry: Geometry,
    style: str = "twill22",
    lines: int = 6144,
    width: int = 768,
    dust: tuple[Dust, ...] = (),
    ends: tuple[Plant, ...] = (),
) -> UInt8:
    """Lines of cloth that does not lie still, under a window with dust, uint8 [lines, width]; not to be written to."""
    loom = Loom(style, width=width, seed=5, defects=ends)
    pixels = Look(loom, World(geometry=geometry, disturbances=dust)).lines(0, lines)[..., 0].astype(np.uint8)
    pixels.flags.writeable = False
    return pixels


def broken_end(column: int, first_line: int, lines: int, contrast: float = -0.3) -> Plant:
    return Plant("broken_end", column * 0.2, first_line * 0.2e-3, size_mm=lines * 0.2, contrast=contrast)


def times(pixels: UInt8, factor: float, first: int, end: int | None = None, columns: slice = slice(None)) -> UInt8:
    """Lines [first, end) of some columns with so much of their light."""
    out = pixels.astype(np.float32)
    out[first:end, columns] *= factor
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def blocks(pixels: UInt8, rows: int = 128, first_line: int = 0) -> Iterator[LineBlock]:
    for at in range(0, len(pixels), rows):
        yield LineBlock("c", 0, first_line + at, pixels[at : at + rows, :, None])
