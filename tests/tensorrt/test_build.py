"""Building TensorRT engines over a FAKE builder and device (tests/tensorrt): what each version is told, refusals."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import pytest

from export import tensorrt
from export.tensorrt import TensorRtOptions, add_options, build, jetson_linux
from export.tensorrt_cache import CACHE, LEFT, SCALES, cache_text, header
from runtime.bundle import Bundle
from runtime.engines import load_engine
from runtime.engines import tensorrt as runner
from runtime.errors import UserError
from runtime.yaml_files import file_hash
from tests.runtime.bundles import make_bundle
from tests.tensorrt.api import VERSIONS
from tests.tensorrt.fake_builder import FLOAT_LAYER, INT8_LAYER, MOVE, fake_builder, read_cache
from tests.tensorrt.fake_cuda import CARD, ORIN, FakeCuda
from tests.tensorrt.fake_runtime import plan

FORMS = ("fp16", "int8-signed", "int8-signed-fp16")


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    made = make_bundle(tmp_path / "bundle")
    for form in FORMS:
        (tmp_path / "graph.onnx").write_text(form)
        made.add_form(form, tmp_path / "graph.onnx", {}, {})
    return made


@pytest.fixture
def options(tmp_path: Path) -> TensorRtOptions:
    return TensorRtOptions(timing_cache=tmp_path / "timings")


def machine(monkeypatch: pytest.MonkeyPatch, version: str = "10.3.0", facts: Any = CARD) -> Any:
    """The fake tensorrt of a version, put in place; every open_cuda gives a new device."""
    trt = fake_builder(FakeCuda(facts), version)

    def open_cuda(_ordinal: int) -> FakeCuda:
        trt.cuda = FakeCuda(facts)
        return trt.cuda

    for module in (tensorrt, runner):
        monkeypatch.setattr(module, "open_cuda", open_cuda)
    monkeypatch.setitem(sys.modules, "tensorrt", trt)
    return trt


WEAK = ["EXPLICIT_BATCH"]
STRONG = ["STRONGLY_TYPED"]
TOLD = {
    ("8.6.1", "fp16"): ("fp16", WEAK, ["FP16", "PREFER_PRECISION_CONSTRAINTS"], ["map"]),
    ("8.6.1", "int8"): ("int8-signed", WEAK, ["INT8"], []),
    ("10.3.0", "fp16"): ("fp16", STRONG, [], []),
    ("10.3.0", "int8"): ("int8-signed-fp16", STRONG, [], []),
    ("10.13.3.9", "int8"): ("int8-signed-fp16", STRONG, [], []),
    ("10.16.1.11", "fp16"): ("fp16", STRONG, [], []),
    ("11.4.0.106", "fp16"): ("fp16", [], [], []),
    ("11.4.0.106", "int8"): ("int8-signed-fp16", [], [], []),
}
"""Version and precision to form, network flags, builder flags, and layers held in floats."""


@pytest.mark.parametrize(("version", "precision"), TOLD)
def test_each_version_is_told_what_it_knows(
    bundle: Bundle, options: TensorRtOptions, monkeypatch: pytest.MonkeyPatch, version: str, precision: str
) -> None:
    trt = machine(monkeypatch, version)
    folder = build(bundle, precision, "cuda:0", options)
    form, network, flags, held = TOLD[version, precision]
    assert Path(trt.told["graph"]).parent.name == form
    assert (trt.told["network"], trt.told["flags"], trt.told["held"]) == (network, flags, held)
    assert trt.told["profiling_verbosity"].name == "DETAILED"
    _, manifest = bundle.engine("tensorrt", precision, "cuda:0")
    assert (folder / "engine.plan").read_bytes() == plan()
    assert (manifest.form, manifest.versions) == (form, {"tensorrt": version})
    assert manifest.built["typing"] == ("weak" if flags else "strong")
    assert manifest.built["flags"] == flags


def test_all_versions_are_among_those_told() -> None:
    assert {version for version, _ in TOLD} == set(VERSIONS)


def test_what_was_built_is_written_down_and_the_runtime_takes_it(
    bundle: Bundle, options: TensorRtOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    trt = machine(monkeypatch)
    trt.layers = [INT8_LAYER, FLOAT_LAYER, MOVE, "a layer without details"]
    build(bundle, "int8", "cuda:0", options)
    _, manifest = bundle.engine("tensorrt", "int8", "cuda:0")
    built = manifest.built
    assert {name: built[name] for name in ("tensorrt", "gpu", "sm", "cuda", "l4t")} == {
        "tensorrt": "10.3.0", "gpu": CARD.name, "sm": "sm86", "cuda": "12.6", "l4t": None,
    }  # fmt: skip
    assert built["graph"] == file_hash(bundle.form("int8-signed-fp16")[0] / "graph.onnx")
    assert built["layers"] == {"conv": "int8 > fp16", "map": "fp32 > fp32"}
    assert built["precisions"] == {"int8": 1, "fp32": 1}
    assert built["warnings"] == ["a warning"]
    assert manifest.parity == {
        "tiles": 8,
        "against": "openvino fp32 CPU",
        "map_sqnr_db": manifest.parity["map_sqnr_db"],
    }
    assert manifest.parity["map_sqnr_db"] > 100
    engine = load_engine(bundle, "tensorrt", "int8", "cuda:0")
    assert not trt.cuda.closed
    engine.close()
    assert (trt.cuda.closed, trt.contexts) == (True, 0)


def test_the_flags_reach_the_builder(tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    made = argparse.ArgumentParser()
    add_options(made)
    assert TensorRtOptions.of(made.parse_args([])) == TensorRtOptions()
    flags = ["--workspace", "256", "--optimisation", "5", "--timing-cache", str(tmp_path / "t"), "--rebuild"]
    trt = machine(monkeypatch)
    build(bundle, "fp16", "cuda:0", TensorRtOptions.of(made.parse_args(flags)))
    assert trt.told["pools"] == {"WORKSPACE": 256 << 20}
    assert trt.told["builder_optimization_level"] == 5
    assert [path.name for path in (tmp_path / "t").iterdir()] == [
        "tensorrt-10.3.0-on-nvidia-rtx-a2000-sm86-cuda12.6.timing"
    ]
    for wrong in (["--workspace", "0"], ["--optimisation", "6"]):
        with pytest.raises(UserError, match=wrong[0]):
            TensorRtOptions.of(made.parse_args(wrong))


def test_timings_are_kept_for_the_next_build_and_foreign_ones_are_left(
    bundle: Bundle, options: TensorRtOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch)
    build(bundle, "fp16", "cuda:0", options)
    (file,) = options.timing_cache.iterdir()
    assert file.read_bytes() == b"+"
    again = TensorRtOptions(timing_cache=options.timing_cache, rebuild=True)
    build(bundle, "fp16", "cuda:0", again)
    assert file.read_bytes() == b"++"
    file.write_bytes(b"of another CUDA")
    build(bundle, "fp16", "cuda:0", again)
    assert file.read_bytes() == b"+"
    with pytest.raises(UserError, match=r"Cannot write .*: .*; name another folder with --timing-cache"):
        build(bundle, "fp16", "cuda:0", TensorRtOptions(timing_cache=bundle.path / "bundle.yaml", rebuild=True))


def test_an_engine_is_replaced_only_when_asked(
    bundle: Bundle, options: TensorRtOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    trt = machine(monkeypatch)
    build(bundle, "fp16", "cuda:0", options)
    with pytest.raises(UserError, match="has a TensorRT fp16 engine for cuda:0 already: add --rebuild"):
        build(bundle, "fp16", "cuda:0", options)
    trt.__version__ = "10.16.1.11"
    build(bundle, "fp16", "cuda:0", TensorRtOptions(timing_cache=options.timing_cache, rebuild=True))
    assert bundle.engine("tensorrt", "fp16", "cuda:0")[1].built["tensorrt"] == "10.16.1.11"


def test_a_dla_takes_what_it_can_and_the_rest_is_named(
    bundle: Bundle, options: TensorRtOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    trt = machine(monkeypatch, "10.3.0", ORIN)
    with pytest.raises(UserError, match="finds 0 DLA cores here, so there is no dla:0: use cuda:0"):
        build(bundle, "fp16", "dla:0", options)
    trt.dla_cores_here = 2
    build(bundle, "fp16", "dla:1", options)
    assert (trt.told["default_device_type"].name, trt.told["DLA_core"]) == ("DLA", 1)
    assert (trt.told["network"], trt.told["flags"][-1], trt.told["held"]) == (WEAK, "GPU_FALLBACK", ["map"])
    _, manifest = bundle.engine("tensorrt", "fp16", "dla:1")
    assert (manifest.built["dla_layers"], manifest.built["dla_leaves_to_gpu"]) == (1, ["worst", "map"])


@pytest.mark.parametrize("version", [version for version in VERSIONS if not version.startswith("11.")])
def test_int8_on_a_dla_takes_its_scales_from_a_cache(
    bundle: Bundle, options: TensorRtOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    trt = machine(monkeypatch, version, ORIN)
    trt.dla_cores_here = 1
    with pytest.raises(UserError, match=r"The form fp16 of bundle .* names no scales for INT8 on a DLA"):
        build(bundle, "int8", "dla:0", options)
    scales = {"/stem/Clip: 0": 0.0078740157186985016, "head_half": 1.5}
    bundle.add_form("fp16", tmp_path / "graph.onnx", {}, {SCALES: scales, LEFT: ["worst"]})
    folder = build(bundle, "int8", "dla:0", options)
    assert trt.told["scales"] == scales
    assert (trt.told["network"], trt.told["held"]) == (WEAK, ["worst", "map"])
    assert trt.told["flags"] == ["INT8", "FP16", "PREFER_PRECISION_CONSTRAINTS", "GPU_FALLBACK"]
    assert bundle.engine("tensorrt", "int8", "dla:0")[1].form == "fp16"
    assert read_cache((folder / CACHE).read_bytes()) == (header(version), scales)


def test_from_11_on_int8_is_not_for_a_dla(
    bundle: Bundle, options: TensorRtOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, "11.4.0.106", ORIN)
    with pytest.raises(UserError, match="From TensorRT 11 on INT8 on a DLA is not written"):
        build(bundle, "int8", "dla:0", options)


@pytest.mark.parametrize(
    ("version", "first"),
    [
        ("8.6.1", "TRT-8601-EntropyCalibration2"),
        ("10.3.0", "TRT-100300-EntropyCalibration2"),
        ("10.13.3.9", "TRT-101303-EntropyCalibration2"),
    ],
)
def test_a_cache_is_text_that_reads_back(version: str, first: str) -> None:
    """3c008912 is what a cache of TensorRT's own has for pixels between -1 and 1."""
    text = cache_text(version, {"data": 0.007845180109143257, "a: b": 2.0})
    assert text.decode().splitlines() == [first, "data: 3c008912", "a: b: 40000000"]
    assert read_cache(text) == (first, {"data": 0.007845180109143257, "a: b": 2.0})


