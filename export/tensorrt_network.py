"""A graph file becomes a TensorRT plan: parse, set flags, search.

Sources: docs.nvidia.com/deeplearning/tensorrt: "Strongly Typed Networks", "Working with DLA", "Builder Performance"
(timing cache), and the 8.x to 10.x and 10.x to 11.x Python migration pages for what each version lacks.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from export.tensorrt_cache import calibrator
from runtime.engines.tensorrt_home import Messages, at_least
from runtime.errors import UserError


def strongly_typed(trt: Any, dla_core: int | None) -> bool:
    """Are the graph's types what is computed in? From 10 on a GPU, from 11 on everywhere."""
    return at_least(trt, 11) or (at_least(trt, 10) and dla_core is None)


@dataclass
class PlanBuilder:
    """Settings of one build, and what it had to say.

    Attributes:
        trt: the package tensorrt. precision: fp16 or int8. dla_core: or None for the GPU.
        workspace_mb, optimisation: see export.tensorrt.TensorRtOptions.
        cache: INT8 scales of tensors, where the graph has no Q/DQ pairs; see export.tensorrt_cache.
        left: layers that then stay in halves.
        told: for the manifest: typing, flags, DLA's fallbacks, warnings.
    """

    trt: Any
    precision: str
    dla_core: int | None
    workspace_mb: int
    optimisation: int
    cache: bytes = b""
    left: Collection[str] = ()
    told: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._messages = Messages()
        self._log = self._messages.logger(self.trt)

    def plan(self, graph: Path, cache_file: Path) -> bytes:
        """Build.

        Raises:
            UserError: the graph cannot be parsed or built, or there is no such DLA core.
        """
        trt = self.trt
        builder = trt.Builder(self._log)
        network = builder.create_network(creation_flags(trt, self.dla_core))
        parser = trt.OnnxParser(network, self._log)  # owns the weights: it must live until the plan is built
        self._parse(parser, graph)
        config = builder.create_builder_config()
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, self.workspace_mb << 20)
        config.builder_optimization_level = self.optimisation
        config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
        typed = strongly_typed(trt, self.dla_core)
        flags = [] if typed else allow_low_precision(trt, network, config, self.precision, self.cache, self.left)
        if self.dla_core is not None:
            self._use_dla(self.dla_core, builder, network, config)
        use_timing_cache(config, cache_file)
        built = builder.build_serialized_network(network, config)
        if built is None:
            raise UserError(f"TensorRT {trt.__version__} cannot build '{graph}': {self._messages.why()}.")
        keep_timing_cache(config, cache_file)
        self.told.update(
            typing="strong" if typed else "weak",
            flags=flags,
            optimisation=self.optimisation,
            workspace_mb=self.workspace_mb,
            warnings=self._messages.warnings,
        )
        return bytes(built)

    def inspected(self, plan: bytes) -> str:
        """What the engine inspector says of a plan, JSON."""
        runtime = self.trt.Runtime(self._log)
        if self.dla_core is not None:
            runtime.DLA_core = self.dla_core
        engine = runtime.deserialize_cuda_engine(plan)
        if engine is None:
            raise UserError(f"TensorRT cannot load what it has just built: {self._messages.why()}.")
        inspector = engine.create_engine_inspector()
        return str(inspector.get_engine_information(self.trt.LayerInformationFormat.JSON))

    def _parse(self, parser: Any, graph: Path) -> None:
        if not parser.parse_from_file(str(graph)):
            told = [parser.get_error(number) for number in range(parser.num_errors)]
            why = "; ".join(parser_error.desc() for parser_error in told) or self._messages.why()
            raise UserError(f"TensorRT {self.trt.__version__} cannot read '{graph}': {why}.")

    def _use_dla(self, core: int, builder: Any, network: Any, config: Any) -> None:
        """All that a DLA core can do goes there, the rest to the GPU; told layer by layer, for it is not free."""
        trt, cores = self.trt, builder.num_DLA_cores
        if core >= cores:
            raise UserError(
                f"TensorRT {trt.__version__} finds {cores} DLA cores here, so there is no dla:{core}: use cuda:0."
            )
        config.default_device_type = trt.DeviceType.DLA
        config.DLA_core = core
        config.set_flag(trt.BuilderFlag.GPU_FALLBACK)
        layers = [network.get_layer(number) for number in range(network.num_layers)]
        self.told["dla_leaves_to_gpu"] = [layer.name for layer in layers if not config.can_run_on_DLA(layer)]
        self.told["dla_layers"] = len(layers) - len(self.told["dla_leaves_to_gpu"])


def creation_flags(trt: Any, dla_core: int | None) -> int:
    """What create_network is told; 11 knows only strongly typed networks with an explicit batch."""
    if at_least(trt, 11):
        return 0
    if at_least(trt, 10) and strongly_typed(trt, dla_core):
        return 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    return 1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH)


def allow_low_precision(
    trt: Any, network: Any, config: Any, precision: str, cache: bytes, left: Collection[str]
) -> list[str]:
    """Set a weakly typed network's flags; returns their names.

    Layers that the form left in floats are held there: the map's sums of squares pass the largest half. Beside Q/DQ
    pairs everything that is not INT8 is such a layer, so INT8 goes without FP16. With a calibration cache it goes with
    it, and layers of the names in ``left`` are held in halves.
    """
    if at_least(trt, 11):
        raise AssertionError("TensorRT 11 knows no weakly typed networks")
    if precision == "int8":
        config.set_flag(trt.BuilderFlag.INT8)
        if not cache:
            return ["INT8"]
        config.int8_calibrator = calibrator(trt, cache)
    config.set_flag(trt.BuilderFlag.FP16)
    config.set_flag(trt.BuilderFlag.PREFER_PRECISION_CONSTRAINTS)
    for number in range(network.num_layers):
        layer = network.get_layer(number)
        output = layer.get_output(0) if layer.num_outputs else None
        if output is not None and output.dtype == trt.DataType.FLOAT:
            layer.precision = trt.DataType.FLOAT
        elif layer.name in left:
            layer.precision = trt.DataType.HALF
    return [*(["INT8"] if cache else []), "FP16", "PREFER_PRECISION_CONSTRAINTS"]


def use_timing_cache(config: Any, file: Path) -> None:
    """Start from the timings of earlier builds; from none where the file is absent or of another build of CUDA."""
    kept = file.read_bytes() if file.is_file() else b""
    cache = config.create_timing_cache(kept)
    if cache is None or not config.set_timing_cache(cache, False):
        config.set_timing_cache(config.create_timing_cache(b""), False)


def keep_timing_cache(config: Any, file: Path) -> None:
    """Write the timings for the next build, in one step."""
    aside = file.with_suffix(".new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        cache = config.get_timing_cache()
        aside.write_bytes(bytes(cache.serialize()))
        aside.rename(file)
    except OSError as error:
        raise UserError(f"Cannot write '{file}': {error.strerror}; name another folder with --timing-cache.") from error
