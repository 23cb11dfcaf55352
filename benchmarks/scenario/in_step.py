"""A camera that gives a block only when the one before has been taken.

Cloth that can be drawn faster than it is judged would fill the queue, and the queue's length would be told as latency.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from runtime.cameras.base import Camera, CameraInfo
from runtime.types import LineBlock, NotInspected

LOOK_S = 0.001


class InStep:
    """See runtime.cameras.base.Camera."""

    def __init__(self, camera: Camera, waiting: Callable[[], int]) -> None:
        """``waiting``: how many blocks of this camera wait for the engine."""
        self._camera, self._waiting = camera, waiting
        self._closed = threading.Event()

    def open(self) -> CameraInfo:
        return self._camera.open()

    def items(self) -> Iterator[LineBlock | NotInspected]:
        for item in self._camera.items():
            yield item
            while self._waiting() and not self._closed.wait(LOOK_S):
                pass

    def close(self) -> None:
        self._closed.set()
        self._camera.close()
