"""Thresholds from normal cloth alone: a tail quantile of the highest map value per block of cloth.

Blocks are squares of BLOCK_PX: about as far apart as map values depend on each other, so a block stands
for one chance of a false alarm.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np

from runtime.bundle import Bundle
from runtime.errors import UserError
from runtime.settings import Thresholds
from runtime.types import Float32, Kind, ScoreMap

BLOCK_PX = 256
KEEP_SHARE = 0.6
"""A defect lives on above this part of the way from the median of normal blocks' highest values to the threshold.

Much lower, and normal cloth beside a defect makes its box wander; much higher, and a faint line falls to pieces."""


@dataclass(frozen=True)
class NormalTail:
    """The highest map value of each block of normal cloth.

    Attributes:
        maxima: float32 [blocks].
        cells: map cells looked at.
    """

    maxima: Float32
    cells: int

    @classmethod
    def of(cls, strips: Iterable[ScoreMap]) -> NormalTail:
        """Collect from strips of stitched map; a block never crosses the end of a segment or roll."""
        maxima: list[float] = []
        cells = 0
        held: list[Float32] = []
        place: tuple[int, ...] | None = None
        end = 0
        for strip in strips:
            cells += int(np.isfinite(strip.values).sum())
            here = (strip.segment, strip.origin, strip.x0, strip.values.shape[1])
            if held and (here != place or strip.first_line != end):
                maxima += block_maxima(held, strip.stride)
                held = []
            place, end = here, strip.end_line
            held.append(strip.values)
            if sum(len(values) for values in held) >= BLOCK_PX // strip.stride:
                maxima += block_maxima(held, strip.stride)
                held = []
            stride = strip.stride
        if held:
            maxima += block_maxima(held, stride)
        return cls(np.array(maxima, np.float32), cells)


def block_maxima(strips: list[Float32], stride: int) -> list[float]:
    """Highest value of each block of columns of some consecutive strips; blocks without cloth are left out."""
    values = np.concatenate(strips)
    side = BLOCK_PX // stride
    blocks = [values[:, x : x + side] for x in range(0, values.shape[1], side)]
    return [float(np.nanmax(block)) for block in blocks if block.size and np.isfinite(block).any()]


def thresholds(tail: NormalTail, quantile: float, rolls: list[str]) -> Thresholds:
    """Opening threshold of every kind at a quantile of the blocks' maxima.

    Raises:
        UserError: no cloth was seen.
    """
    if not len(tail.maxima):
        raise UserError(f"No cloth was found in {', '.join(rolls)}: thresholds need normal cloth as it runs.")
    opening = float(np.quantile(tail.maxima, quantile))
    median = float(np.median(tail.maxima))
    keep = median + KEEP_SHARE * (opening - median)
    return Thresholds(
        open=dict.fromkeys(Kind, opening),
        keep=keep,
        calibrated={
            "rolls": rolls,
            "quantile": quantile,
            "blocks": len(tail.maxima),
            "block_px": BLOCK_PX,
            "cells": tail.cells,
            "highest": float(tail.maxima.max()),
            "median": median,
            "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        },
    )


def store(bundle: Bundle, engine_key: str, found: Thresholds) -> int:
    """Write thresholds into the bundle's settings; returns the new revision."""
    settings = bundle.settings()
    changed = settings.model_copy(
        update={
            "revision": settings.revision + 1,
            "thresholds": {**settings.thresholds, engine_key: found},
        }
    )
    bundle.write_settings(changed)
    return changed.revision


def blocks_needed(quantile: float) -> int:
    """Blocks of cloth below which the quantile is no more than the highest value seen."""
    return math.ceil(round(1 / (1 - quantile), 6)) if quantile < 1 else 0
