"""Every look at the test strips, written down: TEST_RUNS.csv, one row a run, never rewritten.

A test that is looked at often is no test any more. The file says how often it was, and with what.
"""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.bootstrap import Estimate
from runtime.errors import UserError

LEDGER = Path(__file__).resolve().parent / "TEST_RUNS.csv"
WRITTEN = ("tile_auroc", "strip_auroc", "pixel_auroc", "pro", "event_recall", "false_events_per_10mpx")
COLUMNS = ("time", "commit", "fabrics", "model", "teacher", "settings", "seed", "engine", *WRITTEN)

Estimates = Mapping[str, Estimate | None]


def append_run(ledger: Path, asked: Mapping[str, str], fabrics: Mapping[str, Estimates], mean: Estimates) -> None:
    """Add a row; the file and its header are made where there is none.

    Args:
        asked: model, teacher, settings, seed and engine.
        fabrics: measures by fabric; of the tile AUROC each fabric's is written, of all the mean.

    Raises:
        UserError: the file cannot be written.
    """
    tiles = [f"{name} {_number(found['tile_auroc'])}" for name, found in fabrics.items()]
    row = {
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit(ledger),
        "fabrics": " ".join(fabrics),
        **asked,
        **{name: _number(mean[name]) for name in WRITTEN},
        "tile_auroc": "; ".join([*tiles, f"mean {_number(mean['tile_auroc'])}"]),
    }
    try:
        new = not ledger.exists()
        with ledger.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)
    except OSError as error:
        raise UserError(f"Cannot write down the test run in '{ledger}': {error.strerror}.") from error


def commit(ledger: Path) -> str:
    """The commit that the ledger's tree is of, '+' if anything but the ledger was changed; 'unknown' outside git."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ledger.parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        head = git("rev-parse", "--short", "HEAD")
        changed = git("status", "--porcelain", "--", ":/", f":(exclude){ledger.name}")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head}+" if changed else head


def _number(estimate: Estimate | None) -> str:
    return "" if estimate is None else f"{estimate.value:.4f}"
