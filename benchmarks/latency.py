"""How long a row of tiles takes on an engine: alone, with the engine kept full, and at a camera's line rate.

    python -m benchmarks.latency --bundle bundles/denim --engine openvino --precision int8 --device CPU --json a.json

alone       one row at a time: what an engine needs when nothing waits.
kept full   as many rows as a session takes: the most tiles a second, and what a row then waits.
line rate   rows come when a camera would have seen their last line, whatever the engine does; latency counts from
            that moment to the maps, cutting and waiting included. Without --line-rate, PACED_SHARE of what the
            engine did when kept full. Rows that find the queue full are dropped and counted.

WINDOWS windows of each share --seconds; alone and kept full take turns. Percentiles are over all windows; the JSON
has each window's too, so that ``python -m benchmarks.compare`` can tell a difference from the spread. The whole stream,
with stitching and events, is measured by ``python -m benchmarks.throughput``. Exit status 1 when rows were dropped, or
when the line rate is above what the engine did when kept full: its queue only had no time to fill.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import latency_vendor
from benchmarks.board import BoardWatch, identity
from benchmarks.host import available_bytes, resident_bytes, write_report
from benchmarks.latency_report import describe, measured, table
from benchmarks.latency_windows import Pace, Window, run_alone, run_full, run_paced
from benchmarks.memory_cloth import MemoryCloth, TileRows
from benchmarks.report import head, measures
from runtime.bundle import Bundle
from runtime.command import parser, positive, run
from runtime.engines import add_engine_options, load_engine
from runtime.engines.base import Engine
from runtime.simulator.loom import Loom

CLOTH_LINES = 2048
STYLE = "twill22"
"""Speed does not depend on what the cloth looks like, only on how many tiles lie across it."""
WARM_UP_S, WINDOWS, PACED_SHARE = 2.0, 5, 0.8
BLOCK_LINES = 128
"""Lines of a camera's buffer: with the policy's queue_blocks, how many rows may wait."""


def measure(
    engine: Engine, bundle: Bundle, cloth: MemoryCloth, line_rate_hz: float | None, seconds: float
) -> tuple[dict[str, list[Window]], dict[str, Any]]:
    """All windows by mode, and the settings that they were taken with.

    Args:
        line_rate_hz: of the camera; None: PACED_SHARE of what the engine did when kept full.
    """
    policy, depth = bundle.settings().policy, engine.spec.max_in_flight
    rows, each_s = TileRows(cloth, bundle.recipe.tiles, policy.stride_lines), seconds / WINDOWS / 3
    row = rows.cut()
    windows: dict[str, list[Window]] = {"alone": [], "full": [], "paced": []}
    session = engine.stream("latency")
    try:
        run_full(session, row, WARM_UP_S, depth)
        for _ in range(WINDOWS):
            windows["alone"].append(run_alone(session, row, each_s))
            windows["full"].append(run_full(session, row, each_s, depth))
        if line_rate_hz is None:
            tiles_s = statistics.median(one.tiles / one.seconds for one in windows["full"])
            line_rate_hz = PACED_SHARE * tiles_s / len(row.x) * policy.stride_lines
        waiting = max(1, policy.queue_blocks * BLOCK_LINES // policy.stride_lines)
        pace = Pace(line_rate_hz, policy.stride_lines, waiting)
        for _ in range(WINDOWS):
            windows["paced"].append(run_paced(session, rows, pace, each_s, depth))
    finally:
        session.close()
    settings = {"width_px": cloth.width, "tiles_across": len(row.x), "rows_at_once": depth, "seconds": seconds}
    return windows, {**settings, **asdict(pace)}


def report_of(bundle: Bundle, options: argparse.Namespace) -> dict[str, Any]:
    """Load the engine, measure it, and what the vendor's program does beside it."""
    recipe = bundle.recipe
    cloth = MemoryCloth.drawn(Loom(STYLE, options.width, mm_per_px=recipe.mm_per_px), CLOTH_LINES, recipe.channels)
    folder, manifest = bundle.engine(options.engine, options.precision, options.device)
    free_before = available_bytes()
    engine = load_engine(bundle, options.engine, options.precision, options.device)
    try:
        chosen = {"engine": options.engine, "precision": options.precision, "device": options.device}
        report = head("latency", bundle, engine, chosen)
        with BoardWatch() as watch:
            windows, settings = measure(engine, bundle, cloth, options.line_rate, options.seconds)
        memory = memory_used(free_before)
    finally:
        engine.close()
    found = {name: one for mode, some in windows.items() for name, one in measured(mode, some).items()}
    modes = {mode: describe(some) for mode, some in windows.items()}
    most = modes["full"]["tiles_s"] / settings["tiles_across"] * settings["stride_lines"]
    return {
        **report,
        "settings": {**chosen, **settings},
        "board": identity(),
        "sensors": watch.summary(),
        "memory": memory,
        "modes": modes,
        "most_lines_s": most,
        "kept": modes["paced"]["rows_dropped"] == 0 and settings["line_rate_hz"] <= most,
        "measures": measures(found),
        "beside": latency_vendor.measure(folder, manifest, options.seconds / WINDOWS),
    }


def memory_used(free_before: int | None) -> dict[str, float]:
    """MB of this process, and by how much the machine's free memory fell: on a Jetson the GPU's is in the latter."""
    resident, free = resident_bytes(), available_bytes()
    used = {} if resident is None else {"process_mb": resident / 1e6}
    if free is not None and free_before is not None:
        used["available_fell_mb"] = (free_before - free) / 1e6
    return used


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    options = _options(arguments)
    report = report_of(Bundle(options.bundle), options)
    print(", ".join(f"{name} {value}" for name, value in report["host"].items() if value is not None))
    print(table(report))
    if options.json:
        write_report(options.json, report)
    return 0 if report["kept"] else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    made = parser("benchmarks.latency", __doc__)
    made.add_argument("--bundle", type=Path, required=True, metavar="DIR")
    add_engine_options(made)
    made.add_argument("--width", type=int, default=4096, help="px a line (default %(default)s)")
    made.add_argument("--line-rate", type=positive(float), metavar="HZ", help="lines a second of the camera")
    made.add_argument("--seconds", type=positive(float), default=30.0, help="how long to measure (default %(default)s)")
    made.add_argument("--json", type=Path, metavar="OUT", help="write the report to this file")
    return made.parse_args(arguments)


if __name__ == "__main__":
    run(main)