@pytest.mark.parametrize(
    ("precision", "wrong", "said"),
    [
        ("fp32", {}, "TensorRT builds fp16 and int8, not 'fp32'"),
        ("fp16", {"refuses": "parse"}, "cannot read '.*graph.onnx': Non-zero zero point is not supported"),
        ("fp16", {"refuses": "build"}, "cannot build '.*graph.onnx': Could not find any implementation for node conv"),
        ("int8", {"layers": [FLOAT_LAYER, MOVE]}, r"without a layer in INT8 \({'fp32': 1}\)"),
        ("int8", {"layers": []}, "without a layer in INT8 .no layer was told"),
        ("fp16", {"plan": b"damaged"}, "cannot load what it has just built: magic tag does not match"),
        ("fp16", {"plan": plan(tile=32)}, r"\[1, 32, 32, 1\]"),
    ],
)
def test_what_cannot_be_built_leaves_the_bundle_as_it_was(
    bundle: Bundle,
    options: TensorRtOptions,
    monkeypatch: pytest.MonkeyPatch,
    precision: str,
    wrong: dict[str, Any],
    said: str,
) -> None:
    trt = machine(monkeypatch)
    vars(trt).update(wrong)
    with pytest.raises(UserError, match=said):
        build(bundle, precision, "cuda:0", options)
    assert trt.contexts == 0
    assert [engine.engine for engine in bundle.engines()] == ["openvino"]


