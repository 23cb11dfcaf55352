"""The reading side of one camera: a thread that takes lines as they come and queues a bounded number.

A live camera cannot wait. When the queue is full its newest lines are given up, counted and named, until
half the queue is free: few long gaps rather than many short ones. Files wait instead.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace

from runtime.account import Account
from runtime.cameras.base import Camera, CameraInfo
from runtime.position import Track
from runtime.types import LineBlock, NotInspected, Reason


@dataclass(frozen=True)
class Limit:
    """Where to stop reading a camera; None: no limit."""

    lines: int | None = None
    metres: float | None = None


class Intake:
    """Reads one camera into a bounded queue."""

    def __init__(
        self,
        camera: Camera,
        info: CameraInfo,
        account: Account,
        limit: Limit,
        queue_blocks: int,
        skip_newest: bool,
        wake: threading.Event,
    ) -> None:
        """Set up; ``start`` begins to read.

        Args:
            queue_blocks: how many blocks may wait.
            skip_newest: give up lines that find the queue full; else hold the camera up.
            wake: set whenever there is something to do.
        """
        self.info = info
        self.account = account
        self.error: BaseException | None = None
        self.finished = False
        self.reached_limit = False
        self.received_lines = 0
        self.newest_line = 0
        self.metres = 0.0
        self._camera = camera
        self._limit = limit
        self._track = Track(info.scale)
        self._room = queue_blocks
        self._skip_newest = skip_newest
        self._wake = wake
        self._items: deque[LineBlock | NotInspected] = deque()
        self._skipped: NotInspected | None = None
        self._changed = threading.Condition()
        self._stopped = False
        self._giving_up = False
        self._thread = threading.Thread(target=self._read, name=f"intake {info.name}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def take(self) -> LineBlock | NotInspected | None:
        """The next item, or None if there is none now."""
        with self._changed:
            if not self._items:
                return None
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    @property
    def waiting(self) -> int:
        """Items in the queue."""
        return len(self._items)

    @property
    def exhausted(self) -> bool:
        """Nothing is queued and nothing more will come."""
        return self.finished and not self._items

    def stop(self, give_up_queue: bool) -> None:
        """Stop reading.

        Args:
            give_up_queue: lines that still wait become not inspected (stopped) instead of being judged.
        """
        with self._changed:
            self._stopped = True
            self._giving_up = give_up_queue
            if give_up_queue:
                self._items = deque(self._given_up(item) for item in self._items)
            self._changed.notify_all()
        self._camera.close()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread."""
        self._thread.join(timeout_s)

    def _read(self) -> None:
        try:
            for item in self._camera.items():
                item = self._within_limit(item)
                self.account.received(item)
                self._note(item)
                self._queue(item)
                if self.reached_limit or self._stopped:
                    break
        except BaseException as error:  # told by the pipeline, which owns the exit
            self.error = error
        finally:
            with self._changed:
                if self._skipped:
                    self._items.append(self._skipped)
                self.finished = True
            self._wake.set()

    def _within_limit(self, item: LineBlock | NotInspected) -> LineBlock | NotInspected:
        """Cut an item off at the line limit."""
        if self._limit.lines is None or item.first_line is None or item.end_line is None:
            return item
        left = self._limit.lines - self.account.lines_in
        if item.end_line - item.first_line < left:
            return item
        self.reached_limit = True
        if isinstance(item, NotInspected):
            return replace(item, end_line=item.first_line + left)
        return item.part(0, left)

    def _note(self, item: LineBlock | NotInspected) -> None:
        if item.end_line is not None:
            self.newest_line = item.end_line
        if isinstance(item, LineBlock):
            self._track.add(item)
            self.received_lines += item.rows
            self.metres = self._track.metres(item.end_line)
            if self._limit.metres is not None and self.metres >= self._limit.metres:
                self.reached_limit = True

    def _queue(self, item: LineBlock | NotInspected) -> None:
        with self._changed:
            if isinstance(item, LineBlock) and self._skip_newest:
                full = len(self._items) >= (self._room // 2 if self._skipped else self._room)
                if full:
                    self._skip(item)
                    return
            elif not self._skip_newest:
                self._changed.wait_for(lambda: len(self._items) < self._room or self._stopped)
            if self._skipped:
                self._items.append(self._skipped)
                self._skipped = None
            self._items.append(self._given_up(item) if self._giving_up else item)
        self._wake.set()

    def _skip(self, block: LineBlock) -> None:
        first = self._skipped.first_line if self._skipped else block.first_line
        self._skipped = NotInspected(block.camera, Reason.OVERLOAD, first, block.end_line)

    def _given_up(self, item: LineBlock | NotInspected) -> NotInspected:
        if isinstance(item, NotInspected):
            return item
        return NotInspected(item.camera, Reason.STOPPED, item.first_line, item.end_line)
