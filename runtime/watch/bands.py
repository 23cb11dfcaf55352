"""What lies across the cloth, slab by slab: a seam or splice over its whole width, something on top of part of it.

Each slab of lines is cut into blocks of BLOCK_MM; a block is compared with what the same columns usually are. A seam
changes brightness or contrast of most blocks at once, and is over soon. A hand, a label, a tool hides the weave; what
is dark and without weave may be a hole, and stays a matter of the map. Where it is dark far and wide, somebody stands
in the light.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np

from runtime.types import Bool, Float32, Scale
from runtime.watch.slabs import SLAB_LINES, Slab

BLOCK_MM = 10.0
SEAM_LEVEL, SEAM_CONTRAST = 0.06, 0.25
"""A block is unlike itself from these changes of brightness or contrast on, natural logarithms."""
SEAM_SHARE = 0.7
"""So many of the blocks are unlike themselves in a seam."""
HIDDEN_DEVIATION, HIDDEN_CONTRAST = 0.5, 0.7
"""Less of the deviation, and of its ratio to the level, is left where the weave is hidden."""
HOLE_LEVEL, WHOLE_SHARE = 0.6, 0.9
"""Darker than this part of the cloth it may be a hole, unless it spans so much of the width."""
SHADOW_LEVEL, SHADOW_MM = 0.75, 100.0
"""Cloth darker than this part of what is usual, in one piece at least so wide, lies in a shadow."""
COVER_MM = 30.0
"""Hidden blocks in a row, one that is not hidden among them allowed, are something on top from this width on."""
FOLLOW = 0.1
"""Part by which a usual slab moves what is usual."""
LEARN_SLABS = 16


class Across(Enum):
    """What a slab of lines shows over its width."""

    USUAL = "usual"
    SEAM = "seam"
    COVERED = "covered"


@dataclass(frozen=True)
class _Blocks:
    """Of each block, float32 [blocks]: natural logarithms of level and of contrast (deviation along, over level)."""

    level: Float32
    contrast: Float32


class Bands:
    """Follows the slabs of one camera."""

    def __init__(self, scale: Scale, kept_lines: int) -> None:
        self._block_px = max(8, round(BLOCK_MM / scale.mm_per_px))
        self._seen: deque[tuple[int, Across]] = deque(maxlen=max(2, kept_lines // SLAB_LINES))
        self._usual: _Blocks | None = None
        self._learnt = 0
        self._region = (0, 0)

    def add(self, slab: Slab, region: tuple[int, int]) -> None:
        """Take the next slab, of which columns ``region`` are cloth."""
        blocks = self._blocks(slab, region)
        if self._usual is None or region != self._region:
            self._usual, self._learnt, self._region = blocks, 0, region
        kind = self._kind(blocks, self._usual) if self._learnt >= LEARN_SLABS else Across.USUAL
        if kind is Across.USUAL:
            self._follow(blocks, self._usual)
        self._seen.append((slab.first_line, kind))

    def lines_of(self, kind: Across, first: int, end: int) -> int:
        """How many lines of [first, end) lie in slabs of a kind."""
        lines = [min(end, at + SLAB_LINES) - max(first, at) for at, seen in self._seen if seen is kind]
        return sum(count for count in lines if count > 0)

    def span_of(self, kind: Across, first: int, end: int) -> tuple[int, int] | None:
        """From the first to the last slab of a kind that touches lines [first, end)."""
        at = [line for line, seen in self._seen if seen is kind and line < end and line + SLAB_LINES > first]
        return (at[0], at[-1] + SLAB_LINES) if at else None

    def all_usual(self, first: int, end: int) -> bool:
        """No slab that touches lines [first, end) is anything but usual."""
        return all(seen is Across.USUAL for at, seen in self._seen if at < end and at + SLAB_LINES > first)

    def begin(self) -> None:
        """Another piece of cloth comes: learn anew; what was seen of the lines before stands."""
        self._usual = None

    def accept(self) -> None:
        """What was unusual has come to stay: learn anew, and forget that it was unusual."""
        self._usual = None
        self._seen.clear()

    def _blocks(self, slab: Slab, region: tuple[int, int]) -> _Blocks:
        x0, x1 = region
        count = max(1, (x1 - x0) // self._block_px)
        size = min(self._block_px, x1 - x0)
        level, deviation = (
            cv2.resize(row[None, x0 : x0 + count * size], (count, 1), interpolation=cv2.INTER_AREA)[0]
            for row in (slab.mean, slab.deviation)
        )
        level = np.maximum(level, 1)
        return _Blocks(np.log(level), np.log(np.maximum(deviation / level, 1e-3)))

    def _kind(self, blocks: _Blocks, usual: _Blocks) -> Across:
        level, contrast = blocks.level - usual.level, blocks.contrast - usual.contrast
        unlike = (np.abs(level) > SEAM_LEVEL) | (np.abs(contrast) > SEAM_CONTRAST)
        if not unlike.any():  # what is hidden or in a shadow is unlike itself, too
            return Across.USUAL
        hidden = (level + contrast < np.log(HIDDEN_DEVIATION)) & (contrast < np.log(HIDDEN_CONTRAST))
        no_hole = hidden & (level > np.log(HOLE_LEVEL))
        shadow = level < np.log(SHADOW_LEVEL)
        if (
            hidden.mean() >= WHOLE_SHARE
            or _longest_run(no_hole) >= COVER_MM / BLOCK_MM
            or (_longest_run(shadow) >= SHADOW_MM / BLOCK_MM and shadow.mean() < WHOLE_SHARE)
        ):
            return Across.COVERED
        return Across.SEAM if unlike.mean() >= SEAM_SHARE else Across.USUAL

    def _follow(self, blocks: _Blocks, usual: _Blocks) -> None:
        self._learnt += 1
        share = np.float32(max(FOLLOW, 1 / self._learnt))
        self._usual = _Blocks(
            usual.level + share * (blocks.level - usual.level),
            usual.contrast + share * (blocks.contrast - usual.contrast),
        )


def _longest_run(mask: Bool) -> int:
    """Most places in a row that are True; a single False between two True counts as True."""
    if not mask.any():
        return 0
    closed = mask.copy()
    closed[1:-1] |= mask[:-2] & mask[2:]
    edges = np.flatnonzero(np.diff(np.concatenate([[0], closed.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))
