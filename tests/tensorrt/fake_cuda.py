"""A FAKE CUDA device, for tests: does what is asked as late as it may, and objects to what real CUDA would punish.

Work in a stream waits until somebody waits for it, or comes bit by bit while somebody asks. Results are garbage until
then. Memory is counted; touching freed memory, a buffer that the device still has to read, or a device that is not the
thread's own is an AssertionError.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from runtime.engines.cuda.base import CudaError, DeviceFacts, OutOfMemory
from runtime.types import UInt8

GARBAGE = 0xFF
"""Four of these are a float32 that is not a number."""
ORIN = DeviceFacts("Orin", (8, 7), True, (12, 6))
CARD = DeviceFacts("NVIDIA RTX A2000", (8, 6), False, (12, 6))


class FakeCuda:
    """See runtime.engines.cuda.base.Cuda.

    Attributes:
        live: everything that was made and not freed. launches: graphs launched.
        can_capture: False lets every capture fail at its end, as a layer that cannot be captured does.
        fail_after: how many works may still be put into streams before the device is lost; None: any number.
        memory: bytes left to allocate.
    """

    def __init__(self, facts: DeviceFacts = CARD) -> None:
        self.facts = facts
        self.live: set[object] = set()
        self.streams: dict[int, FakeStream] = {}
        self.bytes: dict[int, UInt8] = {}
        self.can_capture = True
        self.fail_after: int | None = None
        self.memory = 1 << 30
        self.launches = 0
        self.closed = False
        self._depth = threading.local()
        self._address = 4096

    @contextmanager
    def current(self) -> Iterator[None]:
        assert not self.closed, "the device was given back"
        self._depth.value = getattr(self._depth, "value", 0) + 1
        try:
            yield
        finally:
            self._depth.value -= 1

    def check(self) -> None:
        assert getattr(self._depth, "value", 0) > 0, "the device is not this thread's"

    def stream(self) -> FakeStream:
        return FakeStream(self)

    def event(self) -> FakeEvent:
        return FakeEvent(self)

    def host_buffer(self, size: int) -> FakeBuffer:
        return FakeBuffer(self, size, "page-locked host")

    def device_buffer(self, size: int) -> FakeBuffer:
        return FakeBuffer(self, size, "device")

    def upload(self, to: FakeBuffer, source: FakeBuffer, stream: FakeStream) -> None:
        assert source.kind == "page-locked host"
        assert to.kind == "device"
        self._copy(to, source, stream)

    def download(self, to: FakeBuffer, source: FakeBuffer, stream: FakeStream) -> None:
        assert source.kind == "device"
        assert to.kind == "page-locked host"
        self._copy(to, source, stream)

    def begin_capture(self, stream: FakeStream) -> None:
        self.check()
        assert not stream.work, "captured while work waits"
        stream.captured = []

    def end_capture(self, stream: FakeStream) -> FakeGraph:
        self.check()
        assert stream.captured is not None
        work, stream.captured = stream.captured, None
        if not self.can_capture:
            raise CudaError("the capture was invalidated")
        return FakeGraph(self, work)

    def close(self) -> None:
        assert not self.closed, "given back twice"
        assert not self.live, f"not freed: {self.live}"
        self.closed = True

    def allocate(self, size: int, kind: str) -> int:
        self.check()
        if size > self.memory:
            raise OutOfMemory(size, kind)
        self.memory -= size
        self._address += 1 << 20
        self.bytes[self._address] = np.full(size, GARBAGE, np.uint8)
        return self._address

    def at(self, address: int) -> UInt8:
        """The memory at an address that was not freed."""
        assert address in self.bytes, "freed memory, or no memory at all"
        return self.bytes[address]

    def _copy(self, to: FakeBuffer, source: FakeBuffer, stream: FakeStream) -> None:
        def copy() -> None:
            self.at(to.address)[:] = self.at(source.address)

        stream.put(Work(reads=source.address, writes=(to.address,), do=copy))


@dataclass(frozen=True)
class Work:
    """Something for the device: the address that it reads, those that it writes, and what it does."""

    reads: int
    writes: tuple[int, ...]
    do: Callable[[], None]


class Owned:
    """Something that is freed once, while its device is current."""

    def __init__(self, cuda: FakeCuda) -> None:
        cuda.check()
        self.cuda = cuda
        cuda.live.add(self)

    def free(self) -> None:
        self.cuda.check()
        assert self in self.cuda.live, "freed twice"
        self.cuda.live.remove(self)


class FakeStream(Owned):
    """Work that waits."""

    def __init__(self, cuda: FakeCuda) -> None:
        super().__init__(cuda)
        self.work: deque[tuple[Work, UInt8]] = deque()
        self.captured: list[Work] | None = None
        self.done = 0
        self.put_in = 0
        cuda.streams[self.handle] = self

    @property
    def handle(self) -> int:
        return id(self)

    def put(self, work: Work) -> None:
        """Note the work, and what it is to read as it stands now; what it is to write is garbage from here on."""
        self.cuda.check()
        assert self in self.cuda.live
        if self.captured is not None:
            self.captured.append(work)
            return
        if self.cuda.fail_after is not None:
            self.cuda.fail_after -= 1
            if self.cuda.fail_after < 0:
                self.work.clear()
                raise CudaError("the device is lost")
        self.work.append((work, self.cuda.at(work.reads).copy()))
        for address in work.writes:
            self.cuda.at(address)[:] = GARBAGE
        self.put_in += 1

    def step(self, until: int) -> None:
        """Do the work up to a place in the stream."""
        while self.done < until and self.work:
            work, noted = self.work.popleft()
            # Garbage is what earlier work in the stream had still to write.
            same = np.array_equal(noted, self.cuda.at(work.reads)) or (noted == GARBAGE).all()
            assert same, "overwritten before the device had read it"
            work.do()
            self.done += 1

    def synchronise(self) -> None:
        self.cuda.check()
        assert self.captured is None, "waited for inside a capture"
        self.step(self.put_in)

    def free(self) -> None:
        super().free()
        assert not self.work, "freed with work in it"


class FakeEvent(Owned):
    """A place in a stream, and how long it took to come there."""

    def __init__(self, cuda: FakeCuda) -> None:
        super().__init__(cuda)
        self.stream: FakeStream | None = None
        self.place = 0

    def record(self, stream: FakeStream) -> None:
        self.cuda.check()
        assert self in self.cuda.live
        assert stream.captured is None, "a mark in a captured graph has no time"
        self.stream, self.place = stream, stream.put_in

    def reached(self) -> bool:
        assert self.stream is not None
        self.cuda.check()
        if self.stream.done < self.place:
            self.stream.step(self.stream.done + 1)
        return self.stream.done >= self.place

    def wait(self) -> None:
        assert self.stream is not None
        self.cuda.check()
        self.stream.step(self.place)

    def ms_since(self, earlier: FakeEvent) -> float:
        """Works done between the two, as milliseconds."""
        assert self.stream is not None
        assert earlier.stream is self.stream
        assert self.stream.done >= self.place, "asked for the time of a mark that was not reached"
        return float(self.place - earlier.place)


class FakeBuffer(Owned):
    """Memory of a kind."""

    def __init__(self, cuda: FakeCuda, size: int, kind: str) -> None:
        self.address = cuda.allocate(size, kind)
        super().__init__(cuda)
        self.kind = kind
        self.array = cuda.bytes[self.address]

    def free(self) -> None:
        super().free()
        del self.cuda.bytes[self.address]
        self.cuda.memory += len(self.array)


class FakeGraph(Owned):
    """Captured work."""

    def __init__(self, cuda: FakeCuda, work: list[Work]) -> None:
        super().__init__(cuda)
        self.work = work

    def launch(self, stream: FakeStream) -> None:
        assert self in self.cuda.live
        self.cuda.launches += 1
        for work in self.work:
            stream.put(work)
