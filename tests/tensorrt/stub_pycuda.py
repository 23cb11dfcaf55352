"""A STUB of ``pycuda.driver`` for tests: the names that the adapter uses (all of them in pycuda 2026.1), and counts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np


class Error(Exception):
    pass


class MemoryError(Error):
    pass


class Stub:
    """The module, a loaded libcuda beside it, and what was done.

    Attributes:
        did: calls that do something to the device, in order. pushed: contexts on the stack. room: bytes to allocate.
        devices: how many there are. codes: what functions of libcuda return, where it is not 0.
    """

    Error, MemoryError = Error, MemoryError
    device_attribute = SimpleNamespace(INTEGRATED=18)
    event_flags = SimpleNamespace(BLOCKING_SYNC=1)
    host_alloc_flags = SimpleNamespace(DEVICEMAP=2)

    CAPTURING = ("cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphInstantiateWithFlags")
    DESTROY = "cuGraphDestroy"
    WANTED = (
        "init", "stream 1", "event 1", "event 1", "host 100 2", "device 100", "record in 77", "up 4096 100 77",
        "down 100 4096 77", "record in 77", "query", "wait for event", "wait for stream", "cuStreamBeginCapture_v2",
        "cuStreamEndCapture", "cuGraphInstantiateWithFlags", "cuGraphDestroy", "cuGraphLaunch", "cuGraphExecDestroy",
        "free 100", "free 100", "detach",
    )  # fmt: skip

    def __init__(self) -> None:
        self.did: list[str] = []
        self.pushed = 0
        self.room = 1 << 20
        self.devices = 1
        self.codes: dict[str, int] = {}
        self.Device = self._device_class()
        self.Context = SimpleNamespace(pop=self._pop)
        self.lost = False

    def init(self) -> None:
        self.did.append("init")

    def get_driver_version(self) -> int:
        return 12060

    def Stream(self, flags: int) -> Any:
        self._current(f"stream {flags}")
        return SimpleNamespace(handle=77, synchronize=lambda: self._current("wait for stream"))

    def Event(self, flags: int) -> Any:
        self._current(f"event {flags}")
        return SimpleNamespace(
            record=lambda stream: self._current(f"record in {stream.handle}"),
            query=lambda: self._current("query") or True,
            synchronize=lambda: self._current("wait for event"),
            time_since=lambda earlier: 1.5,
        )

    def pagelocked_empty(self, size: int, dtype: Any, mem_flags: int) -> Any:
        self._take(size)
        self._current(f"host {size} {mem_flags}")
        return np.zeros(size, dtype).view(Pinned).on(self, size)

    def mem_alloc(self, size: int) -> Any:
        self._take(size)
        self._current(f"device {size}")
        return Allocation(self, size)

    def memcpy_htod_async(self, to: int, source: Any, stream: Any) -> None:
        self._current(f"up {to} {source.size} {stream.handle}")

    def memcpy_dtoh_async(self, to: Any, source: int, stream: Any) -> None:
        self._current(f"down {to.size} {source} {stream.handle}")

    def __getattr__(self, name: str) -> Any:
        """Functions of libcuda."""
        if not name.startswith("cu"):
            raise AttributeError(name)
        return lambda *arguments: self.did.append(name) or self.codes.get(name, 0)

    def _device_class(self) -> Any:
        def device(ordinal: int) -> Any:
            return SimpleNamespace(
                name=lambda: "Orin",
                compute_capability=lambda: (8, 7),
                get_attribute=lambda attribute: int(attribute == 18),
                retain_primary_context=lambda: SimpleNamespace(push=self._push, detach=self._detach),
            )

        device.count = lambda: self.devices  # type: ignore[attr-defined]
        return device

    def _push(self) -> None:
        self.pushed += 1

    def _pop(self) -> None:
        self.pushed -= 1

    def _detach(self) -> None:
        self._current("detach")
        self._pop()

    def _current(self, did: str) -> None:
        assert self.pushed, f"{did} without a context"
        if self.lost:
            raise Error("cuEventQuery failed: an illegal memory access was encountered")
        self.did.append(did)

    def _take(self, size: int) -> None:
        if size > self.room:
            raise MemoryError("cuMemAlloc failed: out of memory")
        self.room -= size


class Allocation:
    """Device or host memory."""

    def __init__(self, stub: Stub, size: int) -> None:
        self.stub, self.size = stub, size

    def __int__(self) -> int:
        return 4096

    def get_device_pointer(self) -> int:
        return 8192

    def free(self) -> None:
        self.stub._current(f"free {self.size}")
        self.stub.room += self.size


class Pinned(np.ndarray):  # type: ignore[type-arg]
    """An array whose ``base`` is the allocation, as pycuda's is."""

    _allocation: Any = None

    def on(self, stub: Stub, size: int) -> Pinned:
        self._allocation = Allocation(stub, size)
        return self

    @property
    def base(self) -> Any:
        return self._allocation
