"""Windows in numbers: percentiles over all of them, one value a window for comparing, and a table."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from benchmarks.latency_windows import Window
from benchmarks.report import Measure
from runtime.engines.timed import StageTimes

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}


def quantile(values: Iterable[float], share: float) -> float:
    """The smallest value that ``share`` of the values do not exceed; NaN of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def describe(windows: Sequence[Window]) -> dict[str, Any]:
    """One mode over all its windows."""
    latencies = [value for window in windows for value in window.latency_ms]
    tiles = sum(window.tiles for window in windows)
    return {
        "rows": len(latencies),
        "rows_dropped": sum(window.rows_dropped for window in windows),
        "tiles_s": statistics.median(window.tiles / window.seconds for window in windows),
        "latency_ms": {name: quantile(latencies, share) for name, share in QUANTILES.items()},
        "cpu_ms_per_tile": 1e3 * sum(window.cpu_s for window in windows) / max(1, tiles),
        "stages_ms": stages([times for window in windows for times in window.stages]),
    }


def stages(times: Sequence[StageTimes]) -> dict[str, float] | None:
    """Medians of the stages of a row; None where the engine does not tell."""
    if not times:
        return None
    return {each.name: statistics.median(getattr(one, each.name) for one in times) for each in fields(StageTimes)}


def measured(mode: str, windows: Sequence[Window]) -> dict[str, Measure]:
    """What can be compared of one mode, one value a window; a window in which no row came has none."""
    described = [describe([window]) for window in windows if window.latency_ms]
    found = {f"{mode}: tiles": Measure("tiles/s", "more", [one["tiles_s"] for one in described])}
    for name in QUANTILES:
        found[f"{mode}: row {name}"] = Measure("ms", "less", [one["latency_ms"][name] for one in described])
    found[f"{mode}: CPU a tile"] = Measure("ms", "less", [one["cpu_ms_per_tile"] for one in described])
    if mode == "paced":
        found["paced: rows dropped"] = Measure("rows", "less", [float(window.rows_dropped) for window in windows])
    for stage in fields(StageTimes):
        values = [one["stages_ms"][stage.name] for one in described if one["stages_ms"]]
        if values:
            found[f"{mode}: {stage.name.removesuffix('_ms')} a row"] = Measure("ms", "less", values)
    return found


def table(report: dict[str, Any]) -> str:
    """A report for people."""
    settings = report["settings"]
    names = {
        "alone": "one row at a time",
        "full": f"kept full, {settings['rows_at_once']} rows",
        "paced": f"{settings['line_rate_hz']:.0f} lines/s",
    }
    lines = [
        f"{settings['tiles_across']} tiles a row of {settings['stride_lines']} lines, {settings['width_px']} px wide; "
        "latency of a row in ms",
        f"{'':24}{'tiles/s':>9}{'p50':>9}{'p95':>9}{'p99':>9}{'max':>9}{'rows':>8}{'dropped':>9}{'CPU ms/tile':>13}",
    ]
    for mode, name in names.items():
        found = report["modes"][mode]
        times = "".join(f"{value:9.2f}" for value in found["latency_ms"].values())
        lines.append(
            f"{name:24}{found['tiles_s']:9.1f}{times}{found['rows']:8}{found['rows_dropped']:9}"
            f"{found['cpu_ms_per_tile']:13.3f}"
        )
        if found["stages_ms"]:
            lines.append(f"{'':24}of a row: {_inline(found['stages_ms'])}")
    kept = "kept" if report["kept"] else "NOT kept"
    lines.append(f"kept full the engine does {report['most_lines_s']:.0f} lines/s; the line rate was {kept}")
    if report["beside"]:
        lines.append(f"{report['beside']['program']:24}{report['beside']['tiles_s']:9.1f}  (the vendor's, graph alone)")
    lines += [f"{name:12}{_inline(report[name])}" for name in ("board", "memory") if report[name]]
    lines += [f"{name:16}{_inline(values)}" for name, values in report["sensors"].items() if values]
    return "\n".join(lines)


def _inline(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.6g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
    )
