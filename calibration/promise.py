"""Thresholds by promise: so many false events per 100 m of normal cloth.

The promise is about events as the runtime tells them, one for a cluster of cells, not about cells or tiles: its own
tracker makes the events whose peaks the tail (calibration/tail.py) is fitted to. All kinds get the same threshold: a
kind is the shape that an event has at its end, and chance makes too few lines and areas for tails of their own.

The interval grows where the rolls given differ more than chance makes them. One roll cannot tell: give several.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np

from calibration.cloth import NormalCloth
from calibration.tail import Tail, dispersion_of, excess_beyond, fit
from calibration.threshold import KEEP_SHARE, NormalTail
from runtime.errors import UserError
from runtime.settings import Policy, Thresholds
from runtime.types import Kind

TAIL_SHARE = 0.1
"""Of the blocks of cloth, those whose highest values are called the tail: events are taken above them."""
MOST_BLOCKS, FEWEST_BLOCKS = 400, 50
"""In the tail: more would be no tail where there is much cloth, fewer would not show one where there is little."""
FEWEST_PEAKS = 20
"""With fewer peaks an interval says nothing."""
UNLIKE = 3.0
"""Rolls are told to differ where their dispersion is beyond 1 by so many standard deviations of what chance makes."""
LEVELS = 8
"""At which events are counted for the plot."""


@dataclass(frozen=True)
class Promise:
    """A threshold and what is promised of it.

    Attributes:
        per_100m: false events promised per 100 m.
        opening, keep: thresholds, map values.
        median: of the highest values of blocks of the cloth.
        rolls: how many rolls of cloth there were.
        told: events that the runtime tells at these thresholds on the cloth that they were taken from.
    """

    per_100m: float
    tail: Tail
    opening: float
    keep: float
    median: float
    rolls: int
    told: int

    @property
    def missing_metres(self) -> float:
        """Cloth that the promise speaks of and that was not seen: one event's worth, 0 where there was as much."""
        return max(0.0, 100 / self.per_100m - self.tail.metres)

    def thresholds(self, rolls: list[str]) -> Thresholds:
        """As they are stored."""
        return Thresholds(
            open=dict.fromkeys(Kind, self.opening),
            keep=self.keep,
            calibrated={
                "rolls": rolls,
                "method": "peaks over a level, generalised Pareto",
                "promised_per_100m": self.per_100m,
                "per_100m_95": list(self.tail.rate_interval(self.opening)),
                "threshold_95": list(self.tail.threshold_interval(self.per_100m)),
                "metres": self.tail.metres,
                "metres_missing": self.missing_metres,
                "peaks": len(self.tail.excesses),
                "level": self.tail.level,
                "scale": self.tail.scale,
                "shape": self.tail.shape,
                "dispersion": self.tail.dispersion,
                "told": self.told,
                "median": self.median,
                "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            },
        )

    def sentences(self, width_mm: float) -> list[str]:
        """What was found, and a warning where the cloth is too short for the promise."""
        tail = self.tail
        (low, high), (least, most) = tail.rate_interval(self.opening), tail.threshold_interval(self.per_100m)
        said = [
            f"{tail.metres:.1f} m of normal cloth, {width_mm:.0f} mm wide: {len(tail.excesses)} chance peaks above "
            f"{tail.level:.4f} (generalised Pareto, scale {tail.scale:.4f}, shape {tail.shape:.2f}).",
            f"Opens at {self.opening:.4f} (95 % interval {least:.4f} to {most:.4f}), keeps at {self.keep:.4f}: "
            f"{self.per_100m:g} false events per 100 m of this width, on the cloth given {self.told}.",
            f"With 95 % confidence the rate at this threshold is {low:.2g} to {high:.2g} per 100 m.",
        ]
        if self.rolls == 1:
            said.append("Note: one roll cannot tell how much rolls differ; with several the interval would be wider.")
        if self.rolls > 1 and tail.dispersion > 1 + UNLIKE * math.sqrt(2 / (self.rolls - 1)):
            said.append(
                f"Note: from roll to roll the numbers of peaks differ {math.sqrt(tail.dispersion):.1f} times as much "
                "as by chance: short pieces of more rolls tell more than longer ones of these."
            )
        if self.missing_metres:
            said.append(
                f"Warning: the cloth is too short for this promise, which speaks of one event in "
                f"{100 / self.per_100m:.0f} m; {self.missing_metres:.0f} m are missing, and the threshold lies beyond "
                "what was seen. Give more cloth, or take the upper end of the interval above."
            )
        return said


def promise(cloth: NormalCloth, per_100m: float, policy: Policy, rolls: list[str]) -> Promise:
    """The threshold that keeps a promise on cloth like this.

    Raises:
        UserError: no cloth, too little of it for a tail, or a promise of more events than chance makes.
    """
    maxima = NormalTail.of(cloth.strips()).maxima
    if not len(maxima):
        raise UserError(f"No cloth was found in {', '.join(rolls)}: thresholds need normal cloth as it runs.")
    level = tail_level(maxima)
    rolls_peaks = [peaks[peaks > level] for peaks in cloth.peaks(level, level, policy)]
    numbers, metres = [len(peaks) for peaks in rolls_peaks], sum(cloth.metres)
    if sum(numbers) < FEWEST_PEAKS:
        raise UserError(
            f"{metres:.2f} m of cloth have {sum(numbers)} chance peaks, and a promise needs {FEWEST_PEAKS}: give "
            f"at least {metres * FEWEST_PEAKS / max(sum(numbers), 1):.2f} m, or use --quantile."
        )
    tail = fit(np.concatenate(rolls_peaks), level, metres, dispersion_of(numbers, cloth.metres))
    if per_100m > tail.peaks_per_100m:
        raise UserError(
            f"{per_100m:g} false events per 100 m are more than all chance peaks of this cloth "
            f"({tail.peaks_per_100m:.0f}): promise fewer."
        )
    opening, median = tail.threshold(per_100m), float(np.median(maxima))
    keep = keep_beside(opening, median)
    return Promise(per_100m, tail, opening, keep, median, len(numbers), cloth.events(opening, keep, policy))


def another_promise(found: Thresholds, per_100m: float) -> Thresholds:
    """Thresholds of another promise from the cloth and the fit of those that were stored.

    Raises:
        UserError: they are of no promise, or of cloth that has fewer chance peaks than that.
    """
    fitted = found.calibrated
    if "shape" not in fitted:
        raise UserError("These thresholds promise nothing: set them by --false-alarms-per-100m.")
    peaks_per_100m = 100 * fitted["peaks"] / fitted["metres"]
    if per_100m > peaks_per_100m:
        raise UserError(f"All chance peaks of the cloth are {peaks_per_100m:.0f} per 100 m: ask for fewer.")
    share = np.array(per_100m / peaks_per_100m)
    beyond = float(excess_beyond(share, np.array(fitted["scale"]), np.array(fitted["shape"])))
    opening = fitted["level"] + beyond
    return found.model_copy(
        update={
            "open": dict.fromkeys(Kind, opening),
            "keep": keep_beside(opening, fitted["median"]),
            "calibrated": {**fitted, "promised_per_100m": per_100m},
        }
    )


def tail_level(maxima: np.ndarray) -> float:
    """Above which the tail begins, from the highest value of each block of cloth, [n]."""
    blocks = min(max(TAIL_SHARE * len(maxima), FEWEST_BLOCKS), MOST_BLOCKS, len(maxima) / 2)
    return float(np.quantile(maxima, 1 - blocks / len(maxima)))


def keep_beside(opening: float, median: float) -> float:
    """Down to which a defect lives that opens at ``opening``."""
    return median + KEEP_SHARE * (opening - median)


def counts(cloth: NormalCloth, found: Promise, policy: Policy) -> list[tuple[float, int]]:
    """Events that the runtime tells of the cloth at thresholds from the level up to the highest peak."""
    levels = found.tail.level + np.linspace(0, found.tail.excesses.max(), LEVELS, endpoint=False)
    return [(float(one), cloth.events(one, keep_beside(one, found.median), policy)) for one in levels]
