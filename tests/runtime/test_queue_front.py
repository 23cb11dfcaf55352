"""Items of a queue looked at before their turn, and cut in two."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from runtime.queue_front import Item, QueueFront
from runtime.types import LineBlock, NotInspected, Reason


def block(first: int, rows: int) -> LineBlock:
    numbers = np.arange(first, first + rows)
    pixels = np.repeat(numbers.astype(np.uint8)[:, None, None], 4, axis=1)
    return LineBlock("c", 0, first, pixels, encoder=numbers * 3, device_ns=(1, 2))


def gap(first: int | None, end: int | None) -> NotInspected:
    return NotInspected("c", Reason.PACKET_LOSS, first, end, seconds=2.0)


def front(*items: Item) -> tuple[QueueFront, Callable[[], int]]:
    """A front, and how many items are still behind it."""
    left = list(items)
    return QueueFront(lambda: left.pop(0) if left else None), lambda: len(left)


def spans(queue: QueueFront, before: int | None) -> list[tuple[int | None, int | None]]:
    found = []
    while (item := queue.take(before)) is not None:
        found.append((item.first_line, item.end_line))
    return found


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (None, [(0, 10), (10, 30), (None, None), (30, 40)]),
        (5, [(0, 5), (5, 10), (10, 30), (None, None), (30, 40)]),
        (10, [(0, 10), (10, 30), (None, None), (30, 40)]),
        (29, [(0, 10), (10, 29), (29, 30), (None, None), (30, 40)]),
        (99, [(0, 10), (10, 30), (None, None), (30, 40)]),
    ],
)
def test_an_item_ends_at_the_line_whatever_it_is(before: int | None, expected: list) -> None:
    queue, _ = front(block(0, 10), gap(10, 30), gap(None, None), block(30, 10))
    assert spans(queue, before) == expected


def test_both_halves_keep_what_is_theirs() -> None:
    queue, _ = front(block(100, 10))
    first, second = queue.take(104), queue.take()
    assert isinstance(first, LineBlock)
    assert isinstance(second, LineBlock)
    assert first.pixels[:, 0, 0].tolist() == [100, 101, 102, 103]
    assert second.pixels[:, 0, 0].tolist() == list(range(104, 110))
    assert second.encoder is not None
    assert second.encoder.tolist() == [3 * line for line in range(104, 110)]
    assert first.device_ns is second.device_ns is None
    queue, _ = front(gap(0, 10))
    parts = queue.take(4), queue.take(4)
    assert [part.seconds for part in parts if isinstance(part, NotInspected)] == [2.0, None], "its time counts once"


@pytest.mark.parametrize(
    ("items", "count", "blocks", "all_there", "behind"),
    [
        ([], 5, 0, False, 0),
        ([block(0, 3)], 5, 1, False, 0),
        ([block(0, 3), block(3, 3), block(6, 3)], 5, 2, True, 1),
        ([block(0, 3), gap(3, 9), block(9, 9)], 5, 1, True, 1),
        ([gap(0, 9), block(9, 9)], 5, 0, True, 1),
    ],
)
def test_looking_ahead_takes_no_more_than_is_asked_and_stops_at_a_gap(
    items: list[Item], count: int, blocks: int, all_there: bool, behind: int
) -> None:
    queue, left = front(*items)
    for _ in range(2):
        seen, enough = queue.lines_ahead(count)
        assert (len(seen), enough, left()) == (blocks, all_there, behind)
    assert spans(queue, None) == [(item.first_line, item.end_line) for item in items], "each still has its turn"
