"""The camera over cloth in the same process."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from runtime.cameras.simulated import SimulatedCamera
from runtime.errors import UserError
from runtime.simulator.loom import Loom
from runtime.types import LineBlock, Scale, UInt8

SCALE = Scale(0.2, 0.2)


class Counting:
    """Finite cloth whose pixels are their line's number."""

    width, channels, length = 16, 1, 100

    def lines(self, first: int, count: int) -> UInt8:
        assert first + count <= self.length
        return np.repeat(np.arange(first, first + count, dtype=np.uint8), 16).reshape(count, 16, 1)


def blocks(camera: SimulatedCamera) -> list[LineBlock]:
    camera.open()
    items = list(camera.items())
    assert all(isinstance(item, LineBlock) for item in items)
    return items  # type: ignore[return-value]


def test_all_lines_come_in_order_and_the_last_block_is_short() -> None:
    got = blocks(SimulatedCamera("c", Counting(), SCALE, block_lines=32))
    assert [(b.first_line, b.rows) for b in got] == [(0, 32), (32, 32), (64, 32), (96, 4)]
    assert np.array_equal(np.concatenate([b.pixels[:, 0, 0] for b in got]), np.arange(100))
    assert {b.segment for b in got} == {0}
    assert all(b.camera == "c" and b.encoder is None for b in got)


def test_line_limit_ends_endless_cloth() -> None:
    loom = Loom("plain", 300)
    got = blocks(SimulatedCamera("c", loom, SCALE, lines=300))
    assert sum(b.rows for b in got) == 300
    assert np.array_equal(np.concatenate([b.pixels for b in got]), loom.lines(0, 300))


def test_received_when_given_out() -> None:
    camera = SimulatedCamera("c", Counting(), SCALE, block_lines=50)
    camera.open()
    for item in camera.items():
        assert isinstance(item, LineBlock)
        assert 0 <= time.monotonic_ns() - item.received_ns < 5e9


@pytest.mark.parametrize("counts_per_mm", [21.2, -21.2])
def test_encoder_counts_every_line_with_its_sign(counts_per_mm: float) -> None:
    got = blocks(SimulatedCamera("c", Counting(), Scale(0.2, 0.3, counts_per_mm=counts_per_mm), block_lines=32))
    counts = np.concatenate([b.encoder for b in got if b.encoder is not None])
    assert counts.dtype == np.int64
    assert counts.tolist() == [round(line * 0.3 * counts_per_mm) for line in range(100)]
    assert not any(b.encoder_interpolated for b in got)


def test_info_says_whether_lines_can_wait() -> None:
    info = SimulatedCamera("c", Counting(), SCALE).open()
    assert (info.live, info.line_rate_hz, info.width, info.channels, info.bits) == (False, None, 16, 1, 8)
    info = SimulatedCamera("c", Counting(), SCALE, line_rate_hz=500.0).open()
    assert (info.live, info.line_rate_hz) == (True, 500.0)


def test_pace_holds_lines_back() -> None:
    started = time.monotonic()
    blocks(SimulatedCamera("c", Counting(), SCALE, line_rate_hz=400.0))
    assert time.monotonic() - started >= 0.25


def test_close_ends_a_wait_from_another_thread() -> None:
    camera = SimulatedCamera("c", Counting(), SCALE, line_rate_hz=0.001)
    camera.open()
    threading.Timer(0.05, camera.close).start()
    assert list(camera.items()) == []
    camera.close()


def test_close_ends_endless_cloth() -> None:
    camera = SimulatedCamera("c", Loom("plain", 300), SCALE)
    camera.open()
    for given, _ in enumerate(camera.items()):
        assert given < 3
        if given == 2:
            camera.close()


@pytest.mark.parametrize("bad", [{"block_lines": 0}, {"lines": 0}, {"line_rate_hz": 0.0}])
def test_bad_arguments_are_said_in_a_sentence(bad: dict[str, float]) -> None:
    with pytest.raises(UserError, match=r"not .*\b0"):
        SimulatedCamera("c", Counting(), SCALE, **bad)  # type: ignore[arg-type]
