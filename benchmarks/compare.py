"""Two reports of the same benchmark beside each other: what differs in how they were taken, and in what came out.

    python -m benchmarks.latency ... --json a.json          (change something)
    python -m benchmarks.latency ... --json b.json
    python -m benchmarks.compare a.json b.json

Takes reports of benchmarks.latency and benchmarks.throughput. Refused are reports of different benchmarks, of another
schema, and of bundles whose tiles differ: their numbers mean different things. A ratio is of medians, B to A; "within
the spread" says that the windows of A and of B lie so much among each other that the difference may be chance.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from benchmarks.report import SCHEMA
from export.spread import LEAST_WINDOWS, apart, share_above
from runtime.command import parser, run
from runtime.errors import UserError

LOOKED_AT = ("bundle", "settings", "host", "board")
PASSING = ("load_average_before",)
"""What differs between any two runs and is told apart by the windows' spread."""


def read_report(path: Path) -> dict[str, Any]:
    """A report that can be compared.

    Raises:
        UserError: unreadable, not a report, or of another schema.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"Cannot read '{path}': {error.strerror}.") from error
    except ValueError as error:
        raise UserError(f"'{path}' is not JSON: {error}.") from error
    if not isinstance(report, dict) or not {"report", "schema", "measures"} <= report.keys():
        raise UserError(
            f"'{path}' is not a report of benchmarks.latency or benchmarks.throughput: take one with --json."
        )
    if report["schema"] != SCHEMA:
        raise UserError(f"'{path}' has schema {report['schema']}, this version compares {SCHEMA}: measure again.")
    return report


def check_comparable(a: dict[str, Any], b: dict[str, Any]) -> None:
    """Raise UserError unless the two reports' numbers mean the same."""
    if a["report"] != b["report"]:
        raise UserError(f"One report is of {a['report']}, the other of {b['report']}: compare two of the same.")
    if a["geometry"] != b["geometry"]:
        which = ", ".join(f"{name} {a['geometry'].get(name)} and {value}" for name, value in _unlike(a, b, "geometry"))
        raise UserError(f"The bundles' tiles differ ({which}): a tile of one is not a tile of the other.")


def differences(a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    """What differs in how they were taken, one line each."""
    found = []
    for part in LOOKED_AT:
        ours, theirs = a.get(part), b.get(part)
        if isinstance(ours, dict) and isinstance(theirs, dict):
            found += [
                f"{part} {name}: {ours.get(name)} | {value}"
                for name, value in _unlike(a, b, part)
                if name not in PASSING
            ]
        elif ours != theirs:
            found.append(f"{part}: {ours} | {theirs}")
    return found


def _unlike(a: dict[str, Any], b: dict[str, Any], part: str) -> list[tuple[str, Any]]:
    names = [*a[part], *(name for name in b[part] if name not in a[part])]
    return [(name, b[part].get(name)) for name in names if a[part].get(name) != b[part].get(name)]


def verdict(a: list[float], b: list[float], better: str) -> str:
    """What a difference is worth.

    Args:
        a, b: one value a window. better: "more" or "less".
    """
    if statistics.median(a) == statistics.median(b):
        return "the same"
    if min(len(a), len(b)) < LEAST_WINDOWS:
        return "too few windows to tell"
    if not apart(a, b):
        return "within the spread"
    return "better" if (share_above(a, b) > 0.5) == (better == "more") else "worse"


def table(a: dict[str, Any], b: dict[str, Any]) -> str:
    """Medians, ratio and verdict of every measure that both have; the names of the others."""
    both = [name for name in a["measures"] if name in b["measures"]]
    lines = [f"{'':28}{'A':>12}{'B':>12}  {'unit':9}{'B/A':>7}"]
    for name in both:
        one, other = a["measures"][name], b["measures"][name]
        if not one["values"] or not other["values"]:
            continue
        first, second = statistics.median(one["values"]), statistics.median(other["values"])
        ratio = f"{second / first:7.3f}" if first else f"{'':7}"
        told = verdict(one["values"], other["values"], one["better"])
        lines.append(f"{name:28}{first:12.3f}{second:12.3f}  {one['unit']:9}{ratio}  {told}")
    for letter, report in (("A", a), ("B", b)):
        alone = [name for name in report["measures"] if name not in both]
        if alone:
            lines.append(f"only in {letter}: {', '.join(alone)}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    options = _options(arguments)
    a, b = read_report(options.a), read_report(options.b)
    check_comparable(a, b)
    unlike = differences(a, b)
    print("\n".join(["Taken differently (A | B):", *(f"  {line}" for line in unlike)]) if unlike else "Taken alike.")
    print(table(a, b))
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    made = parser("benchmarks.compare", __doc__)
    made.add_argument("a", type=Path, metavar="A.json")
    made.add_argument("b", type=Path, metavar="B.json")
    return made.parse_args(arguments)


if __name__ == "__main__":
    run(main)
