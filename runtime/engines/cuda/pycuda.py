"""A CUDA device through pycuda (https://documen.tician.de/pycuda/driver.html).

The device's primary context is used, the one that TensorRT works in. pycuda aborts the process when a context is
still pushed at its end, so it is pushed for the length of ``current()`` only. Streams and events have no call that
frees them: they go with their last reference, which must be dropped while the context is current.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from runtime.engines.cuda import base
from runtime.engines.cuda.base import CudaError, DeviceFacts, NoDevice, NoDriver, OutOfMemory
from runtime.engines.cuda.driver_graph import DriverGraphs
from runtime.types import UInt8

STREAM_NON_BLOCKING = 1
"""CU_STREAM_NON_BLOCKING: does not wait for the default stream."""


def import_driver() -> Any:
    """``pycuda.driver``, initialised.

    Raises:
        NoDriver: libcuda cannot be loaded or has no device to drive.
    """
    try:
        import pycuda.driver as driver
    except ImportError as error:  # pycuda is there, what it is linked to is not
        raise NoDriver(str(error)) from error
    try:
        driver.init()
    except driver.Error as error:
        raise NoDriver(str(error)) from error
    return driver


@contextmanager
def in_words(driver: Any, doing: str) -> Iterator[None]:
    """Turn pycuda's errors into CudaError."""
    try:
        yield
    except driver.Error as error:
        raise CudaError(f"CUDA failed at {doing}: {error}.") from error


class PyCuda:
    """See runtime.engines.cuda.base.Cuda."""

    def __init__(self, ordinal: int) -> None:
        self._driver = driver = import_driver()
        count = driver.Device.count()
        if ordinal >= count:
            raise NoDevice(ordinal, count)
        device = driver.Device(ordinal)
        version = driver.get_driver_version()
        self.facts = DeviceFacts(
            name=device.name(),
            compute=tuple(device.compute_capability()),
            integrated=bool(device.get_attribute(driver.device_attribute.INTEGRATED)),
            cuda=(version // 1000, version % 1000 // 10),
        )
        with in_words(driver, "taking the device"):
            self._context = device.retain_primary_context()
        self._graphs = DriverGraphs(ctypes.CDLL("libcuda.so.1"))

    @contextmanager
    def current(self) -> Iterator[None]:
        self._context.push()
        try:
            yield
        finally:
            self._driver.Context.pop()

    def stream(self) -> _Stream:
        return _Stream(self._driver)

    def event(self) -> _Event:
        return _Event(self._driver)

    def host_buffer(self, size: int) -> _HostBuffer:
        try:
            return _HostBuffer(self._driver, size)
        except self._driver.MemoryError as error:
            raise OutOfMemory(size, "page-locked host") from error

    def device_buffer(self, size: int) -> _DeviceBuffer:
        try:
            return _DeviceBuffer(self._driver, size)
        except self._driver.MemoryError as error:
            raise OutOfMemory(size, "device") from error

    def upload(self, to: base.DeviceBuffer, source: base.HostBuffer, stream: base.Stream) -> None:
        assert isinstance(stream, _Stream)
        with in_words(self._driver, "copying to the device"):
            self._driver.memcpy_htod_async(to.address, source.array, stream.inner)

    def download(self, to: base.HostBuffer, source: base.DeviceBuffer, stream: base.Stream) -> None:
        assert isinstance(stream, _Stream)
        with in_words(self._driver, "copying from the device"):
            self._driver.memcpy_dtoh_async(to.array, source.address, stream.inner)

    def begin_capture(self, stream: base.Stream) -> None:
        self._graphs.begin(stream)

    def end_capture(self, stream: base.Stream) -> base.Graph:
        return self._graphs.end(stream)

    def close(self) -> None:
        self._context.push()  # detaching a context that is not current leaves it on the driver's stack
        self._context.detach()


class _Stream:
    def __init__(self, driver: Any) -> None:
        self._driver = driver
        with in_words(driver, "making a stream"):
            self.inner = driver.Stream(STREAM_NON_BLOCKING)

    @property
    def handle(self) -> int:
        return int(self.inner.handle)

    def synchronise(self) -> None:
        with in_words(self._driver, "waiting for a stream"):
            self.inner.synchronize()

    def free(self) -> None:
        self.inner = None


class _Event:
    def __init__(self, driver: Any) -> None:
        self._driver = driver
        with in_words(driver, "making an event"):
            self.inner = driver.Event(driver.event_flags.BLOCKING_SYNC)

    def record(self, stream: base.Stream) -> None:
        assert isinstance(stream, _Stream)
        with in_words(self._driver, "marking a stream"):
            self.inner.record(stream.inner)

    def reached(self) -> bool:
        with in_words(self._driver, "running the graph"):
            return bool(self.inner.query())

    def wait(self) -> None:
        with in_words(self._driver, "running the graph"):
            self.inner.synchronize()

    def ms_since(self, earlier: base.Event) -> float:
        assert isinstance(earlier, _Event)
        return float(self.inner.time_since(earlier.inner))

    def free(self) -> None:
        self.inner = None


class _HostBuffer:
    def __init__(self, driver: Any, size: int) -> None:
        self.array: UInt8 = driver.pagelocked_empty(size, np.uint8, mem_flags=driver.host_alloc_flags.DEVICEMAP)
        self._allocation: Any = self.array.base
        self.address = int(self._allocation.get_device_pointer())

    def free(self) -> None:
        self._allocation.free()


class _DeviceBuffer:
    def __init__(self, driver: Any, size: int) -> None:
        self._allocation = driver.mem_alloc(size)
        self.address = int(self._allocation)

    def free(self) -> None:
        self._allocation.free()
