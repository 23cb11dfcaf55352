"""Tuning with an engine that is real and rates that are given."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from export import tune
from export.spread import apart, share_above
from export.tune import choices, most_streams
from runtime.bundle import Bundle
from runtime.engines import load_engine
from runtime.engines.base import Engine
from runtime.errors import UserError
from runtime.settings import Tuning
from tests.runtime.bundles import make_bundle

CORES = os.cpu_count() or 1
ODD = Tuning(streams=1, requests=7, cores=CORES)
"""No device chooses seven requests for itself, so the engine's name tells whether it was tuned."""
NOISE = [0.0, 3.0, -2.0, 1.0, -1.0]


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    monkeypatch.setattr(tune, "choices", lambda most: [ODD])
    return make_bundle(tmp_path / "bundle")


def rates(own: float, tuned: float) -> Callable[[Engine, float], float]:
    """Rates of the device's own choice and of ODD, each with the same noise."""
    calls: dict[bool, int] = {True: 0, False: 0}

    def rate(engine: Engine, seconds: float) -> float:
        odd = "7 requests" in engine.name
        calls[odd] += 1
        return (tuned if odd else own) + NOISE[calls[odd] % len(NOISE)]

    return rate


def name_of(bundle: Bundle) -> str:
    engine = load_engine(bundle, "openvino", "fp32", "CPU")
    engine.close()
    return engine.name


def test_a_faster_choice_is_written_and_the_runtime_uses_it(bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    before = bundle.settings()
    tune.tune(bundle, "fp32", "CPU", 0.1, rates(own=100.0, tuned=120.0))
    after = bundle.settings()
    assert (after.revision, after.thresholds, after.policy) == (before.revision + 1, before.thresholds, before.policy)
    written = after.tuning["openvino-fp32-CPU"]
    assert (written.streams, written.requests) == (1, 7)
    assert len(written.found["tiles_s_after"]) == tune.DUEL_TURNS
    assert "7 requests" in name_of(bundle)
    said = capsys.readouterr().out
    assert "before  the device's own choice" in said
    assert "after   1 streams, 7 requests" in said


@pytest.mark.parametrize(("tuned", "said"), [(100.5, "within the spread"), (90.0, "Nothing is faster")])
def test_what_is_not_clearly_faster_changes_nothing(
    tuned: float, said: str, bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    before = bundle.settings()
    tune.tune(bundle, "fp32", "CPU", 0.1, rates(own=100.0, tuned=tuned))
    assert bundle.settings() == before
    assert said in capsys.readouterr().out


def test_a_choice_that_has_become_slower_is_taken_out(bundle: Bundle) -> None:
    tune.write(bundle, "openvino-fp32-CPU", ODD)
    tune.write(bundle, "openvino-fp32-GPU", ODD)
    tune.tune(bundle, "fp32", "CPU", 0.1, rates(own=120.0, tuned=100.0))
    assert list(bundle.settings().tuning) == ["openvino-fp32-GPU"]
    assert "7 requests" not in name_of(bundle)


def test_another_machine_does_not_use_it(bundle: Bundle) -> None:
    tune.write(bundle, "openvino-fp32-CPU", ODD.model_copy(update={"cores": CORES + 1}))
    assert bundle.tuning("openvino", "fp32", "CPU") is None
    assert "7 requests" not in name_of(bundle)


def test_streams_go_up_to_what_the_device_can() -> None:
    assert [(one.streams, one.requests) for one in choices(1)] == [(1, 1), (1, 2)]
    assert sorted({one.streams for one in choices(6)}) == [1, 2, 4, 6]
    assert most_streams("CPU") >= 1
    with pytest.raises(UserError, match="'XPU' is not here"):
        most_streams("XPU")


def test_apart_is_more_than_a_lucky_window() -> None:
    slow = [100.0, 101.0, 99.0, 102.0, 98.0]
    assert share_above(slow, [value + 10 for value in slow]) == 1
    assert share_above(slow, slow) == 0.5
    assert apart(slow, [value + 10 for value in slow])
    assert apart(slow, [value - 10 for value in slow])
    assert not apart(slow, [*slow[:4], 150.0])
    assert not apart(slow, [200.0] * 3)


def command(arguments: list[str]) -> int:
    made = argparse.ArgumentParser()
    tune.add_parser(made.add_subparsers())
    return tune.run(made.parse_args(["tune", *arguments]))


def test_the_command_measures_the_engine_it_is_given_for_as_long_as_it_is_told(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str, float]] = []
    monkeypatch.setattr(tune, "tune", lambda _, precision, device, seconds: asked.append((precision, device, seconds)))
    where = ["--bundle", str(bundle.path)]
    assert command(where) == 0
    assert command([*where, "--precision", "int8", "--device", "GPU", "--seconds", "0.5"]) == 0
    assert asked == [("fp32", "CPU", 2.0), ("int8", "GPU", 0.5)]
    with pytest.raises(UserError, match="--seconds"):
        command([*where, "--seconds", "0"])
    with pytest.raises(UserError, match="Only OpenVINO"):
        tune.run(argparse.Namespace(bundle=bundle.path, engine="tensorrt", precision="int8", device="gpu", seconds=1.0))
