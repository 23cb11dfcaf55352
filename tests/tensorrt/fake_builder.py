"""A FAKE builder side of ``tensorrt``, for tests: keeps what it is told, and lacks the names that a version lacks."""

from __future__ import annotations

import json
import struct
import weakref
from types import SimpleNamespace
from typing import Any

from export.tensorrt_cache import header
from tests.tensorrt.api import members
from tests.tensorrt.fake_cuda import FakeCuda
from tests.tensorrt.fake_runtime import Engine, enum, fake_tensorrt, plan

INT8_LAYER = {
    "Name": "conv",
    "LayerType": "CaskConvolution",
    "Inputs": [{"Format/Datatype": "Thirty-two wide channel vectorized row major Int8 format."}],
    "Outputs": [{"Format/Datatype": "Half"}],
}
FLOAT_LAYER = {
    "Name": "map",
    "LayerType": "kgen",
    "Inputs": [{"DataType": "Float"}],
    "Outputs": [{"DataType": "Float"}],
}
MOVE = {"Name": "copy", "LayerType": "Reformat", "Inputs": [{"Format/Datatype": "Int8"}], "Outputs": []}


def fake_builder(cuda: FakeCuda, version: str) -> Any:
    """The module of fake_runtime with a builder.

    Attributes:
        told: what the config, the network and the parser were told.
        plan, layers: what is built, and what the inspector says of it. refuses: None, "parse" or "build".
        dla_cores_here: DLA cores of the machine.
    """
    trt = fake_tensorrt(cuda, version)
    trt.told, trt.plan, trt.layers, trt.refuses, trt.dla_cores_here = (
        {"held": []},
        plan(),
        [INT8_LAYER, FLOAT_LAYER],
        None,
        0,
    )
    for cls in (
        "BuilderFlag", "DeviceType", "LayerInformationFormat", "MemoryPoolType", "NetworkDefinitionCreationFlag",
        "ProfilingVerbosity",
    ):  # fmt: skip
        setattr(trt, cls, enum(cls, version))
    trt.Builder = lambda log: limited(Builder(trt, log), "Builder", version)
    trt.OnnxParser = lambda network, log: limited(Parser(trt, log), "OnnxParser", version)
    if members("IInt8EntropyCalibrator2", version):
        trt.IInt8EntropyCalibrator2 = type("IInt8EntropyCalibrator2", (), {})
    trt.parsers = weakref.WeakSet()
    trt.Engine = BuiltEngine
    return trt


def limited(thing: Any, cls: str, version: str) -> Any:
    """The thing, through which only names can be read or set that the class has in the version."""
    known = members(cls, version)

    class Limited:
        def __getattr__(self, name: str) -> Any:
            if name not in known:
                raise AttributeError(f"TensorRT {version} has no {cls}.{name}")
            return getattr(thing, name)

        def __setattr__(self, name: str, value: Any) -> None:
            if name not in known:
                raise AttributeError(f"TensorRT {version} has no {cls}.{name}")
            setattr(thing, name, value)

    return Limited()


def read_cache(text: bytes) -> tuple[str, dict[str, float]]:
    """First line and scales of a calibration cache, as TensorRT reads them."""
    first, *lines = text.decode().splitlines()
    pairs = [line.rsplit(": ", 1) for line in lines]
    return first, {name: struct.unpack(">f", bytes.fromhex(digits))[0] for name, digits in pairs}


