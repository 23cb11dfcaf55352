"""Small packs through the whole runtime, with the demo bundle and the twill that it knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks import scenarios
from benchmarks.scenario.record import read_record
from benchmarks.scenario.styles import Bundles
from benchmarks.scenarios import main
from benchmarks.styles import Study
from runtime.errors import UserError
from runtime.events import AlarmEvent
from runtime.simulator.scenario import Scenario
from runtime.stream import DEMO_BUNDLE

MIDDLE_MM = 80.0
"""Of the cloth: nearer to an edge a large hole can be taken for it (runtime/preprocess/cloth.py)."""
PACK: dict[str, Any] = {
    "name": "small",
    "about": "Two faults and a dusty window.",
    "styles": ["twill22"],
    "metres": 0.8,
    "width_px": 800,
    "mm_per_px": 0.2,
    "faults": [
        {"at_m": [0.2], "classes": ["hole"], "severities": [0.3], "x_mm": MIDDLE_MM},
        {"at_m": [0.5], "classes": ["knot"], "severities": [0.9], "x_mm": MIDDLE_MM},
    ],
    "camera": [{"what": {"lamp_step": {"share": 0.03, "from_m": 0.3}}}],
    "expect": {"recall": [{"name": "holes", "classes": ["hole"], "at_least": 1.0}]},
}


def written(folder: Path, **changed: Any) -> str:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump({**PACK, **changed}))
    return str(path)


def test_a_pack_is_run_once_measured_and_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pack, work, report = written(tmp_path), tmp_path / "work", tmp_path / "out.json"
    arguments = ["--pack", pack, "--bundle", str(DEMO_BUNDLE), "--work", str(work), "--json", str(report)]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    told = json.loads(report.read_text())["packs"]["small"]
    assert told["recall"]["hole"]["SNR >= 9"]["count"] == 1
    assert told["lines"]["balanced"] is True
    assert told["lines"]["in"] == told["lines"]["inspected"] >= 4000
    assert told["errors_mm"]["start"]["p50"] < 5
    assert told["latency_mm"]["p99"] < 110
    assert told["disturbances"]["lamp step"]["as_expected"]["value"] == 1
    assert "passed, within chance  recall, holes: >= 1; 1/1" in said
    (path,) = (work / "runs").glob("*.json")
    record = read_record(path)
    assert record.looked_mm is not None
    assert record.cloth_mm[0] <= record.looked_mm[0] < MIDDLE_MM < record.looked_mm[1] <= record.cloth_mm[1]
    assert next((fault.cls, fault.x0_mm < MIDDLE_MM < fault.x1_mm) for fault in record.faults) == ("hole", True)

    monkeypatch.setattr(scenarios, "play", lambda *_: pytest.fail("it was there already"))
    assert main(arguments) == 0
    assert capsys.readouterr().out == said
    changed = written(tmp_path, expect={"recall": [{"name": "all", "at_least": 1.0}], "fragments": 1.1})
    main(["--pack", changed, *arguments[2:]])
    assert "recall, all" in capsys.readouterr().out


def test_what_was_missed_shows_in_the_exit_status_and_a_repeated_fault_stops_the_loom(tmp_path: Path) -> None:
    holes = {"at_m": [0.1, 0.25, 0.4, 0.55], "classes": ["hole"], "severities": [0.3], "x_mm": MIDDLE_MM}
    pack = written(tmp_path, faults=[holes], expect={"false_stops_per_100k_picks": 0, "latency_mm": 1})
    work = tmp_path / "work"
    assert main(["--pack", pack, "--bundle", str(DEMO_BUNDLE), "--work", str(work)]) == 1
    record = read_record(next((work / "runs").glob("*.json")))
    assert [event.rule for event in record.events if isinstance(event, AlarmEvent)] == ["repeated"]


def test_a_loom_that_turns_back_and_two_cameras(tmp_path: Path) -> None:
    moves = [{"forward": {"mm": 300}}, {"back": {"mm": 20}}, {"forward": {"mm": 300}}]
    cameras = [{"name": "two", "count": 2, "overlap_mm": 10}]
    pack = written(
        tmp_path,
        motion={"moves": {"list": moves}},
        encoder={"trigger": "position_up"},
        cameras=cameras,
        faults=[{"at_m": [0.2, 0.4], "classes": ["hole"], "severities": [0.3], "x_mm": 40}],
        camera=[],
    )
    work = tmp_path / "work"
    main(["--pack", pack, "--bundle", str(DEMO_BUNDLE), "--work", str(work)])
    record = read_record(next((work / "runs").glob("*.json")))
    assert record.variant == "two"
    assert [camera.camera for camera in record.summary.cameras] == ["camera1", "camera2"]
    assert record.metres == pytest.approx(0.58, abs=0.03)
    assert [round(fault.y0_m, 1) for fault in record.faults] == [0.2, 0.4]


def test_the_command_line_stands_in_for_the_packs_own(tmp_path: Path) -> None:
    options = scenarios._options(
        [
            "--pack",
            "S2",
            "--seeds",
            "4,5",
            "--styles",
            "satin5",
            "--metres",
            "2",
            "--width",
            "512",
            "--mm-per-px",
            "0.4",
        ]
    )
    (first, second) = scenarios.runs(scenarios.load_scenario("S2"), options)
    assert (first.name, second.name) == ("S2-satin5-seed4", "S2-satin5-seed5")
    assert (first.metres, first.width_px, first.mm_per_px) == (2, 512, 0.4)


def test_a_style_without_a_bundle_is_made_from_its_own_clean_cloth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def step(arguments: list[str], place: Path) -> dict[str, Any]:
        asked.append(arguments)
        if arguments[0] == "train":
            (place / "trained").mkdir()
            (place / "trained" / "recipe.yaml").touch()
        if arguments[:2] == ["export", "bundle"]:
            Path(arguments[arguments.index("--out") + 1]).symlink_to(DEMO_BUNDLE)
        return {}

    monkeypatch.setattr("benchmarks.styles.run_step", step)
    clean, taught = (
        Scenario(name="T", about="x", styles=("plain",), metres=1, teach={"faults_per_100m": n}) for n in (0, 50)
    )
    other = Study("rd4ad", "efficientnet_lite0", seed=0, precision="int8", promised=0.5)
    made = Bundles(other, tmp_path, roll_m=6, threshold_m=18).of(taught, "plain", 600, 0.3)
    assert made.recipe.name == "demo-twill"
    train, export, int8, engine, threshold = asked
    teaching = [
        *(f"sim:plain?width=600&mm_per_px=0.3&defects_per_100m=50&seed={seed}" for seed in range(1001, 1005)),
        *("--sim-lines", "20000"),
    ]
    assert train[train.index("--rolls") + 1 :][:6] == int8[int8.index("--rolls") + 1 :] == teaching
    assert (export[:2], int8[:2], engine[:2]) == (["export", "bundle"], ["calibration", "int8"], ["export", "engine"])
    assert threshold[threshold.index("--rolls") + 1 :] == [
        *(f"sim:plain?width=600&mm_per_px=0.3&seed={seed}" for seed in (2001, 2002, 2003)),
        *("--sim-lines", "20000", "--engine", "openvino", "--precision", "int8", "--device", "CPU"),
        *("--false-alarms-per-100m", "0.5"),
    ]
    given = Bundles(other, tmp_path, {"": DEMO_BUNDLE, "satin5": tmp_path})
    assert given.of(clean, "plain", 600, 0.3).recipe.name == "demo-twill"
    with pytest.raises(UserError, match="run it without --bundle"):
        given.of(taught, "plain", 600, 0.3)


def test_bundles_and_training_are_taken_from_the_command_line(tmp_path: Path) -> None:
    asked = ["--pack", "S0", "--bundle", "all", "--bundle-for", "plain=one", "--bundle-for", "satin5=other"]
    training = ["--steps", "7", "--model", "knn", "--teacher", "resnet18", "--train-seed", "3", "--precision", "int8"]
    training += ["--false-alarms-per-100m", "0.5", "--threshold-metres", "300"]
    bundles = scenarios._bundles(scenarios._options([*asked, *training]), tmp_path)
    assert bundles.given == {"": Path("all"), "plain": Path("one"), "satin5": Path("other")}
    study = Study("knn", "resnet18", 3, ("--steps", "7"), promised=0.5, precision="int8")
    assert (bundles.study, bundles.work, bundles.threshold_m) == (study, tmp_path.resolve(), 300)
    with pytest.raises(SystemExit):
        scenarios._options(["--pack", "S0", "--bundle-for", "plain"])
