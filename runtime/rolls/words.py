"""What a report says in words and rows, the same on the page and in the PDF. The first row of a table names it."""

from __future__ import annotations

import math

from runtime.rolls.graded import GradedRoll
from runtime.rolls.grades import Cloth, Grade
from runtime.rolls.lengths import YARD_M

Rows = list[list[str]]


def facts(graded: GradedRoll) -> list[tuple[str, str]]:
    """What the roll is."""
    roll, cloth = graded.roll, graded.roll.cloth
    shifts = ", ".join(dict.fromkeys(run.shift for run in roll.runs if run.shift))
    known = [
        ("Style", roll.label.style), ("Loom", roll.label.loom), ("Shift", shifts),
        ("Begun", f"{roll.runs[0].started[:16].replace('T', ' ')} UTC" if roll.runs else None),
        ("Length", f"{roll.metres:.2f} m ({roll.metres / YARD_M:.1f} yd)"),
        ("Width", f"{cloth.width_mm:.0f} mm" if cloth.width_mm else None),
        ("Looked at", f"{cloth.inspected_m:.2f} m ({_percent(cloth)} %)"),
        ("Defects", str(len(graded.defects))),
        ("Judged by", roll.runs[-1].judge if roll.runs else None),
        ("Report", f"{graded.made[:16].replace('T', ' ')} UTC, policy '{graded.policy.name}'"),
    ]  # fmt: skip
    return [(name, value) for name, value in known if value]


def _percent(cloth: Cloth) -> str:
    """Of the length that was looked at, rounded down: 100.0 is all of it."""
    return f"{math.floor((100 - cloth.uninspected_percent) * 10 + 1e-6) / 10:.1f}"


def headline(grade: Grade) -> list[str]:
    """A grade's figures and its reasons."""
    rates = [
        f"{value:.2f} for {area}"
        for value, area in ((grade.per_100yd2, "100 yd²"), (grade.per_100m2, "100 m²"))
        if value is not None
    ]
    return [", ".join([f"{grade.points} points", *rates]) + ".", *grade.reasons]


def kind_rows(graded: GradedRoll) -> Rows:
    """Totals by kind."""
    rows = [["kind", "defects", "4-point", "10-point", "metres"]]
    for one in graded.by_kind():
        rows.append([one.kind.value, str(one.defects), str(one.four_points), str(one.ten_points), f"{one.metres:.3f}"])
    return rows


def reason_rows(graded: GradedRoll) -> Rows:
    """Totals of what was not looked at."""
    rows = [["not looked at", "spans", "metres of full width", "of unknown length"]]
    for one in graded.by_reason():
        unknown = f"{one.unknown} ({one.seconds:.0f} s)" if one.unknown else ""
        rows.append([plain(one.reason), str(one.spans), f"{one.metres:.3f}", unknown])
    return rows


def defect_row(graded: GradedRoll, at: int | None) -> list[str]:
    """The defect at an index; None: the headings."""
    if at is None:
        return ["no.", "id", "kind", "at m", "at mm", "long mm", "wide mm", "4-pt", "10-pt", "score", ""]
    one = graded.defects[at]
    notes = ["hole"] * one.hole + [f"repeat R{one.repeat}"] * bool(one.repeat) + ["still open"] * (not one.closed)
    return [
        str(at + 1), one.id, one.kind.value, f"{one.y0_m:.3f}", f"{one.x0_mm:.0f}", f"{one.along_mm:.1f}",
        f"{one.across_mm:.1f}", str(graded.four.of.get(one.id, "-")), str(graded.ten.of.get(one.id, "-")),
        f"{one.score / one.threshold:.2f}", ", ".join(notes),
    ]  # fmt: skip


def span_rows(graded: GradedRoll) -> Rows:
    """Every span that was not looked at."""
    rows = [["camera", "reason", "from m", "to m", "metres", ""]]
    for one in graded.roll.unseen:
        seconds = f"{one.seconds:.1f} s. " if one.seconds is not None else ""
        length = f"{one.metres:.3f}" if one.metres else "unknown"
        rows.append([one.camera, plain(one.reason), f"{one.y0_m:.3f}", f"{one.y1_m:.3f}", length, seconds + one.detail])
    return rows


def repeat_rows(graded: GradedRoll) -> Rows:
    """Defects that come back at one distance."""
    rows = [["no.", "every mm", "times", "from m", "to m", "at mm", "defects", ""]]
    number_of = {one.id: number for number, one in enumerate(graded.defects, start=1)}
    for number, one in enumerate(graded.roll.repeats, start=1):
        defects = ", ".join(str(number_of[name]) for name in one.defects if name in number_of)
        rows.append(
            [f"R{number}", f"{one.period_mm:.1f}", str(one.count), f"{one.y0_m:.3f}", f"{one.y1_m:.3f}",
             f"{one.x0_mm:.0f} to {one.x1_mm:.0f}", defects, "" if one.closed else "went on"]
        )  # fmt: skip
    return rows


def maintenance_rows(graded: GradedRoll) -> Rows:
    """What was wrong with cameras and lights."""
    rows = [["no.", "camera", "cause", "from m", "to about m", "at mm", ""]]
    for number, one in enumerate(graded.roll.maintenance, start=1):
        across = "" if one.x0_mm is None else f"{one.x0_mm:.1f} to {one.x1_mm:.1f}"
        over = "" if one.closed else "not over; "
        rows.append(
            [f"M{number}", one.camera, one.cause, f"{one.y0_m:.3f}", f"{one.y1_m:.3f}", across, over + one.message]
        )
    return rows


def run_rows(graded: GradedRoll) -> Rows:
    """The runs that the roll was made in."""
    rows = [["run", "from m", "to m", "began", "shift", "ended", "judged by"]]
    for run in graded.roll.runs:
        live = graded.roll.live and run is graded.roll.runs[-1]
        how = run.how or ("is being made" if live else "cut off")
        rows.append(
            [str(run.number), f"{run.y0_m:.3f}", f"{run.y1_m:.3f}", run.started[:19].replace("T", " "),
             run.shift or "", plain(how), run.judge]
        )  # fmt: skip
    return rows


def policy_rows(graded: GradedRoll) -> Rows:
    """Every number that the grades were made with."""
    rows = [["rule", "value"], ["name", graded.policy.name]]
    rows.append(["most_uninspected_percent", f"{graded.policy.most_uninspected_percent:g}"])
    for section in ("four_point", "ten_point"):
        for name, value in getattr(graded.policy, section).model_dump().items():
            rows.append([f"{section}.{name}", _value(value)])
    return rows


def plain(name: str) -> str:
    """A name as words."""
    return name.replace("_", " ")


def _value(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_value(one)}" for name, one in value.items())
    if isinstance(value, tuple):
        return ", ".join(_value(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else "none" if value is None else str(value)
