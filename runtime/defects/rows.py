"""Strips of the map cut and joined along the cloth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from runtime.types import ScoreMap


def goes_on(strip: ScoreMap | None, other: ScoreMap) -> bool:
    """The other strip's first row comes right after the strip's last one, over the same columns."""
    if strip is None:
        return False
    follows = (strip.segment, strip.origin, strip.end_line) == (other.segment, other.origin, other.first_line)
    return follows and (strip.x0, strip.values.shape[1]) == (other.x0, other.values.shape[1])


def joined(strip: ScoreMap, other: ScoreMap) -> ScoreMap:
    """Two strips of which one goes on from the other, as one."""
    return replace(other, first_line=strip.first_line, values=np.concatenate([strip.values, other.values]))


def split(strip: ScoreMap, rows: int) -> tuple[ScoreMap | None, ScoreMap]:
    """A strip without its last ``rows``, None where it has no more than these; and these."""
    count = len(strip.values) - rows
    if count <= 0:
        return None, strip
    line = strip.first_line + count * strip.stride
    ready = replace(strip, end_line=line, values=strip.values[:count])
    return ready, replace(strip, first_line=line, values=strip.values[count:])
