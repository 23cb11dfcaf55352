"""A broken end of 40 m through the whole runtime: one event in the store, graded in every yard or metre it touches."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from runtime.bundle import Bundle
from runtime.cameras.simulated import SimulatedCamera
from runtime.engines.openvino import OpenVinoEngine
from runtime.pipeline import Pipeline, View
from runtime.rolls.crops import Quota
from runtime.rolls.graded import grade
from runtime.rolls.lengths import YARD_M
from runtime.rolls.policy import POLICIES
from runtime.rolls.reading import read_roll
from runtime.rolls.store import Label, Store
from runtime.settings import Policy
from runtime.sinks.roll import RollSink
from runtime.types import Kind, Scale
from tests.runtime.bundles import MM_PER_PX, make_bundle
from tests.runtime.cloths import Sheet

FIRST, END = 4_100, 4_100 + round(40_000 / MM_PER_PX)
END_MM = 10.0
"""Both ends of the event lie this near to the end's own."""


@pytest.fixture(scope="module")
def roll(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("long")
    bundle: Bundle = make_bundle(folder / "bundle", policy=Policy(stride_lines=32, update_mm=1000))
    sheet = Sheet(width=120, length=END + 4_000, spots=[(FIRST, END, 60, 64)])
    view = View(SimulatedCamera("c", sheet, Scale(MM_PER_PX, MM_PER_PX), block_lines=1024))
    sink = RollSink(Store(folder / "roll", Label()), Quota())
    engine = OpenVinoEngine(bundle)
    Pipeline(bundle, engine, "openvino-fp32", [view], [sink], on_strip=sink.seen, on_open=sink.opened).run()
    sink.close()
    return folder / "roll"


def test_it_is_one_event_with_both_its_ends(roll: Path) -> None:
    (found,) = read_roll(roll).defects
    assert found.kind is Kind.WARP
    assert found.closed
    assert found.y0_m * 1000 == pytest.approx(FIRST * MM_PER_PX, abs=END_MM)
    assert found.y1_m * 1000 == pytest.approx(END * MM_PER_PX, abs=END_MM)


@pytest.mark.parametrize(("policy", "bin_m"), [("inch", YARD_M), ("metric", 1.0)])
def test_it_costs_four_points_in_every_bin_that_it_touches(roll: Path, policy: str, bin_m: float) -> None:
    (found,) = read_roll(roll).defects
    bins = math.ceil(found.y1_m / bin_m) - math.floor(found.y0_m / bin_m)
    assert bins >= 40
    assert grade(read_roll(roll), POLICIES[policy]).four.of[found.id] == 4 * bins
