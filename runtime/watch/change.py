"""Did a column change, and as the sensor changes or as cloth does?

Dust on the window, a lint, an ageing pixel take the same share of all light: a column's mean and its deviation fall
together. A fault of the cloth changes the weave: an end that is missing, double or soiled changes the deviation by
another share than the mean. So two numbers say it: the *gain* of a column, and the *weave*, by which its deviation
changed beyond the gain. Both are natural logarithms relative to the columns around, so lamp and cloth may drift.

On simulated twill of 0.2 mm per px, from 50 mm of cloth, three columns together: the gain of clean cloth scatters by
0.015 and its weave by 0.039; dust has a weave of 0.00 to 0.08, broken ends one of -0.3 to -0.6.

On real cloth that is not enough: of four broken ends of AITEX that are longer than 64 lines, three changed the gain by
-0.03 to -0.08 and the weave by less than 0.07, as dust does. So what looks like dust is told as a matter for the window
beside the defect that the map shows, and never in its place. A dead column sees nothing at all: that is certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from runtime.types import Bool, Float32
from runtime.watch.slabs import Profile

AROUND_PX = 129
"""The columns around that a column is compared with."""
USUAL = 0.05
"""Logarithm by which a column of cloth may differ from those around it."""
REACH_PX = 4
"""A box of the map may miss the columns that caused it by as much."""
SHARE_OF_PEAK = 0.5
"""Columns that changed by this part of the strongest one belong to it."""
MIN_GAIN = 0.02
"""A smaller change of gain explains nothing that the map shows."""
SAME_WEAVE = 0.15
"""Dust changes the weave by less."""
CLEAR_WEAVE, CLEAR_SHARE = 0.05, 0.25
"""An average over more cloth than a fault is long dilutes its gain and its weave alike: there the weave has to have
changed by less than CLEAR_WEAVE and CLEAR_SHARE of the gain together."""
DEAD_DN, LIVE_DN = 1.5, 4.0
"""A column that deviates by less than DEAD_DN where those around it deviate by more than LIVE_DN sees no cloth."""


@dataclass(frozen=True)
class Change:
    """How columns [x0, x1) changed; gain and weave as above. dead: they see nothing any more."""

    x0: int
    x1: int
    gain: float
    weave: float
    dead: bool = False

    @property
    def like_dust(self) -> bool:
        """The gain changed, and the weave by so little beside it that no fault among good cloth can be in it."""
        return abs(self.gain) >= MIN_GAIN and abs(self.weave) < min(
            SAME_WEAVE, CLEAR_WEAVE + CLEAR_SHARE * abs(self.gain)
        )


@dataclass(frozen=True)
class Relief:
    """Columns relative to those around them: gain and weave float32 [width], dead bool [width]."""

    gain: Float32
    weave: Float32
    dead: Bool

    @classmethod
    def of(cls, profile: Profile) -> Relief:
        gain = _beside(_log(profile.mean))
        # Cut off, so that a spot on even cloth, where all other columns deviate by nothing, makes none of them dead.
        around = _smooth(np.minimum(profile.deviation, 2 * LIVE_DN), AROUND_PX)
        dead = (profile.deviation < DEAD_DN) & (around > LIVE_DN)
        return cls(gain, _beside(_log(profile.deviation)) - gain, dead)

    @classmethod
    def average(cls, reliefs: Sequence[Relief]) -> Relief:
        """Of one or more; dead is what is dead in all."""
        gain = np.mean([relief.gain for relief in reliefs], axis=0)
        weave = np.mean([relief.weave for relief in reliefs], axis=0)
        return cls(gain, weave, np.logical_and.reduce([relief.dead for relief in reliefs]))

    def since(self, before: Relief) -> Relief:
        """How it changed; columns that were dead before are not dead anew."""
        return Relief(self.gain - before.gain, self.weave - before.weave, self.dead & ~before.dead)

    def part(self, columns: slice) -> Relief:
        """Of some columns alone."""
        return Relief(self.gain[columns], self.weave[columns], self.dead[columns])

    def of_columns(self, x0: int, x1: int) -> Change:
        """The mean over columns [x0, x1)."""
        here = slice(x0, x1)
        return Change(
            x0, x1, float(self.gain[here].mean()), float(self.weave[here].mean()), bool(self.dead[here].any())
        )

    def strongest(self, x0: int, x1: int) -> Change:
        """The strongest change at or next to columns [x0, x1), as wide as it is."""
        low, high = max(0, x0 - REACH_PX), min(len(self.gain), x1 + REACH_PX)
        dead = low + np.flatnonzero(self.dead[low:high])
        if len(dead):
            return self.of_columns(int(dead[0]), int(dead[-1]) + 1)
        smooth = _smooth(self.gain, 3)
        peak = low + int(np.abs(smooth[low:high]).argmax())
        strong = self.gain * np.sign(smooth[peak]) > SHARE_OF_PEAK * abs(smooth[peak])
        start, end = peak, peak + 1
        while start > 0 and strong[start - 1]:
            start -= 1
        while end < len(strong) and strong[end]:
            end += 1
        return self.of_columns(start, end)

    def standing_out(self, region: tuple[int, int], sigmas: float) -> list[Change]:
        """Changes of the sensor that stand out from what all columns of the region do, from left to right."""
        x0, x1 = region
        if x1 <= x0:
            return []
        out = self.dead[x0:x1].copy()
        for width in (3, 9):
            smooth = _smooth(self.gain, width)[x0:x1]
            alone = smooth[::width]  # without those that share columns
            sigma = 1.4826 * float(np.median(np.abs(alone - np.median(alone))))
            out |= np.abs(smooth) > max(sigmas * sigma, MIN_GAIN)
        changes: list[Change] = []
        for x in (x0 + np.flatnonzero(out)).tolist():
            if not changes or x >= changes[-1].x1 + REACH_PX:
                changes.append(self.strongest(x, x + 1))
        return [change for change in changes if change.dead or change.like_dust]


def _beside(row: Float32) -> Float32:
    """Relative to the columns around, of which none counts for more than USUAL: a strong line is no neighbour."""
    around = _smooth(row, AROUND_PX)
    near = around + np.clip(row - around, -USUAL, USUAL)
    return row - _smooth(near.astype(np.float32), AROUND_PX)


def _smooth(row: Float32, width: int) -> Float32:
    smooth: Float32 = cv2.blur(row[None], (width, 1), borderType=cv2.BORDER_REFLECT)[0]
    return smooth


def _log(values: Float32) -> Float32:
    """Natural logarithm; half a grey level stands for less."""
    logs: Float32 = np.log(np.maximum(values, np.float32(0.5)))
    return logs
