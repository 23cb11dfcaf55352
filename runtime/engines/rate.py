"""How fast an engine is, here and now."""

from __future__ import annotations

import time

import numpy as np

from runtime.engines.base import Engine
from runtime.types import TileBatch


def tiles_per_s(engine: Engine, batch: TileBatch, seconds: float) -> float:
    """Tiles a second of the bare engine, a session kept full of one batch for about ``seconds``.

    A first batch, which makes the device ready, is not counted.
    """
    session = engine.stream("rate")
    session.submit(batch)
    while session.in_flight:
        session.collect(timeout_s=1.0)
    started, done = time.monotonic(), 0
    while (open_still := time.monotonic() - started < seconds) or session.in_flight:
        if open_still and session.in_flight < engine.spec.max_in_flight:
            session.submit(batch)
        elif session.collect(timeout_s=1.0):
            done += len(batch.x)
    elapsed = time.monotonic() - started
    session.close()
    return done / elapsed


def measure_tiles_per_s(engine: Engine, seconds: float = 0.5) -> float:
    """Tiles a second that the engine does here and now, kept busy with noise for about ``seconds``."""
    spec = engine.spec
    noise = np.random.default_rng(0).integers(0, 256, (8, spec.tile, spec.tile, spec.channels), dtype=np.uint8)
    width = 8 * spec.tile
    lefts = tuple(range(0, width, spec.tile))
    batch = TileBatch("", 0, 0, noise, lefts, 0, (0, spec.tile), (0, width), width, hard_end=True, received_ns=0)
    return tiles_per_s(engine, batch, seconds)
