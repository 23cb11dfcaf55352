"""Maps kept on disk: read back as they were, and their events those of the runtime."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from calibration.cloth import NormalCloth
from calibration.evidence import with_lines
from runtime.cameras.simulated import SimulatedCamera
from runtime.defects.evidence_scale import LineScale
from runtime.engines.openvino import OpenVinoEngine
from runtime.events import DefectEvent
from runtime.pipeline import Pipeline, View
from runtime.settings import Policy, Thresholds
from runtime.types import Kind, LineBlock, ScoreMap, State
from tests.calibration.test_threshold import STRIDE, in_strips
from tests.runtime.bundles import make_bundle
from tests.runtime.cloths import SCALE, Collected, Sheet


def kept(*rolls: list[ScoreMap]) -> NormalCloth:
    cloth = NormalCloth(io.BytesIO())
    for strips in rolls:
        cloth.add_roll(strips, SCALE)
    return cloth


def test_maps_come_back_as_they_were() -> None:
    values = np.random.default_rng(0).normal(size=(50, 30)).astype(np.float32)
    rolls = [in_strips(values, 8), in_strips(values + 1, 16, segment=3)]
    for _ in range(2):
        for one, other in zip(kept(*rolls).strips(), [strip for roll in rolls for strip in roll], strict=True):
            np.testing.assert_array_equal(one.values, other.values)
            assert (one.first_line, one.end_line, one.segment) == (other.first_line, other.end_line, other.segment)


def test_metres_are_those_of_cloth_roll_by_roll() -> None:
    values = np.zeros((40, 30), np.float32)
    values[8:16] = np.nan
    cloth = kept(in_strips(values, 8), in_strips(np.full((8, 30), np.nan), 8), in_strips(values[:8], 8))
    line_m = SCALE.mm_per_line / 1000
    assert cloth.metres == pytest.approx([32 * STRIDE * line_m, 8 * STRIDE * line_m])
    assert cloth.width_mm == pytest.approx(30 * STRIDE * SCALE.mm_per_px)
    assert [len(peaks) for peaks in cloth.peaks(0.5, 0.5, Policy())] == [0, 0], "a roll without cloth is none"


def test_lines_are_joined_with_the_map_roll_by_roll() -> None:
    rng = np.random.default_rng(1)
    rolls = [in_strips(rng.normal(0, 0.1, (96, 128)).astype(np.float32), 16) for _ in range(2)]
    for strip in rolls[1][2:3]:
        strip.values[5] += 0.4
    cloth, scale = kept(*rolls), LineScale(usual=0.1, map_usual=0.3, strong=2.0, gain=3.0)
    assert cloth.events(0.8, 0.8, Policy()) == 0
    cloth.join_lines(scale)
    wanted = [strip for roll in rolls for strip in with_lines(roll, scale)]
    for one, other in zip(cloth.strips(), wanted, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
    assert [len(peaks) for peaks in cloth.peaks(0.8, 0.8, Policy())] == [0, 1]


def test_one_cluster_is_one_event_and_rolls_do_not_join() -> None:
    values = np.zeros((64, 64), np.float32)
    values[10, 10], values[12, 11], values[40, 50], values[63, 20] = 0.9, 0.7, 0.8, 0.6
    beginning = np.zeros((64, 64), np.float32)
    beginning[0, 20] = 0.75
    cloth = kept(in_strips(values, 16), in_strips(beginning, 16))
    policy = Policy(merge_mm=5, merge_line_mm=5)
    first, second = cloth.peaks(0.5, 0.5, policy)
    assert sorted(first.tolist()) == pytest.approx([0.6, 0.8, 0.9]), "0.7 lies 2 mm beside 0.9"
    assert second.tolist() == pytest.approx([0.75])
    assert cloth.events(0.65, 0.5, policy) == 3
    assert cloth.events(0.5, 0.5, Policy(merge_mm=500)) < 4, "the policy counts"


@pytest.mark.parametrize("opening", [0.45, 0.5, 0.7])
def test_the_events_are_those_that_the_runtime_tells(tmp_path: Path, opening: float) -> None:
    """Spots of several strengths on even cloth, through the whole pipeline and from its kept maps."""
    bundle = make_bundle(tmp_path / "bundle")
    keep = opening - 0.03
    found = Thresholds(open=dict.fromkeys(Kind, opening), keep=keep)
    bundle.write_settings(bundle.settings().model_copy(update={"thresholds": {"openvino-fp32": found}}))
    rng = np.random.default_rng(4)
    spots = [(y, y + rng.integers(1, 7), x, x + rng.integers(1, 7)) for y, x in rng.integers(0, 590, (60, 2))]
    camera = SimulatedCamera("c", Sheet(width=600, length=600, spots=spots), SCALE, block_lines=50)  # type: ignore[arg-type]
    strips: list[ScoreMap] = []
    engine, sink = OpenVinoEngine(bundle), Collected()

    def take(seen: LineBlock | ScoreMap) -> None:
        if isinstance(seen, ScoreMap):
            strips.append(seen)

    Pipeline(bundle, engine, "openvino-fp32", [View(camera)], [sink], on_strip=take).run()
    engine.close()
    told = [
        event.score
        for event in sink.events
        if isinstance(event, DefectEvent) and event.state is State.CLOSED and event.parent is None
    ]
    assert len(told) > 3
    (peaks,) = kept(strips).peaks(opening, keep, bundle.settings().policy)
    assert sorted(peaks.tolist()) == pytest.approx(sorted(told), abs=1e-6)
