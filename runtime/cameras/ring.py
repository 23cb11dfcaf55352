"""Memory that packets are received into, slot by slot, and that tells which packets came.

A client writes each packet to its place in a slot. Before a slot is given to it, a mark is laid where each packet
begins: a mark that is still there afterwards is a packet that never came. The pixels are handed on where they lie;
a slot comes back when the last array made from it is gone. Where many slots are out, pixels are copied instead, so
that the client never runs short because somebody else is slow.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterator

import numpy as np

from runtime.types import UInt8

MARK_BYTES = 16
LENT_AT_MOST = 0.5
"""Share of the slots."""


class _Loan:
    """A slot's memory as an array interface; numpy keeps it for as long as an array made from it lives."""

    def __init__(self, slot: UInt8, size: int) -> None:
        self._slot = slot
        interface = dict(slot.__array_interface__)
        self.__array_interface__ = {**interface, "shape": (size,)}


class Ring:
    """Slots of equal size.

    Args:
        slots: how many.
        size: bytes of each.
        packet: bytes of a full packet's payload.
    """

    def __init__(self, slots: int, size: int, packet: int) -> None:
        self.size = size
        self._packet = packet
        self._memory: UInt8 = np.zeros((slots, size), np.uint8)
        self._free: deque[int] = deque(range(slots))
        self._lent = 0
        self._back: deque[int] = deque()
        """Slots whose last array is gone; filled by whichever thread lets go of it."""
        self._most = int(slots * LENT_AT_MOST)
        self._mark: UInt8 = np.random.default_rng().integers(0, 256, MARK_BYTES, dtype=np.uint8)

    def address(self, slot: int) -> int:
        """Of a slot's first byte."""
        return int(self._memory[slot].ctypes.data)

    def armed(self) -> Iterator[int]:
        """The slots that can be received into, marked; each is then the client's until ``take`` or ``drop``."""
        while self._back:
            self._free.append(self._back.popleft())
            self._lent -= 1
        while self._free:
            slot = self._free.popleft()
            self._lay_marks(self._memory[slot])
            yield slot

    def take(self, slot: int, size: int) -> UInt8:
        """The first ``size`` bytes of a slot, uint8, for as long as an array made from them lives."""
        if self._lent >= self._most:
            copied: UInt8 = self._memory[slot, :size].copy()
            self._free.append(slot)
            return copied
        self._lent += 1
        loan = _Loan(self._memory[slot], size)
        weakref.finalize(loan, self._back.append, slot)
        return np.asarray(loan)

    def drop(self, slot: int) -> None:
        """Nothing of the slot is wanted."""
        self._free.append(slot)

    def holes(self, slot: int) -> tuple[tuple[int, int], ...]:
        """Bytes [first, end) that never came, ascending; neighbours are one."""
        memory = self._memory[slot]
        whole = self._whole(memory)
        untouched = np.flatnonzero((whole[:, :MARK_BYTES] == self._mark[: whole.shape[1]]).all(axis=1)).tolist()
        tail = memory[len(whole) * self._packet :]
        if len(tail) and (tail[:MARK_BYTES] == self._mark[: len(tail)]).all():
            untouched.append(len(whole))
        holes: list[tuple[int, int]] = []
        for packet in untouched:
            first, end = packet * self._packet, min((packet + 1) * self._packet, self.size)
            if holes and holes[-1][1] == first:
                first = holes.pop()[0]
            holes.append((first, end))
        return tuple(holes)

    def _lay_marks(self, memory: UInt8) -> None:
        whole = self._whole(memory)
        whole[:, :MARK_BYTES] = self._mark[: whole.shape[1]]
        tail = memory[len(whole) * self._packet :]
        tail[:MARK_BYTES] = self._mark[: len(tail)]

    def _whole(self, memory: UInt8) -> UInt8:
        """The full packets of a slot, [packets, bytes]."""
        packets = self.size // self._packet
        whole: UInt8 = memory[: packets * self._packet].reshape(packets, self._packet)
        return whole
