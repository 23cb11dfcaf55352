"""Marks of a roller, once a turn: told as one repeat, whatever the roller."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from runtime.defects.repeats import ACROSS_MM, MOST_MARKS, Repeats
from runtime.events import RepeatEvent
from runtime.types import Kind, State
from tests.runtime.defects.told import defect


def heard(
    places_mm: Sequence[float], x_mm: Sequence[float] | float = 200.0, repeats: Repeats | None = None
) -> list[RepeatEvent]:
    """Spots of 6 mm that close at the given middles."""
    repeats = repeats or Repeats()
    xs = [x_mm] * len(places_mm) if isinstance(x_mm, float) else x_mm
    told = []
    for n, (y, x) in enumerate(zip(places_mm, xs, strict=True)):
        told += repeats.hear(defect(f"d{n}", State.CLOSED, (x, x + 6), (y - 3, y + 3)))
    return told


@pytest.mark.parametrize("period", [45.0, 314.0, 471.0, 628.0, 1234.5])
def test_three_in_a_row_are_a_repeat_of_their_distance(period: float) -> None:
    told = heard([1000 + n * period for n in range(5)])
    assert [event.state for event in told] == [State.OPEN, State.UPDATE, State.UPDATE]
    first, last = told[0], told[-1]
    assert (first.count, first.defects) == (3, ["d0", "d1", "d2"])
    assert (last.count, last.defects[-1], last.id) == (5, "d4", first.id)
    assert last.period_mm == pytest.approx(period, abs=0.01)
    assert (last.y0_m, last.y1_m) == pytest.approx((1.0, 1.0 + 4 * period / 1000))


@pytest.mark.parametrize(
    ("turns", "counts"),
    [
        ([0, 1], []),
        ([0, 1, 2], [3]),
        ([0, 1, 3], [3]),
        ([0, 2, 3], [3]),
        ([0, 1, 2, 4, 5], [3, 4, 5]),
        ([0, 2, 3, 5], [3, 4]),
        ([0, 1, 4], []),
        ([0, 1, 2, 5], [3]),
    ],
)
def test_a_mark_that_did_not_print_once_is_no_end_of_it(turns: list[int], counts: list[int]) -> None:
    told = heard([500 + 471.0 * n for n in turns])
    assert [event.count for event in told] == counts
    assert all(event.period_mm == pytest.approx(471.0) for event in told)


@pytest.mark.parametrize(
    ("period_mm", "slip_mm", "found"),
    [(471.0, 2.0, True), (471.0, 10.0, False), (1500.0, 8.0, True), (50.0, 6.0, False)],
)
def test_cloth_slips_a_little_and_more_on_a_longer_way(period_mm: float, slip_mm: float, found: bool) -> None:
    places = 1000 + period_mm * np.arange(4) + slip_mm * np.array([0, 1, -1, 1])
    assert bool(heard(list(places))) is found


def test_a_stretched_distance_is_followed() -> None:
    places = np.cumsum(471.0 * 1.001 ** np.arange(40))
    told = heard(list(places))
    assert told[-1].count == 40
    assert len({event.id for event in told}) == 1
    assert len(told[-1].defects) <= 16


def test_spots_at_other_distances_and_places_are_none() -> None:
    assert heard([0, 471, 1000]) == []
    assert heard([0, 471, 942], x_mm=[200.0, 200.0, 200.0 + 2 * ACROSS_MM]) == []
    assert heard([0, 10, 20]) == [], "parts of one defect"
    assert heard([0, 2500, 5000]) == [], "beyond any roller"


def test_only_like_kinds_repeat() -> None:
    repeats = Repeats()
    kinds = [Kind.LOCAL, Kind.WARP, Kind.LOCAL, Kind.AREA, Kind.LOCAL]
    told = [
        repeats.hear(defect(f"d{n}", State.CLOSED, (200, 206), (300.0 * n, 300.0 * n + 6), kind=kind))
        for n, kind in enumerate(kinds)
    ]
    assert [len(events) for events in told] == [0, 0, 0, 1, 1]
    assert told[3][0].defects == ["d0", "d2", "d3"], "a spot and an area may be prints of one mark, a line is none"


def test_two_rollers_at_once_are_two_repeats() -> None:
    a, b = 100 + 314.0 * np.arange(6), 180 + 471.0 * np.arange(5)
    order = np.argsort(np.concatenate([a, b]))
    places = np.concatenate([a, b])[order]
    xs = np.concatenate([np.full(6, 200.0), np.full(5, 900.0)])[order]
    told = heard(list(places), x_mm=list(xs))
    last = {event.id: event for event in told}
    assert sorted(round(event.period_mm) for event in last.values()) == [314, 471]


def test_events_that_come_out_of_order_are_put_in_order() -> None:
    assert [event.count for event in heard([942, 0, 471])] == [3]


def test_open_events_and_parts_of_others_do_not_count() -> None:
    repeats = Repeats()
    for n in range(5):
        y = 471.0 * n
        assert repeats.hear(defect(f"o{n}", State.OPEN, (200, 206), (y, y + 6))) == []
        assert repeats.hear(defect(f"p{n}", State.CLOSED, (200, 206), (y, y + 6), parent="o0")) == []


def test_a_repeat_is_over_when_three_turns_brought_none() -> None:
    repeats = Repeats()
    heard([0, 471, 942], repeats=repeats)
    assert repeats.passed("a", 2.3) == []
    assert repeats.passed("other", 9.0) == []
    (over,) = repeats.passed("a", 2.4)
    assert (over.state, over.count) == (State.CLOSED, 3)
    assert repeats.passed("a", 5.0) == []


def test_the_end_of_the_stream_closes_what_is_open() -> None:
    repeats = Repeats()
    (opened,) = heard([0, 471, 942], repeats=repeats)
    assert [(event.id, event.state) for event in repeats.close()] == [(opened.id, State.CLOSED)]
    assert repeats.close() == []


def test_memory_is_bounded() -> None:
    rng = np.random.default_rng(2)
    repeats = Repeats()
    for n in range(3 * MOST_MARKS):
        x, y = rng.uniform(0, 1e6), 100.0 * n
        repeats.hear(defect(f"d{n}", State.CLOSED, (x, x + 6), (y, y + 6)))
    assert len(repeats._marks) <= MOST_MARKS


def test_spots_by_chance_on_a_usual_roll_are_no_repeat() -> None:
    """40 defects per 100 m over 1.9 m, 300 m."""
    rng = np.random.default_rng(6)
    places = np.sort(rng.uniform(0, 300_000, 120))
    assert heard(list(places), x_mm=list(rng.uniform(0, 1900, 120))) == []


def test_a_series_that_goes_on_belongs_to_the_roll_of_its_newest_mark() -> None:
    repeats, told = Repeats(), []
    for n in range(5):
        mark = defect(f"d{n}", State.CLOSED, (200, 206), (471.0 * n - 3, 471.0 * n + 3))
        told += repeats.hear(mark.model_copy(update={"roll": "one" if n < 4 else "two"}))
    assert [event.roll for event in told] == ["one", "one", "two"]
