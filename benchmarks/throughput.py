"""What this machine keeps up with: the engine alone, the whole stream, and a line rate held for minutes.

    python -m benchmarks.throughput --bundle bundles/twill22 --minutes 10 --json throughput.json

All lines come from memory: cloth that was drawn before, replayed in a circle.

closed loop   the camera waits for the engine. Slices of the bare engine (kept full through its session) and
              of the whole stream take turns, because a machine's speed drifts; medians of both.
open loop     the camera does not wait. The highest line rate is searched at which short trials drop no line and
              the queue runs empty again; then HOLD_SHARE of it is held for --minutes. A dropped line ends an
              attempt, and the next is slower. Latency counts from the arrival of the newest line that a
              judgement waited for.

Cloth Mpx/s counts each pixel of cloth once, tile Mpx/s as often as tiles overlap there. TARGET_MPX_S is
60 m/min of 1.8 m wide cloth at 0.2 mm per px. Exit status 1 when no rate could be held.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.closed_loop import ClosedLoop, measure_closed_loop
from benchmarks.host import write_report
from benchmarks.inspection import Judged
from benchmarks.memory_cloth import MemoryCloth
from benchmarks.open_loop import Paced, highest_kept, hold, run_paced
from benchmarks.report import Measure, head, measures
from runtime.bundle import Bundle
from runtime.command import parser, positive, run
from runtime.engines import add_engine_options, load_engine
from runtime.errors import UserError
from runtime.simulator.loom import Loom

CLOTH_LINES = 4096
SLICES, SLICE_S, TRIAL_S = 5, 6.0, 10.0
HOLD_SHARE = 0.9
TARGET_MPX_S = 45.0


@contextmanager
def with_policy(bundle: Bundle, stride: int | None) -> Iterator[Bundle]:
    """A copy of a bundle for the time of a measurement: lines that find the queue full are dropped and counted.

    Args:
        stride: lines between rows of tiles; None: the bundle's own.

    Raises:
        UserError: a stride that the bundle's tiles do not allow.
    """
    settings = bundle.settings()
    changes: dict[str, Any] = {"overflow": "skip_newest"}
    if stride is not None:
        try:
            bundle.recipe.tiles.check_row_stride(stride)
        except ValueError as error:
            raise UserError(f"--stride: {error}.") from error
        changes["stride_lines"] = stride
    with tempfile.TemporaryDirectory(prefix="weftwatch-") as folder:
        copy = Bundle(Path(shutil.copytree(bundle.path, Path(folder) / "bundle")))
        copy.write_settings(settings.model_copy(update={"policy": settings.policy.model_copy(update=changes)}))
        yield copy


def measure(judged: Judged, cloth: MemoryCloth, seconds: float) -> dict[str, Any]:
    """All three measurements, one after the other; says on stdout how far it is."""
    closed = measure_closed_loop(judged, cloth, SLICES, SLICE_S)
    report = describe_closed(judged, closed)
    print(closed_table(report), flush=True)
    trials: list[Paced] = []

    def keeps(rate: float) -> bool:
        trials.append(run_paced(judged, cloth, rate, TRIAL_S, stop_at_drop=True))
        print(f"  {rate:8.1f} lines/s for {TRIAL_S:g} s: {'kept up' if trials[-1].kept_up else 'too fast'}", flush=True)
        return trials[-1].kept_up

    highest = highest_kept(keeps, statistics.median(closed.stream_lines_s))

    def attempt(rate: float) -> Paced:
        done = run_paced(judged, cloth, rate, seconds, stop_at_drop=True)
        print(f"  {rate:8.1f} lines/s for {done.seconds:.0f} s: {done.lines_dropped} lines dropped", flush=True)
        return done

    attempts = hold(attempt, HOLD_SHARE * highest)
    cloth_px = closed.region[1] - closed.region[0]
    return {
        **report,
        "highest_lines_s": highest,
        "trials": [asdict(trial) | {"kept_up": trial.kept_up} for trial in trials],
        "hold": [describe_hold(one, cloth_px) for one in attempts],
        "held": attempts[-1].lines_dropped == 0,
    }


def describe_closed(judged: Judged, closed: ClosedLoop) -> dict[str, Any]:
    """Medians, and how much is looked at more than once: by geometry, and as measured."""
    tiles, stride = judged.bundle.recipe.tiles, judged.bundle.settings().policy.stride_lines
    cloth_px, across = closed.region[1] - closed.region[0], len(tiles.column_starts(*closed.region))
    stream_tiles, lines = statistics.median(closed.stream_tiles_s), statistics.median(closed.stream_lines_s)
    return {
        "stride_lines": stride,
        "tiles_across": across,
        "cloth_px": cloth_px,
        "slices": asdict(closed),
        "engine_tiles_s": statistics.median(closed.engine_tiles_s),
        "stream_tiles_s": stream_tiles,
        "stream_over_engine": closed.ratio,
        "stream_lines_s": lines,
        "cloth_mpx_s": lines * cloth_px / 1e6,
        "tile_mpx_s": stream_tiles * tiles.tile**2 / 1e6,
        "cloth_over_tile_geometry": stride * cloth_px / (across * tiles.tile**2),
        "cloth_over_tile_measured": lines * cloth_px / (stream_tiles * tiles.tile**2),
    }


def describe_hold(one: Paced, cloth_px: int) -> dict[str, Any]:
    """An attempt, and how far it is from the target."""
    mpx_s = one.line_rate_hz * cloth_px / 1e6
    return {**asdict(one), "cloth_mpx_s": mpx_s, "share_of_target": mpx_s / TARGET_MPX_S}


def comparable(report: dict[str, Any]) -> dict[str, Measure]:
    """What can be compared with another run: slices of the closed loop, and the last attempt to hold a rate."""
    slices, last = report["slices"], report["hold"][-1]
    found = {
        "engine": Measure("tiles/s", "more", slices["engine_tiles_s"]),
        "stream": Measure("tiles/s", "more", slices["stream_tiles_s"]),
        "stream, lines": Measure("lines/s", "more", slices["stream_lines_s"]),
        "highest rate kept": Measure("lines/s", "more", [report["highest_lines_s"]]),
    }
    for share in ("p50", "p99"):
        if last[f"latency_ms_{share}"] is not None:
            found[f"held: latency {share}"] = Measure("ms", "less", [last[f"latency_ms_{share}"]])
    return found


def settings_of(options: argparse.Namespace, bundle: Bundle) -> dict[str, Any]:
    """All that was chosen for the run."""
    chosen = {name: getattr(options, name) for name in ("engine", "precision", "device", "style", "minutes")}
    return {**chosen, "width_px": options.width, "stride_lines": bundle.settings().policy.stride_lines}


def closed_table(report: dict[str, Any]) -> str:
    """The closed loop in words."""
    r = report
    return (
        f"closed loop: engine {r['engine_tiles_s']:.1f} tiles/s, stream {r['stream_tiles_s']:.1f} tiles/s "
        f"({r['stream_over_engine']:.1%} of the engine's), {r['stream_lines_s']:.1f} lines/s\n"
        f"  {r['tiles_across']} tiles across {r['cloth_px']} px of cloth, stride {r['stride_lines']} lines: "
        f"cloth {r['cloth_mpx_s']:.3f} Mpx/s of tile {r['tile_mpx_s']:.3f} Mpx/s "
        f"({r['cloth_over_tile_measured']:.3f}, by geometry {r['cloth_over_tile_geometry']:.3f})\n"
        "open loop:"
    )


def hold_table(report: dict[str, Any]) -> str:
    """The held rate in words."""
    last = report["hold"][-1]
    latency = (
        "no latency"
        if last["latency_ms_p50"] is None
        else (f"latency {last['latency_ms_p50']:.0f} ms (median), {last['latency_ms_p99']:.0f} ms (99 %)")
    )
    memory = (
        "memory unknown"
        if last["resident_bytes"] is None
        else (f"memory {last['resident_bytes'] / 1e6:.0f} MB, grew by at most {last['growth_bytes'] / 1e6:.1f} MB")
    )
    verdict = f"{'held' if report['held'] else 'NOT held'} at attempt {len(report['hold'])}"
    return (
        f"{verdict}: {last['line_rate_hz']:.1f} lines/s for {last['seconds'] / 60:.1f} min, "
        f"{last['lines_dropped']} of {last['lines_in']} lines dropped\n"
        f"  {latency}; {memory}\n"
        f"  {last['cloth_mpx_s']:.3f} Mpx/s of cloth: {last['share_of_target']:.1%} of {TARGET_MPX_S:g} Mpx/s"
    )


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    options = _options(arguments)
    with with_policy(Bundle(options.bundle), options.stride) as bundle:
        recipe = bundle.recipe
        loom = Loom(options.style, options.width, mm_per_px=recipe.mm_per_px)
        cloth = MemoryCloth.drawn(loom, CLOTH_LINES, recipe.channels)
        engine = load_engine(bundle, options.engine, options.precision, options.device)
        try:
            first = head("throughput", bundle, engine, settings_of(options, bundle))
            print(", ".join(f"{name} {value}" for name, value in first["host"].items()), flush=True)
            judged = Judged(bundle, engine, f"{options.engine}-{options.precision}")
            report = {**first, **measure(judged, cloth, options.minutes * 60)}
            report["measures"] = measures(comparable(report))
        finally:
            engine.close()
    print(hold_table(report))
    if options.json:
        write_report(options.json, report)
    return 0 if report["held"] else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    made = parser("benchmarks.throughput", __doc__)
    made.add_argument("--bundle", type=Path, required=True, metavar="DIR")
    made.add_argument("--width", type=int, default=4096, help="px a line (default %(default)s)")
    made.add_argument("--style", default="twill22", help="simulated cloth that the bundle knows (default %(default)s)")
    made.add_argument("--stride", type=int, metavar="N", help="lines between rows of tiles (default: the bundle's)")
    made.add_argument(
        "--minutes", type=positive(float), default=10.0, help="how long to hold the rate (default %(default)s)"
    )
    made.add_argument("--json", type=Path, metavar="OUT", help="write the report to this file, slice by slice")
    add_engine_options(made)
    return made.parse_args(arguments)


if __name__ == "__main__":
    run(main)
