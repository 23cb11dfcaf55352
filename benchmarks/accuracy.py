"""How well a model finds defects in cloth: trained, exported and calibrated as a user does it, then scored.

    python -m benchmarks.accuracy --data aitex --fabrics 01,02,03 --model rd4ad --teacher efficientnet_lite2 \\
        --engine openvino --precision fp32 --work out/accuracy --json out/accuracy.json

For each fabric a style is made from its ``train`` and ``calibration`` strips (see benchmarks/styles.py), by settings
that no fabric's name decides, and strips are replayed through the engine and the whole runtime, each as a piece of
its own, cloth finder on. Only what lies from a strip's cloth_x0 rightwards counts. No pixel size is stated for the
AITEX images: that of ``python -m train`` by default is taken.

--score-on planted   opens no test strip: scores the calibration strips and copies of them with painted defects
                     (benchmarks/painted.py). Choices are made on this. Thresholds were set on the same strips, so
                     false events are fewer than they would be elsewhere.
--score-on test      scores the test strips, and writes that down in benchmarks/TEST_RUNS.csv.

The measures are defined in benchmarks/measures.py; intervals are of 95 %, by drawing strips anew. --data takes
folders with a manifest.csv (benchmarks/aitex.py) and folders laid out as MVTec AD is (benchmarks/mvtec.py).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.aitex import Strip, select
from benchmarks.bootstrap import Estimate
from benchmarks.curves import Floats
from benchmarks.host import facts, write_report
from benchmarks.inspection import Judged
from benchmarks.ledger import LEDGER, append_run
from benchmarks.measures import by_contrast, estimates, judge, mean_over, measure
from benchmarks.mvtec import read_strips
from benchmarks.page import Page
from benchmarks.painted import painted_strips
from benchmarks.replay import replay
from benchmarks.scores import SCORES
from benchmarks.styles import Study, Style, given, make_style
from export.look import CHANNELS, JOINS
from runtime.command import parser, run
from runtime.engines import add_engine_options, load_engine
from runtime.engines.rate import measure_tiles_per_s
from runtime.errors import UserError
from train.options import SCALES

ROWS = {
    "tile_auroc": "tile AUROC",
    "tile_ap": "tile AP",
    "strip_auroc": "strip AUROC",
    "pixel_auroc": "pixel AUROC",
    "pro": "PRO, FPR to 0.3",
    "event_recall": "event recall",
    "false_events_per_10mpx": "false events / 10 Mpx",
    "alarmed_share": "alarmed share",
    "unjudged_share": "share not judged",
}
"""Measures in the order of the table, in words."""


@dataclass(frozen=True)
class FabricResult:
    """What was measured on one fabric.

    Attributes:
        rounds: measures with their bootstrap rounds, by name; contrasts: the same for painted defects by contrast.
        report: all of it for the JSON report.
    """

    rounds: dict[str, Floats]
    contrasts: dict[str, dict[str, Floats]]
    report: dict[str, Any]


def score_fabric(study: Study, style: Style, strips: Sequence[Strip], score: str, page: Page | None) -> FabricResult:
    """Replay a fabric's strips through its style's engine and measure.

    Raises:
        UserError: the engine cannot be loaded, or a strip or its mask cannot be read.
    """
    bundle = style.bundle
    engine = load_engine(bundle, study.engine, study.precision, study.device)
    try:
        rate, host = measure_tiles_per_s(engine), facts(engine)
        seen = replay(Judged(bundle, engine, study.key), strips)
    finally:
        engine.close()
    thresholds = bundle.thresholds(study.key)
    opening = min(thresholds.open.values())
    results = [judge(each, opening, score) for each in seen]
    if page:
        page.add(strips[0].fabric, seen, results, opening)
    rounds, contrasts = measure(results, study.seed), by_contrast(results, study.seed)
    report = {
        "bundle": bundle.id,
        "training": style.training,
        "tiles_per_s": rate,
        "thresholds": thresholds.model_dump(mode="json"),
        "host": host,
        "measures": written(estimates(rounds)),
        "by_contrast": {name: written(estimates(found)) for name, found in contrasts.items()},
        "strips": [result.row() for result in results],
    }
    return FabricResult(rounds, contrasts, report)


def written(found: Mapping[str, Estimate | None]) -> dict[str, Any]:
    """Measures for a report; null for one that cannot be told."""
    return {name: None if estimate is None else asdict(estimate) for name, estimate in found.items()}


def table(fabrics: Mapping[str, FabricResult], mean: Mapping[str, Estimate | None]) -> str:
    """The measures in words, a column a fabric."""
    columns = {name: estimates(found.rounds) for name, found in fabrics.items()} | {"mean": dict(mean)}
    rows = [_row("", list(columns))]
    rows += [_row(words, [_cell(column[name]) for column in columns.values()]) for name, words in ROWS.items()]
    for contrast in dict.fromkeys(name for found in fabrics.values() for name in found.contrasts):
        parts = [found.contrasts.get(contrast) for found in fabrics.values()]
        told = [part for part in parts if part is not None]
        recalls = [_cell(Estimate.of(part["event_recall"]) if part else None) for part in parts]
        rows.append(_row(f"  recall, {contrast}", [*recalls, _cell(Estimate.of(mean_over(told)["event_recall"]))]))
    reports = [found.report for found in fabrics.values()]
    for name, words in (("seconds", "training, s"), ("peak_mb", "training, peak MB")):
        rows.append(_row(words, [f"{r['training'][name]:.0f}" if r["training"] else "-" for r in reports]))
    rows.append(_row("engine, tiles/s", [f"{report['tiles_per_s']:.1f}" for report in reports]))
    return "\n".join(rows)


def _row(name: str, cells: Sequence[str]) -> str:
    return (f"{name:24}" + "".join(f"{cell:28}" for cell in cells)).rstrip()


def _cell(estimate: Estimate | None) -> str:
    if estimate is None:
        return "cannot be told"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    options = _options(arguments)
    study = _study(options)
    page = Page(options.page, f"{study.model} on {study.teacher}, {options.score_on}") if options.page else None
    with ExitStack() as stack:
        work = options.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = score_fabrics(study, options, work.resolve(), page)
    mean = estimates(mean_over([each.rounds for each in found.values()]))
    print(table(found, mean))
    if page:
        page.write()
    if options.score_on == "test":
        settings = f"{study.settings} --score {options.score}".strip()
        asked = {"model": study.model, "teacher": study.teacher, "seed": str(study.seed), "engine": study.key}
        told = {name: estimates(each.rounds) for name, each in found.items()}
        append_run(LEDGER, {**asked, "settings": settings}, told, mean)
    if options.json:
        head = {**asdict(study), "score_on": options.score_on, "score": options.score}
        fabrics = {name: each.report for name, each in found.items()}
        write_report(options.json, {**head, "fabrics": fabrics, "mean": written(mean)})
    return 0


def score_fabrics(study: Study, options: argparse.Namespace, work: Path, page: Page | None) -> dict[str, FabricResult]:
    """Make the styles of all fabrics, then score each on what the options ask for.

    Raises:
        UserError: see make_style and score_fabric.
    """
    strips, names = read_strips(options.data), options.fabrics.split(",")
    uses = {(name, use): select(strips, name, use) for name in names for use in ("train", "calibration")}
    if options.score_on == "test":
        scored = {name: select(strips, name, "test") for name in names}
    else:
        scored = {name: painted_strips(uses[name, "calibration"], work / "painted" / name) for name in names}
    # All styles before any is scored: the memory of a new process is counted from that of the one that starts it.
    styles = {
        name: make_style(study, uses[name, "train"] + uses[name, "calibration"], work / study.folder(name))
        for name in names
    }
    return {name: score_fabric(study, styles[name], scored[name], options.score, page) for name in names}


def _study(options: argparse.Namespace) -> Study:
    """What of the command line goes to training and to export: only what was given."""
    settings = [*options.set, *([f"bottleneck={options.bottleneck}"] if options.bottleneck else [])]
    training = {
        "--steps": options.steps,
        "--tile": options.size,
        "--scale": options.scale,
        "--weights": options.weights,
    }
    export = {"--taps": options.taps, "--channels": options.channels, "--join": options.join}
    return Study(
        model=options.model,
        teacher=options.teacher,
        seed=options.seed,
        training=(*given(training), *(["--set", *settings] if settings else [])),
        export=given(export),
        supervised=options.supervised,
        lines=not options.no_lines,
        engine=options.engine,
        precision=options.precision,
        device=options.device,
    )


def _options(arguments: list[str] | None) -> argparse.Namespace:
    made = parser("benchmarks.accuracy", __doc__)
    made.add_argument("--data", type=Path, required=True, metavar="DIR", help="manifest.csv, or classes as in MVTec AD")
    made.add_argument("--fabrics", required=True, metavar="NN,NN", help="as in the data: 01,02 or carpet,grid")
    made.add_argument("--model", default="rd4ad", help="(default %(default)s)")
    made.add_argument("--teacher", default="efficientnet_lite2", help="(default %(default)s)")
    made.add_argument("--seed", type=int, default=0, help="of training and bootstrap (default %(default)s)")
    made.add_argument("--score-on", choices=("planted", "test"), default="planted", help="(default %(default)s)")
    made.add_argument("--score", choices=tuple(SCORES), default="max", help="of a tile (default %(default)s)")
    made.add_argument("--work", type=Path, metavar="DIR", help="keep what is made here, and use what is there already")
    made.add_argument("--json", type=Path, metavar="OUT", help="write the report to this file, strip by strip")
    made.add_argument("--page", type=Path, metavar="DIR", help="write a page of pictures into this folder")
    add_engine_options(made)
    studies = made.add_argument_group("studies, passed on to training and export where given")
    studies.add_argument("--weights", metavar="FILE", help="of the teacher, as in python -m train")
    studies.add_argument("--taps", choices=("1", "2", "3", "23", "123"), help="levels whose maps are used")
    studies.add_argument("--join", choices=JOINS, help="how the levels' maps become one")
    studies.add_argument("--channels", choices=CHANNELS, help="what the map is made of")
    studies.add_argument("--bottleneck", choices=("pretrained", "oce", "oce+mff"), help="of rd4ad")
    studies.add_argument("--size", type=int, metavar="N", help="side of the net's tiles, px")
    studies.add_argument("--scale", type=float, choices=SCALES, help="0.5: the net sees tiles at half their size")
    studies.add_argument("--steps", type=int, metavar="N", help="of training")
    studies.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="settings of the model")
    studies.add_argument(
        "--supervised", action="store_true", help="give training defects painted into its own strips, as labels"
    )
    studies.add_argument("--no-lines", action="store_true", help="do not seek faint lines along the weft")
    options = made.parse_args(arguments)
    if len(set(options.fabrics.split(","))) < len(options.fabrics.split(",")):
        raise UserError(f"--fabrics {options.fabrics} names a fabric twice: name each once.")
    return options


if __name__ == "__main__":
    run(main)
