"""The reading side: bounded, and nothing is given up without a name."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from runtime.account import Account
from runtime.intake import Intake, Limit
from runtime.types import LineBlock, NotInspected, Reason
from tests.runtime.cloths import Item, Scripted, block

WAIT_S = 30.0


def intake(
    script: list[Item | Callable[[], object]], room: int = 4, skip_newest: bool = False, limit: Limit | None = None
) -> Intake:
    camera = Scripted(script)
    return Intake(camera, camera.open(), Account(), limit or Limit(), room, skip_newest, threading.Event())


def blocks(count: int, rows: int = 10) -> list[Item | Callable[[], object]]:
    return [block(rows * number, rows) for number in range(count)]


def drained(reader: Intake) -> list[Item]:
    items = []
    while not reader.exhausted:
        item = reader.take()
        if item is None:
            reader._wake.wait(0.01)
        else:
            items.append(item)
    return items


def finished(reader: Intake) -> None:
    reader.start()
    reader.join(WAIT_S)
    assert reader.finished


def assert_gapless(items: list[Item], end: int) -> None:
    line = 0
    for item in items:
        assert item.first_line == line
        line = item.end_line
    assert line == end


def test_files_wait_for_room_and_nothing_is_lost() -> None:
    reader = intake(blocks(50), room=3)
    reader.start()
    highest, items = 0, []
    while not reader.exhausted:
        highest = max(highest, reader.waiting)
        item = reader.take()
        items += [item] if item else []
    assert highest <= 3
    assert all(isinstance(item, LineBlock) for item in items)
    assert_gapless(items, 500)


def test_a_live_camera_gives_up_its_newest_lines_as_one_named_span_a_time() -> None:
    go_on = threading.Event()
    full = threading.Event()
    script = [*blocks(20), full.set, lambda: go_on.wait(WAIT_S)]
    script += [block(10 * number, 10) for number in range(20, 30)]
    reader = intake(script, room=4, skip_newest=True)
    reader.start()
    assert full.wait(WAIT_S)
    assert reader.waiting == 4
    early = [reader.take() for _ in range(3)]
    go_on.set()
    reader.join(WAIT_S)
    items = [item for item in [*early, *drained(reader)] if item]
    assert_gapless(items, 300)
    skipped = [item for item in items if isinstance(item, NotInspected)]
    assert next((s.reason, s.first_line, s.end_line) for s in skipped) == (Reason.OVERLOAD, 40, 200)
    assert reader.account.lines_in == 300


def test_after_an_overload_lines_are_taken_again_only_when_half_the_queue_is_free() -> None:
    steps = [threading.Event() for _ in range(2)]
    reached = [threading.Event() for _ in range(2)]
    script = [*blocks(6), reached[0].set, lambda: steps[0].wait(WAIT_S)]
    script += [block(60, 10), reached[1].set, lambda: steps[1].wait(WAIT_S), block(70, 10)]
    reader = intake(script, room=4, skip_newest=True)
    reader.start()
    assert reached[0].wait(WAIT_S)
    assert reader.waiting == 4
    reader.take()  # one place is free: not enough to end the gap
    steps[0].set()
    assert reached[1].wait(WAIT_S)
    assert reader.waiting == 3
    reader.take()
    reader.take()  # one waits, half is free
    steps[1].set()
    reader.join(WAIT_S)
    rest = drained(reader)
    assert [(type(i), i.first_line, i.end_line) for i in rest] == [
        (LineBlock, 30, 40), (NotInspected, 40, 70), (LineBlock, 70, 80),
    ]  # fmt: skip


def test_lines_given_up_at_the_very_end_are_named_too() -> None:
    reader = intake(blocks(9), room=2, skip_newest=True)
    finished(reader)
    items = drained(reader)
    assert_gapless(items, 90)
    assert isinstance(items[-1], NotInspected)


def test_a_live_cameras_own_gaps_always_find_room() -> None:
    gap = NotInspected("c", Reason.PACKET_LOSS, 40, 50)
    reader = intake([*blocks(4), gap, block(50, 10)], room=2, skip_newest=True)
    finished(reader)
    items = drained(reader)
    assert_gapless(items, 60)
    assert [i.reason for i in items if isinstance(i, NotInspected)] == [
        Reason.OVERLOAD, Reason.PACKET_LOSS, Reason.OVERLOAD,
    ]  # fmt: skip


@pytest.mark.parametrize("lines", [1, 10, 25, 30])
def test_the_line_limit_is_exact(lines: int) -> None:
    reader = intake(blocks(5), room=9, limit=Limit(lines=lines))
    finished(reader)
    items = drained(reader)
    assert_gapless(items, lines)
    assert reader.reached_limit
    assert reader.account.lines_in == lines


def test_the_line_limit_cuts_a_gap_and_an_encoders_counts_too() -> None:
    counted = LineBlock("c", 0, 0, np.zeros((10, 4, 1), np.uint8), encoder=np.arange(10))
    reader = intake([counted], limit=Limit(lines=4))
    finished(reader)
    (item,) = drained(reader)
    assert isinstance(item, LineBlock)
    assert item.encoder is not None
    assert item.encoder.tolist() == [0, 1, 2, 3]
    reader = intake([block(0, 10), NotInspected("c", Reason.PACKET_LOSS, 10, 50)], limit=Limit(lines=30))
    finished(reader)
    assert_gapless(drained(reader), 30)


def test_a_limit_beyond_the_end_is_not_reached() -> None:
    reader = intake(blocks(3), limit=Limit(lines=31, metres=99.0))
    finished(reader)
    assert not reader.reached_limit


def test_the_metres_limit_ends_with_the_block_that_reaches_it() -> None:
    reader = intake(blocks(30), room=99, limit=Limit(metres=0.052))
    finished(reader)
    assert reader.reached_limit
    assert reader.account.lines_in == 110
    assert reader.metres == pytest.approx(0.055)


def test_stopping_gives_up_what_waits_or_leaves_it_to_be_judged() -> None:
    for give_up in (True, False):
        hold, held = threading.Event(), threading.Event()
        reader = intake([*blocks(3), held.set, lambda hold=hold: hold.wait(WAIT_S), block(30, 10)], room=9)
        reader.start()
        assert held.wait(WAIT_S)
        reader.stop(give_up_queue=give_up)
        hold.set()
        reader.join(WAIT_S)
        items = drained(reader)
        assert_gapless(items, 40)
        first = [isinstance(item, NotInspected) for item in items[:3]]
        assert first == [give_up] * 3
        assert isinstance(items[-1], NotInspected) is give_up, "so does what was just being read"
        assert {item.reason for item in items if isinstance(item, NotInspected)} <= {Reason.STOPPED}


def test_stopping_wakes_a_reader_that_waits_for_room() -> None:
    reader = intake(blocks(50), room=2)
    reader.start()
    reader.stop(give_up_queue=True)
    reader.join(WAIT_S)
    assert reader.finished
    assert_gapless(drained(reader), reader.account.lines_in)


def test_a_camera_that_raises_is_told_after_its_lines() -> None:
    def break_down() -> None:
        raise OSError("lens cap fell off")

    reader = intake([*blocks(2), break_down])
    finished(reader)
    assert_gapless(drained(reader), 20)
    assert isinstance(reader.error, OSError)
