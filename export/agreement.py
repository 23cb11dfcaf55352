"""Whether a new engine says what the bundle's graph says: made-up tiles, the graph's maps of them, and the distance."""

from __future__ import annotations

import math

import numpy as np

from runtime.bundle import Bundle
from runtime.engines.openvino import compile_model
from runtime.types import Float32, UInt8

TILES = 8


def probe_tiles(bundle: Bundle) -> UInt8:
    """TILES tiles of a weave's ripple with noise, uint8 [TILES, T, T, C], the same every time."""
    tile, channels = bundle.recipe.tiles.tile, bundle.recipe.channels
    rows, columns = np.indices((tile, tile))
    ripple = 110 + 25 * np.sin(2 * np.pi * (rows + columns) / 9)
    noise = np.random.default_rng(0).normal(0, 12, (TILES, tile, tile, channels))
    tiles: UInt8 = np.clip(ripple[None, :, :, None] + noise, 0, 255).astype(np.uint8)
    return tiles


def reference_maps(bundle: Bundle, tiles: UInt8) -> Float32:
    """What the bundle's OpenVINO FP32 engine says of tiles."""
    compiled = compile_model(bundle.engine("openvino", "fp32", "CPU")[0] / "model.xml", "fp32", "CPU")
    batch = compiled.input(0).shape[0]
    return np.concatenate([compiled([part])[0] for part in in_batches(tiles, batch)])[: len(tiles)]


def in_batches(tiles: UInt8, size: int) -> list[UInt8]:
    """Tiles in parts of ``size``, the last filled up with its last tile."""
    short = -len(tiles) % size
    full = np.concatenate([tiles, np.repeat(tiles[-1:], short, axis=0)])
    return [full[first : first + size] for first in range(0, len(full), size)]


def sqnr_db(wanted: Float32, found: Float32) -> float:
    """Variance of the wanted values over the power of the difference, dB; minus infinity where one is not finite."""
    if not np.isfinite(found).all():
        return -math.inf
    noise = float(np.square(found.astype(np.float64) - wanted).mean())
    return 10 * math.log10(float(wanted.var(dtype=np.float64)) / noise) if noise else math.inf
