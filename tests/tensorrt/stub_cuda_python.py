"""A STUB of ``cuda.bindings.runtime`` for tests: the names that the adapter uses (all in cuda-bindings 13.4.4)."""

from __future__ import annotations

import ctypes
from enum import IntEnum
from types import SimpleNamespace
from typing import Any


class cudaError_t(IntEnum):
    cudaSuccess = 0
    cudaErrorMemoryAllocation = 2
    cudaErrorInsufficientDriver = 35
    cudaErrorNoDevice = 100
    cudaErrorNotReady = 600
    cudaErrorIllegalAddress = 700
    cudaErrorStreamCaptureUnsupported = 900


class StubRuntime:
    """The module and what was done; attributes as in stub_pycuda.Stub. Nothing is pushed here."""

    cudaError_t = cudaError_t
    cudaStreamNonBlocking, cudaEventBlockingSync, cudaHostAllocMapped = 1, 1, 2
    cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal="thread local")
    cudaMemcpyKind = SimpleNamespace(cudaMemcpyDefault=4)
    CAPTURING = ("cudaStreamBeginCapture", "cudaStreamEndCapture", "cudaGraphInstantiate")
    DESTROY = "cudaGraphDestroy"
    WANTED = (
        "cudaGetDeviceCount", "cudaGetDeviceProperties", "cudaDriverGetVersion", "cudaSetDevice",
        "cudaStreamCreateWithFlags", "cudaEventCreateWithFlags", "cudaEventCreateWithFlags", "cudaHostAlloc",
        "cudaHostGetDevicePointer", "cudaMalloc", "cudaEventRecord", "cudaMemcpyAsync", "cudaMemcpyAsync",
        "cudaEventRecord", "cudaEventQuery", "cudaEventSynchronize", "cudaStreamSynchronize",
        "cudaEventElapsedTime", "cudaStreamBeginCapture", "cudaStreamEndCapture", "cudaGraphInstantiate",
        "cudaGraphDestroy", "cudaGraphLaunch", "cudaGraphExecDestroy", "cudaFreeHost", "cudaFree",
        "cudaEventDestroy", "cudaEventDestroy", "cudaStreamDestroy",
    )  # fmt: skip

    def __init__(self) -> None:
        self.did: list[str] = []
        self.pushed = 0
        self.room = 1 << 20
        self.devices = 1
        self.codes: dict[str, int] = {}
        self.lost = False
        self._host = ctypes.create_string_buffer(1 << 10)
        self._sizes: dict[int, int] = {}

    def cudaGetErrorString(self, error: int) -> Any:
        words = {700: "an illegal memory access was encountered"}
        return cudaError_t.cudaSuccess, words.get(int(error), f"error {int(error)}").encode()

    def __getattr__(self, name: str) -> Any:
        results = {
            "cudaGetDeviceCount": lambda: self.devices,
            "cudaGetDeviceProperties": lambda _: SimpleNamespace(name=b"Orin\0", major=8, minor=7, integrated=1),
            "cudaDriverGetVersion": lambda: 12060,
            "cudaStreamCreateWithFlags": lambda flags: 77 if flags == 1 else None,
            "cudaEventCreateWithFlags": lambda flags: 5 if flags == 1 else None,
            "cudaHostAlloc": lambda size, flags: self._take(ctypes.addressof(self._host), size),
            "cudaHostGetDevicePointer": lambda pointer, flags: 8192,
            "cudaMalloc": lambda size: self._take(4096, size),
            "cudaEventElapsedTime": lambda start, end: 1.5,
            "cudaStreamEndCapture": lambda stream: 11,
            "cudaGraphInstantiate": lambda graph, flags: 12,
        }
        frees = {"cudaFree": self._give, "cudaFreeHost": self._give}
        if not name.startswith("cuda"):
            raise AttributeError(name)

        def call(*arguments: Any) -> Any:
            self.did.append(name)
            code = 700 if self.lost else self.codes.get(name, 0)
            if name in ("cudaHostAlloc", "cudaMalloc") and arguments[0] > self.room:
                code = 2
            if name == "cudaGetDeviceCount" and self.devices == 0:
                code = 100
            if name in frees:
                frees[name](arguments[0])
            result = (results[name](*arguments) if code == 0 else None,) if name in results else ()
            return cudaError_t(code), *result

        return call

    def _take(self, address: int, size: int) -> int:
        self.room -= size
        self._sizes[address] = size
        return address

    def _give(self, address: int) -> None:
        self.room += self._sizes.pop(address)
