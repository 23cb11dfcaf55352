"""A promise kept? False events counted on fresh normal cloth, beside the rate that the thresholds promise.

    python -m benchmarks.promise --bundle-for twill22=bundles/twill22 --metres 2000 --rates 0.5,5 --json promise.json

The bundle's thresholds were set by ``calibration threshold --false-alarms-per-100m``; those of every rate follow from
the same fit. Each rate judges the same simulated cloth, drawn from seeds of its own and never repeated, through the
whole pipeline of runtime.stream; the net looks at it once. The cloth comes as rolls of --roll-metres. What is in the
work folder is not run again.

Exit status 1 when the exact 95 % interval of a count leaves out the rate that was asked for.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from benchmarks.host import facts, write_report
from benchmarks.inspection import Judged
from benchmarks.scenario.intervals import Rate
from benchmarks.scenario.kept import Items, KeptLines, KeptMaps
from benchmarks.scenario.measures import measure
from benchmarks.scenario.play import Run, play
from benchmarks.scenario.record import Record
from benchmarks.scenarios import played, style_bundle
from calibration.promise import another_promise
from calibration.tail import dispersion_of
from runtime import __version__
from runtime.bundle import Bundle
from runtime.command import at_least, parser, positive, run
from runtime.engines import add_engine_options, load_engine
from runtime.settings import Settings
from runtime.simulator.scenario import Cameras, Scenario

LEAST_EXPECTED = -math.log(0.025)
"""False events that must be expected before a count of none could say that fewer come than promised."""


class AtRate(Bundle):
    """A bundle with the thresholds of another promise from the same normal cloth."""

    def __init__(self, path: Path, key: str, per_100m: float) -> None:
        """``key``: whose thresholds are exchanged.

        Raises:
            UserError: no bundle, or its thresholds promise nothing.
        """
        super().__init__(path)
        self.promised = another_promise(Bundle(path).thresholds(key), per_100m)
        self._key = key

    def settings(self) -> Settings:
        return super().settings().model_copy(update={"thresholds": {self._key: self.promised}})


@dataclass(frozen=True)
class Kept:
    """What became of one promise on one style's cloth.

    Attributes:
        asked: false events per 100 m. opening: the threshold.
        calibrated_m: of the cloth that the threshold is from; missing_m: what the promise lacks of it.
        metres, width_mm: of fresh cloth, as it was looked at. rolls: how many. most: events of the roll that has most.
        counted: false events. dispersion: how much rolls differ in them, 1 as chance makes them.
        stops: alarms that asked for a stop.
    """

    style: str
    asked: float
    opening: float
    calibrated_m: float
    missing_m: float
    metres: float
    width_mm: float
    rolls: int
    counted: int
    dispersion: float
    most: int
    stops: int

    @property
    def rate(self) -> Rate:
        return Rate(self.counted, self.metres, 100)

    @property
    def kept(self) -> bool:
        """The interval contains what was asked for."""
        low, high = self.rate.interval
        return low <= self.asked <= high

    @property
    def too_short_m(self) -> float:
        """Fresh cloth that is missing before the count can speak against the promise from both sides."""
        return max(0.0, 100 * LEAST_EXPECTED / self.asked - self.metres)


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    options = _options(arguments)
    found: list[Kept] = []
    report = {}
    with tempfile.TemporaryDirectory() as temporary:
        records = (options.work or Path(temporary)) / "runs"
        records.mkdir(parents=True, exist_ok=True)
        for style, path in options.bundle_for:
            engine = KeptMaps(load_engine(Bundle(path), options.engine, options.precision, options.device))
            with closing(engine):
                report = report or facts(engine)
                of_style = list(_try_style(style, path, engine, records, options))
            print("\n".join(line for one in of_style for line in told(one)), flush=True)
            found += of_style
    if options.json:
        kept = [{**asdict(one), "interval": one.rate.interval, "kept": one.kept} for one in found]
        write_report(options.json, {**report, "promises": kept})
    return 0 if all(one.kept for one in found) else 1


def _try_style(style: str, path: Path, engine: KeptMaps, records: Path, options: argparse.Namespace) -> Iterator[Kept]:
    """All rolls of a style, each judged at every rate; then what became of each rate."""
    key = f"{options.engine}-{options.precision}"
    bundles = {rate: AtRate(path, key, rate) for rate in options.rates}
    seen: dict[float, list[Record]] = {rate: [] for rate in options.rates}
    for roll in range(math.ceil(options.metres / options.roll_metres)):
        engine.forget()
        lines: Items = []
        for rate, bundle in bundles.items():
            one = _clean_cloth(style, options.first_seed + roll, rate, options)
            judged = Judged(bundle, engine, key)
            judge = (bundle.id, bundle.promised.model_dump(mode="json"), key, __version__)
            seen[rate].append(played(records, one, judge, partial(_play, one, judged, lines)))
    for rate, bundle in bundles.items():
        yield count(style, rate, bundle, seen[rate])


def _play(one: Run, judged: Judged, lines: Items) -> Record:
    return play(one, judged, through=lambda camera: KeptLines(camera, lines))


def _clean_cloth(style: str, seed: int, rate: float, options: argparse.Namespace) -> Run:
    """A roll; the rate is in the name alone, so that the cloth is the same for each."""
    name = f"promise-{rate:g}".replace(".", "_")
    scenario = Scenario(name=name, about="Clean cloth.", styles=(style,), metres=options.roll_metres)
    return Run(scenario, style, seed, Cameras(), options.width, options.mm_per_px, None)


def count(style: str, rate: float, bundle: AtRate, records: Sequence[Record]) -> Kept:
    """The false events of rolls of clean cloth."""
    measures = [measure([record]) for record in records]
    counts = [one.false.count for one in measures]
    fitted = bundle.promised.calibrated
    left, right = records[0].looked_mm or records[0].cloth_mm
    return Kept(
        style=style,
        asked=rate,
        opening=min(bundle.promised.open.values()),
        calibrated_m=fitted["metres"],
        missing_m=max(0.0, 100 / rate - fitted["metres"]),
        metres=sum(record.metres for record in records),
        width_mm=right - left,
        rolls=len(records),
        counted=sum(counts),
        dispersion=dispersion_of(counts, [record.metres for record in records]),
        most=max(counts),
        stops=sum(one.stops.count for one in measures if one.stops),
    )


def told(one: Kept) -> list[str]:
    """For people."""
    said = [
        f"{one.style}: asked {one.asked:g} false events per 100 m, counted {one.rate} in {one.metres:.0f} m, "
        f"{one.width_mm:.0f} mm wide, {one.rolls} rolls (dispersion {one.dispersion:.1f}), at most {one.most} in one; "
        f"{one.stops} stops: " + ("kept" if one.kept else "NOT KEPT"),
        f"  threshold {one.opening:.3f} from {one.calibrated_m:.0f} m of normal cloth",
    ]
    if one.missing_m:
        said.append(f"  {one.missing_m:.0f} m of normal cloth were missing: the threshold lies beyond what was seen")
    if one.too_short_m:
        said.append(f"  {one.too_short_m:.0f} m of fresh cloth are missing: so few metres cannot show too few events")
    return said


def _rates(text: str) -> tuple[float, ...]:
    return tuple(positive(float)(part) for part in text.split(","))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    made = parser("benchmarks.promise", __doc__)
    made.add_argument(
        "--bundle-for", action="append", required=True, type=style_bundle, metavar="STYLE=DIR", help="once a style"
    )
    made.add_argument("--rates", type=_rates, default=(0.5, 5.0), metavar="N,N", help="per 100 m (default 0.5,5)")
    made.add_argument("--metres", type=positive(float), default=2000.0, help="of cloth a style (default 2000)")
    made.add_argument("--roll-metres", type=positive(float), default=50.0, metavar="M", help="(default 50)")
    made.add_argument(
        "--first-seed", type=at_least(0), default=9001, metavar="N",
        help="of the rolls, which count on from it; no other cloth may have them (default %(default)s)",
    )  # fmt: skip
    made.add_argument("--width", type=at_least(256), default=2048, metavar="PX", help="(default %(default)s)")
    made.add_argument("--mm-per-px", type=positive(float), default=0.3, metavar="MM", help="(default %(default)s)")
    made.add_argument("--work", type=Path, metavar="DIR", help="keep records here, and use what is there")
    made.add_argument("--json", type=Path, metavar="OUT", help="write the counts to this file")
    add_engine_options(made)
    return made.parse_args(arguments)


if __name__ == "__main__":
    run(main)
