"""``python -m export engine``: what a device runs, from the bundle's graph or a form of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from calibration.forms.calibrate import calibrate  # noqa: E402
from calibration.forms.graph import Graph  # noqa: E402
from calibration.forms.prepare import prepared  # noqa: E402
from calibration.forms.quantize import Style, quantized  # noqa: E402
from calibration.forms.trunk import quantizable  # noqa: E402
from export import openvino, tensorrt  # noqa: E402
from export.__main__ import main  # noqa: E402
from export.tensorrt import TensorRtOptions  # noqa: E402
from runtime.bundle import Bundle  # noqa: E402
from runtime.engines import load_engine  # noqa: E402
from runtime.errors import UserError  # noqa: E402
from tests import torchless  # noqa: E402
from tests.calibration.forms.nets import bundle_of, cloth, net_model  # noqa: E402
from tests.runtime.bundles import MM_PER_PX  # noqa: E402

pytestmark = pytest.mark.torch


def with_form(path: Path) -> Bundle:
    """A bundle with the form that OpenVINO's INT8 engine is built from; one convolution is left in floats."""
    bundle = bundle_of(net_model(), path)
    model = prepared(net_model())
    nodes = [node for node in quantizable(Graph(model)) if node.name != "deep"]
    form = quantized(model, [node.name for node in nodes], calibrate(model, cloth(8)), Style.UNSIGNED)
    onnx.save(form, str(path / "int8.onnx"))
    bundle.add_form("int8-unsigned", path / "int8.onnx", versions={}, made={})
    return bundle


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return with_form(tmp_path_factory.mktemp("bundles") / "bundle")


@pytest.fixture
def bundle(made: Bundle, tmp_path: Path) -> Bundle:
    shutil.copytree(made.path, tmp_path / "bundle")
    return Bundle(tmp_path / "bundle")


def engine(bundle: Bundle, *options: str) -> int:
    return main(["engine", "--bundle", str(bundle.path), *options])


def said(bundle: Bundle, precision: str) -> np.ndarray:
    """What the engine's graph says of cloth."""
    folder, _ = bundle.engine("openvino", precision, "CPU")
    compiled = openvino.compile_model(folder / "model.xml", precision, "CPU")
    return np.concatenate([compiled([tile[None]])[0] for tile in cloth(4, seed=2)])


def test_int8_is_built_from_its_form_and_runs_in_int8(bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    assert engine(bundle, "--precision", "int8") == 0
    _, manifest = bundle.engine("openvino", "int8", "CPU")
    assert (manifest.form, set(manifest.versions)) == ("int8-unsigned", {"openvino"})
    assert manifest.built["convolutions"] == {"i8": 7, "f32": 2}
    assert manifest.parity["map_sqnr_db"] > 10
    printed = capsys.readouterr().out
    assert "7 i8, 2 f32 convolutions" in printed
    assert "calibration threshold" in printed
    loaded = load_engine(bundle, "openvino", "int8", "CPU")
    loaded.close()
    assert loaded.name.startswith("openvino int8 on CPU (7 i8, 2 f32 convolutions, ")
    assert 0 < np.abs(said(bundle, "int8") - said(bundle, "fp32")).max() < 0.2


@pytest.mark.parametrize(("precision", "share"), [("fp32", 1.0), ("fp16", 0.5)])
def test_floats_are_built_from_the_graph_itself(precision: str, share: float, bundle: Bundle) -> None:
    before = said(bundle, "fp32")
    weights = (bundle.engine("openvino", "fp32", "CPU")[0] / "model.bin").stat().st_size
    assert engine(bundle, "--precision", precision) == 0
    folder, manifest = bundle.engine("openvino", precision, "CPU")
    assert (manifest.form, manifest.parity["tiles"]) == ("model", 8)
    assert (folder / "model.bin").stat().st_size == pytest.approx(share * weights, rel=0.1)
    np.testing.assert_allclose(said(bundle, precision), before, rtol=0, atol=1e-5 if precision == "fp32" else 2e-2)


def test_without_the_form_the_command_that_makes_it_is_named(tmp_path: Path) -> None:
    bare = bundle_of(net_model(), tmp_path / "bundle")
    with pytest.raises(UserError, match=r"no form int8-unsigned.*python -m calibration int8 --bundle .* first"):
        engine(bare, "--precision", "int8")
    with pytest.raises(UserError, match=r"OpenVINO builds fp32, fp16, int8, not 'fp8'"):
        engine(bare, "--precision", "fp8")
    with pytest.raises(UserError, match="finds no device 'TPU' here"):
        engine(bare, "--precision", "fp32", "--device", "TPU")


def test_an_engine_far_from_the_graph_is_not_written(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    other = np.random.default_rng(0).normal(0, 0.1, (8, 16, 16)).astype(np.float32)
    monkeypatch.setattr(openvino, "reference_maps", lambda bundle, tiles: other)
    with pytest.raises(UserError, match=r"maps are .*dB from the graph's on CPU.*nothing was written"):
        engine(bundle, "--precision", "int8")
    assert [found.precision for found in bundle.engines()] == ["fp32"]


def test_tensorrt_gets_its_own_options_and_device(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(tensorrt, "build", lambda *arguments: asked.append(arguments[1:]) or Path("there"))
    where = ["--engine", "tensorrt", "--precision", "fp16"]
    assert engine(bundle, *where) == 0
    assert engine(bundle, *where, "--device", "dla:0", "--workspace", "64", "--rebuild") == 0
    assert asked == [
        ("fp16", "cuda:0", TensorRtOptions()),
        ("fp16", "dla:0", TensorRtOptions(workspace_mb=64, rebuild=True)),
    ]


@pytest.mark.slow
def test_forms_and_engines_are_made_without_torch(tmp_path: Path) -> None:
    bundle = str(bundle_of(net_model(), tmp_path / "bundle").path)
    cloth = f"sim:twill22?width=600&mm_per_px={MM_PER_PX}"
    rolls = ["--rolls", cloth, "--sim-lines", "600"]
    done = torchless.run(tmp_path, "calibration", "int8", "--bundle", bundle, *rolls, "--tiles", "8")
    assert (done.returncode, done.stderr) == (0, "")
    done = torchless.run(tmp_path, "export", "engine", "--bundle", bundle, "--precision", "int8")
    assert (done.returncode, done.stderr) == (0, "")
    done = torchless.run(tmp_path, "calibration", "threshold", "--bundle", bundle, "--precision", "int8", *rolls)
    assert (done.returncode, done.stderr) == (0, "")
    stream = ["--camera", cloth, "--bundle", bundle, "--precision", "int8", "--lines", "400", "--json"]
    done = torchless.run(tmp_path, "runtime.stream", *stream)
    assert (done.returncode, done.stderr) == (0, "")
    assert "openvino int8 on CPU" in done.stdout.splitlines()[0]
