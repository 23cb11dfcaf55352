"""What a scenario sets up: cloth, cameras, and a truth in the millimetres that the runtime tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.scenario.in_step import InStep
from benchmarks.scenario.play import STOP_RULES, Run, Stage, _camera, _in_step, _with_stops, set_up
from benchmarks.scenario.truth import TOLD_AS, on_camera, on_cloth, planted
from runtime.alarms.rules import AlarmSection, understood
from runtime.cameras.simulated import SimulatedCamera
from runtime.events import AlarmEvent
from runtime.settings import Settings
from runtime.simulator.scenario import Scenario, load_scenario
from runtime.simulator.sensor import SensorModel
from runtime.types import Kind, Scale
from tests.benchmarks.analytic_bundle import bright_means_defect
from tests.benchmarks.scenario_records import event

MM = 0.5
SCALE = Scale(MM, MM)
HOLE = {"at_m": [0.3], "classes": ["hole"], "x_mm": 70, "length_mm": 6}


def staged(**asked: Any) -> tuple[Run, Stage]:
    """A run of 1 m of cloth 150 mm wide."""
    scenario = Scenario(**{"name": "T", "about": "A try.", "styles": ("plain",), "metres": 1.0, **asked})
    run = Run(scenario, "plain", 5, scenario.cameras[0], 300, MM, None)
    return run, set_up(run)


def test_a_fault_is_where_it_was_asked_for_with_what_an_oracle_sees_of_it() -> None:
    _, stage = staged(faults=(HOLE,))
    (fault,) = planted(stage.stations[0].look, 1.0)
    assert (fault.cls, fault.kind, fault.severity) == ("hole", Kind.LOCAL, 0.5)
    assert (fault.x0_mm + fault.x1_mm) / 2 == pytest.approx(70, abs=1)
    assert fault.y0_m == pytest.approx(0.3, abs=0.001)
    assert fault.snr is not None
    assert fault.snr > 20


def test_what_runs_beyond_the_end_is_cut_off_there_and_what_begins_beyond_it_is_not_there() -> None:
    running = {"at_m": [0.3, 0.9], "classes": ["broken_end"], "length_mm": 400, "x_mm": 70}
    _, stage = staged(faults=(running,))
    (fault,) = planted(stage.stations[0].look, 0.6)
    assert (fault.y0_m, fault.y1_m) == (pytest.approx(0.3, abs=0.01), 0.6)


def test_nuisances_have_the_words_that_are_expected_of_them() -> None:
    lays = tuple({"at_m": [y], "classes": [cls]} for y, cls in ((0.2, "seam"), (0.5, "hand"), (0.8, "small_nep")))
    _, stage = staged(nuisances=lays)
    found = {one.kind: one.expected for one in on_cloth(stage.stations[0].look, 1.0)}
    assert found["seam"] == ("state seam",)
    assert "not inspected obstructed" in found["hand"]
    assert found["small_nep"] == ()


def test_what_a_camera_suffers_is_told_in_metres_of_cloth_though_its_own_go_on_when_the_cloth_runs_back() -> None:
    dust = {"what": {"dust": {"column": 100, "width_px": 4, "from_m": 0.4, "to_m": 0.6}}, "every_m": 0.5}
    back = [{"forward": {"mm": 300}}, {"back": {"mm": 100}}, {"forward": {"mm": 500}}]
    still, turned = staged(camera=(dust,)), staged(
        camera=(dust,), motion={"moves": {"list": back}}, encoder={"trigger": "motion"}
    )  # fmt: skip
    first, again = on_camera(still[0].scenario.camera, still[1].stations[0].look, 1.0)
    assert (first.x0_mm, first.x1_mm) == (48, 52)
    assert (first.y0_m, first.y1_m, again.y0_m) == pytest.approx((0.4, 0.6, 0.9))
    (first,) = on_camera(turned[0].scenario.camera, turned[1].stations[0].look, 0.7)
    assert (first.y0_m, first.y1_m) == pytest.approx((0.2, 0.4), abs=0.002)


def test_cameras_stand_side_by_side_as_badly_as_asked_and_the_first_alone_suffers() -> None:
    errors = {"dx_mm": 2, "dy_lines": 3, "angle_deg": 0.2, "gain": 0.03}
    lamp = {"what": {"lamp_step": {}}}
    _, exact = staged(cameras=({"count": 2, "overlap_mm": 40},), camera=(lamp,))
    assert [station.x_offset_mm for station in exact.stations] == [0, 55]
    assert [len(station.look.world.disturbances) for station in exact.stations] == [1, 0]
    for name, value in errors.items():
        _, off = staged(cameras=({"count": 2, "overlap_mm": 40, name: value},))
        assert off.stations[1].look.mount != exact.stations[1].look.mount


def test_a_camera_with_a_pace_keeps_it_and_one_without_is_in_step() -> None:
    paced, free = staged(cameras=({"line_rate_hz": 900},)), staged()
    camera = _camera(0, paced[1].stations[0], paced[0])
    assert camera.open().line_rate_hz == 900
    assert _in_step(camera, paced[0], lambda: 0) is camera
    assert isinstance(_in_step(_camera(0, free[1].stations[0], free[0]), free[0], lambda: 0), InStep)


def test_in_step_the_next_block_waits_for_the_one_before() -> None:
    _, stage = staged()
    waiting = [3, 2, 1, 0]
    source = SimulatedCamera("a", stage.loom, SCALE, lines=256)
    items = InStep(source, lambda: waiting.pop(0) if waiting else 0).items()
    assert next(items).end_line == 128
    assert waiting == [3, 2, 1, 0]
    assert next(items).end_line == 256
    assert waiting == []
    stuck = InStep(SimulatedCamera("a", stage.loom, SCALE, lines=256), lambda: 1)
    next(stuck.items())
    stuck.close()
    assert len(list(stuck.items())) <= 2


def test_geometry_and_motion_reach_the_cloth() -> None:
    _, stage = staged(faults=(HOLE,), geometry={"wander_mm": 5, "wander_period_m": 1.2}, motion={"table": {}})
    (fault,) = planted(stage.stations[0].look, 1.0)
    assert (fault.x0_mm + fault.x1_mm) / 2 == pytest.approx(75, abs=1)
    assert stage.stations[0].look.encoder is not None


def test_noise_is_read_noise_and_shot_noise() -> None:
    assert SensorModel(read_noise=3, full_well=0).noise_dn(100) == 3
    assert SensorModel(read_noise=3, full_well=25500).noise_dn(1600) == 5


def test_rules_stand_in_where_a_bundle_has_none_that_could_stop_a_loom(tmp_path: Path) -> None:
    judged = bright_means_defect(tmp_path, 0.8, 0.6)
    long = event(x=(100, 101), y=(1.0, 1.4), kind=Kind.WARP)
    told, rules = _with_stops([long], judged)
    assert rules == len(understood(STOP_RULES.rules)[0]) == 3
    assert [one.rule for one in told if isinstance(one, AlarmEvent)] == ["running warp"]
    own = {"name": "mine", "output": "stop", "kinds": ["area"], "at_least_mm": 9.0}
    settings = judged.bundle.settings().model_dump() | {"alarms": AlarmSection(rules=(own,)).model_dump()}
    judged.bundle.write_settings(Settings.model_validate(settings))
    assert _with_stops([long], judged) == ([long], 1)


@pytest.mark.parametrize("number", range(10))
def test_every_shipped_pack_can_be_set_up(number: int) -> None:
    pack = load_scenario(f"S{number}")
    for cameras in pack.cameras:
        stage = set_up(Run(pack, pack.styles[-1], 1, cameras, 2048, 0.3, 6.0))
        assert len(stage.stations) == cameras.count
        assert stage.stations[0].look.lines(0, 8).shape[0] == 8
        there = [*on_cloth(stage.stations[0].look, 6.0), *on_camera(pack.camera, stage.stations[0].look, 6.0)]
        known = {"maintenance column", "maintenance light", "maintenance focus", *sum(TOLD_AS.values(), ())}
        assert {word for one in there for word in one.expected} <= known
        assert set(pack.expect.no_defects_on) <= {one.kind for one in there}
