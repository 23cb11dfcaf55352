"""A roll with its grades and totals: all that a report says, in whatever format."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import groupby

from runtime.errors import UserError
from runtime.events import wall_time
from runtime.rolls.grades import Grade, four_point, ten_point
from runtime.rolls.policy import Policy
from runtime.rolls.roll import Found, Roll, Unseen, union
from runtime.types import Kind


@dataclass(frozen=True)
class KindTotal:
    """Defects of one kind: how many, their points in both systems, metres that they take along the roll."""

    kind: Kind
    defects: int
    four_points: int
    ten_points: int
    metres: float


@dataclass(frozen=True)
class ReasonTotal:
    """Spans that were not looked at for one reason.

    Attributes:
        metres: of full width: a camera's metres count by its share of the width.
        unknown: how many of the spans are of unknown length; ``seconds``: how long those lasted.
    """

    reason: str
    spans: int
    metres: float
    unknown: int
    seconds: float


@dataclass(frozen=True)
class GradedRoll:
    """A roll and what it is worth. ``defects`` are numbered from 1 in the order in which they begin."""

    roll: Roll
    policy: Policy
    defects: tuple[Found, ...]
    four: Grade
    ten: Grade
    made: str

    def by_kind(self) -> list[KindTotal]:
        """Totals of the kinds that there are."""
        totals = []
        for kind in Kind:
            some = [defect for defect in self.defects if defect.kind is kind]
            if some:
                taken = sum(high - low for low, high in union([(one.y0_m, one.y1_m) for one in some]))
                four, ten = (sum(grade.of.get(one.id, 0) for one in some) for grade in (self.four, self.ten))
                totals.append(KindTotal(kind, len(some), four, ten, taken))
        return totals

    def by_reason(self) -> list[ReasonTotal]:
        """Totals of cloth that was not looked at, the longest first."""
        totals = []
        for reason, group in groupby(sorted(self.roll.unseen, key=_reason), key=_reason):
            spans = list(group)
            unknown = [one for one in spans if one.metres == 0]
            cameras = {one.camera for one in spans}
            metres = sum(
                self.roll.shares.get(camera, 0.0) * (high - low)
                for camera in cameras
                for low, high in union([(one.y0_m, one.y1_m) for one in spans if one.camera == camera])
            )
            seconds = sum(one.seconds or 0.0 for one in unknown)
            totals.append(ReasonTotal(reason, len(spans), metres, len(unknown), seconds))
        return sorted(totals, key=lambda total: -total.metres)

    def warnings(self) -> list[str]:
        """What a reader must know before the figures, one sentence each."""
        roll = self.roll
        told = []
        if roll.live:
            told.append("This roll is still being made: the figures are those of this moment.")
        for run in roll.cut_off:
            told.append(f"Run {run.number} was cut off at {run.y1_m:.3f} m; what came after is not known.")
        if len(roll.runs) > 1:
            told.append(f"The roll was made in {len(roll.runs)} runs; cloth that passed between them was not seen.")
        still_open = sum(not defect.closed for defect in self.defects)
        if still_open and not roll.live:
            told.append(f"{counted(still_open, 'defect')} still ran on when the stream was cut off: longer than known.")
        for camera in dict.fromkeys(one.camera for one in roll.maintenance):
            causes = ", ".join(dict.fromkeys(one.cause for one in roll.maintenance if one.camera == camera))
            told.append(f"Camera '{camera}' needed care ({causes}): see Maintenance.")
        told += [f"Not kept: {count} {what}." for what, count in sorted(roll.lost.items())]
        return told


def grade(roll: Roll, policy: Policy, holes: Collection[str] = ()) -> GradedRoll:
    """Grade a roll.

    Args:
        holes: ids, or ends of ids that only one defect has, of defects that an inspector calls holes.

    Raises:
        UserError: there is no such defect, or more than one.
    """
    called = {_one(roll, hole) for hole in holes}
    repeat_of = {name: number for number, repeat in enumerate(roll.repeats, start=1) for name in repeat.defects}
    defects = tuple(
        replace(defect, hole=defect.id in called, repeat=repeat_of.get(defect.id))
        for defect in sorted(roll.defects, key=lambda one: (one.y0_m, one.x0_mm))
    )
    four, ten = four_point(defects, roll.cloth, policy), ten_point(defects, roll.cloth, policy)
    return GradedRoll(roll, policy, defects, four, ten, wall_time())


def counted(number: int, word: str) -> str:
    """A number and its noun."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def _one(roll: Roll, hole: str) -> str:
    found = [defect.id for defect in roll.defects if defect.id == hole] or [
        defect.id for defect in roll.defects if defect.id.endswith(f"-{hole}")
    ]
    if len(found) != 1:
        raise UserError(f"{len(found)} defects of the roll are called '{hole}': give the id that the report lists.")
    return found[0]


def _reason(one: Unseen) -> str:
    return one.reason
