"""OpenVINO: CPUs, Intel GPUs and NPUs, asynchronous, several streams."""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from runtime.bundle import Bundle
from runtime.engines.base import EngineSession, EngineSpec
from runtime.errors import UserError
from runtime.types import Float32, TileBatch, TileMaps, UInt8

PRECISION_HINT = {"fp32": "f32"}
"""What the device is told to compute in. Left to itself OpenVINO picks bfloat16 on some CPUs."""


class OpenVinoEngine:
    """A bundle's OpenVINO engine on a device. See runtime.engines.base.Engine."""

    def __init__(self, bundle: Bundle, precision: str = "fp32", device: str = "CPU", rows_in_flight: int = 2) -> None:
        """Load and compile.

        Args:
            rows_in_flight: rows of tiles that a session may have submitted at once.

        Raises:
            UserError: the bundle has no such engine, the device is not there, the graph does not fit the recipe.
        """
        folder, _ = bundle.engine("openvino", precision, device)
        geometry = bundle.recipe.tiles
        self.spec = EngineSpec(
            tile=geometry.tile,
            channels=bundle.recipe.channels,
            map_stride=geometry.map_stride,
            margin=geometry.margin,
            max_in_flight=rows_in_flight,
        )
        self._compiled = compile_model(folder / "model.xml", precision, device)
        self.batch = check_shapes(self._compiled, self.spec, bundle)
        self._queue = ov.AsyncInferQueue(self._compiled)
        self._queue.set_callback(_deliver)
        streams = self._compiled.get_property("NUM_STREAMS")
        hint = self._compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        self.name = f"openvino {precision} on {device} ({hint}, {streams} streams, {len(self._queue)} requests)"

    def stream(self, camera: str) -> EngineSession:
        """A session whose batches come back in order."""
        return _Session(self._queue, self.spec, self.batch)

    def close(self) -> None:
        """Wait for the device to finish."""
        self._queue.wait_all()


class _Job:
    """One TileBatch on its way: counts its graph calls down."""

    def __init__(self, batch: TileBatch, calls: int, cells: int, wake: threading.Condition) -> None:
        self.batch = batch
        self.maps: Float32 = np.empty((len(batch.x), cells, cells), np.float32)
        self.left = calls
        self.wake = wake
        self.inputs: list[UInt8] = []  # the device reads them in place: they must live until it is done

    def take(self, start: int, maps: Float32) -> None:
        """Called from the device's thread with one call's maps."""
        count = min(len(maps), len(self.maps) - start)
        self.maps[start : start + count] = maps[:count]
        with self.wake:
            self.left -= 1
            self.wake.notify_all()


def _deliver(request: Any, place: tuple[_Job, int]) -> None:
    job, start = place
    job.take(start, request.get_output_tensor(0).data)


class _Session:
    """See runtime.engines.base.EngineSession."""

    def __init__(self, queue: Any, spec: EngineSpec, batch: int) -> None:
        self._queue = queue
        self._spec = spec
        self._batch = batch
        self._jobs: deque[_Job] = deque()
        self._wake = threading.Condition()

    @property
    def in_flight(self) -> int:
        return len(self._jobs)

    def submit(self, batch: TileBatch) -> None:
        if self.in_flight >= self._spec.max_in_flight:
            raise ValueError(f"{self.in_flight} batches are in flight already; collect one first")
        count = len(batch.x)
        starts = range(0, count, self._batch)
        job = _Job(batch, len(starts), self._spec.tile // self._spec.map_stride, self._wake)
        self._jobs.append(job)
        for start in starts:
            tiles = batch.pixels[start : start + self._batch]
            if len(tiles) < self._batch:  # a static graph takes full batches only
                tiles = np.concatenate([tiles, np.repeat(tiles[-1:], self._batch - len(tiles), axis=0)])
            tiles = np.ascontiguousarray(tiles)
            job.inputs.append(tiles)
            # Waits here, with the interpreter released, when all requests are busy.
            self._queue.start_async([ov.Tensor(tiles, shared_memory=True)], (job, start))

    def collect(self, timeout_s: float = 0.0) -> TileMaps | None:
        if not self._jobs:
            return None
        job = self._jobs[0]
        with self._wake:
            if not self._wake.wait_for(lambda: job.left == 0, timeout_s):
                return None
        self._jobs.popleft()
        return TileMaps(job.batch, job.maps)

    def reset(self) -> None:
        """Nothing to forget: tiles carry no state."""

    def close(self) -> None:
        while self._jobs:
            self.collect(timeout_s=60.0)


def compile_model(model: Path, precision: str, device: str) -> Any:
    """Compile a graph file for a device, precision pinned.

    Raises:
        UserError: unknown precision, absent device, unreadable graph.
    """
    if precision not in PRECISION_HINT:
        raise UserError(f"OpenVINO precision '{precision}' is not one of {', '.join(PRECISION_HINT)}.")
    core = ov.Core()
    if device not in core.available_devices:
        raise UserError(f"OpenVINO finds no device '{device}' here; it finds: {', '.join(core.available_devices)}.")
    hints = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": PRECISION_HINT[precision]}
    try:
        return core.compile_model(str(model), device, hints)
    except RuntimeError as error:
        raise UserError(f"OpenVINO cannot load '{model}': {str(error).strip().splitlines()[-1]}") from error


def check_shapes(compiled: Any, spec: EngineSpec, bundle: Bundle) -> int:
    """Refuse a graph whose tensors are not those that the recipe names; returns its static batch."""
    shape = tuple(compiled.input(0).shape)
    wanted = (shape[0], spec.tile, spec.tile, spec.channels)
    cells = spec.tile // spec.map_stride
    map_shape = tuple(compiled.output(0).shape)
    if shape != wanted or map_shape != (shape[0], cells, cells):
        raise UserError(
            f"Bundle '{bundle.path}': the graph takes {list(shape)} and gives {list(map_shape)}, "
            f"its recipe says {list(wanted)} and {[shape[0], cells, cells]}: export it again."
        )
    return int(shape[0])
