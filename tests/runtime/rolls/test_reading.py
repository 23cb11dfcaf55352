"""A roll as it is read: the last word on each defect, runs end to end, and every metre that was not looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.events import DefectEvent, Judge, StateEvent
from runtime.rolls.reading import read_roll
from runtime.rolls.roll import CUT_OFF, NO_LINES, union
from runtime.rolls.store import Label, Store
from runtime.types import Kind, Reason, State
from tests.runtime.rolls.made import TIME, defect, gap, make_roll, progress, started, summary


def test_each_defect_once_by_its_last_event(tmp_path: Path) -> None:
    make_roll(
        tmp_path,
        [
            started(),
            defect("a", (1.0, 1.1), state=State.OPEN),
            defect("b", (1.0, 1.2), state=State.OPEN),
            defect("a", (1.0, 1.5), kind=Kind.WARP, state=State.UPDATE),
            defect("b", (1.0, 1.3), parent="a"),
            defect("a", (1.0, 1.9), kind=Kind.WARP),
            progress(3.0),
            summary(),
        ],
    )
    (one,) = read_roll(tmp_path).defects
    assert (one.id, one.kind, one.y1_m, one.closed) == ("a", Kind.WARP, 1.9, True)


def test_runs_lie_end_to_end(tmp_path: Path) -> None:
    first = [started(), defect("a", (1.0, 1.1)), progress(4.0), summary()]
    second = [started(), gap(Reason.OVERLOAD, (0.5, 1.0)), defect("b", (2.0, 2.1)), progress(3.0), summary()]
    roll = read_roll(make_roll(tmp_path, first, second))
    assert [(run.y0_m, run.y1_m, run.how) for run in roll.runs] == [(0.0, 4.0, "limit"), (4.0, 7.0, "limit")]
    assert [one.y0_m for one in roll.defects] == [1.0, 6.0]
    assert [(one.y0_m, one.y1_m) for one in roll.unseen] == [(4.5, 5.0)]
    assert (roll.metres, roll.cloth.inspected_m) == (7.0, 6.5)
    assert "settings revision 3" in roll.runs[0].judge


def test_a_run_without_an_end_was_cut_off_at_its_last_known_line(tmp_path: Path) -> None:
    rows = [started(), progress(2.0), defect("a", (1.0, 1.1)), defect("b", (2.0, 2.5), state=State.UPDATE)]
    roll = read_roll(make_roll(tmp_path, [*rows, progress(4.0, looked_at_m=3.5)]))
    assert [(run.how, run.y1_m) for run in roll.cut_off] == [(None, 4.0)]
    assert [(one.reason, one.y0_m, one.y1_m) for one in roll.unseen] == [(CUT_OFF, 3.5, 4.0)]
    assert [one.closed for one in roll.defects] == [True, False]
    assert roll.cloth.inspected_m == 3.5


def test_an_event_beyond_the_last_progress_counts_as_known(tmp_path: Path) -> None:
    roll = read_roll(make_roll(tmp_path, [started(), progress(2.0), defect("a", (2.5, 2.75))]))
    assert (roll.metres, roll.cloth.inspected_m, roll.unseen) == (2.75, 2.75, ())


def test_while_it_is_made_it_is_not_cut_off(tmp_path: Path) -> None:
    store = Store(tmp_path, Label())
    store.add([started(), progress(2.0, looked_at_m=1.5)])
    roll = read_roll(tmp_path)
    assert (roll.live, roll.cut_off) == (True, ())
    store.close()
    assert len(read_roll(tmp_path).cut_off) == 1


def test_a_stream_that_never_began_is_no_run(tmp_path: Path) -> None:
    roll = read_roll(make_roll(tmp_path, [], [started(), progress(1.0), summary()], []))
    assert [run.number for run in roll.runs] == [2]


def test_overlapping_gaps_count_once(tmp_path: Path) -> None:
    gaps = [gap(Reason.OVERLOAD, (1.0, 2.0)), gap(Reason.PACKET_LOSS, (1.5, 2.5))]
    roll = read_roll(make_roll(tmp_path, [started(), *gaps, progress(10.0), summary()]))
    assert roll.cloth.inspected_m == 8.5


def test_cloth_that_was_not_there_is_no_blind_cloth(tmp_path: Path) -> None:
    roll = read_roll(make_roll(tmp_path, [started(), gap(Reason.NO_CLOTH, (9.0, 10.0)), progress(10.0), summary()]))
    assert (roll.cloth.length_m, roll.cloth.inspected_m, roll.cloth.uninspected_percent) == (9.0, 9.0, 0.0)


@pytest.mark.parametrize(("lost_at", "place"), [("10:00:05", 3.2), ("10:00:15", 5.0), ("10:00:25", 9.0)])
def test_a_gap_of_unknown_length_lies_where_its_camera_was(tmp_path: Path, lost_at: str, place: float) -> None:
    rows = [
        started(), defect("a", (3.0, 3.2)), progress(5.0, time=day("10:00:10")), progress(9.0, time=day("10:00:20")),
        gap(Reason.CAMERA_LOST, None, seconds=4.0, time=day(lost_at)), summary(),
    ]  # fmt: skip
    (one,) = read_roll(make_roll(tmp_path, rows)).unseen
    assert (one.y0_m, one.metres, one.seconds) == (place, 0.0, 4.0)


def day(time: str) -> str:
    return f"{TIME[:11]}{time}.000+00:00"


def test_cameras_count_by_their_share_of_the_width(tmp_path: Path) -> None:
    rows = [
        started(), gap(Reason.OVERLOAD, (0.0, 4.0), camera="left"),
        progress(10.0, x=(0, 750), camera="left"), progress(10.0, x=(750, 1000), camera="right"), summary(),
    ]  # fmt: skip
    roll = read_roll(make_roll(tmp_path, rows))
    assert roll.shares == {"left": 0.75, "right": 0.25}
    assert (roll.cloth.width_mm, roll.cloth.inspected_m) == (1000, 7.0)
    assert (roll.unseen[0].x0_mm, roll.unseen[0].x1_mm) == (0, 750)


@pytest.mark.parametrize(("right_m", "blind"), [(9.95, []), (6.0, [(NO_LINES, 6.0, 10.0)])])
def test_a_camera_that_was_gone_before_the_others(tmp_path: Path, right_m: float, blind: list[object]) -> None:
    rows = [progress(10.0, x=(0, 500), camera="left"), progress(right_m, x=(500, 1000), camera="right")]
    roll = read_roll(make_roll(tmp_path, [started(), *rows, summary()]))
    assert [(one.reason, one.y0_m, one.y1_m) for one in roll.unseen] == blind


def test_the_width_is_the_usual_one(tmp_path: Path) -> None:
    edges = [(10, 900), (12, 902), (12, 902), (400, 500), (13, 903)]
    rows = [progress(float(n), x=x) for n, x in enumerate(edges, start=1)]
    roll = read_roll(make_roll(tmp_path, [started(), *rows, summary()]))
    assert (roll.cloth.x0_mm, roll.cloth.x1_mm) == (12, 902)


def test_a_roll_that_follows_another_in_one_stream_counts_its_own_metres(tmp_path: Path) -> None:
    """Events go on in the stream's metres; each camera's first word says where it began the roll."""
    rows = [
        began("left", 100.0), progress(104.0, x=(0, 500), camera="left"), defect("a", (101.0, 101.5), camera="left"),
        began("right", 100.25), gap(Reason.OVERLOAD, (102.25, 103.25), camera="right"),
        defect("b", (100.25, 100.5), camera="right"), began("right", 102.0),
        progress(104.25, looked_at_m=104.25, x=(500, 1000), camera="right"), summary(),
    ]  # fmt: skip
    roll = read_roll(make_roll(tmp_path, [started(), progress(2.0), summary()], rows))
    assert [(run.y0_m, run.y1_m) for run in roll.runs] == [(0.0, 2.0), (2.0, 6.0)]
    assert [(one.id, one.y0_m, one.y1_m, one.peak_y_m) for one in roll.defects] == [
        ("a", 3.0, 3.5, 3.0), ("b", 2.0, 2.25, 2.0),
    ]  # fmt: skip
    assert [(one.camera, one.y0_m, one.y1_m) for one in roll.unseen if one.reason == Reason.OVERLOAD.value] == [
        ("right", 4.0, 5.0)
    ]


def test_a_roll_that_was_cut_off_before_its_first_strip_was_judged(tmp_path: Path) -> None:
    roll = read_roll(make_roll(tmp_path, [began("c", 100.0), progress(101.5, looked_at_m=0.0)]))
    assert [(one.reason, one.y0_m, one.y1_m) for one in roll.unseen] == [(CUT_OFF, 0.0, 1.5)]


def began(camera: str, y_m: float, roll: str = "7") -> StateEvent:
    return started(camera).model_copy(update={"y_m": y_m, "roll": roll})


@pytest.mark.parametrize("ended", [True, False])
def test_what_came_in_for_the_next_roll_is_not_of_this_one(tmp_path: Path, ended: bool) -> None:
    """The lines that waited when the camera went on, whether the roll came to its end or was cut off."""
    ahead = defect("a", (1.0, 1.5)).model_copy(update={"latency_mm": 7000.0})
    rows = [started("c"), progress(6.0, looked_at_m=1.5), ahead, progress(2.0), began("c", 2.0, "8")]
    roll = read_roll(make_roll(tmp_path, [*rows, *([summary()] if ended else [])]))
    assert (roll.metres, roll.cloth.inspected_m, roll.unseen) == (2.0, 2.0, ())


@pytest.mark.parametrize(
    ("gaps", "spans"),
    [
        ([(Reason.NO_CLOTH, 1.0, 1.1), (Reason.NO_CLOTH, 1.1, 1.2)], [(1.0, 1.2)]),
        ([(Reason.NO_CLOTH, 1.0, 1.1), (Reason.OVERLOAD, 1.1, 1.2)], [(1.0, 1.1), (1.1, 1.2)]),
        ([(Reason.NO_CLOTH, 1.0, 1.1), (Reason.NO_CLOTH, 1.15, 1.2)], [(1.0, 1.1), (1.15, 1.2)]),
    ],
)
def test_spans_that_go_on_are_one(tmp_path: Path, gaps: list, spans: list) -> None:
    rows = [gap(reason, (y0, y1)) for reason, y0, y1 in gaps]
    roll = read_roll(make_roll(tmp_path, [started(), *rows, progress(2.0), summary()]))
    assert [(one.y0_m, one.y1_m) for one in roll.unseen] == spans


def test_spans_of_unknown_length_stay_apart(tmp_path: Path) -> None:
    rows = [gap(Reason.CAMERA_LOST, None, seconds=4.0), gap(Reason.CAMERA_LOST, None, seconds=5.0)]
    assert len(read_roll(make_roll(tmp_path, [started(), *rows, progress(2.0), summary()])).unseen) == 2


def test_cloth_that_came_by_again_had_been_looked_at(tmp_path: Path) -> None:
    again = gap(Reason.SEEN_BEFORE, (1.0, 1.5))
    rows = [again.model_copy(update={"y0_m": 1.5, "y1_m": 1.0}), again]  # back, and forth
    roll = read_roll(make_roll(tmp_path, [started(), *rows, progress(2.0), summary()]))
    assert (roll.unseen, roll.cloth.inspected_m) == ((), 2.0)


def judged(bundle: str, revision: int) -> DefectEvent:
    judge = Judge(bundle=bundle, engine="openvino-fp32", settings_revision=revision)
    return defect(f"{bundle}{revision}", (1.0, 1.1)).model_copy(update={"judge": judge})


@pytest.mark.parametrize(
    ("judges", "words"),
    [
        ([], ""),
        ([("a", 3)], "bundle a, openvino-fp32, settings revision 3"),
        (
            [("a", 3), ("b", 1), ("a", 5), ("a", 4)],
            "bundle a, openvino-fp32, settings revisions 3 to 5; bundle b, openvino-fp32, settings revision 1",
        ),
    ],
)
def test_all_who_judged_a_run_are_named(tmp_path: Path, judges: list[tuple[str, int]], words: str) -> None:
    rows = [judged(*judge) for judge in judges]
    roll = read_roll(make_roll(tmp_path, [progress(1.0), *rows, gap(Reason.OVERLOAD, (1.5, 1.6))]))
    assert roll.runs[0].judge == words


def test_union() -> None:
    assert union([(3, 4), (0, 1), (1, 2), (3.5, 3.6), (6, 7)]) == [(0, 2), (3, 4), (6, 7)]
    assert union([]) == []
