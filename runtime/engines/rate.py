"""How fast an engine is, here and now."""

from __future__ import annotations

import time

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