def test_a_bundle_without_the_form_names_the_command_that_makes_it(
    tmp_path: Path, options: TensorRtOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch)
    bare = make_bundle(tmp_path / "bare")
    with pytest.raises(UserError, match=r"has no form int8-signed-fp16, .*run 'python -m calibration int8 --bundle"):
        build(bare, "int8", "cuda:0", options)


def test_an_engine_whose_maps_are_not_the_graphs_is_refused(
    bundle: Bundle, options: TensorRtOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch)
    for broken, said in (("nan", "-inf dB"), ("noise", "dB from the graph's, less than 30")):
        monkeypatch.setattr("tests.tensorrt.fake_runtime.cell_brightness", BROKEN[broken])
        with pytest.raises(UserError, match=said):
            build(bundle, "fp16", "cuda:0", options)


BROKEN = {
    "nan": lambda pixels, cell: pixels[:, ::cell, ::cell, 0] * float("nan"),
    "noise": lambda pixels, cell: pixels[:, ::cell, ::cell, 0] / 255,
}


def test_jetson_linux_is_read_where_there_is_one(tmp_path: Path) -> None:
    release = tmp_path / "nv_tegra_release"
    assert jetson_linux(release) is None
    release.write_text("# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64\n# more\n")
    assert jetson_linux(release) == "R36 (release), REVISION: 4.3"
