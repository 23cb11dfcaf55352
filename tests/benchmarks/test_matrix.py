"""The matrix makes what is not there, and puts seeds and fabrics into one table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks import matrix
from runtime.command import status

COMMON = ["--data", "nowhere", "--fabrics", "01,02"]


def report(value: float) -> dict[str, Any]:
    told = {"value": value, "low": value, "high": value}
    return {
        "fabrics": {name: {"measures": {"tile_auroc": told}} for name in ("01", "02")},
        "mean": dict.fromkeys(matrix.MEASURES, told) | {"pro": None},
    }


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Stands for benchmarks.accuracy: leaves a report whose value is a tenth of the seed."""
    calls: list[list[str]] = []

    def step(arguments: Sequence[str], place: Path) -> dict[str, Any]:
        calls.append(list(arguments))
        seed = int(arguments[arguments.index("--seed") + 1])
        Path(arguments[arguments.index("--json") + 1]).write_text(json.dumps(report(seed / 10)))
        return {}

    monkeypatch.setattr(matrix, "run_step", step)
    monkeypatch.setattr(matrix, "ROWS", (matrix.Row("knn", "t"), matrix.Row("rd4ad", "t", (1, 3), ("--taps", "3"))))
    return calls


def test_every_seed_of_every_row_is_made_once(
    asked: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*COMMON, "--work", str(tmp_path)]
    assert matrix.main(options) == 0
    assert [(call[call.index("--model") + 1], call[call.index("--seed") + 1]) for call in asked] == [
        ("knn", "1"), ("rd4ad", "1"), ("rd4ad", "3"),
    ]  # fmt: skip
    assert all(call[0] == "benchmarks.accuracy" and "planted" in call for call in asked)
    assert asked[1][asked[1].index("--taps") + 1] == "3"
    told = capsys.readouterr().out.splitlines()[-2:]
    assert told[0] == "| knn t | 0.100 | 0.100 | 0.100 | 0.100 | - | 0.100 |"
    spread = "0.200 (0.100 to 0.300)"
    assert told[1] == f"| rd4ad t --taps 3 | {' | '.join([spread] * 4)} | - | {spread} |"
    assert matrix.main(options) == 0
    assert len(asked) == 3, "what is there is not made again"


def test_rows_of_one_model_alone(asked: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert matrix.main([*COMMON, "--work", str(tmp_path), "--only", "knn", "--score-on", "test"]) == 0
    assert [call[call.index("--score-on") + 1] for call in asked] == ["test"]
    assert status(matrix.main, [*COMMON, "--work", str(tmp_path), "--only", "padim"]) == 2
    assert "no row has such a model" in capsys.readouterr().err
