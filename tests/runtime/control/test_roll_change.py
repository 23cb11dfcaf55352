"""Rolls that end and begin while a real pipeline runs: no line lost between them, each with metres of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.bundle import Bundle
from runtime.control.protocol import (
    BundleRequest,
    RollAnswer,
    RollEndRequest,
    RollStartRequest,
    StatusAnswer,
    StatusRequest,
)
from runtime.events import DefectEvent, StateEvent
from runtime.rolls.graded import grade
from runtime.rolls.policy import POLICIES
from runtime.rolls.reading import read_roll
from runtime.rolls.roll import Roll
from runtime.rolls.store import ROLL_ENDED
from runtime.types import NotInspected, Reason, State
from tests.runtime.bundles import MM_PER_PX, SPOT
from tests.runtime.cloths import Item, Scripted, block
from tests.runtime.control.asking import Asking, spotted
from tests.runtime.control.controlled import WAIT_S, Controlled
from tests.runtime.control.test_changes import judged_once

LINE_M = MM_PER_PX / 1000


def closed(run: Controlled) -> list[tuple[int, str | None]]:
    """First line and roll of each defect."""
    return [(e.first_line, e.roll) for e in run.of(DefectEvent) if e.state is State.CLOSED and e.parent is None]


def spans(roll: Roll) -> list[tuple[float, float, str | None]]:
    return [(run.y0_m, run.y1_m, run.how) for run in roll.runs]


@pytest.mark.parametrize("line", [400, 403])
def test_the_next_roll_begins_at_the_very_line(bundles: Path, tmp_path: Path, line: int) -> None:
    ask = Asking()
    starts = [
        ask(RollStartRequest(folder=str(tmp_path / "one"), style="denim", shift="early")),
        ask(RollStartRequest(folder=str(tmp_path / "two"), id="4712", at_line=line)),
    ]
    cloth = [spotted(100 * n, 100, at=40) for n in range(8)]
    run = ask.through(bundles / "fine", [starts[0], *cloth[:2], starts[1], *cloth[2:]])
    judged_once(run, 800)
    assert ask.answers == [
        RollAnswer(roll="one", first_line={"c": 0}), RollAnswer(roll="4712", first_line={"c": line}),
    ]  # fmt: skip
    assert closed(run) == [(100 * n + 40, "one" if n < 4 else "4712") for n in range(8)]
    one, two = read_roll(tmp_path / "one"), read_roll(tmp_path / "two")
    assert spans(one) == [(0, pytest.approx(line * LINE_M), ROLL_ENDED)]
    assert spans(two) == [(0, pytest.approx((800 - line) * LINE_M), "end_of_input")]
    assert [d.y0_m for d in one.defects] == pytest.approx([(100 * n + 40) * LINE_M for n in range(4)])
    assert [d.y0_m for d in two.defects] == pytest.approx([(100 * n + 440 - line) * LINE_M for n in range(4)])
    for roll in (one, two):
        assert not roll.live
        assert not roll.cut_off
        assert roll.cloth.inspected_m == pytest.approx(roll.metres)
        assert all(defect.crop and defect.crop.is_file() for defect in roll.defects)
        assert grade(roll, POLICIES["metric"]).four.points == 4
    assert (one.label.style, one.runs[0].shift, two.label.id) == ("denim", "early", "4712")


def test_a_defect_across_the_change_ends_with_its_roll_and_begins_the_next(bundles: Path, tmp_path: Path) -> None:
    bright = block(0, 400)
    bright.pixels[100:300, 80:96] = SPOT
    ask = Asking()
    starts = [ask(RollStartRequest(folder=str(tmp_path / name), at_line=at)) for name, at in (("a", 0), ("b", 200))]
    run = ask.through(bundles / "fine", [starts[0], block_of(bright, 0, 50), starts[1], block_of(bright, 50, 400)])
    assert closed(run) == [(100, "a"), (200, "b")]
    (first,), (second,) = (read_roll(tmp_path / name).defects for name in "ab")
    assert (first.y0_m, first.y1_m) == pytest.approx((100 * LINE_M, 200 * LINE_M))
    assert (second.y0_m, second.y1_m) == pytest.approx((0.0, 100 * LINE_M))


def block_of(whole: Item, first: int, end: int) -> Item:
    part = block(first, end - first)
    part.pixels[:] = whole.pixels[first:end]  # type: ignore[union-attr]
    return part


def test_a_gap_across_the_change_is_shared(bundles: Path, tmp_path: Path) -> None:
    ask = Asking()
    starts = [ask(RollStartRequest(folder=str(tmp_path / name), at_line=at)) for name, at in (("a", 0), ("b", 230))]
    gap = NotInspected("c", Reason.PACKET_LOSS, 200, 300)
    run = ask.through(bundles / "fine", [starts[0], block(0, 50), starts[1], block(50, 150), gap, block(300, 200)])
    judged_once(run, 500)
    blind = [[(u.y0_m, u.y1_m) for u in read_roll(tmp_path / name).unseen] for name in "ab"]
    assert blind[0] == [pytest.approx((200 * LINE_M, 230 * LINE_M))]
    assert blind[1] == [pytest.approx((0.0, 70 * LINE_M))]


def test_between_two_rolls_there_may_be_cloth_of_none(bundles: Path, tmp_path: Path) -> None:
    ask = Asking()
    script = [
        ask(RollStartRequest(folder=str(tmp_path / "a"))), spotted(0, 100, at=40), ask(RollEndRequest(at_line=200)),
        spotted(100, 100, at=40), spotted(200, 99, at=40), NotInspected("c", Reason.PACKET_LOSS, 299, 300),
        ask.judged(300), ask(RollStartRequest(folder=str(tmp_path / "b"), at_line=400)), spotted(300, 100, at=40),
        spotted(400, 100, at=40),
    ]  # fmt: skip
    run = ask.through(bundles / "fine", script)
    assert not ask.refusals
    assert closed(run) == [(40, "a"), (140, "a"), (240, None), (340, None), (440, "b")]
    assert [len(read_roll(tmp_path / name).defects) for name in "ab"] == [2, 1]
    told = [event.message for event in run.of(StateEvent) if event.camera == "c"]
    assert "no roll after 'a', judges from line 200 on" in told
    assert "roll 'b' begins, judges from line 400 on" in told


def test_a_roll_goes_on_in_a_second_run_after_another(bundles: Path, tmp_path: Path) -> None:
    ask = Asking()
    script: list[Item | Callable[[], object]] = []
    for number, name in enumerate("aba"):
        script += [ask(RollStartRequest(folder=str(tmp_path / name))), spotted(200 * number, 200, at=90)]
        gap = NotInspected("c", Reason.PACKET_LOSS, 200 * number + 199, 200 * number + 200)
        script[-1] = spotted(200 * number, 199, at=90)
        script += [gap, ask.judged(200 * (number + 1))]
    ask.through(bundles / "fine", script)
    assert not ask.refusals
    a = read_roll(tmp_path / "a")
    assert spans(a) == [
        (0, pytest.approx(200 * LINE_M), ROLL_ENDED),
        (pytest.approx(200 * LINE_M), pytest.approx(400 * LINE_M), "end_of_input"),
    ]
    assert [d.y0_m for d in a.defects] == pytest.approx([90 * LINE_M, 290 * LINE_M])


def test_two_cameras_leave_a_roll_each_at_its_own_time(bundles: Path, tmp_path: Path) -> None:
    ask, asked, passed = Asking(), threading.Event(), threading.Event()

    def change() -> None:
        ask(RollStartRequest(folder=str(tmp_path / "b"), at_line=300))()
        asked.set()

    def lines(camera: str, first: int, end: int) -> list[Item]:
        return [block(at, 50, camera=camera) for at in range(first, end, 50)]

    begin = ask(RollStartRequest(folder=str(tmp_path / "a")))
    left = Scripted([begin, *lines("left", 0, 100), change, *lines("left", 100, 700), passed.set], "left")
    right = Scripted([lambda: asked.wait(WAIT_S), lambda: passed.wait(WAIT_S), *lines("right", 0, 400)], "right")
    ask.run = Controlled(Bundle(bundles / "fine"), [left, right])
    with ask.run:
        pass
    assert not ask.refusals
    for name, metres in (("a", {"left": 300, "right": 300}), ("b", {"left": 400, "right": 100})):
        roll = read_roll(tmp_path / name)
        assert roll.metres == pytest.approx(max(metres.values()) * LINE_M)
        gone = {one.camera: one.metres for one in roll.unseen}
        assert gone == ({"right": pytest.approx(300 * LINE_M)} if name == "b" else {})


def test_what_cannot_be_done_is_refused_and_the_roll_goes_on(bundles: Path, tmp_path: Path) -> None:
    ask = Asking()
    (tmp_path / "file").write_text("no folder")
    refused = [
        RollStartRequest(folder=str(tmp_path / "b"), at_line=99),
        RollStartRequest(folder=str(tmp_path / "c"), id="a"),
        RollStartRequest(folder=str(tmp_path / "a"), id="other"),
        RollStartRequest(folder=str(tmp_path / "file")),
    ]
    gap = NotInspected("c", Reason.PACKET_LOSS, 100, 101)
    script = [
        ask(RollEndRequest()), ask(RollStartRequest(folder=str(tmp_path / "a"))), block(0, 100), gap, ask.judged(101),
        *map(ask, refused), spotted(101, 200, at=90),
    ]  # fmt: skip
    run = ask.through(bundles / "fine", script)
    assert ask.refusals == [
        "No roll is being kept: begin one with roll-start.",
        "Camera 'c' is past line 99: name one from 101 on.",
        "The roll 'a' is being written: give the next one another folder and id.",
        f"Another stream writes into the roll '{tmp_path / 'a'}': name another folder with --roll.",
        f"Cannot write the roll '{tmp_path / 'file'}': Not a directory.",
    ]
    assert closed(run) == [(191, "a")]
    assert not (tmp_path / "b").exists()
    assert not (tmp_path / "c").exists()
    assert spans(read_roll(tmp_path / "a")) == [(0, pytest.approx(301 * LINE_M), "end_of_input")]


def test_one_change_waits_at_a_time(bundles: Path, tmp_path: Path) -> None:
    ask = Asking()
    bundle = BundleRequest(path=str(bundles / "coarse"), at_line=150)
    script = [
        ask(RollStartRequest(folder=str(tmp_path / "a"), at_line=100)), ask(bundle), ask(StatusRequest()),
        block(0, 120), NotInspected("c", Reason.PACKET_LOSS, 120, 121), ask.judged(121), ask(bundle),
        ask(RollEndRequest(at_line=200)), block(121, 200),
    ]  # fmt: skip
    ask.through(bundles / "fine", script)
    assert ask.refusals == [
        "A change of the roll waits for its line: load the bundle when it is made.",
        "Another change waits for its line: change the roll when it is made.",
    ]
    status = ask.answers[1]
    assert isinstance(status, StatusAnswer)
    assert status.cameras[0].roll is None
    assert status.cameras[0].ordered
    assert (status.cameras[0].ordered.roll, status.cameras[0].ordered.first_line) == ("a", 100)


def test_a_roll_whose_line_does_not_come_is_empty(bundles: Path, tmp_path: Path) -> None:
    ask = Asking()
    ask.through(bundles / "fine", [ask(RollStartRequest(folder=str(tmp_path / "a"), at_line=10**9)), block(0, 200)])
    roll = read_roll(tmp_path / "a")
    assert (roll.runs, roll.live) == ((), False)
