"""A CUDA device through cuda-python's runtime bindings (https://nvidia.github.io/cuda-python/cuda-bindings/).

The runtime API works in the device's primary context, as TensorRT does, and needs nothing but to be told the device.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from runtime.engines.cuda import base
from runtime.engines.cuda.base import CudaError, DeviceFacts, NoDevice, NoDriver, OutOfMemory
from runtime.errors import MissingExtra
from runtime.types import UInt8


def import_runtime() -> Any:
    """``cuda.bindings.runtime``.

    Raises:
        MissingExtra: something else is called 'cuda', or cuda-python is older than 12.6.
    """
    try:
        from cuda.bindings import runtime
    except ImportError as error:
        raise MissingExtra("cuda-bindings", "tensorrt", "The TensorRT engine") from error
    return runtime


class CudaPython:
    """See runtime.engines.cuda.base.Cuda."""

    def __init__(self, ordinal: int) -> None:
        self.cudart = cudart = import_runtime()
        error, count = cudart.cudaGetDeviceCount()
        if error == cudart.cudaError_t.cudaErrorNoDevice:
            raise NoDevice(ordinal, 0)
        if error != cudart.cudaError_t.cudaSuccess:
            raise NoDriver(words(cudart, error))
        if ordinal >= count:
            raise NoDevice(ordinal, count)
        self._ordinal = ordinal
        told = self.call("asking for its properties", cudart.cudaGetDeviceProperties, ordinal)
        version = self.call("asking for the driver's version", cudart.cudaDriverGetVersion)
        self.facts = DeviceFacts(
            name=told.name.rstrip(b"\0").decode(),
            compute=(told.major, told.minor),
            integrated=bool(told.integrated),
            cuda=(version // 1000, version % 1000 // 10),
        )

    @contextmanager
    def current(self) -> Iterator[None]:
        self.call("taking the device", self.cudart.cudaSetDevice, self._ordinal)
        yield

    def stream(self) -> _Stream:
        flags = self.cudart.cudaStreamNonBlocking
        return _Stream(self, self.call("making a stream", self.cudart.cudaStreamCreateWithFlags, flags))

    def event(self) -> _Event:
        flags = self.cudart.cudaEventBlockingSync
        return _Event(self, self.call("making an event", self.cudart.cudaEventCreateWithFlags, flags))

    def host_buffer(self, size: int) -> _HostBuffer:
        return _HostBuffer(self, size)

    def device_buffer(self, size: int) -> _DeviceBuffer:
        return _DeviceBuffer(self, size)

    def upload(self, to: base.DeviceBuffer, source: base.HostBuffer, stream: base.Stream) -> None:
        self._copy("copying to the device", to.address, source.array.ctypes.data, source.array.size, stream)

    def download(self, to: base.HostBuffer, source: base.DeviceBuffer, stream: base.Stream) -> None:
        self._copy("copying from the device", to.array.ctypes.data, source.address, to.array.size, stream)

    def begin_capture(self, stream: base.Stream) -> None:
        mode = self.cudart.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self.call("beginning a capture", self.cudart.cudaStreamBeginCapture, stream.handle, mode)

    def end_capture(self, stream: base.Stream) -> _Graph:
        graph = self.call("ending a capture", self.cudart.cudaStreamEndCapture, stream.handle)
        try:
            ready = self.call("making a graph", self.cudart.cudaGraphInstantiate, graph, 0)
        finally:
            self.call("freeing a graph", self.cudart.cudaGraphDestroy, graph)  # the executable graph is a copy
        return _Graph(self, ready)

    def close(self) -> None:
        """Nothing: the primary context is the process's."""

    def allocate(self, kind: str, function: Callable[..., tuple[Any, ...]], size: int, *flags: int) -> Any:
        """The address of new memory."""
        error, pointer = function(size, *flags)
        if error == self.cudart.cudaError_t.cudaErrorMemoryAllocation:
            raise OutOfMemory(size, kind)
        if error != self.cudart.cudaError_t.cudaSuccess:
            raise CudaError(f"CUDA failed at allocating {kind} memory: {words(self.cudart, error)}.")
        return pointer

    def _copy(self, doing: str, to: int, source: int, size: int, stream: base.Stream) -> None:
        kind = self.cudart.cudaMemcpyKind.cudaMemcpyDefault
        self.call(doing, self.cudart.cudaMemcpyAsync, to, source, size, kind, stream.handle)

    def call(self, doing: str, function: Callable[..., tuple[Any, ...]], *arguments: Any) -> Any:
        """The function's one result, or None where it has none."""
        error, *results = function(*arguments)
        if error != self.cudart.cudaError_t.cudaSuccess:
            raise CudaError(f"CUDA failed at {doing}: {words(self.cudart, error)}.")
        return results[0] if results else None


