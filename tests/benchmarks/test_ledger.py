from __future__ import annotations

import csv
import subprocess
from pathlib import Path

import pytest

from benchmarks.bootstrap import Estimate
from benchmarks.ledger import COLUMNS, WRITTEN, append_run, commit
from runtime.errors import UserError

ASKED = {"model": "rd4ad", "teacher": "resnet18", "settings": "--steps 5", "seed": "1", "engine": "openvino-fp32"}


def measures(tile: float | None) -> dict[str, Estimate | None]:
    found: dict[str, Estimate | None] = dict.fromkeys(WRITTEN, Estimate(0.5, 0.4, 0.6))
    return {**found, "tile_auroc": None if tile is None else Estimate(tile, 0, 1), "tile_ap": None}


def test_each_run_adds_a_row(tmp_path: Path) -> None:
    ledger = tmp_path / "TEST_RUNS.csv"
    for tile in (0.91, None):
        append_run(ledger, ASKED, {"01": measures(tile), "02": measures(0.7)}, measures(0.8))
    assert ledger.read_text().splitlines()[0] == ",".join(COLUMNS)
    first, second = csv.DictReader(ledger.open())
    assert first["tile_auroc"] == "01 0.9100; 02 0.7000; mean 0.8000"
    assert second["tile_auroc"] == "01 ; 02 0.7000; mean 0.8000"
    assert (first["fabrics"], first["settings"], first["pro"]) == ("01 02", "--steps 5", "0.5000")
    assert first["commit"] == "unknown"


def test_the_commit_is_named_and_changes_are_told(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True, capture_output=True)

    git("init")
    (tmp_path / "code.py").write_text("1\n")
    git("add", ".")
    git("commit", "-m", "first")
    ledger = tmp_path / "TEST_RUNS.csv"
    ledger.touch()
    clean = commit(ledger)
    assert len(clean) >= 7
    assert not clean.endswith("+")
    (tmp_path / "code.py").write_text("2\n")
    assert commit(ledger) == f"{clean}+"


def test_a_ledger_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="test run"):
        append_run(tmp_path / "absent" / "runs.csv", ASKED, {"01": measures(0.9)}, measures(0.9))
