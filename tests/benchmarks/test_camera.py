"""The count of what a link loses, against what is known to be missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import camera
from benchmarks.camera_cases import CASES, Link, Told, measure
from runtime.fake_gige.stamped import Stamped
from runtime.types import LineBlock, NotInspected, Reason

LINK = Link("telegenic", width=64)


def block(number: int, shown: int, rows: int) -> LineBlock:
    return LineBlock("link", 0, number, Stamped(64).lines(shown, rows))


def span(first: int, end: int) -> NotInspected:
    return NotInspected("link", Reason.PACKET_LOSS, first, end)


def test_a_lost_line_is_named_or_not_and_a_named_one_is_lost_or_not() -> None:
    told = Told(LINK)
    for item in (block(0, 100, 10), span(10, 14), block(14, 114, 6), block(20, 121, 4), span(24, 30)):
        told.add(item)
    assert told.account() == {
        "lines": 25,
        "lost": 5,
        "named": 5,
        "not_named": 1,
        "named_wrongly": 1,
        "torn": 0,
        "misnumbered": 4,
        "gaps_without_number": 0,
    }


@pytest.mark.parametrize("age", [1, 64 * 32, 64 * 128, 64 * 512])
def test_a_stale_row_is_torn_however_many_lines_the_ring_holds(age: int) -> None:
    told = Told(LINK)
    pixels = Stamped(64).lines(0, 4)
    pixels[2, 40:41] = Stamped(64).lines(2 + age, 1)[0, 40:41]
    told.add(LineBlock("link", 0, 0, pixels))
    assert told.account()["torn"] == 1


def test_a_row_that_carries_another_ones_number_is_torn() -> None:
    told = Told(LINK)
    pixels = Stamped(64).lines(0, 4)
    pixels[2, :8] = pixels[1, :8]
    told.add(LineBlock("link", 0, 0, pixels))
    assert (told.torn, told.misnumbered) == (1, 1)


def test_the_rate_is_what_came_by_not_what_was_asked_for() -> None:
    told = Told(LINK)
    for number in (0, 10, 30):  # 10 lines were lost; they came by as well
        told.add(replace(block(number, number, 10), received_ns=number * 50_000_000))
    assert told.lines_per_s() == 20.0


def test_the_options_reach_the_link(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def measured(link: Link, _: object) -> dict[str, object]:
        assert link == Link("telegenic", 4096, 128, 28800.0, 9000, packet_socket=False, seconds=1.0)
        return {**dict.fromkeys(camera.COLUMNS, 7), "not_named": 0, "torn": 0, "misnumbered": 0, "cpu": 0.1}

    monkeypatch.setattr(camera, "measure", measured)
    sizes = "--width 4096 --block-lines 128 --line-rate 28800 --packet-bytes 9000 --plain-socket --seconds 1"
    assert camera.main(["--client", "telegenic", "--case", "no loss", *sizes.split()]) == 0
    assert "no loss" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "fails"), [("lost", False), ("not_named", True), ("torn", True), ("misnumbered", True)]
)
def test_losing_is_no_failure_and_not_saying_so_is(wrong: str, fails: bool) -> None:
    row = dict.fromkeys(camera.COLUMNS, 0)
    assert camera.failed([row, {**row, wrong: 1}]) is fails


@pytest.mark.net
def test_a_case_end_to_end() -> None:
    found = measure(Link("telegenic", width=512, seconds=2.0), CASES["0.1 % loss, resend"])
    assert found["lines"] > 32, "more than a buffer"
    assert found["socket"].startswith("plain, ")
    assert 0 < found["resent_packets"] < found["packets"]
    # How many are lost hangs on how busy the machine is; that each is named does not.
    assert [found[name] for name in ("not_named", "named_wrongly", "torn", "misnumbered")] == [0] * 4
