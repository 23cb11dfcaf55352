"""The map of a roll: metres down, width across, folded into columns; each direction to a scale of its own.

Every defect is drawn where it is and as large as it is, but never too small to be seen. Cloth that was not looked at
is hatched over the part of the width that its camera sees; where its length is unknown a line says so. Defects that
come back at one distance are tied together; where a camera needed care there is a bar at the cloth's side, and a
dotted line where dust or a dead pixel stands still across.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from runtime.rolls.drawing import Box, Drawing, Shape, Stroke, Words
from runtime.rolls.graded import GradedRoll
from runtime.rolls.roll import Found, Maintenance, Repeat, Unseen
from runtime.types import Kind, Reason

WIDTH, HEIGHT = 1000.0, 780.0
TOP, TICKS, BARS, GAP = 34.0, 50.0, 34.0, 14.0
"""Room above the cloth, left of it, for the points at its right, and between columns."""
WIDEST = 420.0
SMALLEST = {Kind.LOCAL: (5.0, 5.0), Kind.WARP: (2.5, 9.0), Kind.WEFT: (9.0, 2.5), Kind.AREA: (7.0, 7.0)}
"""Width and height that a mark has at least."""
MOST_NUMBERS = 150
"""With more defects the marks are not numbered."""
WIDE = 6.0
"""Of a letter."""
TIE = 7.0
"""Room between the defects of a repeat and the line that ties them."""
FOLDS = ((5.0, 1), (20.0, 2), (50.0, 3), (100.0, 4), (math.inf, 5))
"""Up to these lengths so many columns."""
ROUND = (1, 2, 5, 10)
"""Steps of the ticks."""


@dataclass(frozen=True)
class Column:
    """One column of the map: metres [y0_m, y1_m) of the roll; the cloth's left edge is at ``x``."""

    x: float
    y0_m: float
    y1_m: float
    x0_mm: float
    per_mm: float
    per_m: float

    def across(self, mm: float) -> float:
        """Where a millimetre of the loom lies."""
        return self.x + (mm - self.x0_mm) * self.per_mm

    def down(self, metre: float) -> float:
        """Where a metre of the roll lies."""
        return TOP + (metre - self.y0_m) * self.per_m


def draw_map(graded: GradedRoll) -> Drawing:
    """The map; empty where no cloth was seen."""
    roll = graded.roll
    if roll.metres <= 0 or roll.cloth.width_mm <= 0:
        return Drawing(WIDTH, TOP, [Words(0, TOP - 10, "No cloth was seen.", "tick")])
    shapes: list[Shape] = []
    labels = _Labels()
    numbered = enumerate(graded.defects, start=1)
    largest_first = sorted(numbered, key=lambda one: -one[1].across_mm * one[1].along_mm)  # a small one stays in sight
    for column in fold(roll.metres, roll.cloth.x0_mm, roll.cloth.width_mm):
        shapes += _ground(column, roll.cloth.width_mm)
        shapes += _points(column, roll.cloth.x1_mm, graded)
        for blind in roll.unseen:
            shapes += _blind(column, blind)
        shapes += _breaks(column, graded)
        for number, needed in enumerate(roll.maintenance, start=1):
            shapes += _care(column, needed, f"M{number}", labels)
        right_edge = column.across(roll.cloth.x1_mm)
        marks = {number: mark for number, defect in largest_first if (mark := _mark(column, defect, number))}
        shapes += marks.values()
        middles = {one.id: (one.y0_m + one.y1_m) / 2 for one in graded.defects}
        for number, repeat in enumerate(roll.repeats, start=1):
            shapes += _tie(column, repeat, f"R{number}", middles, labels)
        if len(graded.defects) <= MOST_NUMBERS:
            for number, mark in sorted(marks.items()):
                shapes += labels.beside(mark, right_edge, str(number))
    return Drawing(WIDTH, HEIGHT + TOP + 14, shapes)


