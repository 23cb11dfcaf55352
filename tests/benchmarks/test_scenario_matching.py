"""Which event finds which fault, and what is said of disturbances, case by case."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.scenario.matching import match, told_as
from benchmarks.scenario.record import Disturbance, Planted, read_record, write_record
from runtime.errors import UserError
from runtime.events import DefectEvent, Event
from runtime.types import Kind, Reason, State
from tests.benchmarks.scenario_records import disturbance, event, fault, maintenance, record, state, unseen

RUNNING = fault("broken_end", x=(200, 200.5), y=(2.0, 4.0), kind=Kind.WARP)


@pytest.mark.parametrize(
    ("told", "found", "false"),
    [
        (event(), True, 0),
        (event(x=(114.9, 120)), True, 0),
        (event(x=(115.1, 120)), False, 1),
        (event(x=(90, 95.1)), True, 0),
        (event(x=(90, 94.9)), False, 1),
        (event(y=(1.014, 1.02)), True, 0),
        (event(y=(1.016, 1.02)), False, 1),
        (event(x=(85, 115)), True, 0),
        (event(x=(50, 115)), False, 0),
        (event(y=(0.9, 1.1)), False, 0),
        (event(parent="d0"), False, 0),
    ],
    ids=[
        "the same box",
        "5 mm to the right",
        "beyond",
        "5 mm to the left",
        "beyond",
        "5 mm on",
        "beyond",
        "as large as may be",
        "too wide: it meets the fault and does not find it",
        "too long",
        "part of another event",
    ],
)
def test_an_event_finds_what_it_is_near_and_not_much_larger_than(told: DefectEvent, found: bool, false: int) -> None:
    matched = match(record([fault()], [told]))
    assert [outcome.found for outcome in matched.outcomes] == [found]
    assert len(matched.false) == false


def test_pieces_of_a_running_fault_are_its_fragments_and_their_union_has_its_place() -> None:
    pieces = [
        event(x=(199, 201), y=(2.01, 2.5), name="a", kind=Kind.WARP),
        event(x=(199, 203), y=(2.7, 3.9), name="b", kind=Kind.WARP),
        event(x=(199, 201), y=(2.5, 2.6), name="c", parent="a"),
    ]
    (outcome,) = match(record([RUNNING], pieces)).outcomes
    assert [one.id for one in outcome.meeting] == ["a", "b"]
    assert outcome.errors_mm() == pytest.approx((10.0, -100.0, 0.75))


@pytest.mark.parametrize(
    ("looked_mm", "across_mm", "is_unseen"),
    [
        (None, -2.0, False),
        ((0, 400), -2.0, False),
        ((102, 400), -3.0, False),
        ((0, 106), 0.0, False),
        ((110, 400), -2.0, True),
    ],
    ids=["nobody knows", "all of it", "its right part", "its left part", "beside the map"],
)
def test_of_a_fault_the_part_that_was_looked_at_counts(
    looked_mm: tuple[float, float] | None, across_mm: float, is_unseen: bool
) -> None:
    (outcome,) = match(record([fault()], [event(x=(100, 106))], looked_mm=looked_mm)).outcomes
    assert outcome.errors_mm()[2] == pytest.approx(across_mm)
    assert outcome.unseen is is_unseen


def test_the_last_word_on_a_defect_counts() -> None:
    words = [event(y=(3.0, 3.1), name="a", state=State.OPEN), event(y=(1.0, 1.01), name="a")]
    assert match(record([fault()], words)).outcomes[0].found


@pytest.mark.parametrize(
    ("spans", "is_unseen"),
    [
        ([], False),
        ([unseen((1.9, 4.1))], True),
        ([unseen((1.9, 3.0)), unseen((3.0, 4.1), Reason.OVERLOAD)], True),
        ([unseen((1.9, 2.9)), unseen((3.0, 4.1))], False),
        ([unseen((1.9, 4.1), Reason.SEEN_BEFORE)], False),
    ],
)
def test_a_fault_that_nobody_looked_at_is_unseen(spans: list[Event], is_unseen: bool) -> None:
    assert match(record([RUNNING], spans)).outcomes[0].unseen is is_unseen


@pytest.mark.parametrize(
    ("there", "told", "words", "as_expected"),
    [
        (disturbance(), [], set(), True),
        (disturbance(), [event(y=(2.5, 2.6))], {"defect"}, False),
        (disturbance(), [event(y=(3.2, 3.3))], set(), True),
        (disturbance(x0_mm=50, x1_mm=60), [event(y=(2.5, 2.6))], set(), True),
        (disturbance(expected=("maintenance column",)), [], set(), False),
        (disturbance(expected=("maintenance column",)), [maintenance(3.4)], {"maintenance column"}, True),
        (disturbance(expected=("maintenance column",)), [maintenance(3.6)], set(), False),
        (disturbance(expected=("maintenance column",)), [maintenance(1.9)], set(), False),
        (
            disturbance(expected=("maintenance column",)),
            [maintenance(2.2), event(y=(2.5, 2.6))],
            {"maintenance column", "defect"},
            False,
        ),
        (
            disturbance(x0_mm=50, x1_mm=60, expected=("maintenance column",)),
            [maintenance(2.2, x=(300, 301))],
            set(),
            False,
        ),
        (
            disturbance("seam", expected=("state seam", "not inspected obstructed")),
            [state("seam", 2.4)],
            {"state seam"},
            True,
        ),
        (disturbance("seam", expected=("state seam",)), [state("standing", 2.4)], set(), False),
        (
            disturbance("hand", expected=("not inspected obstructed",)),
            [unseen((2.1, 2.5), Reason.OBSTRUCTED)],
            {"not inspected obstructed"},
            True,
        ),
        (disturbance("hand"), [unseen((2.1, 2.5), Reason.STOPPED)], set(), True),
    ],
)
def test_what_is_told_of_a_disturbance(
    there: Disturbance, told: list[Event], words: set[str], as_expected: bool
) -> None:
    (handled,) = match(record(events=told, disturbances=[there])).handled
    assert handled.told == words
    assert handled.as_expected is as_expected


@pytest.mark.parametrize(
    ("faults", "disturbances", "on", "false"),
    [
        ([], [], 0, 1),
        ([], [disturbance(y=(0.5, 1.5))], 1, 0),
        ([fault()], [disturbance(y=(0.5, 1.5))], 0, 0),
    ],
)
def test_an_event_is_of_a_fault_before_it_is_of_a_disturbance(
    faults: list[Planted], disturbances: list[Disturbance], on: int, false: int
) -> None:
    matched = match(record(faults, [event()], disturbances))
    assert (len(matched.on_disturbances), len(matched.false)) == (on, false)
    assert sum(handled.defects for handled in matched.handled) == on


def test_of_several_disturbances_an_event_is_of_the_smallest_and_a_telling_of_those_that_expect_it() -> None:
    leak = disturbance("leak", y=(0.0, 10.0))
    dust = disturbance(x0_mm=100, x1_mm=110, expected=("maintenance column",))
    step = disturbance("lamp step", y=(2.2, 2.8))
    there = [leak, dust, step]

    def told(*events: Event) -> list[set[str]]:
        return [set(handled.told) for handled in match(record(events=list(events), disturbances=there)).handled]

    assert told(event(y=(2.5, 2.6))) == [set(), {"defect"}, set()]
    assert told(event(x=(300, 310), y=(2.5, 2.6))) == [set(), set(), {"defect"}]
    assert told(event(y=(5.0, 5.1))) == [{"defect"}, set(), set()]
    assert told(maintenance(2.5)) == [set(), {"maintenance column"}, set()]
    assert told(maintenance(2.5, cause="light")) == [set(), {"maintenance light"}, set()]
    assert told(maintenance(8.0)) == [{"maintenance column"}, set(), set()]


def test_an_end_of_maintenance_says_nothing_new() -> None:
    opened = maintenance(1.0)
    assert told_as(opened) == "maintenance column"
    assert told_as(opened.model_copy(update={"state": "closed"})) == ""


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = record([fault()], [event(), maintenance(1.0), unseen((1, 2))], [disturbance()], memory=[1, 2])
    write_record(tmp_path / "a.json", made)
    assert read_record(tmp_path / "a.json") == made
    (tmp_path / "b.json").write_text("{}")
    with pytest.raises(UserError, match="no record of this version's"):
        read_record(tmp_path / "b.json")
