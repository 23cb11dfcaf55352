"""Accuracy over strips whose defects are bright squares and an engine that sees brightness."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import accuracy
from benchmarks.aitex import Strip
from benchmarks.boxes import Box
from runtime.errors import UserError
from tests.benchmarks.analytic_bundle import bright_means_defect

LINES, WIDTH = 256, 640
HEAD = "path,fabric,kind,defect,cloth_x0,mask,split\n"


def strip_with(path: Path, *squares: tuple[int, int], seed: int) -> np.ndarray:
    """Write a strip of noise with bright squares of 24 px at (x, line); returns their mask, uint8."""
    cloth = np.random.default_rng(seed).integers(90, 130, (LINES, WIDTH), dtype=np.uint8)
    mask = np.zeros_like(cloth)
    for x, line in squares:
        cloth[line : line + 24, x : x + 24] = 220
        mask[line : line + 24, x : x + 24] = 255
    cv2.imwrite(str(path), cloth)
    return mask


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """One normal strip with a bright square off the cloth; one found, one found in half, one missed; one unmasked."""
    strip_with(tmp_path / "normal.png", (20, 100), seed=0)
    both = strip_with(tmp_path / "found.png", (200, 60), (480, 180), seed=1)
    cv2.imwrite(str(tmp_path / "found_mask.png"), both)
    half = strip_with(tmp_path / "half.png", (300, 100), seed=2)
    half[10:12, 500:502] = 255  # a second piece that nothing shows
    cv2.imwrite(str(tmp_path / "half_mask.png"), half)
    strip_with(tmp_path / "missed.png", (400, 100), seed=3)  # an event where no defect is
    elsewhere = np.zeros((LINES, WIDTH), np.uint8)
    elsewhere[40:50, 200:210] = 255
    cv2.imwrite(str(tmp_path / "missed_mask.png"), elsewhere)
    strip_with(tmp_path / "unmasked.png", (300, 100), seed=4)
    rows = "normal.png,01,normal,,64,,test\nfound.png,01,defect,knots,64,found_mask.png,test\n"
    rows += "half.png,01,defect,knot,64,half_mask.png,test\nmissed.png,01,defect,hole,64,missed_mask.png,test\n"
    rows += "unmasked.png,01,defect,slub,64,,test\n"
    (tmp_path / "manifest.csv").write_text(HEAD + rows)
    return tmp_path


def test_the_command_counts_what_the_runtime_found(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    judged = bright_means_defect(tmp_path, opens=0.7, keeps=0.6)
    monkeypatch.setattr(accuracy, "load_engine", lambda *_: judged.engine)
    out = tmp_path / "report.json"
    command = ["--data", str(data), "--fabric", "01", "--bundle", str(judged.bundle.path), "--json", str(out)]
    assert accuracy.main(command) == 0
    report = json.loads(out.read_text())
    assert (report["defect_strips"], report["defect_strips_found"]) == (4, 3)
    assert report["missed"] == ["missed.png (hole)"]
    assert (report["pieces"], report["pieces_found"]) == (5, 3)
    assert report["defect_strip_false_events"] == 1
    assert (report["normal_strips"], report["normal_strip_false_events"]) == (1, 0)
    assert report["events_off_cloth"] == 1
    assert (report["lines"], report["lines_not_inspected"]) == (5 * LINES, 0)
    # Two whole tiles a strip, [64, 320) and [320, 576). Positive: found.png both (bright), half.png both (the
    # second dull), missed.png the first (dull; its second is bright). Negative and bright: missed.png's second;
    # negative and dull: normal.png's both. So of 5 x 3 pairs the 3 bright win 2 each, all else is near chance.
    bright_beats_dull = 3 * 2
    assert bright_beats_dull / 15 <= report["tile_auroc"] <= (bright_beats_dull + 3 + 4) / 15
    assert "strips found                    3 of 4" in capsys.readouterr().out


def test_a_strip_that_cannot_be_read_ends_the_measurement(data: Path, tmp_path: Path) -> None:
    judged = bright_means_defect(tmp_path, opens=0.7, keeps=0.6)
    (data / "found.png").write_bytes(b"no image")
    strips = [Strip(data / name, "01", None, 0, None, "test") for name in ("normal.png", "found.png")]
    with pytest.raises(UserError, match=r"found\.png"):
        accuracy.measure(judged, strips)


def test_a_mask_of_another_size_is_refused(data: Path) -> None:
    strip = Strip(data / "found.png", "01", "knots", 0, data / "found_mask.png", "test")
    with pytest.raises(UserError, match="manifest"):
        accuracy.read_mask(strip, (LINES, WIDTH + 1))


def test_what_lies_left_of_the_cloth_does_not_count() -> None:
    strip = Strip(Path("a.png"), "01", "knot", 100, Path("m.png"), "test")
    mask = np.zeros((50, 200), np.bool_)
    mask[10:12, 150:152] = True
    result = accuracy.judge_strip(strip, mask, [Box(80, 100, 0, 50), Box(90, 160, 0, 50)])
    assert (result.events, result.events_off_cloth, result.found, result.false_events) == (1, 1, True, 0)
