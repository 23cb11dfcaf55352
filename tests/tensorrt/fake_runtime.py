"""A FAKE ``tensorrt`` to run engines with, for tests: the names of its runtime that a version has, over FakeCuda.

Its engine files are JSON: shapes, and nothing else. The graph is the one of tests.runtime.bundles: the brightness of
each cell. Nothing here says anything about TensorRT's own behaviour beyond what its documentation demands of callers.
"""

from __future__ import annotations

import json
import weakref
from enum import IntEnum
from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.runtime.bundles import cell_brightness
from tests.tensorrt.api import members
from tests.tensorrt.fake_cuda import FakeCuda, Work

CELL = 4


def enum(cls: str, version: str) -> Any:
    """An enumeration of TensorRT's, with that version's members."""
    return IntEnum(cls, sorted(members(cls, version)))  # type: ignore[misc]


def plan(tile: int = 64, batch: int = 1, channels: int = 1, kind: str = "UINT8", output: str = "map") -> bytes:
    """An engine file. ``output`` names the wanted map."""
    cells = tile // CELL
    tensors = [
        ("pixels", "INPUT", kind, [batch, tile, tile, channels]),
        (output, "OUTPUT", "FLOAT", [batch, cells, cells]),
        ("score", "OUTPUT", "FLOAT", [batch]),
    ]
    return json.dumps(tensors).encode()


def fake_tensorrt(cuda: FakeCuda, version: str = "10.3.0") -> SimpleNamespace:
    """The module.

    Attributes:
        cuda: the device that is worked on. contexts: how many execution contexts live.
        dla_cores: those that runtimes were given.
    """
    trt = SimpleNamespace(__version__=version, cuda=cuda, contexts=0, dla_cores=[])
    trt.runtimes = weakref.WeakSet()
    trt.DataType = enum("DataType", version)
    trt.TensorIOMode = enum("TensorIOMode", version)

    class ILogger:
        ERROR, INTERNAL_ERROR, WARNING, INFO, VERBOSE = range(5)

    class Runtime:
        def __init__(self, log: Any) -> None:
            assert isinstance(log, ILogger)
            self.log = log
            trt.runtimes.add(self)

        def __setattr__(self, name: str, value: Any) -> None:
            if name == "DLA_core":
                trt.dla_cores.append(value)
            super().__setattr__(name, value)

        def deserialize_cuda_engine(self, data: bytes) -> Any:
            trt.cuda.check()
            try:
                return trt.Engine(trt, json.loads(data))
            except ValueError:
                self.log.log(ILogger.ERROR, "magic tag does not match.")
                return None

    trt.ILogger, trt.Runtime, trt.Engine = ILogger, Runtime, Engine
    return trt


class Engine:
    """A trt.ICudaEngine."""

    def __init__(self, trt: Any, tensors: list[tuple[str, str, str, list[int]]]) -> None:
        self.trt, self.cuda = trt, trt.cuda
        self.tensors = {name: (mode, kind, shape) for name, mode, kind, shape in tensors}
        self.num_io_tensors = len(tensors)

    def get_tensor_name(self, number: int) -> str:
        return list(self.tensors)[number]

    def get_tensor_mode(self, name: str) -> Any:
        return self.trt.TensorIOMode[self.tensors[name][0]]

    def get_tensor_dtype(self, name: str) -> Any:
        return self.trt.DataType[self.tensors[name][1]]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return tuple(self.tensors[name][2])

    def create_execution_context(self) -> Any:
        self.cuda.check()
        return Context(self)


class Context:
    """A trt.IExecutionContext: refuses to run before every address is set, and once in full before a capture."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.cuda = engine, engine.cuda
        self.addresses: dict[str, int] = {}
        self.ran = False
        engine.trt.contexts += 1

    def __del__(self) -> None:
        assert not self.cuda.closed, "a context outlived its device"
        self.engine.trt.contexts -= 1

    def set_tensor_address(self, name: str, address: int) -> bool:
        assert not self.ran, "addresses are set once"
        size = int(np.prod(self.engine.tensors[name][2])) * (1 if name == "pixels" else 4)
        assert len(self.cuda.at(address)) == size
        self.addresses[name] = address
        return True

    def execute_async_v3(self, handle: int) -> bool:
        assert self.addresses.keys() == self.engine.tensors.keys(), "an address is missing"
        assert self.engine.trt.runtimes, "the runtime must outlive its engines"
        stream = self.cuda.streams[handle]
        assert self.ran or stream.captured is None, "captured before the first run"
        self.ran = True
        outputs = {name: address for name, address in self.addresses.items() if name != "pixels"}
        compute = weakref.WeakMethod(self._compute)  # a stream does not keep a context alive
        stream.put(Work(self.addresses["pixels"], tuple(outputs.values()), lambda: compute()()))
        return True

    def _compute(self) -> None:
        pixels = self.cuda.at(self.addresses["pixels"]).reshape(self.engine.tensors["pixels"][2])
        maps = cell_brightness(pixels, CELL).astype(np.float32)
        for name, values in (("map", maps), ("score", maps.max(axis=(1, 2)))):
            self.cuda.at(self.addresses[name])[:] = np.ascontiguousarray(values).view(np.uint8).ravel()
