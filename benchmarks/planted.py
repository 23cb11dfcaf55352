"""Defects planted at known places.

    python -m benchmarks.planted paint --data aitex --fabric 02 --split calibration --out painted02
    python -m benchmarks.planted shift --bundle bundles/twill22 --style twill22

paint: defects painted into photographs of normal cloth (calibration/painting.py), x.png with x.mask.png, and a
manifest.csv as benchmarks.accuracy reads it. Painted training strips can be given to ``python -m train --labels``.

shift: defects planted in simulated cloth: are they found, and wherever the cut falls?

The same cloth goes through the whole runtime from line 0, 1, 17 and 128 on. Nobody chooses where a roll
begins, so the events must be the same: each of a shifted run is matched to one of the unshifted run whose
four edges lie within EDGE_PX, and at most MAX_UNMATCHED may be left over in either direction.
Exit status 1 when they are more, or when too few planted defects are found for the comparison to mean much.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.aitex import read_manifest, select, write_manifest
from benchmarks.boxes import Box, match
from benchmarks.host import facts, write_report
from benchmarks.inspection import Judged, inspect
from benchmarks.painted import painted_strips
from benchmarks.planting import Planting, plant_cloth
from runtime.bundle import Bundle
from runtime.cameras.simulated import SimulatedCamera
from runtime.command import parser, run
from runtime.engines import add_engine_options, load_engine
from runtime.pipeline import View
from runtime.preprocess.cloth import ClothFinder
from runtime.sources import LineSource
from runtime.types import LineBlock, Scale, ScoreMap, UInt8

STARTS = (0, 1, 17, 128)
"""Lines that the streams begin at."""
EDGE_PX = 8
"""Matched boxes' edges lie at most this far apart: two cells of the map."""
MAX_UNMATCHED = 2
"""Events without a match that are allowed, in each direction."""
DEFECTS_PLANTED = 40
MIN_FOUND = 20
"""Planted defects that every run must find: nothing agrees with nothing."""
WIDTH_PX = 2048
SEED = 7


class FromLine:
    """Cloth from one of its lines on. See runtime.sources.LineSource."""

    def __init__(self, source: LineSource, start: int, end: int) -> None:
        """Lines [start, end) of ``source`` become lines 0, 1, ..."""
        self.width, self.channels = source.width, source.channels
        self.length: int | None = end - start
        self._source, self._start = source, start

    def lines(self, first: int, count: int) -> UInt8:
        return self._source.lines(self._start + first, count)


@dataclass(frozen=True)
class Run:
    """What one stream found.

    Attributes:
        start: line of the cloth that it began at.
        boxes: of the events, in the cloth's lines.
        inspected_m2: cloth that was looked at.
    """

    start: int
    boxes: list[Box]
    inspected_m2: float


@dataclass(frozen=True)
class Agreement:
    """A shifted run beside the unshifted one.

    Attributes:
        start: where it began. matched: pairs of events. farthest_edge_px: of the matched pairs.
        lost, new: events without a match, of the unshifted and of the shifted run.
    """

    start: int
    matched: int
    farthest_edge_px: int
    lost: list[Box]
    new: list[Box]

    @property
    def within_tolerance(self) -> bool:
        return len(self.lost) <= MAX_UNMATCHED and len(self.new) <= MAX_UNMATCHED


@dataclass(frozen=True)
class Recall:
    """Events beside what was planted.

    Attributes:
        planted, found: defects; found: an event's box meets theirs. missed: ids and classes of the others.
        false_events: that meet no planted defect; false_per_m2: of cloth looked at.
        fragments: mean number of events that meet a found defect; None where none was found.
    """

    planted: int
    found: int
    missed: list[str]
    false_events: int
    false_per_m2: float
    fragments: float | None


def stream_from(judged: Judged, planting: Planting, start: int) -> Run:
    """Run the cloth from a line on through the whole pipeline, as fast as it goes."""
    recipe = judged.bundle.recipe
    scale = Scale(recipe.mm_per_px, recipe.mm_per_px)
    camera = SimulatedCamera("planted", FromLine(planting.cloth, start, planting.lines), scale)
    looked_at_px = 0

    def count(item: LineBlock | ScoreMap) -> None:
        nonlocal looked_at_px
        if isinstance(item, ScoreMap):
            looked_at_px += (item.end_line - item.first_line) * (item.region[1] - item.region[0])

    told = inspect(judged, View(camera, cloth=ClothFinder(grid=recipe.geometry.map_stride)), count)
    boxes = [Box(e.x0_px, e.x1_px, e.first_line, e.end_line).moved(start) for e in told.defects]
    return Run(start, boxes, looked_at_px * scale.mm_per_px * scale.mm_per_line / 1e6)


def agreement(base: Run, shifted: Run) -> Agreement:
    """Match the events of two runs; those that reach above the later start are left out of both."""
    low = max(base.start, shifted.start)
    a = [box for box in base.boxes if box.first >= low + EDGE_PX]
    b = [box for box in shifted.boxes if box.first >= low + EDGE_PX]
    pairs = match(a, b, EDGE_PX)
    return Agreement(
        start=shifted.start,
        matched=len(pairs),
        farthest_edge_px=max((a[i].edge_distance(b[j]) for i, j in pairs), default=0),
        lost=[box for i, box in enumerate(a) if i not in {i for i, _ in pairs}],
        new=[box for j, box in enumerate(b) if j not in {j for _, j in pairs}],
    )


