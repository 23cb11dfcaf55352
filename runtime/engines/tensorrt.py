"""TensorRT: NVIDIA GPUs and Jetsons. Written for 8.6 to 11, whose runtime calls are the same.

Sources: the TensorRT documentation, "Performing Inference", "Capturing TensorRT inference in a CUDA graph" and
"Version Compatibility" (docs.nvidia.com/deeplearning/tensorrt).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from traceback import clear_frames
from typing import Any

from runtime.bundle import Bundle
from runtime.engines.base import EngineSession, EngineSpec
from runtime.engines.cuda import open_cuda
from runtime.engines.cuda.base import Cuda, CudaError
from runtime.engines.rows import RowSession
from runtime.engines.tensorrt_home import Home, Messages, import_tensorrt, parse_device
from runtime.engines.tensorrt_slots import Feed, Slot, Tensors
from runtime.errors import UserError

PLAN = "engine.plan"
"""The engine's file in the bundle."""
PIXELS, MAP = "pixels", "map"
"""Names of the graph's tensors that leave or enter the host."""


class TensorRtEngine:
    """A bundle's TensorRT engine on a device. See runtime.engines.base.Engine."""

    def __init__(
        self, bundle: Bundle, precision: str, device: str = "cuda:0", rows_in_flight: int = 2, slots: int = 2
    ) -> None:
        """Load the engine and make the device ready.

        Args:
            rows_in_flight: rows of tiles that a session may have submitted at once.
            slots: calls that the device works on side by side.

        Raises:
            UserError: the bundle has no such engine, it was built elsewhere or does not fit the recipe; no TensorRT,
                driver or device here; no memory left.
        """
        folder, manifest = bundle.engine("tensorrt", precision, device)
        self.spec = spec_of(bundle, rows_in_flight)
        ordinal, core = parse_device(device)
        trt = import_tensorrt()
        again = rebuild_command(bundle.path, precision, device)
        with ExitStack() as closing:
            self._cuda = open_cuda(ordinal)
            closing.callback(self._cuda.close)
            here, built = Home.here(trt, self._cuda.facts), Home.of(manifest.built)
            if here != built:
                raise UserError(f"Engine '{folder}' was built for {built}, here is {here}: build it here with {again}.")
            owned = ExitStack()
            closing.callback(self._free, owned)
            with self._cuda.current(), nothing_kept_by_errors():
                tensors, made = open_slots(trt, self._cuda, folder / PLAN, core, self.spec, slots, owned)
            self._feed = Feed(self._cuda, made)
            closing.callback(self._feed.close)
            self._closing = closing.pop_all()
        self.batch = tensors.pixels[1][0]
        self.name = f"tensorrt {precision} on {device} ({here}, {slots} slots, {how(made, self._cuda)})"

    def stream(self, camera: str) -> EngineSession:
        """A session whose batches come back in order."""
        return RowSession(self.spec, self.batch, self._feed.put)

    def close(self) -> None:
        """Finish what is at the device, then free all that was taken of it. Does nothing the second time."""
        self._closing.close()

    def _free(self, owned: ExitStack) -> None:
        # After a failure of the device nothing on it can be freed any more; collect() has told of it.
        with suppress(CudaError), self._cuda.current():
            owned.close()


def spec_of(bundle: Bundle, rows_in_flight: int) -> EngineSpec:
    """What the recipe says of the graph."""
    geometry = bundle.recipe.tiles
    return EngineSpec(
        tile=geometry.tile,
        channels=bundle.recipe.channels,
        map_stride=geometry.map_stride,
        margin=geometry.margin,
        max_in_flight=rows_in_flight,
    )


def rebuild_command(bundle: Path, precision: str, device: str) -> str:
    """What to type to have the engine built here."""
    return (
        f"'python -m export engine --bundle {bundle} --engine tensorrt --precision {precision} --device {device} "
        "--rebuild'"
    )


@contextmanager
def nothing_kept_by_errors() -> Iterator[None]:
    """An error's frames hold what TensorRT made; let go of it while the device is still there."""
    try:
        yield
    except BaseException as error:
        clear_frames(error.__traceback__)
        raise


def open_slots(
    trt: Any, cuda: Cuda, path: Path, dla_core: int | None, spec: EngineSpec, slots: int, owned: ExitStack
) -> tuple[Tensors, list[Slot]]:
    """Slots that run the engine in a file, while the device is current.

    Args:
        owned: is told what to free. It also keeps the engine, its runtime and its log, which must outlive the slots.

    Raises:
        UserError: TensorRT does not take the file, it does not fit ``spec``, or memory is full.
    """
    messages = Messages()
    log = messages.logger(trt)
    runtime = trt.Runtime(log)
    if dla_core is not None:
        runtime.DLA_core = dla_core
    engine = runtime.deserialize_cuda_engine(path.read_bytes())
    if engine is None:
        raise UserError(f"TensorRT cannot load '{path}' ({messages.why()}): build it again on this device.")
    kept = [log, runtime, engine]
    owned.callback(kept.clear)
    tensors = tensors_of(trt, engine, spec)
    made = []
    for _ in range(slots):
        context = engine.create_execution_context()
        if context is None:
            raise UserError(
                f"TensorRT cannot run '{path}' ({messages.why()}): stop what else uses the device's memory."
            )
        made.append(Slot(cuda, context, tensors, owned))
    return tensors, made


def tensors_of(trt: Any, engine: Any, spec: EngineSpec) -> Tensors:
    """The engine's tensors, or a refusal when they are not those that the recipe names."""
    found: dict[str, tuple[str, str, tuple[int, ...]]] = {}
    for number in range(engine.num_io_tensors):
        name = engine.get_tensor_name(number)
        way = "in" if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT else "out"
        found[name] = way, engine.get_tensor_dtype(name).name, tuple(engine.get_tensor_shape(name))
    batch = found[PIXELS][2][0] if PIXELS in found else 1
    cells = spec.tile // spec.map_stride
    wanted = {
        PIXELS: ("in", "UINT8", (batch, spec.tile, spec.tile, spec.channels)),
        MAP: ("out", "FLOAT", (batch, cells, cells)),
    }
    others = {name: tensor for name, tensor in found.items() if name not in wanted}
    fits = all(found.get(name) == tensor for name, tensor in wanted.items())
    if not fits or any(tensor[:2] != ("out", "FLOAT") for tensor in others.values()):
        raise UserError(f"The engine has {listed(found)}; its recipe wants {listed(wanted)}: build it again.")
    return Tensors(
        pixels=(PIXELS, wanted[PIXELS][2]),
        map=(MAP, wanted[MAP][2]),
        others=tuple((name, shape) for name, (_, _, shape) in others.items()),
    )


def listed(tensors: dict[str, tuple[str, str, tuple[int, ...]]]) -> str:
    """Tensors, for people."""
    return ", ".join(f"{way} {name} {kind} {list(shape)}" for name, (way, kind, shape) in tensors.items())


def how(slots: list[Slot], cuda: Cuda) -> str:
    """How the device is used, for people."""
    captured = all(slot.graph is not None for slot in slots)
    return f"{'CUDA graphs' if captured else 'no CUDA graphs'}, {'no copies' if cuda.facts.integrated else 'copies'}"
