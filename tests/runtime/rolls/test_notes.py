"""Repeats and maintenance: from the events to where they lie in the roll, on its map, its page and its tables."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path

import pytest

from runtime.events import MaintenanceEvent
from runtime.rolls.drawing import Box, Stroke, Words
from runtime.rolls.graded import GradedRoll, grade
from runtime.rolls.page import page
from runtime.rolls.policy import POLICIES
from runtime.rolls.reading import read_roll
from runtime.rolls.roll_map import HEIGHT, TOP, draw_map, fold
from runtime.rolls.store import Label
from runtime.rolls.tables import document, tables
from runtime.rolls.words import defect_row, maintenance_rows, repeat_rows
from runtime.types import State
from tests.runtime.rolls.made import care, defect, make_roll, progress, repeat, started, summary

SPOTS = [defect(f"d{n}", (1.0 + n * 0.3, 1.01 + n * 0.3)) for n in range(4)]
LATER = "2026-03-01T10:01:00.000+00:00"
LATEST = "2026-03-01T10:02:00.000+00:00"


def graded(folder: Path) -> GradedRoll:
    """Four spots every 300 mm, dust that was wiped off at 3 m, and a lamp that stayed weak; 4 m of cloth."""
    told = [repeat("r", 301.0, SPOTS[:3], State.OPEN), repeat("r", 300.0, SPOTS[1:], State.UPDATE)]
    dust = [care("m1", 0.5), progress(3.0, time=LATER), care("m1", 0.5, "closed", time=LATER)]
    lamp = care("m2", 2.0, cause="light", x=None)
    rows = [started(), *SPOTS, *told, *dust, lamp, progress(4.0, time=LATEST), summary()]
    return grade(read_roll(make_roll(folder, rows)), POLICIES["inch"])


def test_a_repeat_names_all_its_defects_and_the_newest_distance(tmp_path: Path) -> None:
    one = graded(tmp_path)
    (found,) = one.roll.repeats
    assert found.defects == ("d0", "d1", "d2", "d3")
    assert (found.period_mm, found.count, found.closed) == (300.0, 3, False)
    assert repeat_rows(one)[1][:3] + repeat_rows(one)[1][6:] == ["R1", "300.0", "3", "1, 2, 3, 4", "went on"]
    assert [found.repeat for found in one.defects] == [1, 1, 1, 1]
    assert "repeat R1" in defect_row(one, 0)[-1]


def test_maintenance_lasts_until_it_is_over_or_the_cloth_ends(tmp_path: Path) -> None:
    one = graded(tmp_path)
    dust, lamp = one.roll.maintenance
    assert (dust.y0_m, dust.y1_m, dust.closed, dust.message) == (0.5, 3.0, True, "column open")
    assert (lamp.y0_m, lamp.y1_m, lamp.closed, lamp.x0_mm) == (2.0, 4.0, False, None)
    assert [row[0] for row in maintenance_rows(one)] == ["no.", "M1", "M2"]
    assert maintenance_rows(one)[2][-1] == "not over; light open"
    assert any("Camera 'c' needed care (column, light)" in warning for warning in one.warnings())


def test_in_a_second_run_they_lie_behind_the_first(tmp_path: Path) -> None:
    first = [started(), progress(10.0), summary()]
    second = [started(), *SPOTS, repeat("r", 300.0, SPOTS), care("m", 0.5), progress(4.0), summary()]
    roll = read_roll(make_roll(tmp_path, first, second))
    assert (roll.repeats[0].y0_m, roll.repeats[0].y1_m) == pytest.approx((11.005, 11.905))
    assert (roll.maintenance[0].y0_m, roll.maintenance[0].y1_m) == pytest.approx((10.5, 14.0))


def test_what_began_in_the_roll_before_is_no_older_than_the_roll(tmp_path: Path) -> None:
    begins = started("c").model_copy(update={"roll": "8", "y_m": 1.2})
    over: MaintenanceEvent = care("m", 0.5, "closed", time=LATER)
    rows = [begins, *SPOTS[1:], repeat("r", 300.0, SPOTS), over, progress(4.0, time=LATER), summary()]
    roll = read_roll(make_roll(tmp_path, rows, label=Label("8")))
    (again,), (dust,) = roll.repeats, roll.maintenance
    assert again.y0_m == dust.y0_m == 0.0
    assert again.y1_m == pytest.approx(1.905 - 1.2)
    assert again.defects == ("d1", "d2", "d3"), "the first is the other roll's"
    assert (dust.y1_m, dust.closed) == (pytest.approx(2.8), True)


def test_the_map_ties_a_repeat_together(tmp_path: Path) -> None:
    shapes = draw_map(graded(tmp_path)).shapes
    ties = [shape for shape in shapes if isinstance(shape, Stroke) and shape.style == "tie"]
    along, *each = ties
    assert (along.y0, along.y1) == pytest.approx(tuple(TOP + HEIGHT / 4 * metre for metre in (1.305, 1.905)))
    assert [stroke.y0 for stroke in each] == pytest.approx([TOP + HEIGHT / 4 * (1.305 + n * 0.3) for n in range(3)])
    assert [shape.text for shape in shapes if isinstance(shape, Words) and shape.style == "tie-name"] == ["R1 300 mm"]


def test_the_map_shows_where_a_camera_needed_care(tmp_path: Path) -> None:
    shapes = draw_map(graded(tmp_path)).shapes
    (column,) = fold(4.0, 0.0, 1000.0)
    bars = [shape for shape in shapes if isinstance(shape, Box) and shape.style == "care"]
    assert [(bar.y, bar.height) for bar in bars] == [
        pytest.approx((column.down(0.5), 2.5 * column.per_m)), pytest.approx((column.down(2.0), 2.0 * column.per_m)),
    ]  # fmt: skip
    assert all(bar.x + bar.width < column.x for bar in bars), "beside the cloth"
    (still,) = [shape for shape in shapes if isinstance(shape, Stroke) and shape.style == "still"]
    assert still.x0 == still.x1 == pytest.approx(column.across(40.5))


def test_what_is_longer_than_a_column_goes_on_in_the_next_and_is_named_once_a_column(tmp_path: Path) -> None:
    rows = [started(), care("m", 1.0, x=None), progress(12.0), summary()]
    shapes = draw_map(grade(read_roll(make_roll(tmp_path, rows)), POLICIES["inch"])).shapes
    columns = fold(12.0, 0.0, 1000.0)
    bars = [shape for shape in shapes if isinstance(shape, Box) and shape.style == "care"]
    assert len(bars) == len(columns) == 2
    assert sum(bar.height for bar in bars) == pytest.approx(11.0 * columns[0].per_m)


def test_the_page_lists_both_and_explains_their_marks(tmp_path: Path) -> None:
    text = page(graded(tmp_path))
    for part in ("<td>R1</td><td>300.0</td>", "<td>M1</td><td>c</td><td>column</td>", 'class="tie"', 'class="care"'):
        assert part in text, part
    assert "come back at one distance</span>" in text
    bare = page(grade(read_roll(make_roll(tmp_path / "bare", [started(), progress(4.0)])), POLICIES["inch"]))
    for part in ("None at one distance.", "No camera needed care."):
        assert part in bare, part
    assert 'class="tie"' not in bare
    assert 'class="care"' not in bare


def test_the_tables_and_the_document_have_both(tmp_path: Path) -> None:
    one = graded(tmp_path)
    read = {name: list(csv.DictReader(StringIO(text))) for name, text in tables(one).items()}
    assert [(row["number"], row["period_mm"], row["defects"]) for row in read["repeats.csv"]] == [
        ("1", "300.0", "d0 d1 d2 d3")
    ]
    assert [(row["cause"], row["y1_m"], row["closed"], row["x0_mm"]) for row in read["maintenance.csv"]] == [
        ("column", "3.0", "True", "40.0"), ("light", "4.0", "False", ""),
    ]  # fmt: skip
    assert {row["repeat"] for row in read["defects.csv"]} == {"1"}
    content = json.loads(document(one))
    assert content["repeats"][0]["defects"] == ["d0", "d1", "d2", "d3"]
    assert [row["cause"] for row in content["maintenance"]] == ["column", "light"]
    assert {row["repeat"] for row in content["defects"]} == {1}