def recall(one: Run, planting: Planting) -> Recall:
    """Compare a run's events with what was planted."""
    truth = planting.boxes()
    meeting = {name: sum(box.meets(place) for box in one.boxes) for name, place in truth.items()}
    found = [events for events in meeting.values() if events]
    false = sum(not any(box.meets(place) for place in truth.values()) for box in one.boxes)
    return Recall(
        planted=len(truth),
        found=len(found),
        missed=[name for name, events in meeting.items() if not events],
        false_events=false,
        false_per_m2=false / one.inspected_m2 if one.inspected_m2 else 0.0,
        fragments=float(np.mean(found)) if found else None,
    )


def shift_test(judged: Judged, planting: Planting, starts: Sequence[int] = STARTS) -> dict[str, Any]:
    """Run the cloth from each start and compare; ``starts[0]`` is what the others are compared with."""
    runs = [stream_from(judged, planting, start) for start in starts]
    recalls = [recall(one, planting) for one in runs]
    agreements = [agreement(runs[0], other) for other in runs[1:]]
    return {
        "edge_px": EDGE_PX,
        "max_unmatched": MAX_UNMATCHED,
        "min_found": MIN_FOUND,
        "within_tolerance": all(one.within_tolerance for one in agreements),
        "enough_found": all(one.found >= MIN_FOUND for one in recalls),
        "shifts": [asdict(one) | {"within_tolerance": one.within_tolerance} for one in agreements],
        "runs": [
            {"start": one.start, "events": len(one.boxes), "inspected_m2": one.inspected_m2, **asdict(seen)}
            for one, seen in zip(runs, recalls, strict=True)
        ],
    }


def table(report: dict[str, Any]) -> str:
    """The report in words."""
    lines = ["from line  events  planted found  events each  false events  per m2  missed"]
    for one in report["runs"]:
        fragments = "-" if one["fragments"] is None else f"{one['fragments']:.2f}"
        lines.append(
            f"{one['start']:9}  {one['events']:6}  {one['found']:7} of {one['planted']:2}  {fragments:>11}  "
            f"{one['false_events']:12}  {one['false_per_m2']:6.1f}  {classes(one['missed'])}"
        )
    lines.append(f"against line 0, edges within {report['edge_px']} px, at most {report['max_unmatched']} unmatched:")
    for one in report["shifts"]:
        verdict = "the same" if one["within_tolerance"] else "NOT THE SAME"
        lines.append(
            f"{one['start']:9}  {one['matched']} matched (farthest edge {one['farthest_edge_px']} px), "
            f"{len(one['lost'])} lost, {len(one['new'])} new: {verdict}"
        )
    if not report["enough_found"]:
        lines.append(f"too few planted defects found: at least {report['min_found']} are wanted from each start")
    return "\n".join(lines)


def classes(missed: Sequence[str]) -> str:
    """Missed defects ('id class') counted by class, in words."""
    counts = Counter(name.split()[-1] for name in missed)
    return ", ".join(f"{cls} {count}" for cls, count in sorted(counts.items())) or "none"


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    options = _options(arguments)
    return paint(options) if options.verb == "paint" else shift(options)


def paint(options: argparse.Namespace) -> int:
    """The verb ``paint``; returns its exit status."""
    normal = select(read_manifest(options.data), options.fabric, options.split)
    strips = painted_strips([strip for strip in normal if strip.defect is None], options.out)
    write_manifest(strips, options.out)
    defective = sum(strip.defect is not None for strip in strips)
    print(f"{defective} strips with painted defects and {len(strips) - defective} as they were: {options.out}")
    return 0


def shift(options: argparse.Namespace) -> int:
    """The verb ``shift``; returns its exit status."""
    bundle = Bundle(options.bundle)
    planting = plant_cloth(options.style, WIDTH_PX, bundle.recipe.mm_per_px, DEFECTS_PLANTED, options.seed)
    engine = load_engine(bundle, options.engine, options.precision, options.device)
    try:
        report = shift_test(Judged(bundle, engine, f"{options.engine}-{options.precision}"), planting)
        head = {"bundle": bundle.id, "style": options.style, "seed": options.seed, "lines": planting.lines}
        report = {**head, "host": facts(engine), **report}
    finally:
        engine.close()
    print(f"{DEFECTS_PLANTED} defects planted in {planting.lines} lines of {options.style}, {WIDTH_PX} px wide")
    print(table(report))
    if options.json:
        write_report(options.json, report)
    return 0 if report["within_tolerance"] and report["enough_found"] else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    made = parser("benchmarks.planted", __doc__)
    verbs = made.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("paint", help="normal strips with painted defects and their masks")
    verb.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with manifest.csv")
    verb.add_argument("--fabric", required=True, metavar="NN", help="as in the manifest")
    verb.add_argument("--split", choices=("train", "calibration"), default="calibration", help="(default %(default)s)")
    verb.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write into")
    verb = verbs.add_parser("shift", help="the same cloth from different lines on gives the same events")
    verb.add_argument("--bundle", type=Path, required=True, metavar="DIR")
    verb.add_argument("--style", default="twill22", help="simulated cloth that the bundle knows (default %(default)s)")
    verb.add_argument("--seed", type=int, default=SEED, help="of cloth and defects (default %(default)s)")
    verb.add_argument("--json", type=Path, metavar="OUT", help="write the report to this file")
    add_engine_options(verb)
    return made.parse_args(arguments)


if __name__ == "__main__":
    run(main)
