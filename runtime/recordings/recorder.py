"""Recording beside other work: a camera's items are written by a thread of its own.

Whoever hands items over is not held up by the disk, and does not end with it.
"""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path

from runtime.cameras.base import CameraInfo
from runtime.errors import UserError
from runtime.recordings.writer import RecordingWriter
from runtime.types import LineBlock, NotInspected, Reason

QUEUE_BLOCKS = 256
"""Lines wait here while the disk is busy; 256 blocks of 128 lines of 4096 px are 134 MB."""
CLOSE_S = 60.0
"""For what still waits when all is handed over; a disk that hangs longer than this is not waited for."""


class Recorder:
    """Records one camera.

    Args:
        folder: made here; it must not exist, or be empty.
        info: of the opened camera.

    Attributes:
        recorded: lines written. lost: lines that were handed over and are not in the recording.
        trouble: the sentence with which a disk ended the recording; None while there is none.

    Raises:
        UserError: the folder holds something, or cannot be written.
    """

    def __init__(self, folder: Path, info: CameraInfo) -> None:
        self.recorded = self.lost = 0
        self.trouble: str | None = None
        self._folder = folder
        self._writer = RecordingWriter(folder, info)
        self._waits = not info.live
        self._full = False
        self._items: deque[LineBlock | NotInspected] = deque()
        self._over = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._write, name=f"recorder {info.name}", daemon=True)
        self._thread.start()

    def take(self, item: LineBlock | NotInspected) -> LineBlock | NotInspected:
        """Hand an item over: a file waits for the disk; a live camera's lines without room are a gap (overload).

        Returns:
            What is to be in the recording: the item, or the gap.
        """
        with self._changed:
            if self._waits:
                self._changed.wait_for(lambda: len(self._items) < QUEUE_BLOCKS or self._ended)
            # Once full, until half is free: few long gaps rather than many short ones.
            self._full = len(self._items) >= (QUEUE_BLOCKS // 2 if self._full else QUEUE_BLOCKS)
            if isinstance(item, LineBlock) and (self._full or self._ended):
                self.lost += item.rows
                item = NotInspected(item.camera, Reason.OVERLOAD, item.first_line, item.end_line)
            if not self._ended:
                self._items.append(item)
            self._changed.notify_all()
            return item

    def close(self) -> str:
        """Write what waits; safe to call twice. Returns the account, one sentence."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        self._thread.join(CLOSE_S)
        missing = f"; {self.lost:,} lines that the camera gave are not in it" if self.lost else ""
        return f"recorded {self.recorded:,} lines, {self._writer.bytes / 1e6:,.1f} MB, into {self._folder}{missing}"

    @property
    def _ended(self) -> bool:
        return self._over or self.trouble is not None

    def _write(self) -> None:
        item = None
        try:
            while (item := self._next()) is not None:
                self._writer.write(item)
                self.recorded += item.rows if isinstance(item, LineBlock) else 0
            self._writer.close()
        except UserError as error:
            with self._changed:
                self.trouble = str(error)
                self.lost += sum(left.rows for left in (item, *self._items) if isinstance(left, LineBlock))
                self._items.clear()
                self._changed.notify_all()

    def _next(self) -> LineBlock | NotInspected | None:
        """The next item; None when there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._over)
            if not self._items:
                return None
            item = self._items.popleft()
            self._changed.notify_all()
            return item
