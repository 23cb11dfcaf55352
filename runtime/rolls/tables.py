"""The report for other programs: one JSON document, or CSV tables. Lengths in mm, places in m of the roll."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from runtime.rolls.graded import GradedRoll
from runtime.rolls.grades import Grade
from runtime.rolls.roll import Found, Maintenance, Repeat, Unseen

DEFECT_COLUMNS = (
    "number", "id", "kind", "hole", "closed", "cameras", "y0_m", "y1_m", "x0_mm", "x1_mm", "peak_y_m", "peak_x_mm",
    "score", "threshold", "four_points", "ten_points", "time", "crop", "repeat",
)  # fmt: skip
SPAN_COLUMNS = ("camera", "reason", "y0_m", "y1_m", "x0_mm", "x1_mm", "seconds", "detail")
REPEAT_COLUMNS = ("number", "id", "period_mm", "count", "y0_m", "y1_m", "x0_mm", "x1_mm", "closed", "defects")
MAINTENANCE_COLUMNS = ("number", "id", "camera", "cause", "y0_m", "y1_m", "x0_mm", "x1_mm", "closed", "message")
BIN_COLUMNS = ("bin", "y0_m", "y1_m", "four_points")
FORMAT = 1


def document(graded: GradedRoll) -> str:
    """All of it as JSON."""
    roll = graded.roll
    content = {
        "format": FORMAT,
        "made": graded.made,
        "roll": {**asdict(roll.label), "metres": _rounded(roll.metres), "live": roll.live, "lost": roll.lost},
        "cloth": {
            **{name: _rounded(value) for name, value in asdict(roll.cloth).items()},
            "uninspected_percent": round(roll.cloth.uninspected_percent, 3),
        },
        "warnings": graded.warnings(),
        "runs": [asdict(run) for run in roll.runs],
        "four_point": _grade(graded.four),
        "ten_point": _grade(graded.ten),
        "policy": graded.policy.model_dump(mode="json"),
        "by_kind": [asdict(total) for total in graded.by_kind()],
        "not_inspected_by_reason": [asdict(total) for total in graded.by_reason()],
        "defects": [_defect(graded, number, one) for number, one in enumerate(graded.defects, start=1)],
        "not_inspected": [_span(one) for one in roll.unseen],
        "repeats": _numbered(roll.repeats),
        "maintenance": _numbered(roll.maintenance),
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def tables(graded: GradedRoll) -> dict[str, str]:
    """CSV by file name."""
    defects = [_defect(graded, number, one) for number, one in enumerate(graded.defects, start=1)]
    bins = [
        {"bin": number, "y0_m": y0, "y1_m": y1, "four_points": points}
        for number, y0, y1, points in _bins(graded.four)
    ]  # fmt: skip
    return {
        "defects.csv": _csv(DEFECT_COLUMNS, defects),
        "points.csv": _csv(BIN_COLUMNS, bins),
        "not_inspected.csv": _csv(SPAN_COLUMNS, [_span(one) for one in graded.roll.unseen]),
        "repeats.csv": _csv(REPEAT_COLUMNS, _numbered(graded.roll.repeats)),
        "maintenance.csv": _csv(MAINTENANCE_COLUMNS, _numbered(graded.roll.maintenance)),
    }


def _grade(grade: Grade) -> dict[str, Any]:
    return {
        "grade": grade.grade,
        "reasons": list(grade.reasons),
        "points": grade.points,
        "per_100yd2": _rounded(grade.per_100yd2),
        "per_100m2": _rounded(grade.per_100m2),
        "bins": [{"y0_m": y0, "y1_m": y1, "points": points} for _, y0, y1, points in _bins(grade)],
    }


def _bins(grade: Grade) -> list[tuple[int, float, float, int]]:
    """Number, first and last metre, points."""
    length = grade.bin_m
    return [(n, round(n * length, 4), round((n + 1) * length, 4), points) for n, points in grade.bins.items()]


def _defect(graded: GradedRoll, number: int, one: Found) -> dict[str, Any]:
    return {
        "number": number,
        **{name: _rounded(getattr(one, name)) for name in DEFECT_COLUMNS if hasattr(one, name)},
        "kind": one.kind.value,
        "cameras": " ".join(one.cameras),
        "four_points": graded.four.of.get(one.id),
        "ten_points": graded.ten.of.get(one.id),
        "crop": one.crop.name if one.crop else None,
    }


def _span(one: Unseen) -> dict[str, Any]:
    return {name: _rounded(value) for name, value in asdict(one).items()}


def _numbered(found: Sequence[Repeat | Maintenance]) -> list[dict[str, Any]]:
    rows = [{"number": number, **asdict(one)} for number, one in enumerate(found, start=1)]
    return [{name: _rounded(value) for name, value in row.items()} for row in rows]


def _rounded(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value


def _csv(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {name: " ".join(cell) if isinstance(cell, tuple) else cell for name, cell in row.items()} for row in rows
    )
    return out.getvalue()