def fold(metres: float, x0_mm: float, width_mm: float) -> list[Column]:
    """Columns for a roll of this length and width."""
    count = next(count for length, count in FOLDS if metres <= length)
    each = metres if count == 1 else _two_digits(metres / count)
    count = math.ceil(metres / each - 1e-9)
    width = min(WIDEST, (WIDTH - GAP * (count - 1)) / count - TICKS - BARS)
    pitch = TICKS + width + BARS + GAP
    return [
        Column(n * pitch + TICKS, n * each, min((n + 1) * each, metres), x0_mm, width / width_mm, HEIGHT / each)
        for n in range(count)
    ]


def nice(value: float) -> float:
    """The next number that is one of ROUND and zeros."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in ROUND if step * power >= value * (1 - 1e-9))


def _two_digits(value: float) -> float:
    """The next number of two digits and zeros: so fine that the last column is not left empty."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(value / unit - 1e-9) * unit


def caption(graded: GradedRoll) -> str:
    """What the map's scales are."""
    cloth = graded.roll.cloth
    if graded.roll.metres <= 0 or cloth.width_mm <= 0:
        return ""
    column = fold(graded.roll.metres, cloth.x0_mm, cloth.width_mm)[0]
    squeezed = column.per_mm * 1000 / column.per_m
    return (
        f"Metres run down, the width of {cloth.width_mm:.0f} mm across, seen from the camera; lengths are drawn "
        f"{squeezed:.1f} times smaller than widths. Bars: 4-point points of each {graded.policy.four_point.bin}."
    )


def _ground(column: Column, width_mm: float) -> Iterator[Shape]:
    left, right = column.x, column.x + width_mm * column.per_mm
    bottom = column.down(column.y1_m)
    yield Box(left, TOP, right - left, bottom - TOP, "cloth")
    step = nice(HEIGHT / column.per_m / 10)
    number = math.ceil(column.y0_m / step - 1e-9)
    while number * step <= column.y1_m + 1e-9:
        y = column.down(number * step)
        yield Stroke(left - 4, y, right, y, "grid")
        yield Words(left - 7, y + 4, f"{number * step:g} m", "tick", "end")
        number += 1
    yield Words(left, TOP - 8, f"{column.x0_mm:.0f}", "tick")
    yield Words(right, TOP - 8, f"{column.x0_mm + width_mm:.0f} mm", "tick", "end")


def _points(column: Column, x1_mm: float, graded: GradedRoll) -> Iterator[Shape]:
    """Bars beside the cloth: points of each yard or metre."""
    grade = graded.four
    left = column.across(x1_mm) + 5
    most = max([graded.policy.four_point.most_per_bin, *grade.bins.values()])
    for number, points in grade.bins.items():
        y0, y1 = max(number * grade.bin_m, column.y0_m), min((number + 1) * grade.bin_m, column.y1_m)
        if y0 < y1 and points:
            height = max(1.0, (y1 - y0) * column.per_m - 1)
            title = f"{points} points from {number * grade.bin_m:.2f} to {(number + 1) * grade.bin_m:.2f} m"
            yield Box(left, column.down(y0), (BARS - 8) * points / most, height, "bar", title)


def _blind(column: Column, one: Unseen) -> Iterator[Shape]:
    x0, x1 = column.across(one.x0_mm), column.across(one.x1_mm)
    if one.metres == 0:
        if column.y0_m <= one.y0_m <= column.y1_m:
            yield Stroke(x0, column.down(one.y0_m), x1, column.down(one.y0_m), "break")
        return
    y0, y1 = max(one.y0_m, column.y0_m), min(one.y1_m, column.y1_m)
    if y0 < y1:
        style = "bare" if one.reason == Reason.NO_CLOTH.value else "blind"
        title = f"not looked at: {one.reason.replace('_', ' ')}, {one.y0_m:.3f} to {one.y1_m:.3f} m"
        yield Box(x0, column.down(y0), x1 - x0, max(1.5, (y1 - y0) * column.per_m), style, title)


