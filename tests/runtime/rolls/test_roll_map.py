"""The map: every defect where it is, every metre once, what was not looked at hatched where it was not."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.rolls.drawing import Box, Drawing, Stroke, Words, svg
from runtime.rolls.graded import GradedRoll, grade
from runtime.rolls.policy import POLICIES
from runtime.rolls.reading import read_roll
from runtime.rolls.roll_map import HEIGHT, MOST_NUMBERS, SMALLEST, TOP, WIDTH, draw_map, fold, nice
from runtime.types import Kind, Reason
from tests.runtime.rolls.made import TIME, defect, gap, make_roll, progress, started, summary


def graded(folder: Path, *rows: object, metres: float = 4.0, ended: bool = True) -> GradedRoll:
    end = [summary()] if ended else []
    roll = make_roll(folder, [started(), *rows, progress(metres), *end])  # type: ignore[list-item]
    return grade(read_roll(roll), POLICIES["inch"])


def boxes(drawing: Drawing, style: str) -> list[Box]:
    return [shape for shape in drawing.shapes if isinstance(shape, Box) and shape.style == style]


@given(st.floats(0.01, 5000), st.floats(50, 5400))
def test_columns_hold_every_metre_once_and_fit_the_page(metres: float, width_mm: float) -> None:
    columns = fold(metres, 0.0, width_mm)
    assert columns[0].y0_m == 0
    assert columns[-1].y1_m == metres
    for one, following in pairwise(columns):
        assert one.y1_m == pytest.approx(following.y0_m)
    for one in columns:
        assert one.y0_m < one.y1_m
        assert one.down(one.y1_m) <= TOP + HEIGHT + 1e-6
        assert 0 <= one.across(0) < one.across(width_mm) <= WIDTH + 1e-6


@given(st.floats(5.1, 5000))
def test_the_last_column_is_not_left_empty(metres: float) -> None:
    columns = fold(metres, 0.0, 1000.0)
    assert len(columns) > 1
    assert columns[-1].y1_m - columns[-1].y0_m > 0.5 * (columns[0].y1_m - columns[0].y0_m)


@pytest.mark.parametrize(("value", "expected"), [(0.3, 0.5), (1, 1), (1.1, 2), (40, 50), (51, 100)])
def test_nice(value: float, expected: float) -> None:
    assert nice(value) == pytest.approx(expected)


def test_a_large_defect_is_drawn_to_scale(tmp_path: Path) -> None:
    one = graded(tmp_path, defect("a", (1.0, 2.0), x=(250, 750), kind=Kind.AREA))
    (column,) = fold(4.0, 0.0, 1000.0)
    (drawn,) = boxes(draw_map(one), "area")
    assert (drawn.x, drawn.y) == pytest.approx((column.across(250), TOP + HEIGHT / 4))
    assert (drawn.width, drawn.height) == pytest.approx((500 * column.per_mm, HEIGHT / 4))
    assert drawn.link == "defect-1"


def test_a_small_defect_lies_on_top_of_a_large_one(tmp_path: Path) -> None:
    small, large = defect("a", (1.5, 1.501), x=(400, 402)), defect("b", (1.6, 2.5), x=(300, 700), kind=Kind.WARP)
    drawing = draw_map(graded(tmp_path, small, large))
    links = [shape.link for shape in drawing.shapes if isinstance(shape, Box) and shape.link]
    assert links == ["defect-2", "defect-1"]


@pytest.mark.parametrize("kind", Kind)
def test_a_small_one_is_never_too_small_to_be_seen(tmp_path: Path, kind: Kind) -> None:
    one = graded(tmp_path, defect("a", (1.0, 1.0001), x=(250, 250.2), kind=kind))
    (drawn,) = boxes(draw_map(one), kind.value)
    assert (drawn.width, drawn.height) == SMALLEST[kind]


def test_a_defect_goes_on_in_the_next_column(tmp_path: Path) -> None:
    one = graded(tmp_path, defect("a", (8.0, 12.0), x=(250, 251), kind=Kind.WARP), metres=20.0)
    columns = fold(20.0, 0.0, 1000.0)
    first, second = boxes(draw_map(one), "warp")
    assert first.x < columns[1].x <= second.x
    assert first.height + second.height == pytest.approx(4.0 * columns[0].per_m)


def test_hatched_where_it_was_not_looked_at(tmp_path: Path) -> None:
    later = TIME.replace("10:00", "11:00")
    rows = [
        gap(Reason.OVERLOAD, (1.0, 2.0), "right"), gap(Reason.NO_CLOTH, (3.0, 4.0), "left"),
        gap(Reason.CAMERA_LOST, None, "right", seconds=2), progress(4.0, x=(0, 600), camera="left", time=later),
        progress(4.0, x=(600, 1000), camera="right", time=later),
    ]  # fmt: skip
    roll = read_roll(make_roll(tmp_path, [started(), *rows, summary()]))
    drawing = draw_map(grade(roll, POLICIES["inch"]))
    (column,) = fold(4.0, 0.0, 1000.0)
    (blind,), (bare,) = boxes(drawing, "blind"), boxes(drawing, "bare")
    assert (blind.x, blind.x + blind.width) == pytest.approx((column.across(600), column.across(1000)))
    assert (blind.y, blind.height) == pytest.approx((column.down(1.0), column.per_m))
    assert "overload" in blind.title
    assert bare.x == pytest.approx(column.across(0))
    assert [shape.y0 for shape in drawing.shapes if isinstance(shape, Stroke) and shape.style == "break"] == [
        pytest.approx(column.down(2.0))
    ]


@pytest.mark.parametrize(("ended", "said"), [(True, False), (False, True)])
def test_where_a_roll_was_cut_off(tmp_path: Path, ended: bool, said: bool) -> None:
    drawing = draw_map(graded(tmp_path, ended=ended))
    assert any(isinstance(shape, Words) and shape.text == "run 1 was cut off" for shape in drawing.shapes) is said


def test_bars_of_points(tmp_path: Path) -> None:
    drawing = draw_map(graded(tmp_path, defect("a", (0.1, 0.11)), defect("b", (1.0, 1.9), kind=Kind.WARP)))
    one, four = boxes(drawing, "bar")
    assert four.width == pytest.approx(4 * one.width)
    assert "1 points" in one.title


def numbers(drawing: Drawing) -> list[Words]:
    return [shape for shape in drawing.shapes if isinstance(shape, Words) and shape.style == "number"]


def test_marks_are_numbered_unless_there_are_too_many(tmp_path: Path) -> None:
    few = [defect(str(n), (0.1 * n, 0.1 * n + 0.01)) for n in range(20)]
    assert [one.text for one in numbers(draw_map(graded(tmp_path / "few", *few)))] == [str(n + 1) for n in range(20)]
    many = [defect(str(n), (0.01 * n, 0.01 * n + 0.001)) for n in range(MOST_NUMBERS + 1)]
    assert numbers(draw_map(graded(tmp_path / "many", *many))) == []


def test_numbers_do_not_lie_on_each_other_nor_beside_the_cloth(tmp_path: Path) -> None:
    rows = [defect(str(n), (1.0, 1.001), x=(100.0 + n, 102.0 + n)) for n in range(10)]
    rows.append(defect("edge", (2.0, 2.1), x=(990, 1000)))
    drawn = numbers(draw_map(graded(tmp_path, *rows)))
    assert [one.text for one in drawn] == ["1", "11"]
    (column,) = fold(4.0, 0.0, 1000.0)
    assert drawn[-1].x + 12 <= column.across(1000)


@pytest.mark.parametrize("rows", [[], [progress(1.0, x=(0, 0))]])
def test_no_cloth_was_seen(tmp_path: Path, rows: list[object]) -> None:
    roll = read_roll(make_roll(tmp_path, [started(), *rows]))  # type: ignore[list-item]
    drawing = draw_map(grade(roll, POLICIES["inch"]))
    assert [shape.text for shape in drawing.shapes if isinstance(shape, Words)] == ["No cloth was seen."]


def test_the_svg_is_xml_and_escapes() -> None:
    shapes = [Box(0, 0, 1, 1, "local", "<&>", "defect-1"), Words(1, 1, "a<b", "tick"), Stroke(0, 0, 1, 1, "grid")]
    drawing = Drawing(10, 10, shapes)
    root = ElementTree.fromstring(svg(drawing, "<map>"))
    assert root.attrib["aria-label"] == "<map>"
    assert [element.text for element in root.iter("title")] == ["<&>"]
    assert [element.text for element in root.iter("text")] == ["a<b"]
    assert [element.attrib["href"] for element in root.iter("a")] == ["#defect-1"]
