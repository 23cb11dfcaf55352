"""Does a plan that was just built say what the bundle's graph says? Run on the device, beside OpenVINO FP32.

This finds an engine that is broken (overflow in halves, a tensor read the wrong way), not one that is a little worse:
``python -m calibration report`` judges that, on cloth.
"""

from __future__ import annotations

import math
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from runtime.bundle import Bundle
from runtime.engines.cuda.base import Cuda
from runtime.engines.openvino import compile_model
from runtime.engines.tensorrt import open_slots, spec_of
from runtime.errors import UserError
from runtime.types import Float32, UInt8

TILES = 8
LEAST_DB = {"fp16": 30.0, "int8": 0.0}
"""Signal to noise of the map. Halves keep ten bits, so 30 dB is far off; INT8's ranges are those of cloth, which these
tiles are not, so it must only be nearer to the map than the map's mean would be."""


def check(trt: Any, cuda: Cuda, bundle: Bundle, plan: Path, dla_core: int | None, precision: str) -> dict[str, Any]:
    """Compare on tiles of ripple and noise; for the manifest's ``parity``. The device is current.

    Raises:
        UserError: values that are not finite, or too far from the graph's.
    """
    tiles = probe_tiles(bundle)
    wanted = reference_maps(bundle, tiles)
    with ExitStack() as owned:
        tensors, (slot,) = open_slots(trt, cuda, plan, dla_core, spec_of(bundle, 1), 1, owned)
        found = []
        for part in in_batches(tiles, tensors.pixels[1][0]):
            slot.start(part)
            found.append(slot.take()[0].copy())
    decibels = sqnr_db(wanted, np.concatenate(found)[: len(tiles)])
    if not decibels >= LEAST_DB[precision]:
        raise UserError(
            f"The {precision} engine's maps are {decibels:.1f} dB from the graph's, less than {LEAST_DB[precision]:g}: "
            "nothing was written; check the form with 'python -m export gate', and use another precision meanwhile."
        )
    return {"tiles": len(tiles), "against": "openvino fp32 CPU", "map_sqnr_db": round(decibels, 1)}


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