def _breaks(column: Column, graded: GradedRoll) -> Iterator[Shape]:
    """Where runs end, and where the roll was cut off."""
    cloth, roll = graded.roll.cloth, graded.roll
    left, right = column.across(cloth.x0_mm), column.across(cloth.x1_mm)
    for run in roll.runs:
        cut = run in roll.cut_off
        if column.y0_m < run.y1_m <= column.y1_m and (cut or run is not roll.runs[-1]):
            y = column.down(run.y1_m)
            yield Stroke(left, y, right, y, "break")
            yield Words(left + 4, y + 11, f"run {run.number} {'was cut off' if cut else 'ended'}", "broken")


def _mark(column: Column, defect: Found, number: int) -> Box | None:
    """The mark of a defect, or None where the column does not have it."""
    y0, y1 = max(defect.y0_m, column.y0_m), min(defect.y1_m, column.y1_m)
    if y0 >= y1 and not column.y0_m <= defect.y0_m < column.y1_m:
        return None
    least_width, least_height = SMALLEST[defect.kind]
    width = max(least_width, defect.across_mm * column.per_mm)
    height = max(least_height, (y1 - y0) * column.per_m)
    x = column.across((defect.x0_mm + defect.x1_mm) / 2) - width / 2
    y = (column.down(y0) + column.down(max(y0, y1))) / 2 - height / 2
    title = f"{number}: {defect.kind.value}, {defect.y0_m:.3f} m, {defect.x0_mm:.0f} mm"
    return Box(x, y, width, height, defect.kind.value, title, f"defect-{number}")


def _care(column: Column, one: Maintenance, name: str, labels: _Labels) -> Iterator[Shape]:
    """A bar at the side where a camera needed care, and a line where the cause stands still across."""
    y0, y1 = max(one.y0_m, column.y0_m), min(one.y1_m, column.y1_m)
    if y0 > y1 or (y0 == column.y1_m < one.y1_m):
        return
    top, height = column.down(y0), max(3.0, (y1 - y0) * column.per_m)
    title = f"{name}: {one.camera}, {one.cause}, {one.y0_m:.3f} to {one.y1_m:.3f} m: {one.message}"
    yield Box(column.x - 4, top, 3, height, "care", title)
    x = column.x
    if one.x0_mm is not None and one.x1_mm is not None:
        x = column.across((one.x0_mm + one.x1_mm) / 2)
        yield Stroke(x, top, x, top + height, "still")
    yield from labels.put(x + 2, top + 9, name, "care-name")


def _tie(column: Column, one: Repeat, name: str, middles: dict[str, float], labels: _Labels) -> Iterator[Shape]:
    """A line left of the defects of a repeat with a stroke to each, and their distance; the first has the name."""
    y0, y1 = max(one.y0_m, column.y0_m), min(one.y1_m, column.y1_m)
    if y0 >= y1:
        return
    x = column.across(max(one.x0_mm, column.x0_mm)) - TIE
    yield Stroke(x, column.down(y0), x, column.down(y1), "tie")
    for middle in (middles[defect] for defect in one.defects if defect in middles):
        if y0 <= middle <= y1:
            yield Stroke(x, column.down(middle), x + TIE, column.down(middle), "tie")
    if y0 == one.y0_m:
        yield from labels.put(max(x, column.x), column.down(y0) - 3, f"{name} {one.period_mm:.0f} mm", "tie-name")


class _Labels:
    """Words beside marks; those that would lie on others are left out."""

    def __init__(self) -> None:
        self._taken: list[tuple[float, float, float]] = []

    def beside(self, mark: Box, right_edge: float, text: str) -> Iterator[Shape]:
        """A number right of a mark, or above its end where the cloth ends there."""
        wide = WIDE * len(text)
        left, base = mark.x + mark.width + 2, mark.y + mark.height / 2 + 3.5
        if left + wide > right_edge:
            left, base = right_edge - wide - 2, max(mark.y - 3, TOP + 10)
        yield from self.put(left, base, text, "number")

    def put(self, left: float, base: float, text: str, style: str) -> Iterator[Shape]:
        """Words that begin at ``left``, if there is room."""
        right = left + WIDE * len(text)
        if any(abs(there - base) < 9 and left < x1 and right > x0 for x0, x1, there in self._taken):
            return
        self._taken.append((left, right, base))
        yield Words(left, base, text, style)
