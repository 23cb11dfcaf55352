"""The OpenVINO engine on the CPU, with a graph whose answers are known."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
import yaml
from openvino import opset8 as ops

from runtime.bundle import Bundle
from runtime.engines import load_engine
from runtime.engines.openvino import OpenVinoEngine, compile_model, require_executed
from runtime.engines.timed import TimedSession
from runtime.errors import UserError
from runtime.settings import Tuning
from runtime.types import TileBatch, TileMaps
from tests.runtime.bundles import GEOMETRY, brightness_model, cell_brightness, make_bundle

WAIT_S = 60.0


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_bundle(tmp_path_factory.mktemp("bundles") / "one")


@pytest.fixture(scope="module")
def four_a_call(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_bundle(tmp_path_factory.mktemp("bundles") / "four", batch=4)


def tiles(count: int, seed: int) -> TileBatch:
    """Noise, no two tiles alike; ``top`` carries the seed."""
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 64, 64, 1), dtype=np.uint8)
    width = 48 * count
    return TileBatch(
        "c", 0, 0, pixels, tuple(range(0, width, 48)), seed, (0, 64), (0, width), width, hard_end=True, received_ns=0
    )


def assert_right(maps: TileMaps | None) -> None:
    assert maps is not None
    assert maps.maps.dtype == np.float32
    np.testing.assert_allclose(maps.maps, cell_brightness(maps.batch.pixels), rtol=0, atol=1e-5)


@pytest.mark.parametrize("which", ["bundle", "four_a_call"])
@pytest.mark.parametrize("count", [1, 3, 4, 11])
def test_each_tile_gets_its_own_map_however_many_fit_one_call(
    which: str, count: int, request: pytest.FixtureRequest
) -> None:
    engine = OpenVinoEngine(request.getfixturevalue(which))
    assert engine.batch == (4 if which == "four_a_call" else 1)
    session = engine.stream("c")
    session.submit(tiles(count, seed=count))
    maps = session.collect(WAIT_S)
    assert_right(maps)
    assert len(maps.maps) == count
    engine.close()


def test_many_batches_of_several_cameras_come_back_whole_and_in_order(bundle: Bundle) -> None:
    engine = OpenVinoEngine(bundle, rows_in_flight=3)
    sessions = [engine.stream(name) for name in ("left", "right")]
    rng = np.random.default_rng(5)
    submitted = [0, 0]
    collected: list[list[int]] = [[], []]
    while min(len(found) for found in collected) < 60:
        for number, session in enumerate(sessions):
            while submitted[number] < 60 and session.in_flight < engine.spec.max_in_flight:
                session.submit(tiles(int(rng.integers(1, 30)), seed=1000 * number + submitted[number]))
                submitted[number] += 1
            if session.in_flight:
                maps = session.collect(WAIT_S)
                assert_right(maps)
                collected[number].append(maps.batch.top)
    assert collected == [list(range(60)), list(range(1000, 1060))]
    engine.close()


def test_more_than_max_in_flight_is_refused_and_nothing_is_lost(bundle: Bundle) -> None:
    engine = OpenVinoEngine(bundle, rows_in_flight=2)
    session = engine.stream("c")
    session.submit(tiles(1, 0))
    session.submit(tiles(1, 1))
    with pytest.raises(ValueError, match="in flight"):
        session.submit(tiles(1, 2))
    assert session.in_flight == 2
    assert [session.collect(WAIT_S).batch.top for _ in range(2)] == [0, 1]
    session.submit(tiles(1, 2))
    assert session.collect(WAIT_S).batch.top == 2
    engine.close()


def test_collecting_from_an_idle_session_gives_nothing(bundle: Bundle) -> None:
    session = OpenVinoEngine(bundle).stream("c")
    assert session.in_flight == 0
    assert session.collect(0.0) is None


def test_a_closed_session_has_given_everything_back(bundle: Bundle) -> None:
    engine = OpenVinoEngine(bundle)
    session = engine.stream("c")
    session.submit(tiles(20, 1))
    session.close()
    assert session.in_flight == 0
    other = engine.stream("d")
    other.submit(tiles(2, 3))
    assert_right(other.collect(WAIT_S))
    engine.close()


def test_fp32_is_executed_in_f32_and_said_so(bundle: Bundle) -> None:
    engine = OpenVinoEngine(bundle)
    assert engine._compiled.get_property("INFERENCE_PRECISION_HINT") == ov.Type.f32
    assert engine.name.startswith("openvino fp32 on CPU (f32, ")
    assert (engine.spec.tile, engine.spec.channels, engine.spec.map_stride, engine.spec.margin) == (64, 1, 4, 8)
    engine.close()


@pytest.mark.parametrize(("streams", "requests"), [(1, 1), (2, 5)])
def test_tuning_sets_streams_and_requests(bundle: Bundle, streams: int, requests: int) -> None:
    engine = OpenVinoEngine(bundle, tuning=Tuning(streams=streams, requests=requests, cores=1))
    assert engine.name.endswith(f"{streams} streams, {requests} requests)")
    session = engine.stream("c")
    session.submit(tiles(7, seed=1))
    assert_right(session.collect(WAIT_S))
    engine.close()


def test_a_session_knows_how_long_its_batch_was_computed(bundle: Bundle) -> None:
    engine = OpenVinoEngine(bundle)
    session = engine.stream("c")
    assert isinstance(session, TimedSession)
    assert session.last_times is None
    session.submit(tiles(3, seed=1))
    session.collect(WAIT_S)
    assert session.last_times is not None
    assert session.last_times.compute_ms > 0
    engine.close()


def convolution(folder: Path, levels: int | None) -> Path:
    """A convolution of 8 channels whose data and weights have so many levels; None: as they are."""
    pixels = ops.parameter([1, 8, 16, 16], np.float32)
    weights = ops.constant(np.random.default_rng(0).normal(0, 0.1, (8, 8, 3, 3)).astype(np.float32))
    data, kernel = pixels, weights
    if levels:
        low, high = (ops.constant(np.float32(value)) for value in (0, 1))
        data = ops.fake_quantize(pixels, low, high, low, high, levels)
        low, high = (ops.constant(np.float32(value)) for value in (-0.5, 0.5))
        kernel = ops.fake_quantize(weights, low, high, low, high, levels - 1)
    taken = ops.convolution(data, kernel, [1, 1], [1, 1], [1, 1], [1, 1])
    ov.save_model(ov.Model([taken], [pixels]), folder / "model.xml", compress_to_fp16=False)
    return folder / "model.xml"


@pytest.mark.parametrize(
    ("levels", "precision", "told"), [(None, "fp32", "f32"), (None, "fp16", r"f32|f16"), (256, "int8", "i8")]
)
def test_what_convolutions_are_executed_in_is_told(
    levels: int | None, precision: str, told: str, tmp_path: Path
) -> None:
    compiled = compile_model(convolution(tmp_path, levels), precision, "CPU")
    assert re.fullmatch(told, require_executed(compiled, precision, "CPU"))


@pytest.mark.parametrize(("levels", "precision"), [(None, "int8"), (256, "fp32")])
def test_a_graph_that_does_not_run_in_the_precision_is_refused(
    levels: int | None, precision: str, tmp_path: Path
) -> None:
    compiled = compile_model(convolution(tmp_path, levels), precision, "CPU")
    with pytest.raises(UserError, match=f"executes 0 of 1 convolutions in {precision} .*: use another --precision"):
        require_executed(compiled, precision, "CPU")


def test_what_cannot_be_loaded_is_said_in_a_sentence(bundle: Bundle, tmp_path: Path) -> None:
    model = bundle.engine("openvino", "fp32", "CPU")[0] / "model.xml"
    with pytest.raises(UserError, match="precision 'fp8' is not one of fp32"):
        compile_model(model, "fp8", "CPU")
    with pytest.raises(UserError, match=r"no device 'TPU' here; it finds: .*CPU"):
        compile_model(model, "fp32", "TPU")
    (tmp_path / "model.xml").write_text("<net/>")
    with pytest.raises(UserError, match="cannot load"):
        compile_model(tmp_path / "model.xml", "fp32", "CPU")
    with pytest.raises(UserError, match="has no engine openvino-int8-CPU; it has: openvino-fp32-CPU"):
        load_engine(bundle, "openvino", "int8", "CPU")
    with pytest.raises(UserError, match="has no engine openvino-fp32-GPU"):
        load_engine(bundle, "openvino", "fp32", "GPU")
    with pytest.raises(UserError, match="no engine 'tensorflow'; there is: openvino"):
        load_engine(bundle, "tensorflow", "fp32", "CPU")


def test_a_graph_that_is_not_the_recipes_is_refused(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    ov.save_model(brightness_model(32, 4), tmp_path / "model.xml", compress_to_fp16=False)
    files = {name: tmp_path / name for name in ("model.xml", "model.bin")}
    bundle.add_engine("openvino", "fp32", "CPU", files, versions={}, parity={})
    with pytest.raises(UserError, match=r"takes \[1, 32, 32, 1\].*says \[1, 64, 64, 1\]"):
        OpenVinoEngine(bundle)
    assert yaml.safe_load((bundle.path / "model" / "recipe.yaml").read_text())["geometry"]["tile"] == GEOMETRY.tile
