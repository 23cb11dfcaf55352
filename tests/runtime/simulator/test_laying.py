"""Where faults come to lie: as asked, on the cloth, apart, and the same for the same seed."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from runtime.simulator.faults import FAULTS, Cloth, lay_fault
from runtime.simulator.laying import EDGE_MM, LEAD_M, Layout, lay_out
from runtime.simulator.loom import Loom
from runtime.simulator.scenario import Scenario
from runtime.simulator.sensor import SensorModel
from runtime.simulator.snr import Oracle
from runtime.simulator.truth import change_of

MM_PER_PX = 0.5


@pytest.fixture(scope="module")
def cloth() -> Cloth:
    return Loom("plain", 600, 1, MM_PER_PX).cloth


def laid(cloth: Cloth, lay: dict[str, Any], seed: int = 3, metres: float | None = None) -> Layout:
    own = None if "gap_mm" in lay else 50
    scenario = Scenario(name="T", about="A try.", styles=("plain",), metres=own, faults=(lay,))
    return lay_out(scenario, cloth, seed, metres)


def test_places_that_are_asked_for_are_kept(cloth: Cloth) -> None:
    lay = {"at_m": [1.5, 2.5, 60], "classes": ["hole"], "x_mm": 77, "severities": [0.9], "length_mm": 5}
    faults = laid(cloth, lay).faults
    assert [(f.cls, f.x_mm, f.y_m, f.severity, f.length_mm) for f in faults] == [
        ("hole", 77, 1.5, 0.9, 5),
        ("hole", 77, 2.5, 0.9, 5),
    ]


def test_one_at_each_multiple(cloth: Cloth) -> None:
    assert [f.y_m for f in laid(cloth, {"every_m": 20}).faults] == [20, 40]


def test_a_density_is_a_mean_and_places_lie_on_the_cloth(cloth: Cloth) -> None:
    faults = laid(cloth, {"per_100m": 400, "classes": ["hole", "nep"], "severities": [0.2, 0.8]}).faults
    assert 150 < len(faults) < 250
    assert {f.cls for f in faults} == {"hole", "nep"}
    assert {f.severity for f in faults} == {0.2, 0.8}
    x0, x1 = (edge * MM_PER_PX for edge in cloth.fabric.edges)
    assert all(x0 + EDGE_MM <= f.x_mm <= x1 - EDGE_MM for f in faults)
    assert [f.y_m for f in faults] == sorted(f.y_m for f in faults)
    assert max(f.x_mm for f in faults) - min(f.x_mm for f in faults) > (x1 - x0) / 2


def test_the_same_seed_lays_the_same_and_another_another(cloth: Cloth) -> None:
    lay = {"per_100m": 40}
    assert laid(cloth, lay) == laid(cloth, lay)
    assert laid(cloth, lay) != laid(cloth, lay, seed=4)


def test_in_turn_each_class_has_each_severity_and_none_meets_the_next(cloth: Cloth) -> None:
    layout = laid(cloth, {"gap_mm": 100, "severities": [0.1, 0.9], "longest_mm": 300})
    assert sorted((f.cls, f.severity) for f in layout.faults) == sorted((c, s) for c in FAULTS for s in (0.1, 0.9))
    placed = [lay_fault(fault, cloth, "f") for fault in layout.faults]
    settling = 0.02  # a yarn fault lies on the nearest yarn, a bar around it
    gaps = [later.y0_m - earlier.y1_m for earlier, later in pairwise(placed)]
    assert min(gaps) > 0.1 - settling
    assert layout.faults[0].y_m == LEAD_M
    assert layout.metres == pytest.approx(placed[-1].y1_m + LEAD_M)


def test_what_would_be_too_long_is_as_long_as_it_may_be(cloth: Cloth) -> None:
    lay = {"at_m": [1.0], "classes": ["broken_end"], "severities": [1.0], "longest_mm": 200}
    (fault,) = laid(cloth, lay).faults
    assert fault.length_mm == 200
    (hole,) = laid(cloth, {**lay, "classes": ["hole"]}).faults
    assert hole.length_mm is None


def test_a_shorter_run_has_fewer_of_the_same(cloth: Cloth) -> None:
    lay = {"gap_mm": 100, "severities": [0.5]}
    whole, part = laid(cloth, lay), laid(cloth, lay, metres=2.0)
    assert part.metres == 2.0
    assert part.faults == [fault for fault in whole.faults if fault.y_m < 2.0]


def test_each_comes_as_often_as_is_asked_for(cloth: Cloth) -> None:
    layout = laid(cloth, {"gap_mm": 100, "classes": ["hole", "nep"], "severities": [0.5], "times": 3})
    assert sorted(fault.cls for fault in layout.faults) == ["hole"] * 3 + ["nep"] * 3


def test_contrast_is_lowered_to_the_ratio_asked_for_and_never_raised(cloth: Cloth) -> None:
    asked = {"gap_mm": 100, "classes": ["hole", "broken_end", "nep"], "severities": [0.0], "times": 4}
    faint = laid(cloth, {**asked, "snr": [6, 9]}).faults
    oracle = Oracle.of(cloth.fabric, SensorModel().noise_dn(cloth.fabric.style.grey))
    for fault in faint:
        placed = lay_fault(fault, cloth, "f")
        snr = oracle.see(change_of(placed, cloth.fabric), placed.kind).snr
        if fault.cls == "nep":
            assert (fault.contrast, snr < 6) == (1, True)
        else:
            assert fault.contrast < 1
            assert 5.9 < snr < 9.1


def test_what_comes_in_turn_begins_where_the_turns_before_end(cloth: Cloth) -> None:
    lays = tuple({"gap_mm": 200, "classes": [cls], "severities": [0.2], "times": 3} for cls in ("hole", "broken_end"))
    layout = lay_out(Scenario(name="T", about="A try.", styles=("plain",), faults=lays), cloth, seed=3)
    assert [fault.cls for fault in layout.faults] == ["hole"] * 3 + ["broken_end"] * 3
    placed = [lay_fault(fault, cloth, "f") for fault in layout.faults]
    assert min(later.y0_m - earlier.y1_m for earlier, later in pairwise(placed)) > 0.18
