"""The loom's clock, with a clock of the test's own."""

from __future__ import annotations

import time

import pytest

from runtime.fake_gige.loom import Loom


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_it_weaves_from_its_start_on(clock: Clock) -> None:
    loom = Loom(100.0, monotonic=clock)
    clock.now += 5
    assert (loom.woven(), loom.woven_since) == (0, None)
    loom.start()
    clock.now += 2
    loom.start()
    assert loom.woven() == 200
    assert loom.seconds_until(250) == pytest.approx(0.5)


def test_a_loom_that_began_earlier_is_where_it_would_be(clock: Clock) -> None:
    loom = Loom(100.0, woven_since=time.time() - 7, monotonic=clock)
    assert loom.woven() == pytest.approx(700, abs=50)


def test_a_stop_takes_no_lines_and_moves_the_start_time(clock: Clock) -> None:
    loom = Loom(100.0, monotonic=clock)
    loom.start()
    clock.now += 1
    since = loom.woven_since
    loom.stop(3)
    clock.now += 2
    assert loom.woven() == 100
    assert loom.standing_s() == pytest.approx(2)
    clock.now += 2
    assert loom.woven() == 200
    assert loom.standing_s() == 0
    assert since is not None
    assert loom.woven_since == pytest.approx(since + 3)


def test_another_rate_counts_from_now_on(clock: Clock) -> None:
    loom = Loom(100.0, monotonic=clock)
    loom.start()
    clock.now += 1
    loom.line_rate_hz = 10.0
    clock.now += 1
    assert loom.woven() == 110


def test_a_slip_takes_lines_back(clock: Clock) -> None:
    loom = Loom(100.0, monotonic=clock)
    loom.start()
    clock.now += 2
    loom.slip(50)
    assert loom.woven() == 150
