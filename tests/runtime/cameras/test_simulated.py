"""The camera over cloth in the same process."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from runtime.cameras.simulated import SimulatedCamera
from runtime.errors import UserError
from runtime.simulator.encoder import Encoder
from runtime.simulator.look import Look
from runtime.simulator.loom import Loom
from runtime.simulator.motion import Back, Forward, Motion, Table
from runtime.simulator.world import World
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


def test_moving_cloth_brings_counts_clock_and_bits() -> None:
    moves = Motion((Forward(20.0, m_per_min=6.0), Back(4.0, m_per_min=6.0), Forward(30.0, m_per_min=6.0)))
    world = World(motion=moves, encoder=Encoder(10.0, direction=-1, trigger="motion"), bits=12)
    look = Look(Loom("plain", 300), world)
    camera = SimulatedCamera("c", look, SCALE, block_lines=64)
    info = camera.open()
    assert (info.bits, info.scale.counts_per_mm) == (12, -10.0)
    got = blocks(camera)
    assert sum(b.rows for b in got) == look.length == 270
    assert {b.bits for b in got} == {12}
    assert {b.pixels.dtype for b in got} == {np.dtype(np.uint16)}
    counts = np.concatenate([b.encoder for b in got if b.encoder is not None])
    assert counts.tolist() == [-2 * k for k in (*range(100), *range(99, 79, -1), *range(80, 230))]
    clocks = [ns for b in got if b.device_ns for ns in b.device_ns]
    assert clocks == sorted(clocks)
    assert clocks[-1] == pytest.approx(0.54e9, abs=3e6)
    assert np.array_equal(np.concatenate([b.pixels for b in got]), look.lines(0, 270))


def test_a_scale_that_knows_its_encoder_keeps_it() -> None:
    look = Look(Loom("plain", 300), World(motion=Table(), encoder=Encoder(10.0)))
    camera = SimulatedCamera("c", look, Scale(0.2, 0.2, counts_per_mm=9.5), lines=10)
    assert camera.open().scale.counts_per_mm == 9.5
    assert blocks(camera)[0].encoder is not None


def test_cloth_that_lies_still_has_counts_only_where_the_scale_has() -> None:
    look = Look(Loom("plain", 300))
    assert blocks(SimulatedCamera("c", look, SCALE, lines=10))[0].encoder is None
    with_counts = blocks(SimulatedCamera("c", look, Scale(0.2, 0.2, counts_per_mm=10.0), lines=10))[0].encoder
    assert with_counts is not None
    assert with_counts.tolist() == list(range(0, 20, 2))
