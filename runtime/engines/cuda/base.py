"""What the TensorRT engine needs of CUDA, small enough for two packages to give it: pycuda and cuda-python.

Sizes are bytes, addresses are device addresses. Everything that has ``free`` is freed by whoever asked for it, once.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from runtime.errors import UserError
from runtime.types import UInt8


@dataclass(frozen=True)
class DeviceFacts:
    """What device this is.

    Attributes:
        name: as the driver says it. compute: compute capability, such as (8, 7).
        integrated: shares its memory with the CPU, as every Jetson does.
        cuda: newest CUDA version that the driver runs, such as (12, 6).
    """

    name: str
    compute: tuple[int, int]
    integrated: bool
    cuda: tuple[int, int]

    @property
    def sm(self) -> str:
        """The compute capability as compilers name it: 'sm87'."""
        return f"sm{self.compute[0]}{self.compute[1]}"


class Stream(Protocol):
    """Work in order, beside the work of other streams."""

    @property
    def handle(self) -> int:
        """The CUDA stream, as TensorRT takes it."""

    def synchronise(self) -> None:
        """Wait for all that was put in."""

    def free(self) -> None: ...


class Event(Protocol):
    """A mark in a stream, with its time."""

    def record(self, stream: Stream) -> None: ...

    def reached(self) -> bool:
        """Has the device come to the mark?"""

    def wait(self) -> None:
        """Sleep until it has."""

    def ms_since(self, earlier: Event) -> float:
        """Time on the device from another mark to this one; both are reached."""

    def free(self) -> None: ...


class HostBuffer(Protocol):
    """Page-locked host memory: the device copies from and to it by itself."""

    @property
    def array(self) -> UInt8:
        """The bytes, uint8 [size]."""

    @property
    def address(self) -> int:
        """Where the device sees the same bytes; on a device that shares its memory no copy is needed."""

    def free(self) -> None: ...


class DeviceBuffer(Protocol):
    """Memory of the device."""

    @property
    def address(self) -> int: ...

    def free(self) -> None: ...


class Graph(Protocol):
    """Captured work that can be put into a stream with one call."""

    def launch(self, stream: Stream) -> None: ...

    def free(self) -> None: ...


class Cuda(Protocol):
    """A device. Calls are made inside ``current()``, by whatever thread; failures are CudaError."""

    facts: DeviceFacts

    def current(self) -> AbstractContextManager[None]:
        """Make the device the calling thread's, as TensorRT expects to find it."""

    def stream(self) -> Stream: ...

    def event(self) -> Event: ...

    def host_buffer(self, size: int) -> HostBuffer: ...

    def device_buffer(self, size: int) -> DeviceBuffer: ...

    def upload(self, to: DeviceBuffer, source: HostBuffer, stream: Stream) -> None:
        """Put a copy of the whole host buffer into the stream."""

    def download(self, to: HostBuffer, source: DeviceBuffer, stream: Stream) -> None:
        """Put a copy of the whole device buffer into the stream."""

    def begin_capture(self, stream: Stream) -> None:
        """From here to ``end_capture`` the stream notes work instead of doing it."""

    def end_capture(self, stream: Stream) -> Graph:
        """What was noted. The stream works again, whether or not that could be captured."""

    def close(self) -> None:
        """Give the device back, after everything on it was freed."""


class CudaError(UserError):
    """CUDA said no, in a sentence."""


class NoDriver(CudaError):
    """There is no NVIDIA driver on this machine, or it is older than the package wants."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"TensorRT needs an NVIDIA driver, and none can be loaded here: {detail}.")


class NoDevice(CudaError):
    """The driver has no such device."""

    def __init__(self, ordinal: int, count: int) -> None:
        have = f"the driver counts {count}, from cuda:0 on" if count else "the driver finds none"
        super().__init__(f"There is no CUDA device cuda:{ordinal} here: {have}.")


class OutOfMemory(CudaError):
    """The device, or page-locked host memory, is full."""

    def __init__(self, size: int, kind: str) -> None:
        super().__init__(
            f"No {kind} memory is left for {size / 1e6:.1f} MB: stop what else uses the device, "
            "or build the engine with a smaller batch."
        )
