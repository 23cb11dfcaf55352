"""Line numbers from block ids and encoder counts."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.cameras.line_ledger import LineLedger, blocks_between
from runtime.types import Int64, NotInspected, Reason

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("last", "now", "lost"),
    [
        (1, 2, 0),
        (1, 5, 3),
        (65535, 1, 0),
        (65530, 3, 7),
        (65535, 65536, 0),
        (2**40, 2**40 + 3, 2),
    ],
)
def test_ids_of_16_bits_wrap_past_zero_and_those_of_64_do_not(last: int, now: int, lost: int) -> None:
    assert blocks_between(last, now) == lost


@pytest.mark.parametrize(
    ("last", "now", "expected", "lost"),
    [
        (10, 12, None, 1),
        (10, 12, 1.2, 1),
        (10, 12, 65536.4, 65536),
        (10, 9, 65533.0, 65533),
        (10, 12, 3 * 65535 + 40.0, 3 * 65535 + 1),
        (10, 12, -9.0, 1),
        (2**40, 2**40 + 3, 10**6, 2),
    ],
)
def test_a_clock_tells_how_often_ids_went_round(last: int, now: int, expected: float | None, lost: int) -> None:
    assert blocks_between(last, now, expected) == lost


def counts(first_line: int, rows: int, per_line: float) -> Int64:
    return np.rint(np.arange(first_line, first_line + rows) * per_line).astype(np.int64)


def loss(first: int, end: int) -> NotInspected:
    return NotInspected("c", Reason.PACKET_LOSS, first, end)


def test_missing_and_broken_buffers_that_touch_are_one_span() -> None:
    ledger = LineLedger("c", 10, None)
    assert ledger.complete(1, 10, None, 0) == (0, None)
    ledger.incomplete(3)
    ledger.incomplete(4)
    assert ledger.complete(6, 10, None, 0) == (50, loss(10, 50))
    assert ledger.complete(7, 4, None, 0) == (60, None)
    assert ledger.complete(8, 10, None, 0) == (64, None)


def test_a_stream_may_begin_with_a_broken_buffer() -> None:
    ledger = LineLedger("c", 10, None)
    ledger.incomplete(1)
    assert ledger.complete(2, 10, None, 0) == (10, loss(0, 10))


def test_a_quiet_moment_tells_what_is_lost_so_far_once() -> None:
    ledger = LineLedger("c", 10, None)
    ledger.complete(1, 10, None, 0)
    ledger.incomplete(2)
    assert ledger.quiet() == loss(10, 20)
    assert ledger.quiet() is None
    assert ledger.complete(3, 10, None, 0) == (20, None)


@pytest.mark.parametrize("per_line", [5.0, -3.7, 0.9])
def test_after_an_absence_the_encoder_tells_how_far_the_cloth_went(per_line: float) -> None:
    ledger = LineLedger("c", 10, per_line)
    ledger.complete(1, 10, counts(0, 10, per_line), SECOND)
    ledger.incomplete(2)
    ledger.gone()
    ledger.incomplete(1)
    first, span = ledger.complete(2, 10, counts(12345, 10, per_line), 6 * SECOND)
    assert first == 12345
    assert span == NotInspected("c", Reason.CAMERA_LOST, 10, 12345, 5.0)


@pytest.mark.parametrize("per_line", [5.0, -3.7])
def test_after_an_absence_an_encoder_that_was_asked_tells_it_too(per_line: float) -> None:
    ledger = LineLedger("c", 10, per_line)
    ledger.complete(1, 10, None, SECOND, count=round(9 * per_line))
    ledger.complete(2, 10, None, SECOND)  # not asked this time
    assert not ledger.away
    ledger.gone()
    assert ledger.away
    first, span = ledger.complete(2, 10, None, 6 * SECOND, count=round(12354 * per_line))
    assert first == 12345
    assert span == NotInspected("c", Reason.CAMERA_LOST, 20, 12345, 5.0)


def test_without_an_encoder_the_absence_has_no_lines() -> None:
    ledger = LineLedger("c", 10, None)
    ledger.complete(1, 10, None, SECOND)
    ledger.gone()
    ledger.incomplete(899)
    assert ledger.complete(900, 10, None, 3 * SECOND) == (10, NotInspected("c", Reason.CAMERA_LOST, seconds=2.0))


def test_a_loom_turned_back_meanwhile_uses_no_number_twice() -> None:
    ledger = LineLedger("c", 10, 5.0)
    ledger.complete(1, 10, counts(100, 10, 5.0), 0)
    ledger.gone()
    first, span = ledger.complete(1, 10, counts(60, 10, 5.0), SECOND)
    assert first == 10
    assert span is not None
    assert (span.first_line, span.end_line) == (None, None)


def test_the_end_tells_what_is_open() -> None:
    ledger = LineLedger("c", 10, None)
    assert ledger.end(0) is None
    ledger.complete(1, 10, None, 0)
    ledger.incomplete(2)
    assert ledger.end(0) == loss(10, 20)
    ledger.gone()
    assert ledger.end(4 * SECOND) == NotInspected("c", Reason.CAMERA_LOST, seconds=4.0)


def test_a_long_silence_of_a_camera_with_a_steady_rate_is_counted_by_its_clock() -> None:
    """65,535 buffers of 10 lines and one more, at 1,000 lines/s: the ids alone say one."""
    for rate, lines in ((1000.0, 65536 * 10), (None, 10)):
        ledger = LineLedger("c", 10, None)
        ledger.line_rate_hz = rate
        ledger.complete(5, 10, None, 0, device_ns=SECOND)
        first, span = ledger.complete(7, 10, None, 0, device_ns=SECOND + round(65537 * 10 / 1000 * SECOND))
        assert (first, span) == (10 + lines, loss(10, 10 + lines))


def test_the_rows_that_came_of_a_broken_buffer_keep_their_numbers() -> None:
    ledger = LineLedger("c", 10, None)
    ledger.complete(1, 10, None, 0)
    assert ledger.incomplete(3, [(0, 2), (5, 9)]) == [(20, loss(10, 20)), (25, loss(22, 25))]
    assert ledger.incomplete(4, [(3, 10)]) == [(33, loss(29, 33))]
    assert ledger.complete(5, 10, None, 0) == (40, None)


def test_rows_of_a_broken_buffer_are_an_anchor_for_the_encoder() -> None:
    ledger = LineLedger("c", 10, 5.0)
    ledger.complete(1, 10, counts(0, 10, 5.0), SECOND)
    ledger.incomplete(2, [(0, 4)], counts(10, 10, 5.0), 2 * SECOND)
    ledger.gone()
    assert ledger.incomplete(1, [(0, 4)], counts(80, 10, 5.0), 3 * SECOND) == []
    span = NotInspected("c", Reason.CAMERA_LOST, 14, 90, 3.0)
    assert ledger.complete(2, 10, counts(90, 10, 5.0), 5 * SECOND) == (90, span)


def test_64_bit_ids_that_go_back_are_a_camera_that_began_anew() -> None:
    ledger = LineLedger("c", 10, None)
    ledger.complete(70_000, 10, None, received_ns=0)
    first, span = ledger.complete(3, 10, None, received_ns=2_000_000_000)
    assert first == 10
    assert span == NotInspected("c", Reason.CAMERA_LOST, seconds=2.0)
    assert ledger.complete(4, 10, None, received_ns=2_000_000_000) == (20, None)


@pytest.mark.parametrize(("last", "again"), [(1, 1), (20_000, 2), (65_535, 40_000)])
def test_16_bit_ids_that_go_back_are_no_65_000_lost_buffers(last: int, again: int) -> None:
    ledger = LineLedger("c", 10, None)
    ledger.complete(last, 10, None, received_ns=0)
    _, span = ledger.complete(again, 10, None, received_ns=2_000_000_000)
    assert span == NotInspected("c", Reason.CAMERA_LOST, seconds=2.0)


def test_16_bit_ids_that_went_on_by_the_cameras_clock_are_lost_buffers() -> None:
    ledger = LineLedger("c", 10, None)
    ledger.line_rate_hz = 10_000.0
    ledger.complete(1, 10, None, received_ns=0, device_ns=1)
    _, span = ledger.complete(50_001, 10, None, received_ns=0, device_ns=1 + 50_000_000_000)
    assert span == NotInspected("c", Reason.PACKET_LOSS, 10, 10 + 49_999 * 10)
