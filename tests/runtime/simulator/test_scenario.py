"""Packs: those that are shipped, what is refused and with which words, and what of the file goes where."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.errors import UserError
from runtime.simulator.gains import Dust, LampStep
from runtime.simulator.motion import Back, Forward, Motion, Stop, Table, Weaving
from runtime.simulator.scenario import PACKS, Scenario, Suffered, load_scenario, repeated

PLAIN: dict[str, Any] = {"name": "mine", "about": "A try.", "styles": ["plain"], "metres": 5}


def load(tmp_path: Path, **changed: Any) -> Scenario:
    path = tmp_path / "pack.yaml"
    path.write_text(yaml.safe_dump({**PLAIN, **changed}))
    return load_scenario(str(path))


def test_packs_are_shipped_under_their_names() -> None:
    names = sorted(path.stem for path in PACKS.glob("*.yaml"))
    assert names == [*(f"S{n}" for n in range(10)), "gates"]
    assert [load_scenario(name).name for name in names] == names


def test_a_pack_says_no_more_than_it_must(tmp_path: Path) -> None:
    pack = load(tmp_path)
    assert (pack.seeds, pack.width_px, pack.motion, len(pack.cameras)) == ((1,), 2048, None, 1)
    assert pack.geometry.straight


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"styles": ["tweed"]}, "there is no cloth style 'tweed'"),
        ({"styles": []}, "styles"),
        ({"metres": None}, "needs metres"),
        ({"metres": -1}, "metres"),
        ({"faults": [{"per_100m": 4, "at_m": [1.0]}]}, "exactly one of"),
        ({"faults": [{"severities": [0.5]}]}, "exactly one of"),
        ({"faults": [{"per_100m": 4, "severities": [1.5]}]}, "severities"),
        ({"faults": [{"per_100m": 4, "classes": ["scratch"]}]}, "there is no class 'scratch'"),
        ({"faults": [{"per_100m": 4, "colour": "red"}]}, "colour"),
        ({"faults": [{"per_100m": 4, "snr": [9, 6]}]}, "snr goes from low to high"),
        ({"faults": [{"per_100m": 4, "times": 2}]}, "times needs gap_mm"),
        ({"nuisances": [{"per_100m": 4, "classes": ["hole"]}]}, "there is no class 'hole'"),
        ({"camera": [{"what": {"smoke": {}}}]}, "there is no 'smoke'; there are: dust"),
        ({"camera": [{"what": {"dust": {"colour": 3}}}]}, "colour"),
        ({"camera": [{"what": {"dust": {"from_m": 3, "to_m": 2}}}]}, "before it begins"),
        ({"motion": {"weaving": {}, "table": {}}}, "must be one name"),
        ({"motion": {"moves": {"list": []}}}, "list"),
        ({"geometry": {"skew": 0.9}}, "skew"),
        ({"geometry": {"skews": 0.01}}, "geometry has no 'skews'"),
        ({"encoder": {"jitters": 0.01}}, "encoder has no 'jitters'"),
        ({"motion": {"table": {"m_per_mins": 3}}}, "table has no 'm_per_mins'"),
        ({"motion": {"moves": {"list": [{"back": {"m": 3}}]}}}, "back has no 'm'"),
        ({"cameras": [{"count": 9}]}, "count"),
        ({"cameras": [{"count": 1}, {"count": 2}]}, "same name"),
        ({"format": 99}, "update weftwatch"),
        ({"expect": {"beauty": 1}}, "beauty"),
    ],
)
def test_what_a_pack_must_not_say_is_named(tmp_path: Path, changed: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as refused:
        load(tmp_path, **changed)
    assert says in str(refused.value)


def test_a_pack_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no pack 'S77': name S0, S1, .*, or a YAML file"):
        load_scenario("S77")


def test_a_motion_takes_the_cloths_picks_and_the_runs_seed(tmp_path: Path) -> None:
    weaving = load(tmp_path, motion={"weaving": {"ppm": 500, "ppi": 1}}).motion_of(48.0, 7)
    assert isinstance(weaving, Weaving)
    assert (weaving.ppm, weaving.ppi, weaving.seed) == (500, 48.0, 7)
    table = load(tmp_path, motion={"table": {"m_per_min": 60}}).motion_of(48.0, 7)
    assert isinstance(table, Table)
    assert (table.m_per_min, table.seed) == (60, 7)
    moves = [{"forward": {"mm": 100}}, {"stop": {"s": 2}}, {"back": {"mm": 3}}]
    listed = load(tmp_path, motion={"moves": {"times": 2, "list": moves}}).motion_of(48.0, 7)
    assert listed == Motion((Forward(100), Stop(2), Back(3)) * 2)
    assert load(tmp_path).motion_of(48.0, 7) is None


def test_what_a_camera_suffers_comes_again() -> None:
    dust = Suffered(what={"dust": {"column": 8, "from_m": 2, "to_m": 3}}, every_m=10)
    assert dust.kind == "dust"
    assert [(one.from_m, one.to_m) for one in repeated(dust, 25)] == [(2, 3), (12, 13), (22, 23)]
    assert all(isinstance(one, Dust) and one.column == 8 for one in repeated(dust, 25))
    assert len(repeated(dust, 1)) == 1
    once = Suffered(what={"lamp_step": {"share": 0.1}})
    assert (once.kind, repeated(once, 1000)) == ("lamp step", [LampStep(0.0, math.inf, 0.1)])
