"""Rolls one after the other: each event in the roll that it names, and none lost of one that ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.errors import UserError
from runtime.events import DefectEvent, StateEvent, StatusEvent
from runtime.position import Track
from runtime.rolls.crops import Quota
from runtime.rolls.reading import read_roll
from runtime.rolls.store import ROLL_ENDED, Label, being_written
from runtime.sinks.rolls import Rolls
from runtime.types import Scale
from tests.runtime.cloths import block
from tests.runtime.rolls.made import MM_PER_PX, care, defect, started, summary

WAIT_S = 20.0


@pytest.fixture
def rolls() -> Iterator[Rolls]:
    made = Rolls(Quota())
    for camera in ("left", "right"):
        made.opened(camera, Track(Scale(MM_PER_PX, MM_PER_PX)))
    yield made
    made.close()


def began(camera: str, roll: str | None) -> StateEvent:
    return started(camera).model_copy(update={"roll": roll, "y_m": 0.0})


def found(name: str, camera: str, roll: str | None) -> DefectEvent:
    return defect(name, (0.01, 0.02), camera=camera).model_copy(update={"roll": roll})


def begin(rolls: Rolls, folder: Path) -> str:
    return rolls.begin(folder, Label(), None)


def kept(folder: Path) -> list[str]:
    return [one.id for one in read_roll(folder).defects]


def test_an_event_goes_to_the_roll_that_it_names(rolls: Rolls, tmp_path: Path) -> None:
    begin(rolls, tmp_path / "a")
    for camera in ("left", "right"):
        rolls.write(began(camera, "a"))
    rolls.write(found("one", "left", "a"))
    begin(rolls, tmp_path / "b")
    rolls.write(began("left", "b"))
    rolls.write(found("two", "right", "a"))
    rolls.write(found("late, of a camera that left", "left", "a"))
    rolls.write(found("three", "left", "b"))
    rolls.write(began("right", None))
    rolls.write(found("of no roll", "right", None))
    rolls.write(summary())
    rolls.close()
    assert kept(tmp_path / "a") == ["one", "two", "late, of a camera that left"]
    assert kept(tmp_path / "b") == ["three"]
    assert [read_roll(tmp_path / name).runs[0].how for name in "ab"] == [ROLL_ENDED, "limit"]
    assert rolls.lost == 0


def test_what_is_still_wrong_with_a_camera_is_told_to_its_next_roll(rolls: Rolls, tmp_path: Path) -> None:
    begin(rolls, tmp_path / "a")
    rolls.write(began("left", "a"))
    for event in (
        care("dust", 0.1, camera="left"), care("light", 0.2, camera="left"), care("other", 0.1, camera="right"),
        care("light", 0.2, "closed", camera="left"),
    ):  # fmt: skip
        rolls.write(event.model_copy(update={"roll": "a"}))
    begin(rolls, tmp_path / "b")
    rolls.write(began("left", "b").model_copy(update={"y_m": 0.5}))
    rolls.write(summary())
    rolls.close()
    assert [one.id for one in read_roll(tmp_path / "a").maintenance] == ["dust", "light", "other"]
    (dust,) = read_roll(tmp_path / "b").maintenance
    assert (dust.id, dust.y0_m, dust.closed) == ("dust", 0.0, False)


def test_pictures_are_cut_from_the_lines_since_the_roll_began(rolls: Rolls, tmp_path: Path) -> None:
    begin(rolls, tmp_path / "a")
    rolls.write(began("left", "a"))
    rolls.seen(block(0, 100, camera="left"))
    rolls.seen(block(0, 100, camera="right"))  # it has not begun
    rolls.write(found("one", "left", "a"))
    begin(rolls, tmp_path / "b")
    rolls.write(began("left", "b"))
    rolls.seen(block(100, 100, camera="left"))
    rolls.write(found("two", "left", "b"))
    rolls.close()
    (one,), (two,) = (read_roll(tmp_path / name).defects for name in "ab")
    assert one.crop
    assert not two.crop, "those lines were the other roll's"


def test_a_roll_that_ended_is_let_go_while_the_stream_goes_on(rolls: Rolls, tmp_path: Path) -> None:
    begin(rolls, tmp_path / "a")
    rolls.write(began("left", "a"))
    rolls.write(began("left", None))
    deadline = time.monotonic() + WAIT_S
    while being_written(tmp_path / "a"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    begin(rolls, tmp_path / "a")
    rolls.write(began("left", "a"))
    rolls.write(StatusEvent(cameras=[]))
    rolls.write(summary())
    rolls.close()
    assert [run.how for run in read_roll(tmp_path / "a").runs] == [ROLL_ENDED, "limit"]


def test_a_roll_that_is_written_is_not_begun_again(rolls: Rolls, tmp_path: Path) -> None:
    begin(rolls, tmp_path / "a")
    with pytest.raises(UserError, match="The roll 'a' is being written"):
        begin(rolls, tmp_path / "other" / "a")
    assert not (tmp_path / "other").exists()
    rolls.begin(tmp_path / "b", Label("c"), None)
    with pytest.raises(UserError, match="Another stream writes into the roll"):
        rolls.begin(tmp_path / "b", Label("d"), None)


def test_a_roll_that_does_not_begin_after_all_is_let_go(rolls: Rolls, tmp_path: Path) -> None:
    rolls.give_up(begin(rolls, tmp_path / "a"))
    assert not being_written(tmp_path / "a")
    begin(rolls, tmp_path / "a")
