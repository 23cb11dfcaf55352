"""A ring's memory, lent to an Aravis stream slot by slot."""

from __future__ import annotations

from typing import Any

from runtime.cameras import aravis_library
from runtime.cameras.parts import aravis_images, image_of
from runtime.cameras.ring import Ring
from runtime.types import UInt8


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

    def is_whole(self, buffer: Any) -> bool:
        """Did all of it come?"""
        return bool(buffer.get_status() == self._aravis.BufferStatus.SUCCESS)

    def in_parts(self, buffer: Any) -> bool:
        """Does it hold several parts (runtime/cameras/parts.py)?"""
        return bool(buffer.get_payload_type() == self._aravis.BufferPayloadType.MULTIPART)

    def lines_of(self, buffer: Any, slot: int, where: str) -> UInt8:
        """The bytes of a whole buffer's lines, uint8 [n]: the slot's own memory, or copied where it has parts.

        Args:
            slot: the buffer's; it is not the caller's any more.

        Raises:
            UserError: see parts.image_of.
        """
        if self.in_parts(buffer):
            try:
                return image_of(aravis_images(buffer), where)
            finally:
                self._ring.drop(slot)
        return self._ring.take(slot, aravis_library.received_bytes(buffer))
