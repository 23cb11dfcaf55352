"""A loom that stands is told from one that is slow, by a clock that the test turns."""

from __future__ import annotations

import pytest

from runtime import standing
from runtime.standing import Standing

FLUSH_S = 1.0


class Clock:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(standing, "time", clock)
    return clock


def test_a_stand_begins_once_and_ends_with_the_next_item(clock: Clock) -> None:
    loom = Standing()
    for _ in range(3):
        clock.now += 0.1
        assert not loom.came()
    clock.now += FLUSH_S
    assert not loom.begins(FLUSH_S), "not longer than flush_s"
    clock.now += 0.01
    assert loom.quiet(FLUSH_S)
    assert [loom.begins(FLUSH_S), loom.begins(FLUSH_S)] == [True, False]
    assert [loom.came(), loom.came()] == [True, False]
    clock.now += FLUSH_S + 0.01
    assert loom.begins(FLUSH_S), "it may stand again"


def test_a_slow_loom_does_not_stand(clock: Clock) -> None:
    loom = Standing()
    for _ in range(3):
        clock.now += 3.0
        loom.came()
    clock.now += 5.9
    assert not loom.begins(FLUSH_S), "a block usually takes 3 s"
    clock.now += 0.2
    assert loom.begins(FLUSH_S)


def test_how_long_it_stood_is_not_its_usual_pace(clock: Clock) -> None:
    loom = Standing()
    clock.now += 0.1
    loom.came()
    clock.now += 60.0
    assert loom.begins(FLUSH_S)
    loom.came()
    clock.now += FLUSH_S + 0.01
    assert loom.begins(FLUSH_S)
