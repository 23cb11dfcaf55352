"""The truth of a roll, and the oracle that says what can be seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runtime.errors import UserError
from runtime.simulator.faults import Fault
from runtime.simulator.loom import Loom
from runtime.simulator.snr import CLEAN_LINES, Oracle
from runtime.simulator.truth import Truth, entry_of, write
from runtime.types import Float32, Kind

SIGMA = 7.0


def white(seed: int = 0) -> Oracle:
    noise = np.random.default_rng(seed).normal(100, SIGMA, (CLEAN_LINES, 400)).astype(np.float32)
    return Oracle(lambda first: noise[first : first + 64], (0, 400))


def paint(amplitude: float) -> Float32:
    change = np.zeros((50, 40), np.float32)
    change[5:40, 3:20] = amplitude
    return change


@pytest.mark.parametrize("kind", [*Kind, None])
@pytest.mark.parametrize("amplitude", [-3.0, 8.0])
def test_paint_on_white_noise_has_the_snr_of_the_formula(kind: Kind | None, amplitude: float) -> None:
    seen = white().see(paint(amplitude), kind)
    assert seen.snr == pytest.approx(abs(amplitude) * np.sqrt(35 * 17) / SIGMA, rel=0.03)
    assert seen.contrast_dn == pytest.approx(amplitude)


def test_the_sensors_noise_adds_to_the_cloths() -> None:
    flat = Oracle(lambda first: np.full((64, 400), 90, np.float32), (0, 400), noise_dn=2.0)
    assert flat.see(paint(1.0), Kind.LOCAL).snr == pytest.approx(np.sqrt(35 * 17) / 2)


def test_a_change_larger_than_its_window_counts_in_all_its_parts() -> None:
    flat = Oracle(lambda first: np.full((64, 400), 90, np.float32), (0, 400), noise_dn=1.0)
    assert flat.see(np.ones((300, 390), np.float32), Kind.LOCAL).snr == pytest.approx(np.sqrt(300 * 390))


def test_nothing_is_seen_of_nothing() -> None:
    seen = white().see(np.zeros((9, 9), np.float32), Kind.LOCAL)
    assert (seen.snr, seen.contrast_dn) == (0, 0)


def test_soft_changes_are_worth_less_on_cloth_that_varies_softly() -> None:
    rng = np.random.default_rng(2)
    slow = np.repeat(rng.normal(0, SIGMA, CLEAN_LINES // 16), 16)[:, None] + rng.normal(0, 1, (CLEAN_LINES, 400))
    oracle = Oracle(lambda first: slow[first : first + 64].astype(np.float32), (0, 400))
    band = np.ones((32, 400), np.float32)
    stripes = np.ones((32, 400), np.float32) * np.where(np.arange(32) % 2, 1, -1)[:, None].astype(np.float32)
    assert oracle.see(stripes, Kind.WEFT).snr > 3 * oracle.see(band, Kind.WEFT).snr


def test_single_yarns_are_not_told_apart() -> None:
    noise = np.random.default_rng(4).normal(0, SIGMA, (CLEAN_LINES, 400)).astype(np.float32)
    oracle = Oracle(lambda first: noise[first : first + 64], (0, 400), yarns=(2.0, 2.0))
    stripes = np.ones((60, 60), np.float32) * np.where(np.arange(60) % 2, 8, -8).astype(np.float32)
    assert oracle.see(stripes, Kind.LOCAL).snr < 0.2 * 8 * 60 / SIGMA
    assert oracle.see(np.full((60, 60), 8, np.float32), Kind.LOCAL).snr == pytest.approx(8 * 60 / SIGMA, rel=0.1)


@pytest.fixture(scope="module")
def roll() -> tuple[Loom, Truth]:
    asked = [Fault("nep", 50.0, 0.3, 0.9), Fault("reed_mark", 30.0, 0.1), Fault("crease", 60.0, 0.02, length_mm=100.0)]
    loom = Loom("plain", 500, defects=asked)
    oracle = Oracle.of(loom.fabric, 1.5)
    return loom, Truth(entry_of(one, loom.fabric, oracle) for one in loom.truth(0, 10_000))


def test_entries_say_what_was_asked(roll: tuple[Loom, Truth]) -> None:
    crease, mark, nep = roll[1].entries
    assert [one.cls for one in (crease, mark, nep)] == ["crease", "reed_mark", "nep"]
    assert (nep.kind, nep.severity, nep.expect, nep.continuous) == ("local", 0.9, "defect", False)
    assert nep.snr > 6
    assert nep.min_px == min(nep.x1_px - nep.x0_px, (nep.end_line or 0) - nep.first_line)
    assert (mark.end_line, mark.y1_m, mark.continuous) == (None, None, True)
    assert mark.contrast_dn < 0
    assert crease.polyline[0][1] == pytest.approx(0.02)
    assert crease.polyline[-1][1] == pytest.approx(0.12)


def test_truth_is_read_as_it_was_written(roll: tuple[Loom, Truth], tmp_path: Path) -> None:
    write(tmp_path / "truth.jsonl", reversed(roll[1].entries))
    read = Truth.read(tmp_path / "truth.jsonl")
    assert read.entries == roll[1].entries


@pytest.mark.parametrize(
    ("first", "end", "classes"),
    [
        (0, 100, []),
        (100, 101, ["crease"]),
        (599, 600, ["crease", "reed_mark"]),
        (600, 1000, ["reed_mark"]),
        (1 << 40, (1 << 40) + 1, ["reed_mark"]),
        (0, 2000, ["crease", "reed_mark", "nep"]),
    ],
)
def test_truth_is_asked_for_by_lines(roll: tuple[Loom, Truth], first: int, end: int, classes: list[str]) -> None:
    assert [entry.cls for entry in roll[1].between(first, end)] == classes


@pytest.mark.parametrize("text", ["{", "{}\n", '{"polyline": [], "moth": 1}\n', "[]\n"])
def test_what_is_no_truth_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    path.write_text(text)
    with pytest.raises(UserError, match="line 1"):
        Truth.read(path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        Truth.read(tmp_path / "none.jsonl")
