"""Where TensorRT works: slots that run a graph side by side, and the one thread that feeds them.

A slot has a stream, an execution context and memory of its own, so that one's copies run beside another's graph.
Addresses are set once. On a device that shares its memory with the CPU (every Jetson) nothing is copied: the graph
reads and writes page-locked host memory where it lies ("CUDA for Tegra", I/O coherency). Otherwise the pixels go up
and only the map comes back. The graph is put into the stream as one captured CUDA graph where it can be captured
("Capturing TensorRT inference in a CUDA graph", NVIDIA's TensorRT documentation), and layer by layer where it cannot.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from runtime.engines.cuda.base import Cuda, CudaError, DeviceBuffer, Graph
from runtime.engines.rows import Call
from runtime.engines.timed import StageTimes
from runtime.types import Float32, UInt8

POLL_S = 2e-4
"""How often the device is asked for its oldest call while no new one comes."""
CLOSED = "the engine is closed"


@dataclass(frozen=True)
class Tensors:
    """Names and shapes of a graph's tensors.

    Attributes:
        pixels: name of the uint8 input, with its shape. map: name of the float32 output that is wanted.
        others: outputs, all float32, that stay on the device.
    """

    pixels: tuple[str, tuple[int, ...]]
    map: tuple[str, tuple[int, ...]]
    others: tuple[tuple[str, tuple[int, ...]], ...]


class Slot:
    """One call's place at the device. Made and used while the device is current."""

    def __init__(self, cuda: Cuda, context: Any, tensors: Tensors, owned: ExitStack) -> None:
        """Allocate and run once, on black tiles.

        Args:
            context: a trt.IExecutionContext of the slot's own.
            owned: is told what to free.
        """
        self._cuda = cuda
        self._context = context
        self._shared = cuda.facts.integrated
        self._stream = cuda.stream()
        owned.callback(self._stream.free)
        self._marks = [cuda.event() for _ in range(4)]
        for mark in self._marks:
            owned.callback(mark.free)
        self._host_pixels = cuda.host_buffer(prod(tensors.pixels[1]))
        owned.callback(self._host_pixels.free)
        self._host_map = cuda.host_buffer(4 * prod(tensors.map[1]))
        owned.callback(self._host_map.free)
        self._pixels: UInt8 = self._host_pixels.array.reshape(tensors.pixels[1])
        self._map: Float32 = self._host_map.array.view(np.float32).reshape(tensors.map[1])
        self._set_addresses(tensors, owned)
        self.graph: Graph | None = None
        owned.callback(self._retire)
        self._pixels.fill(0)
        self._put_in()
        self._stream.synchronise()  # TensorRT settles what it put off in the first run; only then may it be captured
        self._capture()

    def start(self, tiles: UInt8) -> None:
        """Put the work on tiles into the stream, uint8 [batch, tile, tile, channels]; they are copied first."""
        np.copyto(self._pixels, tiles)
        self._put_in()

    def finished(self) -> bool:
        """Has the device done it?"""
        return self._marks[-1].reached()

    def take(self) -> tuple[Float32, StageTimes]:
        """Wait for the maps, float32 [batch, cells, cells], valid until the next start, and where the time went."""
        begun, uploaded, computed, ended = self._marks
        ended.wait()
        moved = 0.0 if self._shared else 1.0
        return self._map, StageTimes(
            upload_ms=moved * uploaded.ms_since(begun),
            compute_ms=computed.ms_since(uploaded),
            download_ms=moved * ended.ms_since(computed),
        )

    def _retire(self) -> None:
        """Let the device end what it may still do here, and let go of the graph, before their memory is freed."""
        with suppress(CudaError):
            self._stream.synchronise()
        if self.graph is not None:
            self.graph.free()
        self._context = self.graph = None

    def _set_addresses(self, tensors: Tensors, owned: ExitStack) -> None:
        self._device_pixels: DeviceBuffer = self._host_pixels
        self._device_map: DeviceBuffer = self._host_map
        if not self._shared:
            self._device_pixels = self._on_device(prod(tensors.pixels[1]), owned)
            self._device_map = self._on_device(4 * prod(tensors.map[1]), owned)
        addresses = {tensors.pixels[0]: self._device_pixels.address, tensors.map[0]: self._device_map.address}
        for name, shape in tensors.others:
            addresses[name] = self._on_device(4 * prod(shape), owned).address
        for name, address in addresses.items():
            if not self._context.set_tensor_address(name, address):
                raise CudaError(f"TensorRT does not take an address for the tensor '{name}'.")

    def _on_device(self, size: int, owned: ExitStack) -> DeviceBuffer:
        buffer = self._cuda.device_buffer(size)
        owned.callback(buffer.free)
        return buffer

    def _put_in(self) -> None:
        begun, uploaded, computed, ended = self._marks
        begun.record(self._stream)
        if not self._shared:
            self._cuda.upload(self._device_pixels, self._host_pixels, self._stream)
        uploaded.record(self._stream)
        if self.graph is not None:
            self.graph.launch(self._stream)
        elif not self._context.execute_async_v3(self._stream.handle):
            raise CudaError("TensorRT could not start the graph; its log says why.")
        computed.record(self._stream)
        if not self._shared:
            self._cuda.download(self._host_map, self._device_map, self._stream)
        ended.record(self._stream)

    def _capture(self) -> None:
        """Try to make one CUDA graph of the run; without it each layer is put in by itself, which is slower."""
        try:
            self._cuda.begin_capture(self._stream)
            taken = self._context.execute_async_v3(self._stream.handle)
            graph = self._cuda.end_capture(self._stream)
        except CudaError:
            return
        if taken:
            self.graph = graph
        else:
            graph.free()