def words(cudart: Any, error: Any) -> str:
    """What an error means, in CUDA's own words."""
    _, text = cudart.cudaGetErrorString(error)
    return str(text.decode() if text else error)


class _Owned:
    """A handle of the device's and the function that frees it."""

    def __init__(self, cuda: CudaPython, inner: Any, free: str) -> None:
        self._cuda = cuda
        self.inner = inner
        self._free = free

    def free(self) -> None:
        self._cuda.call("freeing", getattr(self._cuda.cudart, self._free), self.inner)


class _Stream(_Owned):
    def __init__(self, cuda: CudaPython, inner: Any) -> None:
        super().__init__(cuda, inner, "cudaStreamDestroy")

    @property
    def handle(self) -> int:
        return int(self.inner)

    def synchronise(self) -> None:
        self._cuda.call("waiting for a stream", self._cuda.cudart.cudaStreamSynchronize, self.inner)


class _Event(_Owned):
    def __init__(self, cuda: CudaPython, inner: Any) -> None:
        super().__init__(cuda, inner, "cudaEventDestroy")

    def record(self, stream: base.Stream) -> None:
        self._cuda.call("marking a stream", self._cuda.cudart.cudaEventRecord, self.inner, stream.handle)

    def reached(self) -> bool:
        cudart = self._cuda.cudart
        (error,) = cudart.cudaEventQuery(self.inner)
        if error == cudart.cudaError_t.cudaErrorNotReady:
            return False
        if error != cudart.cudaError_t.cudaSuccess:
            raise CudaError(f"CUDA failed at running the graph: {words(cudart, error)}.")
        return True

    def wait(self) -> None:
        self._cuda.call("running the graph", self._cuda.cudart.cudaEventSynchronize, self.inner)

    def ms_since(self, earlier: base.Event) -> float:
        assert isinstance(earlier, _Event)
        elapsed = self._cuda.cudart.cudaEventElapsedTime
        return float(self._cuda.call("reading the clock", elapsed, earlier.inner, self.inner))


class _HostBuffer(_Owned):
    def __init__(self, cuda: CudaPython, size: int) -> None:
        cudart = cuda.cudart
        pointer = cuda.allocate("page-locked host", cudart.cudaHostAlloc, size, cudart.cudaHostAllocMapped)
        super().__init__(cuda, pointer, "cudaFreeHost")
        self.array: UInt8 = np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(int(pointer)))
        self.address = int(cuda.call("mapping host memory", cudart.cudaHostGetDevicePointer, pointer, 0))


class _DeviceBuffer(_Owned):
    def __init__(self, cuda: CudaPython, size: int) -> None:
        super().__init__(cuda, cuda.allocate("device", cuda.cudart.cudaMalloc, size), "cudaFree")
        self.address = int(self.inner)


class _Graph(_Owned):
    def __init__(self, cuda: CudaPython, inner: Any) -> None:
        super().__init__(cuda, inner, "cudaGraphExecDestroy")

    def launch(self, stream: base.Stream) -> None:
        self._cuda.call("launching a graph", self._cuda.cudart.cudaGraphLaunch, self.inner, stream.handle)
