"""The TensorRT engine over a FAKE device and a FAKE tensorrt (tests/tensorrt): its own rules, not TensorRT's."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.bundle import Bundle
from runtime.engines import load_engine, tensorrt
from runtime.engines.cuda.base import CudaError, OutOfMemory
from runtime.engines.tensorrt import TensorRtEngine
from runtime.engines.timed import StageTimes, TimedSession
from runtime.errors import UserError
from runtime.geometry import TileGeometry
from runtime.types import TileBatch, TileMaps
from tests.runtime.bundles import cell_brightness, make_bundle
from tests.tensorrt.fake_cuda import CARD, ORIN, FakeCuda
from tests.tensorrt.fake_runtime import fake_tensorrt, plan

WAIT_S = 60.0
BUILT = {"tensorrt": "10.3.0", "gpu": CARD.name, "sm": "sm86"}


def add_plan(bundle: Bundle, folder: Path, data: bytes, device: str = "cuda:0", **built: Any) -> None:
    (folder / "engine.plan").write_bytes(data)
    files = {"engine.plan": folder / "engine.plan"}
    bundle.add_engine("tensorrt", "fp16", device, files, {}, {}, form="fp16", built={**BUILT, **built})


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    made = make_bundle(tmp_path / "bundle")
    add_plan(made, tmp_path, plan())
    return made


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    return put_in(monkeypatch, FakeCuda())


def put_in(monkeypatch: pytest.MonkeyPatch, cuda: FakeCuda, version: str = "10.3.0") -> FakeCuda:
    monkeypatch.setattr(tensorrt, "open_cuda", lambda ordinal: cuda)
    monkeypatch.setitem(sys.modules, "tensorrt", fake_tensorrt(cuda, version))
    return cuda


def tiles(count: int, seed: int, tile: int = 64) -> TileBatch:
    """Noise, no two tiles alike; ``top`` carries the seed."""
    pixels = np.random.default_rng(seed).integers(0, 256, (count, tile, tile, 1), dtype=np.uint8)
    width = tile * count
    x = tuple(range(0, width, tile))
    return TileBatch("c", 0, 0, pixels, x, seed, (0, tile), (0, width), width, hard_end=True, received_ns=0)


def assert_right(maps: TileMaps | None) -> None:
    assert maps is not None
    np.testing.assert_allclose(maps.maps, cell_brightness(maps.batch.pixels), rtol=0, atol=1e-6)


def assert_all_given_back(cuda: FakeCuda) -> None:
    assert cuda.closed
    assert cuda.live == set()
    assert cuda.bytes == {}
    assert sys.modules["tensorrt"].contexts == 0


@pytest.mark.parametrize("facts", [CARD, ORIN], ids=["card", "jetson"])
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("slots", [1, 2, 3])
def test_each_tile_gets_its_own_map_on_cards_and_jetsons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, facts: Any, batch: int, slots: int
) -> None:
    cuda = put_in(monkeypatch, FakeCuda(facts))
    bundle = make_bundle(tmp_path / "bundle")
    add_plan(bundle, tmp_path, plan(batch=batch), gpu=facts.name, sm=facts.sm)
    engine = TensorRtEngine(bundle, "fp16", slots=slots)
    assert engine.batch == batch
    session = engine.stream("c")
    for count in (1, 3, 4, 11):
        session.submit(tiles(count, seed=count))
        assert_right(session.collect(WAIT_S))
    engine.close()
    assert_all_given_back(cuda)


def test_many_batches_of_several_cameras_come_back_whole_and_in_order(bundle: Bundle, cuda: FakeCuda) -> None:
    engine = TensorRtEngine(bundle, "fp16", rows_in_flight=3)
    sessions = [engine.stream(name) for name in ("left", "right")]
    rng = np.random.default_rng(5)
    submitted, collected = [0, 0], [[], []]
    while min(len(found) for found in collected) < 40:
        for number, session in enumerate(sessions):
            while submitted[number] < 40 and session.in_flight < engine.spec.max_in_flight:
                session.submit(tiles(int(rng.integers(1, 12)), seed=1000 * number + submitted[number]))
                submitted[number] += 1
            if session.in_flight:
                maps = session.collect(WAIT_S)
                assert_right(maps)
                collected[number].append(maps.batch.top)
    assert collected == [list(range(40)), list(range(1000, 1040))]
    engine.close()
    assert_all_given_back(cuda)


def test_copies_are_timed_apart_and_a_jetson_makes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for facts, wanted in ((CARD, StageTimes(2.0, 2.0, 2.0)), (ORIN, StageTimes(0.0, 2.0, 0.0))):
        put_in(monkeypatch, FakeCuda(facts))
        bundle = make_bundle(tmp_path / facts.name)
        add_plan(bundle, tmp_path, plan(), gpu=facts.name, sm=facts.sm)
        engine = TensorRtEngine(bundle, "fp16")
        session = engine.stream("c")
        assert isinstance(session, TimedSession)
        assert session.last_times is None
        session.submit(tiles(2, 0))
        session.collect(WAIT_S)
        assert session.last_times == wanted
        assert ("no copies" in engine.name) is facts.integrated
        engine.close()


def test_the_graph_is_captured_once_a_slot_and_launched_for_every_call(bundle: Bundle, cuda: FakeCuda) -> None:
    engine = TensorRtEngine(bundle, "fp16", slots=3)
    assert (
        engine.name
        == "tensorrt fp16 on cuda:0 (TensorRT 10.3.0 on NVIDIA RTX A2000 (sm86), 3 slots, CUDA graphs, copies)"
    )
    session = engine.stream("c")
    session.submit(tiles(7, 1))
    assert_right(session.collect(WAIT_S))
    assert cuda.launches == 7
    engine.close()


def test_a_graph_that_cannot_be_captured_runs_all_the_same(bundle: Bundle, cuda: FakeCuda) -> None:
    cuda.can_capture = False
    engine = TensorRtEngine(bundle, "fp16")
    assert "no CUDA graphs" in engine.name
    session = engine.stream("c")
    session.submit(tiles(7, 1))
    assert_right(session.collect(WAIT_S))
    assert cuda.launches == 0
    engine.close()
    assert_all_given_back(cuda)


@pytest.mark.slow
def test_a_hundred_thousand_calls_leave_nothing_behind(tmp_path: Path, cuda: FakeCuda) -> None:
    bundle = make_bundle(tmp_path / "bundle", TileGeometry(tile=8, margin=0, blend=4))
    add_plan(bundle, tmp_path, plan(tile=8))
    engine = TensorRtEngine(bundle, "fp16")
    session = engine.stream("c")
    live, memory = len(cuda.live), cuda.memory
    rows = tiles(100, 1, tile=8), tiles(100, 2, tile=8)
    for number in range(1000):
        session.submit(rows[number % 2])
        if session.in_flight == engine.spec.max_in_flight:
            assert_right(session.collect(WAIT_S))
    assert_right(session.collect(WAIT_S))
    assert cuda.launches == 100_000
    assert (len(cuda.live), cuda.memory) == (live, memory)
    engine.close()
    assert_all_given_back(cuda)


def test_more_than_max_in_flight_or_tiles_of_another_size_are_refused(bundle: Bundle, cuda: FakeCuda) -> None:
    engine = TensorRtEngine(bundle, "fp16", rows_in_flight=1)
    session = engine.stream("c")
    assert session.collect() is None
    with pytest.raises(ValueError, match=r"takes tiles of \[64, 64, 1\], got \[32, 32, 1\]"):
        session.submit(tiles(1, 0, tile=32))
    session.submit(tiles(1, 0))
    with pytest.raises(ValueError, match="in flight"):
        session.submit(tiles(1, 1))
    assert_right(session.collect(WAIT_S))
    session.reset()
    session.submit(tiles(5, 1))
    session.close()
    assert session.in_flight == 0
    engine.close()


def test_what_is_in_flight_is_finished_when_the_engine_closes_and_nothing_is_taken_after(
    bundle: Bundle, cuda: FakeCuda
) -> None:
    engine = TensorRtEngine(bundle, "fp16")
    session = engine.stream("c")
    session.submit(tiles(9, 1))
    engine.close()
    engine.close()
    assert_all_given_back(cuda)
    assert_right(session.collect(0.0))
    session.submit(tiles(1, 2))
    with pytest.raises(ValueError, match="the engine is closed"):
        session.collect(WAIT_S)


def test_a_device_that_is_lost_is_told_to_everybody_who_waits(bundle: Bundle, cuda: FakeCuda) -> None:
    engine = TensorRtEngine(bundle, "fp16")
    left, right = engine.stream("left"), engine.stream("right")
    cuda.fail_after = 10
    left.submit(tiles(20, 1))
    right.submit(tiles(3, 2))
    for session in (left, right):
        with pytest.raises(CudaError, match="the device is lost"):
            session.collect(WAIT_S)
    left.submit(tiles(1, 3))
    with pytest.raises(CudaError, match="the device is lost"):
        left.collect(WAIT_S)
    left.submit(tiles(1, 4))
    left.close()
    engine.close()
    assert_all_given_back(cuda)


def test_a_call_that_fails_alone_is_told_too(bundle: Bundle, cuda: FakeCuda) -> None:
    engine = TensorRtEngine(bundle, "fp16")
    session = engine.stream("c")
    cuda.fail_after = 0
    session.submit(tiles(1, 1))
    with pytest.raises(CudaError, match="the device is lost"):
        session.collect(10.0)
    engine.close()
    assert_all_given_back(cuda)


@pytest.mark.parametrize("memory", [0, 4000, 5000, 9000, 13000])
def test_a_full_device_is_said_and_left_as_it_was(bundle: Bundle, cuda: FakeCuda, memory: int) -> None:
    cuda.memory = memory
    with pytest.raises(OutOfMemory, match=r"No (device|page-locked host) memory is left"):
        TensorRtEngine(bundle, "fp16")
    assert_all_given_back(cuda)


@pytest.mark.parametrize(
    ("built", "said"),
    [
        ({"tensorrt": "10.13.3.9"}, "was built for TensorRT 10.13.3.9 on NVIDIA RTX A2000"),
        ({"gpu": "Orin"}, "was built for TensorRT 10.3.0 on Orin"),
        ({"sm": "sm87"}, r"was built for TensorRT 10.3.0 on NVIDIA RTX A2000 \(sm87\)"),
    ],
)
def test_an_engine_of_elsewhere_is_refused_with_the_command_that_builds_it_here(
    bundle: Bundle, cuda: FakeCuda, tmp_path: Path, built: dict[str, str], said: str
) -> None:
    add_plan(bundle, tmp_path, plan(), **built)
    with pytest.raises(UserError, match=said) as told:
        TensorRtEngine(bundle, "fp16")
    command = (
        f"'python -m export engine --bundle {bundle.path} --engine tensorrt --precision fp16 --device cuda:0 --rebuild'"
    )
    assert str(told.value).endswith(
        f"here is TensorRT 10.3.0 on NVIDIA RTX A2000 (sm86): build it here with {command}."
    )
    assert_all_given_back(cuda)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"no plan", r"cannot load '.*engine.plan' \(magic tag does not match\)"),
        (plan(tile=32), r"in pixels UINT8 \[1, 32, 32, 1\].* wants in pixels UINT8 \[1, 64, 64, 1\]"),
        (plan(kind="FLOAT"), "in pixels FLOAT"),
        (plan(output="maps"), "out maps FLOAT"),
    ],
)
def test_an_engine_that_is_not_the_recipes_is_refused(
    bundle: Bundle, cuda: FakeCuda, tmp_path: Path, data: bytes, said: str
) -> None:
    add_plan(bundle, tmp_path, data)
    with pytest.raises(UserError, match=said):
        TensorRtEngine(bundle, "fp16")
    assert_all_given_back(cuda)


def test_a_dla_core_is_named_by_the_device(
    bundle: Bundle, cuda: FakeCuda, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(tensorrt, "open_cuda", lambda ordinal: asked.append(ordinal) or cuda)
    add_plan(bundle, tmp_path, plan(), device="dla:1")
    load_engine(bundle, "tensorrt", "fp16", "dla:1").close()
    assert (asked, sys.modules["tensorrt"].dla_cores) == ([0], [1])
    with pytest.raises(UserError, match="has no engine tensorrt-fp16-CPU; it has"):
        load_engine(bundle, "tensorrt", "fp16", "CPU")
    add_plan(bundle, tmp_path, plan(), device="GPU")
    with pytest.raises(UserError, match="TensorRT has no device 'GPU': name cuda:0"):
        load_engine(bundle, "tensorrt", "fp16", "GPU")