class Feed:
    """The thread that owns the slots: takes calls in the order of their coming, from any thread."""

    def __init__(self, cuda: Cuda, slots: Sequence[Slot]) -> None:
        self._cuda = cuda
        self._slots = slots
        self._waiting: deque[Call] = deque()
        self._busy: deque[tuple[Slot, Call]] = deque()  # the thread's own; oldest first
        self._wake = threading.Condition()
        self._error: Exception | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="tensorrt", daemon=True)
        self._thread.start()

    def put(self, call: Call) -> None:
        """Queue a call; when the device has failed, or was closed, the call fails at once."""
        with self._wake:
            error = self._error or (ValueError(CLOSED) if self._closing else None)
            if error is None:
                self._waiting.append(call)
                self._wake.notify_all()
        if error is not None:
            call.failed(error)

    def close(self) -> None:
        """Finish what is queued, then end the thread."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        self._thread.join()

    def _work(self) -> None:
        try:
            with self._cuda.current():
                self._run()
        except Exception as error:  # whatever it is, nobody may wait for it
            self._fail(error)

    def _run(self) -> None:
        idle = deque(self._slots)
        while (call := self._next(block=not self._busy)) is not None or self._busy:
            if call is not None:
                slot = idle.popleft()
                self._busy.append((slot, call))
                slot.start(call.tiles)
            while self._busy and (not idle or self._busy[0][0].finished()):
                slot, done = self._busy[0]
                done.done(*slot.take())
                self._busy.popleft()
                idle.append(slot)

    def _next(self, block: bool) -> Call | None:
        """The next call; None when the engine closes or, without ``block``, when none comes soon."""
        with self._wake:
            self._wake.wait_for(lambda: self._waiting or (block and self._closing), None if block else POLL_S)
            return self._waiting.popleft() if self._waiting else None

    def _fail(self, error: Exception) -> None:
        with self._wake:
            self._error = error
            lost = [call for _, call in self._busy] + list(self._waiting)
            self._waiting.clear()
        for call in lost:
            call.failed(error)
