"""All models beside each other: the runs of benchmarks.accuracy that the project's own table is made of.

    python -m benchmarks.matrix --data aitex --fabrics 01,02,03 --score-on planted --work out/matrix

A run whose report is in the work folder is not made again, and a training that was cut off goes on, so the command
can be stopped at any time and started again. A row's value is the mean of its seeds, with the lowest and the highest.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.styles import run_step
from runtime.command import parser, run
from runtime.errors import UserError

SEEDS = (1, 2, 3)


@dataclass(frozen=True)
class Row:
    """A row of the table: a model on a teacher, with further arguments of benchmarks.accuracy, for some seeds."""

    model: str
    teacher: str
    seeds: tuple[int, ...] = SEEDS[:1]
    arguments: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return " ".join((self.model, self.teacher, *self.arguments))

    def report(self, folder: Path, seed: int) -> Path:
        """Where the report of one seed lies."""
        return folder / f"{self.name.replace(' ', '_').replace('--', '')}-seed{seed}.json"


ROWS = (
    Row("knn", "efficientnet_lite2", arguments=("--channels", "net")),
    Row("rd4ad", "efficientnet_lite2", arguments=("--channels", "filters")),
    Row("rd4ad", "efficientnet_lite2", arguments=("--channels", "net")),
    Row("rd4ad", "efficientnet_lite2", arguments=("--channels", "net", "--taps", "23")),
    Row("rd4ad", "efficientnet_lite2", SEEDS),
    Row("rd4ad", "efficientnet_lite0", SEEDS),
    Row("cfa", "efficientnet_lite2"),
    Row("cfa", "efficientnet_lite2", arguments=("--channels", "net")),
    Row("uninet", "efficientnet_lite2"),
    Row("uninet", "efficientnet_lite2", arguments=("--channels", "net")),
    Row("uninet", "efficientnet_lite2", arguments=("--supervised",)),
)
"""A model of one teacher and seed is trained once, however many rows look at it."""

MEASURES = {"tile_auroc": "tile AUROC", "pixel_auroc": "pixel AUROC", "pro": "PRO", "event_recall": "event recall"}


def make(row: Row, options: argparse.Namespace) -> list[dict[str, Any]]:
    """The reports of a row's seeds, made where they are not there yet.

    Raises:
        UserError: a run failed.
    """
    folder = options.work / options.score_on
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for seed in row.seeds:
        path = row.report(folder, seed)
        if not path.exists():
            print(f"{row.name}, seed {seed} ...", flush=True)
            asked = ["--model", row.model, "--teacher", row.teacher, "--seed", str(seed), *row.arguments]
            where = ["--data", str(options.data), "--fabrics", options.fabrics, "--score-on", options.score_on]
            kept = ["--work", str(options.work / "styles"), "--json", str(path)]
            run_step(["benchmarks.accuracy", *where, *asked, *kept], folder)
        found.append(json.loads(path.read_text(encoding="utf-8")))
    return found


def line(name: str, reports: Sequence[dict[str, Any]]) -> str:
    """A row in words: tile AUROC by fabric, then the means over fabrics."""
    fabrics = list(reports[0]["fabrics"])
    cells = [_cell([r["fabrics"][f]["measures"]["tile_auroc"] for r in reports]) for f in fabrics]
    cells += [_cell([r["mean"][measure] for r in reports]) for measure in MEASURES]
    return f"| {name} | " + " | ".join(cells) + " |"


def _cell(estimates: Sequence[dict[str, float] | None]) -> str:
    values = [estimate["value"] for estimate in estimates if estimate is not None]
    if not values:
        return "-"
    spread = f" ({min(values):.3f} to {max(values):.3f})" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{spread}"


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    options = _options(arguments)
    fabrics = options.fabrics.split(",")
    rows = [row for row in ROWS if not options.only or row.model in options.only]
    if not rows:
        raise UserError(f"--only {' '.join(options.only)}: no row has such a model.")
    lines = [line(row.name, make(row, options)) for row in rows]
    head = ["", *(f"tile AUROC {fabric}" for fabric in fabrics), *(f"mean {words}" for words in MEASURES.values())]
    print("\n".join([f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *lines]))
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    made = parser("benchmarks.matrix", __doc__)
    made.add_argument("--data", type=Path, required=True, metavar="DIR", help="as for benchmarks.accuracy")
    made.add_argument("--fabrics", required=True, metavar="NN,NN")
    made.add_argument("--score-on", choices=("planted", "test"), default="planted", help="(default %(default)s)")
    made.add_argument("--work", type=Path, required=True, metavar="DIR", help="keeps styles and reports")
    made.add_argument("--only", nargs="+", metavar="MODEL", help="rows of these models alone")
    return made.parse_args(arguments)


if __name__ == "__main__":
    run(main)
