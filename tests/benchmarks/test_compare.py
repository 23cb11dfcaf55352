"""Two reports beside each other."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import compare
from benchmarks.compare import check_comparable, differences, table, verdict
from benchmarks.report import SCHEMA
from runtime.command import status

FIVE = [100.0, 101.0, 99.0, 102.0, 98.0]
REPORT: dict[str, Any] = {
    "report": "latency",
    "schema": SCHEMA,
    "bundle": "0123",
    "geometry": {"tile": 256, "margin": 28, "channels": 1},
    "settings": {"engine": "openvino", "precision": "fp32", "width_px": 4096},
    "host": {"cpu": "one", "load_average_before": 0.1},
    "board": {"l4t": "36.4.3"},
    "measures": {
        "full: tiles": {"unit": "tiles/s", "better": "more", "values": FIVE},
        "full: row p50": {"unit": "ms", "better": "less", "values": FIVE},
        "paced: rows dropped": {"unit": "rows", "better": "less", "values": [0.0] * 5},
    },
}


def changed(part: str, **values: Any) -> dict[str, Any]:
    report = copy.deepcopy(REPORT)
    report[part] = {**report[part], **values}
    return report


def written(path: Path, report: Any) -> str:
    path.write_text(report if isinstance(report, str) else json.dumps(report))
    return str(path)


@pytest.mark.parametrize(
    ("b", "more", "less"),
    [
        ([value * 1.1 for value in FIVE], "better", "worse"),
        ([value * 0.9 for value in FIVE], "worse", "better"),
        ([*FIVE[:4], 130.0], "within the spread", "within the spread"),
        ([110.0, 111.0, 112.0, 113.0, 101.5], "better", "worse"),  # one slow window does not hide four
        ([200.0], "too few windows to tell", "too few windows to tell"),
        (FIVE[::-1], "the same", "the same"),
    ],
)
def test_what_a_difference_is_worth(b: list[float], more: str, less: str) -> None:
    assert (verdict(FIVE, b, "more"), verdict(FIVE, b, "less")) == (more, less)


@pytest.mark.parametrize(
    ("b", "wanted"),
    [
        (REPORT, []),
        (changed("settings", precision="int8"), ["settings precision: fp32 | int8"]),
        (changed("host", load_average_before=9.0), []),
        (changed("host", cpu="two", tensorrt="10.3"), ["host cpu: one | two", "host tensorrt: None | 10.3"]),
        (changed("board", power_mode="MAXN"), ["board power_mode: None | MAXN"]),
        ({**REPORT, "bundle": "4567"}, ["bundle: 0123 | 4567"]),
        ({name: value for name, value in REPORT.items() if name != "board"}, ["board: {'l4t': '36.4.3'} | None"]),
    ],
)
def test_what_was_taken_differently_is_named(b: dict[str, Any], wanted: list[str]) -> None:
    assert differences(REPORT, b) == wanted


def test_the_table_has_medians_and_ratios_and_what_only_one_has() -> None:
    b = copy.deepcopy(REPORT)
    b["measures"]["full: tiles"]["values"] = [value * 2 for value in FIVE]
    b["measures"]["full: upload a row"] = {"unit": "ms", "better": "less", "values": FIVE}
    b["measures"]["full: row p50"]["values"] = []
    told = table(REPORT, b).splitlines()
    assert told[1].split() == ["full:", "tiles", "100.000", "200.000", "tiles/s", "2.000", "better"]
    assert told[2].split() == ["paced:", "rows", "dropped", "0.000", "0.000", "rows", "the", "same"]
    assert told[3:] == ["only in B: full: upload a row"]


@pytest.mark.parametrize(
    ("b", "complaint"),
    [
        (changed("geometry", tile=128), "tiles differ (tile 256 and 128)"),
        ({**REPORT, "report": "throughput"}, "of latency, the other of throughput"),
        ({**REPORT, "schema": SCHEMA + 1}, f"has schema {SCHEMA + 1}, this version compares {SCHEMA}"),
        ({"accuracy": 1}, "is not a report"),
        ("[1, 2", "is not JSON"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    b: Any, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [written(tmp_path / "a.json", REPORT), written(tmp_path / "b.json", b)]
    assert status(compare.main, arguments) == 2
    assert complaint in capsys.readouterr().err


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = written(tmp_path / "a.json", REPORT)
    assert compare.main([a, a]) == 0
    assert capsys.readouterr().out.startswith("Taken alike.")
    assert compare.main([a, written(tmp_path / "b.json", changed("settings", width_px=2048))]) == 0
    assert "Taken differently (A | B):\n  settings width_px: 4096 | 2048\n" in capsys.readouterr().out
    assert status(compare.main, [a, str(tmp_path / "nothing.json")]) == 2
    check_comparable(REPORT, REPORT)
