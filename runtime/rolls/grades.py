"""Grades of a roll: the 4-point and the 10-point system as pure functions over defects.

Metres count from the start of the roll, millimetres from the loom's left. A local defect belongs to the bin (yard or
metre) that it starts in; one longer than a bin runs, and is charged in every bin it touches. Bins of another length
give other totals, so grades are always computed from the defects, never from points that were kept.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from runtime.rolls.lengths import SQUARE_YARD_M2, YARD_M
from runtime.rolls.policy import FourPoint, Policy, TenPoint
from runtime.types import Kind

ROUNDING_M = 1e-6
"""Positions are kept to the micrometre; an end that lies this little beyond a bin does not touch it."""
REJECTED = "rejected"
NO_GRADE = "no grade"


@dataclass(frozen=True)
class Flaw:
    """A defect as far as grading goes: a half-open box on the roll.

    Attributes:
        hole: an inspector called it a hole; shapes alone do not tell.
    """

    id: str
    kind: Kind
    x0_mm: float
    x1_mm: float
    y0_m: float
    y1_m: float
    hole: bool = False

    @property
    def across_mm(self) -> float:
        """Extent across the cloth, to the micrometre."""
        return round(self.x1_mm - self.x0_mm, 3)

    @property
    def along_mm(self) -> float:
        """Extent along the cloth, to the micrometre."""
        return round((self.y1_m - self.y0_m) * 1000, 3)

    @property
    def longest_mm(self) -> float:
        """The longer side."""
        return max(self.across_mm, self.along_mm)


@dataclass(frozen=True)
class Cloth:
    """What was graded.

    Attributes:
        x0_mm, x1_mm: its edges on the loom.
        length_m: of the roll, where there was cloth.
        inspected_m: metres that were looked at over the whole width; less where a camera was blind.
    """

    x0_mm: float
    x1_mm: float
    length_m: float
    inspected_m: float

    @property
    def width_mm(self) -> float:
        """From edge to edge, to the micrometre."""
        return round(self.x1_mm - self.x0_mm, 3)

    @property
    def area_m2(self) -> float:
        """Square metres that were looked at."""
        return self.inspected_m * self.width_mm / 1000

    @property
    def uninspected_percent(self) -> float:
        """Share of the length that was not looked at."""
        return 100 * (1 - self.inspected_m / self.length_m) if self.length_m > 0 else 0.0


@dataclass(frozen=True)
class Grade:
    """A roll by one system.

    Attributes:
        points: in all, after each bin's limit.
        bins: points of each bin that has any, by its number from the roll's start.
        bin_m: metres of a bin.
        of: points of each graded defect by itself, by its id; those left out are not in it.
        per_100yd2, per_100m2: points for the cloth that was looked at; None where there was none.
        grade: the policy's word.
        reasons: why it is that, one sentence each.
    """

    points: int
    bins: Mapping[int, int]
    bin_m: float
    of: Mapping[str, int]
    per_100yd2: float | None
    per_100m2: float | None
    grade: str
    reasons: tuple[str, ...]


def four_point(flaws: Sequence[Flaw], cloth: Cloth, policy: Policy) -> Grade:
    """Grade by the 4-point system."""
    rules = policy.four_point
    graded = [flaw for flaw in flaws if not _ignored(flaw, cloth, rules)]
    most = rules.most_per_bin
    if rules.wide_mm is not None and cloth.width_mm > rules.wide_mm:
        most = math.floor(most * cloth.width_mm / rules.wide_mm)
    bins, of = charge(graded, rules.bin_m, most, lambda flaw: four_points_of(flaw, rules))
    points = sum(bins.values())
    grade, reasons = _verdict(graded, cloth, policy, points)
    return Grade(points, bins, rules.bin_m, of, *rates(points, cloth), grade, reasons)


def ten_point(flaws: Sequence[Flaw], cloth: Cloth, policy: Policy) -> Grade:
    """Grade by the 10-point system: first quality up to as many points as yards were looked at."""
    rules = policy.ten_point
    bins, of = charge(flaws, YARD_M, rules.most_per_yard, lambda flaw: ten_points_of(flaw, cloth.width_mm, rules))
    points, yards = sum(bins.values()), cloth.inspected_m / YARD_M
    told = f"{points} points on {yards:.1f} yards that were looked at."
    blind = _blind(cloth, policy)
    grade = NO_GRADE if blind else "first quality" if points <= yards else "second quality"
    return Grade(points, bins, YARD_M, of, *rates(points, cloth), grade, (*blind, told))


def four_points_of(flaw: Flaw, rules: FourPoint) -> int:
    """Points of one defect in a bin."""
    if flaw.hole:
        return rules.hole_points[flaw.longest_mm > rules.hole_mm]
    return 1 + sum(flaw.longest_mm > limit for limit in rules.lengths_mm)


def ten_points_of(flaw: Flaw, width_mm: float, rules: TenPoint) -> int:
    """Points of one defect in a yard; a defect that is no line is judged along its longer side."""
    if flaw.hole:
        return 10
    weft = flaw.kind is Kind.WEFT or (flaw.kind is not Kind.WARP and flaw.across_mm > flaw.along_mm)
    length = flaw.across_mm if weft else flaw.along_mm
    short, middle = rules.lengths_mm
    if length <= short:
        return 1
    if length <= middle:
        return 3
    return 5 if length <= (rules.weft_share * width_mm if weft else rules.warp_mm) else 10


def charge(
    flaws: Sequence[Flaw], bin_m: float, most: int, points_of: Callable[[Flaw], int]
) -> tuple[dict[int, int], dict[str, int]]:
    """Points of each bin, none above ``most``, and of each defect by itself (in all the bins it runs through)."""
    bins: Counter[int] = Counter()
    of: dict[str, int] = {}
    for flaw in flaws:
        touched, points = bins_of(flaw, bin_m), points_of(flaw)
        bins.update(dict.fromkeys(touched, points))
        of[flaw.id] = points * len(touched)
    return {number: min(points, most) for number, points in sorted(bins.items())}, of


def bins_of(flaw: Flaw, bin_m: float) -> range:
    """Numbers of the bins that a defect is charged in."""
    first = math.floor((flaw.y0_m + ROUNDING_M) / bin_m)
    if not runs(flaw, bin_m):
        return range(first, first + 1)
    return range(first, max(first + 1, math.ceil((flaw.y1_m - ROUNDING_M) / bin_m)))


def runs(flaw: Flaw, bin_m: float) -> bool:
    """Is it a defect that runs on: longer than a bin?"""
    return flaw.y1_m - flaw.y0_m > bin_m + ROUNDING_M


def rates(points: int, cloth: Cloth) -> tuple[float | None, float | None]:
    """Points for 100 square yards and for 100 square metres."""
    if cloth.area_m2 <= 0:
        return None, None
    per_100m2 = 100 * points / cloth.area_m2
    return per_100m2 * SQUARE_YARD_M2, per_100m2


def _ignored(flaw: Flaw, cloth: Cloth, rules: FourPoint) -> bool:
    left, right = cloth.x0_mm + rules.edge_mm, cloth.x1_mm - rules.edge_mm
    at_edge = cloth.width_mm > 0 and (flaw.x1_mm <= left or flaw.x0_mm >= right)
    return at_edge or flaw.longest_mm < rules.ignore_below_mm


def _verdict(flaws: Sequence[Flaw], cloth: Cloth, policy: Policy, points: int) -> tuple[str, tuple[str, ...]]:
    """The grade, and why."""
    rules = policy.four_point
    per_yd2, per_m2 = rates(points, cloth)
    rate = per_yd2 if rules.limits_for == "100yd2" else per_m2
    if blind := _blind(cloth, policy):
        return NO_GRADE, blind
    if rate is None:
        return NO_GRADE, ("No cloth was looked at.",)
    if reasons := _rejected(flaws, cloth, rules):
        return REJECTED, reasons
    running = sum(flaw.y1_m - flaw.y0_m for flaw in flaws if runs(flaw, rules.bin_m))
    share = 100 * running / cloth.length_m
    if rules.most_running_percent is not None and share > rules.most_running_percent:
        told = f"Running defects take {share:.1f} % of the length, the limit is {rules.most_running_percent:g} %."
        return rules.worst, (told,)
    per = "100 yd²" if rules.limits_for == "100yd2" else "100 m²"
    for word, limit in rules.limits.items():
        if rate <= limit:
            return word, (f"{rate:.2f} points for {per}, at most {limit:g}.",)
    return rules.worst, (f"{rate:.2f} points for {per}, the last limit is {limit:g}.",)


def _rejected(flaws: Sequence[Flaw], cloth: Cloth, rules: FourPoint) -> tuple[str, ...]:
    """What rejects a roll whatever its points."""
    reasons = []
    longest = max((flaw.y1_m - flaw.y0_m for flaw in flaws), default=0.0)
    if rules.reject_running_m is not None and longest > rules.reject_running_m:
        reasons.append(f"A defect runs on for {longest:.2f} m, the limit is {rules.reject_running_m:g} m.")
    if rules.most_full_width is not None:
        inner = cloth.width_mm - 2 * rules.edge_mm
        count = sum(flaw.across_mm >= inner for flaw in flaws)
        if count > rules.most_full_width:
            reasons.append(f"{count} defects go across the full width, the limit is {rules.most_full_width}.")
    return tuple(reasons)


def _blind(cloth: Cloth, policy: Policy) -> tuple[str, ...]:
    """Why a roll cannot be graded, if it cannot."""
    share, limit = cloth.uninspected_percent, policy.most_uninspected_percent
    if share <= limit + 1e-9:
        return ()
    return (f"{share:.1f} % of the length was not looked at, the limit is {limit:g} %.",)
