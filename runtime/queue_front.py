"""The front of a camera's queue: its items may be looked at before their turn, and cut in two at a line."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

from runtime.types import LineBlock, NotInspected

Item = LineBlock | NotInspected


class QueueFront:
    """Takes items from a queue, in order."""

    def __init__(self, take: Callable[[], Item | None]) -> None:
        """Set up.

        Args:
            take: the queue's next item, or None if there is none now.
        """
        self._take = take
        self._seen: deque[Item] = deque()

    def take(self, before: int | None = None) -> Item | None:
        """The next item, or None if there is none now.

        Args:
            before: an item that reaches beyond this line is cut there, the rest stays; None: at no line.
        """
        item = self._seen.popleft() if self._seen else self._take()
        if before is None or item is None or item.first_line is None or item.end_line is None:
            return item
        if item.first_line < before < item.end_line:
            item, rest = _cut_in_two(item, before)
            self._seen.appendleft(rest)
        return item

    def lines_ahead(self, count: int) -> tuple[list[LineBlock], bool]:
        """The blocks that come next, and whether they are all that is of use: ``count`` lines, or up to a gap."""
        while _lines(self._seen) < count and not _gap(self._seen):
            item = self._take()
            if item is None:
                break
            self._seen.append(item)
        blocks = []
        for item in self._seen:
            if isinstance(item, NotInspected):
                break
            blocks.append(item)
        return blocks, _gap(self._seen) or _lines(self._seen) >= count


def _lines(items: deque[Item]) -> int:
    return sum(item.rows for item in items if isinstance(item, LineBlock))


def _gap(items: deque[Item]) -> bool:
    return any(isinstance(item, NotInspected) for item in items)


def _cut_in_two(item: Item, line: int) -> tuple[Item, Item]:
    """The lines before ``line``, and those from it on; the camera's clock is known at a block's ends alone."""
    if isinstance(item, NotInspected):
        return replace(item, end_line=line), replace(item, first_line=line, seconds=None)
    rows = line - item.first_line
    return item.part(0, rows), item.part(rows, item.rows)
