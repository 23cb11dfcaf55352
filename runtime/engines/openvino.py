"""OpenVINO: CPUs, Intel GPUs and NPUs, asynchronous, several streams."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from runtime.bundle import Bundle
from runtime.engines.base import EngineSession, EngineSpec
from runtime.engines.rows import Call, RowSession
from runtime.engines.timed import StageTimes
from runtime.errors import UserError
from runtime.settings import Tuning
from runtime.types import UInt8

PRECISION_HINT = {"fp32": "f32", "fp16": "f16", "int8": "f32"}
"""What the device is told to compute in. Left to itself OpenVINO picks bfloat16 on some CPUs. Convolutions that the
graph quantizes run in INT8 whatever the hint; it is for the others. A device without float16 is told float32 in its
place: it would take bfloat16, whose 8 bits are too few for the map's arithmetic."""
CONVOLUTIONS = {"Convolution", "GroupConvolution", "Deconvolution"}
"""What the devices call them in the graph that they execute."""
EXECUTED = {"fp32": {"f32"}, "fp16": {"f16", "f32"}, "int8": {"u8", "i8"}}
"""Types that count as the precision; the engine's name says which it is."""
LEAST_EXECUTED = {"fp32": 1.0, "fp16": 1.0, "int8": 0.5}
"""Share of convolutions that must run in it. INT8 leaves some in floats on purpose."""


class OpenVinoEngine:
    """A bundle's OpenVINO engine on a device. See runtime.engines.base.Engine."""

    def __init__(
        self,
        bundle: Bundle,
        precision: str = "fp32",
        device: str = "CPU",
        rows_in_flight: int = 2,
        tuning: Tuning | None = None,
    ) -> None:
        """Load and compile.

        Args:
            rows_in_flight: rows of tiles that a session may have submitted at once.
            tuning: how much is done side by side; None: the device chooses for itself.

        Raises:
            UserError: the bundle has no such engine, the device is not there or does not compute in the precision,
                the graph does not fit the recipe.
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
        self._compiled = compile_model(folder / "model.xml", precision, device, tuning)
        self.batch = check_shapes(self._compiled, self.spec, bundle)
        executed = require_executed(self._compiled, precision, device)
        self._queue = ov.AsyncInferQueue(self._compiled, tuning.requests if tuning else 0)
        self._queue.set_callback(_deliver)
        streams = self._compiled.get_property("NUM_STREAMS")
        self.name = f"openvino {precision} on {device} ({executed}, {streams} streams, {len(self._queue)} requests)"

    def stream(self, camera: str) -> EngineSession:
        """A session whose batches come back in order; it also knows how long they took."""
        return RowSession(self.spec, self.batch, self._start)

    def close(self) -> None:
        """Wait for the device to finish."""
        self._queue.wait_all()

    def _start(self, call: Call) -> None:
        # The device reads the tiles in place, so they go along until it is done.
        tiles: UInt8 = np.ascontiguousarray(call.tiles)
        # Waits here, with the interpreter released, when all requests are busy.
        self._queue.start_async([ov.Tensor(tiles, shared_memory=True)], (call, tiles))


def _deliver(request: Any, sent: tuple[Call, UInt8]) -> None:
    call, _ = sent
    call.done(request.get_output_tensor(0).data, StageTimes(0.0, request.latency, 0.0))


def compile_model(model: Path, precision: str, device: str, tuning: Tuning | None = None) -> Any:
    """Compile a graph file for a device, precision pinned.

    Raises:
        UserError: unknown precision, absent device, unreadable graph.
    """
    if precision not in PRECISION_HINT:
        raise UserError(f"OpenVINO precision '{precision}' is not one of {', '.join(PRECISION_HINT)}.")
    core = ov.Core()
    if device not in core.available_devices:
        raise UserError(f"OpenVINO finds no device '{device}' here; it finds: {', '.join(core.available_devices)}.")
    halves = "FP16" in core.get_property(device, "OPTIMIZATION_CAPABILITIES")
    hint = "f32" if precision == "fp16" and not halves else PRECISION_HINT[precision]
    hints: dict[str, str | int] = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": hint}
    if tuning:
        hints["NUM_STREAMS"] = tuning.streams
    try:
        return core.compile_model(str(model), device, hints)
    except RuntimeError as error:
        raise UserError(f"OpenVINO cannot load '{model}': {str(error).strip().splitlines()[-1]}") from error


def executed_types(compiled: Any) -> Counter[str]:
    """How many convolutions the device executes in each type ('f32', 'i8', ...); empty where it does not say.

    The type is the end of a kernel's name, such as brgconv_avx512_1x1_I8; runtimePrecision is that of its weights.
    """
    try:
        facts = [node.get_rt_info() for node in compiled.get_runtime_model().get_ordered_ops()]
    except RuntimeError:
        return Counter()
    kernels = [
        fact["primitiveType"].astype(str)
        for fact in facts
        if "primitiveType" in fact and fact["layerType"].astype(str) in CONVOLUTIONS
    ]
    return Counter(kernel.rpartition("_")[2].lower() for kernel in kernels)


def require_executed(compiled: Any, precision: str, device: str) -> str:
    """What the convolutions are executed in, in words; what the device was told where it does not say.

    Raises:
        UserError: too few of them run in the precision.
    """
    types = executed_types(compiled)
    if not types:
        return str(compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name())
    count = sum(types[name] for name in EXECUTED[precision])
    told = ", ".join(f"{number} {name}" for name, number in types.most_common())
    if count < LEAST_EXECUTED[precision] * types.total():
        raise UserError(
            f"OpenVINO's device '{device}' executes {count} of {types.total()} convolutions in {precision} ({told}): "
            "use another --precision or --device here."
        )
    return next(iter(types)) if len(types) == 1 else f"{told} convolutions"


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
