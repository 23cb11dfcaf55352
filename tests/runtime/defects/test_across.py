"""Two and three cameras over one cloth: one defect, one event, whoever tells first."""

from __future__ import annotations

from itertools import permutations

import pytest

from runtime.defects.across import GONE_MM, WAIT_MM, X_MM, Y_MM, Across
from runtime.events import DefectEvent, Event, StateEvent
from runtime.types import Kind, State
from tests.runtime.defects.told import defect

SPANS = {"a": (0.0, 400.0), "b": (360.0, 760.0), "c": (720.0, 1120.0)}
OPEN, UPDATE, CLOSED = State.OPEN, State.UPDATE, State.CLOSED


class Cameras:
    """What three cameras tell, and what comes out."""

    def __init__(self, spans: dict[str, tuple[float, float]] = SPANS) -> None:
        self.across = Across(spans)
        self.told: list[Event] = []

    def hear(self, *events: Event) -> Cameras:
        for event in events:
            self.told += self.across.hear(event)
        return self

    def judged(self, y_mm: float, *cameras: str) -> Cameras:
        for camera in cameras or SPANS:
            self.told += self.across.passed(camera, y_mm / 1000)
        return self

    def story(self) -> list[tuple[str, str, str | None]]:
        return [(e.id, e.state.value, e.parent) for e in self.told if isinstance(e, DefectEvent)]

    @property
    def whole(self) -> DefectEvent:
        """The one event that closed without a parent."""
        (event,) = [e for e in self.told if isinstance(e, DefectEvent) and e.state is CLOSED and e.parent is None]
        return event


def spot(camera: str, name: str, state: State = OPEN, x: float = 370, y: float = 100, **more: float) -> DefectEvent:
    return defect(name, state, (x, x + 8), (y, y + 6), camera, **more)  # type: ignore[arg-type]


def test_a_spot_in_the_overlap_is_one_event_that_names_both_cameras() -> None:
    cameras = Cameras().hear(spot("a", "a1"), spot("b", "b1", x=372, y=100.6, score=3.0))
    cameras.hear(spot("a", "a1", CLOSED)).hear(spot("b", "b1", CLOSED, x=372, y=100.6, score=3.0)).judged(200)
    assert cameras.story() == [("a1", "open", None), ("a1", "update", None), ("a1", "closed", None)]
    whole = cameras.whole
    assert whole.cameras == ["a", "b"]
    assert (whole.x0_mm, whole.x1_mm) == (370, 380)
    assert (whole.y0_m, whole.y1_m) == pytest.approx((0.1, 0.1066))
    assert (whole.score, whole.peak_x_mm) == (3.0, 372)
    assert (whole.x0_px, whole.x1_px, whole.peak_x_px) == (3700, 3780, 3700), "pixels are those of the first camera"


@pytest.mark.parametrize("order", list(permutations("abc")))
def test_a_missing_pick_over_three_cameras_is_one_event_in_any_order(order: tuple[str, ...]) -> None:
    picks = {
        name: {
            state: defect(f"{name}1", state, (x0, x1), (500 + dy, 501 + dy), name, Kind.WEFT)
            for state in (OPEN, CLOSED)
        }
        for (name, (x0, x1)), dy in zip(SPANS.items(), (0, 0.6, -0.6), strict=True)
    }
    cameras = Cameras().hear(*(picks[name][OPEN] for name in order), *(picks[name][CLOSED] for name in order))
    cameras.judged(600)
    whole = cameras.whole
    assert whole.id == f"{order[0]}1"
    assert sorted(whole.cameras) == ["a", "b", "c"]
    assert (whole.x0_mm, whole.x1_mm, whole.kind) == (0, 1120, Kind.WEFT)
    parents = [(name, parent) for name, state, parent in cameras.story() if parent]
    met_late = order in (("a", "c", "b"), ("c", "a", "b"))
    assert parents == ([(f"{order[1]}1", f"{order[0]}1")] if met_late else [])


@pytest.mark.parametrize(
    ("dx", "dy", "events"),
    [(0, 0, 1), (X_MM, 0, 1), (X_MM + 0.1, 0, 2), (0, Y_MM, 1), (0, Y_MM + 0.1, 2), (-X_MM, -Y_MM, 1)],
)
def test_boxes_meet_within_how_well_cameras_are_aligned(dx: float, dy: float, events: int) -> None:
    x = 370 + (8 + dx if dx >= 0 else dx - 8)
    y = 100 + (6 + dy if dy >= 0 else dy - 6)
    cameras = Cameras().hear(spot("a", "a1"), spot("b", "b1", x=x, y=y))
    cameras.hear(spot("a", "a1", CLOSED), spot("b", "b1", CLOSED, x=x, y=y)).judged(300)
    assert [state for _, state, _ in cameras.story()].count("closed") == events


def test_a_camera_that_comes_later_is_waited_for() -> None:
    cameras = Cameras().judged(150, "a").hear(spot("a", "a1"), spot("a", "a1", CLOSED))
    assert cameras.story() == [("a1", "open", None)]
    cameras.judged(106 + WAIT_MM - 1, "b").hear(spot("b", "b1"), spot("b", "b1", CLOSED))
    cameras.judged(200)
    assert cameras.whole.cameras == ["a", "b"]
    assert cameras.story()[-1] == ("a1", "closed", None)


def test_away_from_the_border_nobody_is_waited_for_and_nothing_is_changed() -> None:
    events = [spot("a", "a1", state, x=100) for state in (OPEN, UPDATE, CLOSED)]
    assert Cameras().hear(*events).told == events


