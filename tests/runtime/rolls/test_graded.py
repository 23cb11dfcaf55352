"""A graded roll's totals, and what its reader is warned of."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.errors import UserError
from runtime.rolls.graded import grade
from runtime.rolls.policy import POLICIES
from runtime.rolls.reading import read_roll
from runtime.rolls.store import Label, Store
from runtime.types import Kind, Reason, State
from tests.runtime.rolls.made import defect, gap, make_roll, progress, started, summary

INCH = POLICIES["inch"]


def test_defects_in_the_order_in_which_they_begin(tmp_path: Path) -> None:
    rows = [defect("b", (5.0, 5.1)), defect("a", (2.0, 2.1)), defect("c", (2.0, 2.1), x=(50.0, 60.0))]
    graded = grade(read_roll(make_roll(tmp_path, [started(), *rows, progress(9.0), summary()])), INCH)
    assert [one.id for one in graded.defects] == ["c", "a", "b"]


def test_totals_by_kind(tmp_path: Path) -> None:
    rows = [
        defect("a", (1.0, 1.01)), defect("b", (3.0, 3.01)),
        defect("c", (5.0, 7.0), kind=Kind.WARP), defect("d", (6.0, 8.0), x=(300, 301), kind=Kind.WARP),
    ]  # fmt: skip
    graded = grade(read_roll(make_roll(tmp_path, [started(), *rows, progress(9.0), summary()])), INCH)
    local, warp = graded.by_kind()
    assert (local.kind, local.defects, local.four_points, local.ten_points) == (Kind.LOCAL, 2, 2, 2)
    assert (warp.kind, warp.defects, warp.four_points) == (Kind.WARP, 2, 4 * 3 + 4 * 3)
    assert warp.metres == pytest.approx(3.0), "side by side they take the same metre once"


def test_totals_by_reason_in_metres_of_full_width(tmp_path: Path) -> None:
    rows = [
        gap(Reason.OVERLOAD, (1.0, 3.0), "left"), gap(Reason.OVERLOAD, (1.0, 3.0), "right"),
        gap(Reason.PACKET_LOSS, (5.0, 5.5), "left"), gap(Reason.CAMERA_LOST, None, "right", seconds=2.5),
        progress(9.0, x=(0, 400), camera="left"), progress(9.0, x=(400, 1000), camera="right"), summary(),
    ]  # fmt: skip
    graded = grade(read_roll(make_roll(tmp_path, [started(), *rows])), INCH)
    overload, loss, lost = graded.by_reason()
    assert (overload.reason, overload.spans, overload.metres) == ("overload", 2, pytest.approx(2.0))
    assert (loss.reason, loss.metres) == ("packet_loss", pytest.approx(0.2))
    assert (lost.reason, lost.metres, lost.unknown, lost.seconds) == ("camera_lost", 0.0, 1, 2.5)


def test_a_whole_roll_has_no_warnings(tmp_path: Path) -> None:
    assert grade(read_roll(make_roll(tmp_path, [started(), progress(9.0), summary()])), INCH).warnings() == []


def test_what_a_reader_must_know(tmp_path: Path) -> None:
    first = [started(), defect("a", (2.0, 4.0), state=State.OPEN), progress(4.0)]
    make_roll(tmp_path, first)
    store = Store(tmp_path, Label())
    store.add([started(), progress(3.0), summary()])
    store.add_lost("crops beyond the quota", 12)
    assert grade(read_roll(tmp_path), INCH).warnings()[0].startswith("This roll is still being made")
    store.close()
    assert grade(read_roll(tmp_path), INCH).warnings() == [
        "Run 1 was cut off at 4.000 m; what came after is not known.",
        "The roll was made in 2 runs; cloth that passed between them was not seen.",
        "1 defect still ran on when the stream was cut off: longer than known.",
        "Not kept: 12 crops beyond the quota.",
    ]


@pytest.mark.parametrize(("called", "points"), [([], 1), (["run-c-1"], 2), (["1"], 2)])
def test_an_inspector_may_call_a_defect_a_hole(tmp_path: Path, called: list[str], points: int) -> None:
    roll = read_roll(make_roll(tmp_path, [started(), defect("run-c-1", (2.0, 2.01)), progress(9.0), summary()]))
    assert grade(roll, INCH, called).four.points == points


@pytest.mark.parametrize(("called", "count"), [("3", 0), ("1", 2)])
def test_a_hole_that_is_none_or_two(tmp_path: Path, called: str, count: int) -> None:
    rows = [defect("x-c-1", (2.0, 2.01)), defect("y-c-1", (3.0, 3.01))]
    roll = read_roll(make_roll(tmp_path, [started(), *rows]))
    with pytest.raises(UserError, match=f"{count} defects of the roll are called '{called}'"):
        grade(roll, INCH, [called])
