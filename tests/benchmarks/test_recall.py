from __future__ import annotations

import pytest

from benchmarks.boxes import Box
from benchmarks.recall import JOIN_PX, REACH_PX, SIDE_PX, components, false_events
from tests.benchmarks.masks import mask


def test_pieces_near_each_other_are_one_defect() -> None:
    apart = 2 * JOIN_PX + 1  # the grown pieces would leave one column free
    near = components(mask(50, 100, (10, 12, 5, 8), (12 + apart - 1, 30, 5, 6)))
    assert [one.box for one in near] == [Box(10, 30, 5, 8)]
    assert near[0].pixels.sum() == 6 + 30 - (12 + apart - 1)
    far = components(mask(50, 100, (10, 12, 5, 8), (12 + apart, 30, 5, 6)))
    assert [one.box for one in far] == [Box(10, 12, 5, 8), Box(23, 30, 5, 6)]
    assert components(mask(50, 100)) == []


def test_an_event_meets_a_defect_by_its_pixels_within_reach() -> None:
    (corner,) = components(mask(200, 200, (100, 120, 100, 101), (100, 101, 100, 120)))  # an L: its box is mostly empty
    assert corner.met_by(Box(0, 100 - REACH_PX + 1, 0, 200))
    assert not corner.met_by(Box(0, 100 - REACH_PX, 0, 200))
    assert corner.met_by(Box(120 + REACH_PX - 1, 190, 90, 110))
    assert not corner.met_by(Box(101 + REACH_PX, 140, 101 + REACH_PX, 140))


@pytest.mark.parametrize(
    ("event", "found"),
    [
        (Box(90, 90 + SIDE_PX, 90, 90 + SIDE_PX), True),
        (Box(90, 91 + SIDE_PX, 90, 110), False),  # one too wide
        (Box(90, 110, 90, 91 + SIDE_PX), False),  # one too tall
        (Box(150, 160, 150, 160), False),  # elsewhere
    ],
)
def test_a_small_defect_is_found_by_small_events(event: Box, found: bool) -> None:
    (dot,) = components(mask(300, 300, (100, 104, 100, 104)))
    assert dot.found_by(event) is found


def test_a_long_defect_allows_three_times_its_length() -> None:
    (line,) = components(mask(50, 900, (200, 300, 20, 22)))
    assert line.found_by(Box(100, 400, 10, 30))
    assert not line.found_by(Box(100, 401, 10, 30))


def test_false_events_meet_nothing() -> None:
    defects = components(mask(100, 200, (100, 101, 50, 51)))
    reach = 101 + REACH_PX
    events = [Box(reach - 1, 200, 0, 100), Box(reach, 200, 0, 100), Box(0, 10, 0, 10)]
    assert false_events(events, defects) == 2
    assert false_events(events, []) == 3