@pytest.mark.parametrize("how", ["far behind", "ended"])
def test_a_camera_that_is_gone_is_not_waited_for(how: str) -> None:
    cameras = Cameras().judged(50).judged(200, "a").hear(spot("a", "a1"), spot("a", "a1", CLOSED))
    assert cameras.story() == [("a1", "open", None)]
    if how == "ended":
        cameras.told += cameras.across.ended("b")
    else:
        cameras.judged(106 + GONE_MM, "a")
    assert cameras.story()[-1] == ("a1", "closed", None)
    assert not cameras.across._groups


def test_the_end_of_one_camera_does_not_close_what_another_may_still_see() -> None:
    cameras = Cameras().judged(90).judged(110, "a").hear(spot("a", "a1"), spot("a", "a1", CLOSED))
    cameras.told += cameras.across.ended("a")
    cameras.hear(spot("b", "b1"), spot("b", "b1", CLOSED))
    for camera in "bc":
        cameras.told += cameras.across.ended(camera)
    assert cameras.whole.cameras == ["a", "b"]


def test_two_that_were_told_and_then_meet_become_one_and_the_younger_names_its_parent() -> None:
    def running(camera: str, name: str, state: State, x: tuple[float, float], end: float) -> DefectEvent:
        return defect(name, state, x, (100, end), camera, Kind.AREA)

    cameras = Cameras().hear(running("a", "a1", OPEN, (300, 340), 150), running("b", "b1", OPEN, (380, 430), 150))
    cameras.hear(running("b", "b1", UPDATE, (345, 430), 180))
    assert cameras.story() == [
        ("a1", "open", None), ("b1", "open", None), ("b1", "closed", "a1"), ("a1", "update", None),
    ]  # fmt: skip
    cameras.hear(running("a", "a1", CLOSED, (300, 340), 160)).hear(running("b", "b1", CLOSED, (345, 440), 220))
    whole = cameras.judged(400).whole
    assert (whole.id, whole.x0_mm, whole.x1_mm, whole.y1_m) == ("a1", 300, 440, 0.22)


def test_a_part_that_its_own_camera_joined_to_another_takes_the_neighbours_part_along() -> None:
    cameras = Cameras().hear(spot("a", "a1", x=300), spot("a", "a2", x=365), spot("b", "b1", x=366))
    cameras.hear(spot("a", "a2", CLOSED, x=365, parent="a1"))  # type: ignore[arg-type]
    assert ("a2", "closed", "a1") in cameras.story()
    cameras.hear(defect("a1", CLOSED, (300, 373), (100, 106), "a")).hear(spot("b", "b1", CLOSED, x=366))
    whole = cameras.judged(400).whole
    assert (whole.id, whole.cameras, whole.x0_mm, whole.x1_mm) == ("a1", ["a", "b"], 300, 374)


def test_a_running_end_in_the_overlap_that_one_camera_sees_in_pieces_is_one_event() -> None:
    cameras = Cameras().hear(defect("a1", OPEN, (370, 371), (0, 100), "a", Kind.WARP))
    for n in range(400):
        y = 100.0 * n
        cameras.hear(defect("a1", UPDATE, (370, 371), (0, y + 100), "a", Kind.WARP))
        for state in (OPEN, CLOSED):
            cameras.hear(defect(f"b{n}", state, (371, 372), (y, y + 40), "b", Kind.WARP))
        cameras.judged(y)
    assert len(cameras.across._groups) == 1
    assert len(cameras.across._group_of) == 1
    cameras.hear(defect("a1", CLOSED, (370, 371), (0, 40_000), "a", Kind.WARP)).judged(50_000)
    whole = cameras.whole
    assert (whole.id, whole.y0_m, whole.y1_m, whole.cameras) == ("a1", 0, 40, ["a", "b"])
    assert {name for name, _, _ in cameras.story()} == {"a1"}
    assert not cameras.across._groups
    assert not cameras.across._group_of


def test_defects_of_one_camera_are_left_to_its_tracker() -> None:
    cameras = Cameras().hear(spot("a", "a1", x=100), spot("a", "a2", x=100))
    assert [name for name, _, _ in cameras.story()] == ["a1", "a2"]


def test_other_events_and_single_cameras_pass() -> None:
    state = StateEvent(camera="a", state="running", message="")
    assert Cameras().hear(state).told == [state]
    event = spot("a", "a1", CLOSED)
    assert Cameras({"a": (0, 400)}).hear(event).told == [event]
    unknown = spot("x", "x1", CLOSED)
    assert Cameras().hear(unknown).told == [unknown]


def of_roll(event: Event, roll: str) -> Event:
    return event.model_copy(update={"roll": roll})


def begins(camera: str, roll: str) -> StateEvent:
    return StateEvent(camera=camera, state="started", message="the next roll", roll=roll)


def test_what_waits_for_a_camera_is_told_before_that_camera_goes_on_with_the_next_roll() -> None:
    cameras = Cameras()
    cameras.hear(of_roll(spot("a", "a1"), "one"), of_roll(spot("a", "a1", CLOSED), "one"), begins("a", "two"))
    assert cameras.story() == [("a1", "open", None)], "b may see it yet"
    cameras.hear(begins("b", "two"))
    assert cameras.story() == [("a1", "open", None), ("a1", "closed", None)]
    assert isinstance(cameras.told[-1], StateEvent)


def test_a_defect_of_the_next_roll_is_not_part_of_one_before() -> None:
    cameras = Cameras().hear(of_roll(spot("a", "a1"), "one"), begins("b", "two"), of_roll(spot("b", "b1"), "two"))
    assert cameras.story() == [("a1", "open", None), ("b1", "open", None)]
