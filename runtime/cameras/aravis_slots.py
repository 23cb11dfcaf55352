"""A ring's memory, lent to an Aravis stream slot by slot."""

from __future__ import annotations

from typing import Any

from runtime.cameras.ring import Ring


class Slots:
    """Which of a ring's slots each of Aravis' buffers stands for.

    Args:
        aravis: the library's namespace.
        ring: outlives the stream, which writes to it.
    """

    def __init__(self, aravis: Any, ring: Ring) -> None:
        self._aravis, self._ring = aravis, ring
        self._slots: dict[Any, int] = {}

    def give(self, stream: Any) -> None:
        """Give the stream all slots that are free."""
        for slot in self._ring.armed():
            buffer = self._aravis.Buffer.new_full(self._ring.size, self._ring.address(slot), None, None)
            self._slots[buffer] = slot
            stream.push_buffer(buffer)

    def back(self, buffer: Any) -> int:
        """The slot of a buffer that the stream has done with."""
        return self._slots.pop(buffer)
