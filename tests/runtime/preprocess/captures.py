"""Lines of a made-up sensor: dark, white, and what can go wrong with either."""

from __future__ import annotations

import numpy as np

from runtime.types import Pixels

WIDTH = 600


def lines(
    light: np.ndarray | float,
    rows: int = 200,
    bits: int = 8,
    channels: int = 1,
    seed: int = 0,
    dark: float = 0.02,
    cloth: float = 0.0,
    flicker: float = 0.0,
) -> Pixels:
    """Lines under a light of [WIDTH] or one value, in parts of full scale.

    Columns differ by 1 % in response, shot noise is that of a full well of 20,000 electrons.

    Args:
        cloth: contrast of a weave in the light, as a part of it. flicker: of the lamp, from line to line.
    """
    rng = np.random.default_rng(1)
    response = 1 + rng.normal(0, 0.01, (WIDTH, channels))
    rng = np.random.default_rng(seed)
    level = np.broadcast_to(np.asarray(light, float).reshape(-1, 1), (WIDTH, channels)) * response
    seen = np.repeat(level[None], rows, axis=0)
    seen = seen * (1 + cloth * rng.standard_normal(seen.shape)) * (1 + flicker * rng.standard_normal((rows, 1, 1)))
    seen = dark + seen + rng.normal(0, 1, seen.shape) * np.sqrt(np.maximum(seen, 0) / 20_000 + 0.002**2)
    full = 2**bits - 1
    return np.clip(np.rint(seen * full), 0, full).astype(np.uint8 if bits == 8 else np.uint16)
