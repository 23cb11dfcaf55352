"""From a stream to its report, by the two commands."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from runtime.command import status
from runtime.report import main as report
from runtime.rolls.reading import read_roll
from runtime.stream import main as stream
from tests.runtime.bundles import CLOTH, MM_PER_PX, SPOT, make_bundle
from tests.runtime.cameras.strips import write_png

SPOTS = 8


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bundle and a strip that has spots, the first one broad."""
    folder = tmp_path_factory.mktemp("report")
    make_bundle(folder / "bundle")
    strip = np.full((1600, 200), CLOTH, np.uint8)
    for number in range(SPOTS):
        strip[100 + 180 * number :][:12, 60 : 72 + 60 * (number == 0)] = SPOT
    write_png(folder / "strip.png", strip)
    return folder


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    monkeypatch.setattr("runtime.stream.signal.signal", lambda *_: None)
    return place


def run(roll: Path | None, *options: str) -> int:
    camera = f"replay:strip.png?mm_per_px={MM_PER_PX}&cloth=all"
    kept = ["--roll", str(roll)] if roll else []
    return status(stream, ["--camera", camera, "--bundle", "bundle", "--json", *kept, *options])


def test_a_stream_keeps_its_roll(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = ["--roll-id", "r9", "--style", "denim", "--loom", "12", "--shift", "early"]
    assert run(tmp_path / "roll", *told) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {event["roll"] for event in events} == {"r9"}
    roll = read_roll(tmp_path / "roll")
    assert (roll.label.id, roll.label.style, roll.label.loom) == ("r9", "denim", "12")
    assert [(run.shift, run.how) for run in roll.runs] == [("early", "end_of_input")]
    assert len(roll.defects) == SPOTS
    assert all(one.crop and one.crop.exists() for one in roll.defects)
    assert (roll.metres, roll.cloth.inspected_m, roll.cloth.width_mm) == (0.8, 0.8, 100.0)


def test_started_again_the_roll_goes_on(here: Path, tmp_path: Path) -> None:
    assert run(tmp_path / "roll", "--roll-id", "r9", "--shift", "early") == 0
    assert run(tmp_path / "roll", "--shift", "late") == 0
    roll = read_roll(tmp_path / "roll")
    assert (roll.label.id, [run.shift for run in roll.runs]) == ("r9", ["early", "late"])
    assert (len(roll.defects), roll.metres) == (2 * SPOTS, 1.6)


@pytest.mark.parametrize(("options", "kept"), [([], SPOTS), (["--crops", "3"], 3), (["--crops-mb", "0.0000001"], 0)])
def test_crops_within_a_quota(here: Path, tmp_path: Path, options: list[str], kept: int) -> None:
    assert run(tmp_path / "roll", *options) == 0
    assert len(list((tmp_path / "roll" / "crops").iterdir())) == kept
    assert sum(one.crop is not None for one in read_roll(tmp_path / "roll").defects) == kept


@pytest.mark.parametrize("option", ["--roll-id", "--style", "--loom", "--shift"])
def test_what_belongs_to_a_roll_needs_one(here: Path, capsys: pytest.CaptureFixture[str], option: str) -> None:
    assert run(None, option, "x") == 2
    assert f"{option} belongs to a roll: name its folder with --roll." in capsys.readouterr().err


def test_another_rolls_folder_is_refused(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "roll", "--style", "denim") == 0
    assert run(tmp_path / "roll", "--style", "shirting") == 2
    assert "holds a roll whose style is 'denim', not 'shirting'" in capsys.readouterr().err


@pytest.fixture(scope="module")
def roll(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr("runtime.stream.signal.signal", lambda *_: None)
        folder = tmp_path_factory.mktemp("rolls") / "4711"
        assert run(folder) == 0
    return folder


@pytest.mark.parametrize(
    ("options", "files"),
    [
        ([], {"report.html"}),
        (["--format", "json"], {"report.json"}),
        (
            ["--format", "csv", "--format", "html"],
            {"defects.csv", "points.csv", "not_inspected.csv", "repeats.csv", "maintenance.csv", "report.html"},
        ),
    ],
)
def test_formats(roll: Path, tmp_path: Path, options: list[str], files: set[str]) -> None:
    assert status(report, [str(roll), "--out", str(tmp_path / "out"), *options]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == files
    assert all(path.stat().st_size > 20 for path in (tmp_path / "out").iterdir())


def test_without_out_it_lies_in_the_rolls_folder(roll: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(report, [str(roll)]) == 0
    assert "Roll 4711" in (roll / "report" / "report.html").read_text()
    assert str(roll / "report" / "report.html") in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "points"),
    [([], 4), (["--policy", "metric"], 4), (["--policy", "house.yaml"], 8), (["--hole", "1"], 4)],
)
def test_graded_by_the_policy(here: Path, roll: Path, tmp_path: Path, options: list[str], points: int) -> None:
    """Eight spots in one yard are four points at most, unless the house says otherwise."""
    (here / "house.yaml").write_text("name: house\nfour_point: {most_per_bin: 99}\n")
    assert status(report, [str(roll), "--format", "json", "--out", str(tmp_path), *options]) == 0
    content = json.loads((tmp_path / "report.json").read_text())
    assert content["four_point"]["points"] == points
    assert content["defects"][0]["hole"] is ("--hole" in options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "There is no roll at 'nowhere'"),
        (["ROLL", "--policy", "nothing"], "There is no policy 'nothing'"),
        (["ROLL", "--hole", "99"], "0 defects of the roll are called '99'"),
        (["ROLL", "--out", "/dev/null/out"], "Cannot write the report '/dev/null/out/report.html'"),
    ],
)
def test_what_can_be_put_right(
    roll: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert status(report, [str(roll) if word == "ROLL" else word for word in arguments]) == 2
    assert message in capsys.readouterr().err
