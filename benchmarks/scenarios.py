"""Scenario packs through the whole runtime: what is found, what is raised for nothing, and what was asked for.

    python -m benchmarks.scenarios --pack S1,S2 --bundle bundles/twill22 --metres 20 --json out/scenarios.json
    python -m benchmarks.scenarios --pack my-loom.yaml --work out/scenarios

Each pack (docs/scenarios.md) is run in each of its styles, with each of its seeds and arrangements of cameras, by the
same pipeline as runtime.stream. Every run's truth and events are kept in the work folder; one that is there is not run
again, unless pack, bundle, settings or size are others. Measures: benchmarks/scenario/measures.py. A style without a
bundle is trained on its own clean cloth, exported and given thresholds first (benchmarks/styles.py), which takes long.

Exit status 1 when something that was asked for was missed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import product
from pathlib import Path

from benchmarks.host import write_report
from benchmarks.inspection import Judged
from benchmarks.scenario.gates import gates
from benchmarks.scenario.measures import measure
from benchmarks.scenario.play import Run, play
from benchmarks.scenario.record import Record, read_record, write_record
from benchmarks.scenario.styles import Bundles
from benchmarks.scenario.table import report_of, table
from benchmarks.styles import Study, given
from runtime import __version__
from runtime.bundle import Bundle
from runtime.command import at_least, parser, positive, run
from runtime.engines import add_engine_options, load_engine
from runtime.simulator.scenario import Scenario, load_scenario


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    options = _options(arguments)
    packs = [load_scenario(name) for name in options.pack.split(",")]
    report, missed = {}, False
    with ExitStack() as stack:
        work = options.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        player = stack.enter_context(Player(_bundles(options, work), work / "runs"))
        for pack in packs:
            records = [player.record(one) for one in runs(pack, options)]
            measures = measure(records)
            asked = gates(pack.expect, measures)
            missed |= any(gate.passed is False for gate in asked)
            print(table(pack, measures, asked), flush=True)
            report[pack.name] = report_of(measures, asked, records)
    if options.json:
        write_report(options.json, {"packs": report})
    return 1 if missed else 0


def runs(pack: Scenario, options: argparse.Namespace) -> Iterator[Run]:
    """A pack's runs, with what the command line asks for in place of the pack's own."""
    seeds, styles = options.seeds or pack.seeds, options.styles or pack.styles
    width, scale = options.width or pack.width_px, options.mm_per_px or pack.mm_per_px
    for style, seed, cameras in product(styles, seeds, pack.cameras):
        yield Run(pack, style, seed, cameras, width, scale, options.metres)


class Player:
    """Runs what has no record yet; an engine, once loaded, serves all runs of its bundle."""

    def __init__(self, bundles: Bundles, records: Path) -> None:
        """``records``: the folder that they lie in, made where there is none."""
        self._bundles, self._records = bundles, records
        self._judged: dict[Path, Judged] = {}
        records.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Player:
        return self

    def __exit__(self, *_: object) -> None:
        for judged in self._judged.values():
            judged.engine.close()

    def record(self, one: Run) -> Record:
        """The record of a run.

        Raises:
            UserError: the run or its bundle cannot be made.
        """
        bundle = self._bundles.of(one.scenario, one.style, one.width_px, one.mm_per_px)
        judge = (bundle.id, bundle.settings().revision, self._bundles.study.key, __version__)
        return played(self._records, one, judge, lambda: play(one, self._judge(bundle)))

    def _judge(self, bundle: Bundle) -> Judged:
        study = self._bundles.study
        if bundle.path not in self._judged:
            engine = load_engine(bundle, study.engine, study.precision, study.device)
            self._judged[bundle.path] = Judged(bundle, engine, study.key)
        return self._judged[bundle.path]


def played(records: Path, one: Run, judge: Sequence[object], make: Callable[[], Record]) -> Record:
    """The record of a run, from the folder or made now.

    Args:
        judge: what tells who judges from others.
    """
    cloth = one.scenario.model_dump(mode="json", exclude={"about", "expect", "styles", "seeds", "cameras"})
    size = (one.width_px, one.mm_per_px, one.metres, one.cameras.model_dump(mode="json"))
    digest = hashlib.sha256(json.dumps([cloth, size, judge]).encode()).hexdigest()[:8]
    path = records / f"{one.name}-{digest}.json"
    if not path.exists():
        print(f"{one.name} ...", file=sys.stderr, flush=True)
        write_record(path, make())
    return read_record(path)


def _bundles(options: argparse.Namespace, work: Path) -> Bundles:
    training = given({"--steps": options.steps})
    study = Study(
        options.model, options.teacher, options.train_seed, training, promised=options.false_alarms_per_100m,
        engine=options.engine, precision=options.precision, device=options.device,
    )  # fmt: skip
    every = {"": options.bundle} if options.bundle else {}
    return Bundles(study, work.resolve(), every | dict(options.bundle_for), threshold_m=options.threshold_metres)


def style_bundle(text: str) -> tuple[str, Path]:
    """STYLE=DIR of a command line."""
    style, equals, path = text.partition("=")
    if not (style and equals and path):
        raise argparse.ArgumentTypeError(f"must be STYLE=DIR, got {text}")
    return style, Path(path)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(at_least(0)(part) for part in text.split(","))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    made = parser("benchmarks.scenarios", __doc__)
    made.add_argument("--pack", required=True, metavar="S0,FILE", help="packs of the package by name, or YAML files")
    made.add_argument("--bundle", type=Path, metavar="DIR", help="for every style; none: each is made in --work")
    made.add_argument(
        "--bundle-for", action="append", default=[], type=style_bundle, metavar="STYLE=DIR", help="for one style"
    )
    made.add_argument("--metres", type=positive(float), help="of cloth a run, in place of the packs' own")
    made.add_argument("--seeds", type=_numbers, metavar="N,N", help="in place of the packs' own")
    made.add_argument("--styles", type=lambda text: tuple(text.split(",")), metavar="S,S", help="the same")
    made.add_argument("--width", type=at_least(256), metavar="PX", help="the same")
    made.add_argument("--mm-per-px", type=positive(float), metavar="MM", help="the same")
    made.add_argument("--work", type=Path, metavar="DIR", help="keep records and bundles here, and use what is there")
    made.add_argument("--json", type=Path, metavar="OUT", help="write measures and gates to this file")
    add_engine_options(made)
    training = made.add_argument_group("bundles that are made here")
    training.add_argument("--model", default="rd4ad", help="(default %(default)s)")
    training.add_argument("--teacher", default="efficientnet_lite0", help="(default %(default)s)")
    training.add_argument("--train-seed", type=at_least(0), default=0, help="(default %(default)s)")
    training.add_argument("--steps", type=at_least(1), help="of training")
    training.add_argument(
        "--false-alarms-per-100m", type=positive(float), metavar="N", help="that thresholds promise; none: a quantile"
    )
    training.add_argument(
        "--threshold-metres", type=positive(float), default=Bundles.threshold_m, metavar="M",
        help="of normal cloth that thresholds are set on (default %(default)s)",
    )  # fmt: skip
    return made.parse_args(arguments)


if __name__ == "__main__":
    run(main)
