"""The whole command on a few made-up strips whose defects are bright squares, with a net that sees brightness."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import accuracy
from benchmarks.accuracy import main
from runtime.errors import UserError
from tests.benchmarks.masks import mask, write_cloth, write_mask
from tests.runtime.bundles import make_bundle

LINES, WIDTH, X0 = 256, 640, 64
HEAD = "path,fabric,kind,defect,cloth_x0,mask,split\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Test strips: a normal one with a bright square off the cloth; found, found in half, missed; one without mask."""
    folder = tmp_path / "data"
    for seed, use in enumerate(("train", "calibration", "calibration2")):
        write_cloth(folder / f"{use}.png", LINES, WIDTH, seed=10 + seed)
    write_cloth(folder / "normal.png", LINES, WIDTH, (20, 100), seed=0)
    write_mask(
        folder / "found_mask.png", write_cloth(folder / "found.png", LINES, WIDTH, (200, 60), (480, 180), seed=1)
    )
    half = write_cloth(folder / "half.png", LINES, WIDTH, (300, 100), seed=2)
    half[10:12, 500:502] = True  # a second piece that nothing shows
    write_mask(folder / "half_mask.png", half)
    write_cloth(folder / "missed.png", LINES, WIDTH, (400, 100), seed=3)  # an event where no defect is
    write_mask(folder / "missed_mask.png", mask(LINES, WIDTH, (200, 210, 40, 50)))
    write_cloth(folder / "unmasked.png", LINES, WIDTH, (300, 100), seed=4)
    rows = [("train", "normal,", "", "train"), ("calibration", "normal,", "", "calibration")]
    rows += [("calibration2", "normal,", "", "calibration"), ("normal", "normal,", "", "test")]
    rows += [(name, "defect,knot", f"{name}_mask.png", "test") for name in ("found", "half", "missed")]
    rows += [("unmasked", "defect,slub", "", "test")]
    lines = [f"{name}.png,01,{kind},{X0},{where},{split}\n" for name, kind, where, split in rows]
    (folder / "manifest.csv").write_text(HEAD + "".join(lines))
    return folder


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A work folder in which training, export and thresholds are done; test runs are written down beside it."""
    place = tmp_path / "work" / "rd4ad-efficientnet_lite2" / "01-seed0"
    (place / "trained").mkdir(parents=True)
    (place / "trained" / "recipe.yaml").touch()
    make_bundle(place / "bundle")
    monkeypatch.setattr(accuracy, "LEDGER", tmp_path / "TEST_RUNS.csv")
    monkeypatch.setattr(accuracy, "measure_tiles_per_s", lambda _: 7.0)
    return tmp_path / "work"


def report_of(data: Path, work: Path, *arguments: str) -> dict[str, Any]:
    out = work.parent / "report.json"
    assert main(["--data", str(data), "--fabrics", "01", "--work", str(work), "--json", str(out), *arguments]) == 0
    return json.loads(out.read_text())


def test_the_test_strips_are_scored_and_written_down(
    data: Path, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = report_of(data, work, "--score-on", "test")
    found = {name: one["value"] for name, one in report["fabrics"]["01"]["measures"].items()}
    # Three tiles a strip, from 64, 320 and (shifted) 384. Defective and bright: found's three, half's first two (its
    # third has 4 px of mask and is left out). Defective and dull: missed's first. Good: normal's three, dull, and
    # missed's other two, bright. Of 6 x 5 pairs, 15 are won, 10 are ties, and 3 are of dull with dull.
    assert 20 / 30 <= found["tile_auroc"] <= 23 / 30
    assert found["strip_auroc"] == 1  # the unmasked one counts here
    assert found["event_recall"] == 3 / 5
    assert found["false_events_per_10mpx"] == found["alarmed_share"] == 0
    strips = {row["strip"]: row for row in report["fabrics"]["01"]["strips"]}
    assert strips["normal.png"]["events"] == 0  # the square left of the cloth is none of it
    assert (strips["missed.png"]["defects_found"], strips["missed.png"]["false_events"]) == (0, 1)
    assert (strips["unmasked.png"]["defects"], strips["unmasked.png"]["events"]) == (None, 1)
    assert report["mean"]["event_recall"] == report["fabrics"]["01"]["measures"]["event_recall"]
    assert "event recall            0.600 [" in capsys.readouterr().out
    (row,) = csv.DictReader((work.parent / "TEST_RUNS.csv").open())
    assert (row["fabrics"], row["event_recall"], row["settings"]) == ("01", "0.6000", "--score max")


def test_choices_are_made_without_opening_the_test(data: Path, work: Path) -> None:
    for name in ("normal", "found", "half", "missed", "unmasked"):
        (data / f"{name}.png").unlink()
        (data / f"{name}_mask.png").unlink(missing_ok=True)
    report = report_of(data, work)
    fabric = report["fabrics"]["01"]
    assert set(fabric["by_contrast"]) == {"weak", "middle", "strong"}
    assert [row["strip"] for row in fabric["strips"][:2]] == ["calibration.png", "calibration2.png"]
    assert {row["contrast"] for row in fabric["strips"][2:]} == {"weak", "middle", "strong"}
    assert fabric["measures"]["tile_auroc"]["value"] > 0.5
    assert (work / "painted" / "01").is_dir()
    assert not (work.parent / "TEST_RUNS.csv").exists()
    again = report_of(data, work)
    assert again["fabrics"]["01"]["measures"] == fabric["measures"]


def test_a_page_shows_the_strips(data: Path, work: Path) -> None:
    page = work.parent / "page"
    report_of(data, work, "--score-on", "test", "--page", str(page))
    html = (page / "index.html").read_text()
    assert html.index("half.png") < html.index("found.png")  # one was missed there
    assert html.index("missed.png") < html.index("found.png")
    assert len(list(page.glob("01-*.png"))) == 5


@pytest.mark.parametrize(("fabrics", "says"), [("01,09", "its fabrics are: 01"), ("01,01", "names a fabric twice")])
def test_wrong_fabrics_are_told(data: Path, work: Path, fabrics: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        main(["--data", str(data), "--fabrics", fabrics, "--work", str(work)])


def test_only_what_was_given_is_passed_on() -> None:
    given = ["--data", "d", "--fabrics", "01"]
    plain = accuracy._study(accuracy._options(given))
    assert (plain.training, plain.export) == ((), ())
    more = ["--bottleneck", "oce", "--set", "a=1", "b=2", "--steps", "9", "--size", "128", "--join", "sum"]
    study = accuracy._study(accuracy._options([*given, *more, "--taps", "3", "--channels", "net"]))
    assert study.training == ("--steps", "9", "--tile", "128", "--set", "a=1", "b=2", "bottleneck=oce")
    assert study.export == ("--taps", "3", "--channels", "net", "--join", "sum")