class Builder:
    """A trt.Builder."""

    def __init__(self, trt: Any, log: Any) -> None:
        self.trt, self.log, self.num_DLA_cores = trt, log, trt.dla_cores_here

    def create_network(self, flags: int) -> Any:
        self.trt.told["network"] = [f.name for f in self.trt.NetworkDefinitionCreationFlag if flags & 1 << f]
        layers = [
            limited(Layer(name, self.trt.DataType[kind]), "ILayer", self.trt.__version__)
            for name, kind in (("conv", "HALF"), ("worst", "HALF"), ("map", "FLOAT"))
        ]
        network = SimpleNamespace(num_layers=3, get_layer=lambda number: layers[number])
        return limited(network, "INetworkDefinition", self.trt.__version__)

    def create_builder_config(self) -> Any:
        self.config = Config(self.trt)
        return limited(self.config, "IBuilderConfig", self.trt.__version__)

    def build_serialized_network(self, network: Any, config: Any) -> bytes | None:
        if self.trt.refuses == "build":
            self.log.log(self.trt.ILogger.ERROR, "Could not find any implementation for node conv.")
            return None
        self.log.log(self.trt.ILogger.WARNING, "a warning")
        assert self.trt.parsers, "the parser, which owns the weights, is gone"
        self.trt.told.update({name: value for name, value in vars(self.config).items() if name != "trt"})
        if "precision" in members("ILayer", self.trt.__version__):
            layers = [network.get_layer(number) for number in range(network.num_layers)]
            self.trt.told["held"] = [layer.name for layer in layers if layer.precision is not None]
        if self.config.int8_calibrator is not None:
            self.calibrate(self.config.int8_calibrator)
        return self.trt.plan

    def calibrate(self, calibrator: Any) -> None:
        """Take a calibrator's cache as the real one does: of this very version, and of this kind of calibrator."""
        assert isinstance(calibrator, self.trt.IInt8EntropyCalibrator2)
        assert calibrator.get_batch_size() == 1
        first, self.trt.told["scales"] = read_cache(calibrator.read_calibration_cache())
        assert first == header(self.trt.__version__), "the cache is another version's; then pictures are asked for"
        assert calibrator.get_batch(["pixels"]) is None


class Layer:
    """A trt.ILayer with one output."""

    num_outputs = 1

    def __init__(self, name: str, kind: Any) -> None:
        self.name, self.precision = name, None
        self.get_output = lambda number: SimpleNamespace(dtype=kind)


class Cache:
    """A trt.ITimingCache."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def serialize(self) -> bytes:
        return self.data + b"+"


class Config:
    """A trt.IBuilderConfig."""

    def __init__(self, trt: Any) -> None:
        self.trt = trt
        self.flags: list[str] = []
        self.pools: dict[str, int] = {}
        self.builder_optimization_level = 3
        self.profiling_verbosity: Any = None
        self.default_device_type: Any = None
        self.DLA_core = -1
        self.cache: Any = None
        self.int8_calibrator: Any = None

    def set_flag(self, flag: Any) -> None:
        self.flags.append(flag.name)

    def set_memory_pool_limit(self, pool: Any, size: int) -> None:
        self.pools[pool.name] = size

    def can_run_on_DLA(self, layer: Any) -> bool:
        return bool(layer.name == "conv")

    def create_timing_cache(self, data: bytes) -> Any:
        return limited(Cache(data), "ITimingCache", self.trt.__version__)

    def set_timing_cache(self, cache: Any, ignore_mismatch: bool) -> bool:
        assert not ignore_mismatch
        if cache.serialize().startswith(b"of another CUDA"):
            return False
        self.cache = cache
        return True

    def get_timing_cache(self) -> Any:
        return self.cache


class Parser:
    """A trt.OnnxParser."""

    num_errors = 1

    def __init__(self, trt: Any, log: Any) -> None:
        self.trt, self.log = trt, log
        trt.parsers.add(self)

    def parse_from_file(self, path: str) -> bool:
        self.trt.told["graph"] = path
        return bool(self.trt.refuses != "parse")

    def get_error(self, number: int) -> Any:
        return SimpleNamespace(desc=lambda: "Non-zero zero point is not supported")


class BuiltEngine(Engine):
    """A trt.ICudaEngine that can be inspected."""

    def create_engine_inspector(self) -> Any:
        information = json.dumps({"Layers": self.trt.layers})
        return SimpleNamespace(get_engine_information=lambda form: information)
