"""How heavy the tail of the net's map is on normal cloth: simulated cloth beside real cloth.

    python -m benchmarks.map_tail --real 01=net/01=lists/01.txt --simulated twill22=net/twill22=sim:twill22?seed=9

Thresholds and false events that are measured on cloth whose map has a light tail say little of cloth whose map has a
heavy one. The tail is told as the 99.9 % quantile of the net's distances, cell by cell, over their median; every style
has a net of its own with the same teacher, and looks at cloth that it was not trained on.

Each NAME=BUNDLE=ROLL names a bundle made by ``export bundle --channels net`` (whose map is the distances themselves but
for a shift and a scale, which are undone) and normal cloth. Exit status 1 when a simulated style's tail is lighter than
--share of that of any real one.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.host import write_report
from calibration.normal import opened, stitched_strips
from runtime.bundle import Bundle
from runtime.cameras.config import roll_uri
from runtime.command import at_least, parser, positive, run
from runtime.engines import add_engine_options, load_engine
from runtime.errors import UserError
from runtime.stream import make_view
from runtime.tiler import Tiler
from runtime.types import Float32

HIGH = 99.9


@dataclass(frozen=True)
class Asked:
    """A style: its bundle, and cloth that it looks at."""

    name: str
    bundle: Path
    roll: str


@dataclass(frozen=True)
class MapTail:
    """Of one style.

    Attributes:
        cells: of the map that were looked at. median, high: of their distances; ``high`` is the quantile HIGH.
    """

    name: str
    cells: int
    median: float
    high: float

    @property
    def ratio(self) -> float:
        return self.high / self.median


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    options = _options(arguments)
    real, simulated = ([_look_at(one, options) for one in group] for group in (options.real, options.simulated))
    print("\n".join(table(real, simulated)))
    if options.json:
        report = {"real": [asdict(one) for one in real], "simulated": [asdict(one) for one in simulated]}
        write_report(options.json, report)
    lightest, heaviest = min(one.ratio for one in simulated), max(one.ratio for one in real)
    return 0 if lightest >= options.share * heaviest else 1


def table(real: list[MapTail], simulated: list[MapTail]) -> list[str]:
    """Each style's tail, and each simulated one's share of each real one's."""
    beside = "".join(f"{'of ' + one.name:>10}" for one in real)
    lines = [f"{'':12}{'cells':>10}{'median':>9}{'99.9 %':>9}{'ratio':>8}{beside}"]
    for one in (*real, *simulated):
        shares = "".join(f"{one.ratio / other.ratio:10.2f}" for other in real)
        lines.append(f"{one.name:12}{one.cells:10}{one.median:9.4f}{one.high:9.4f}{one.ratio:8.2f}{shares}")
    return lines


def tail_of(name: str, distances: Float32) -> MapTail:
    """The tail of distances, float32 [cells]."""
    median, high = (float(value) for value in np.percentile(distances, (50, HIGH)))
    return MapTail(name, len(distances), median, high)


def _look_at(asked: Asked, options: argparse.Namespace) -> MapTail:
    bundle = Bundle(asked.bundle)
    recipe = bundle.recipe
    trained = recipe.trained
    if trained.get("look", {}).get("channels") != "net" or trained["look"]["join"] != "sum":
        raise UserError(f"The map of '{asked.bundle}' is not the net's alone: export it with --channels net.")
    (middle,), (spread,) = trained["scale"]["middle"], trained["scale"]["spread"]
    uri, map_stride = roll_uri(asked.roll, recipe.mm_per_px), recipe.geometry.map_stride
    view, tiles = make_view(uri, {}, map_stride), recipe.tiles
    engine = load_engine(bundle, options.engine, options.precision, options.device)
    lines = options.sim_lines if asked.roll.startswith("sim:") else None
    try:
        with opened(view.camera, bundle) as info:
            step, channels, scale = tiles.max_step, recipe.channels, info.scale
            tiler = Tiler(asked.name, tiles, step, channels, scale, view.cloth, view.flat_field)
            strips = [strip.values for strip in stitched_strips(view.camera, tiler, engine, bundle, lines)]
    finally:
        engine.close()
    cells = [values[np.isfinite(values)] for values in strips]
    if not sum(map(len, cells)):
        raise UserError(f"No cloth was found in {asked.roll}: name normal cloth as it runs.")
    return tail_of(asked.name, np.concatenate(cells) * np.float32(spread) + np.float32(middle))


def asked_for(text: str) -> Asked:
    """NAME=BUNDLE=ROLL of a command line."""
    parts = text.split("=", 2)
    if len(parts) < 3 or not all(parts):
        raise argparse.ArgumentTypeError(f"must be NAME=BUNDLE=ROLL, got {text}")
    return Asked(parts[0], Path(parts[1]), parts[2])


def _options(arguments: list[str] | None) -> argparse.Namespace:
    made = parser("benchmarks.map_tail", __doc__)
    for flag in ("--real", "--simulated"):
        made.add_argument(
            flag, action="append", required=True, type=asked_for, metavar="NAME=BUNDLE=ROLL", help="once a style"
        )
    made.add_argument(
        "--share", type=positive(float), default=0.5, help="of a real tail that is asked for (default %(default)s)"
    )
    made.add_argument(
        "--sim-lines", type=at_least(1), default=20000, metavar="N", help="of each sim: roll (default %(default)s)"
    )
    made.add_argument("--json", type=Path, metavar="OUT", help="write the figures to this file")
    add_engine_options(made)
    return made.parse_args(arguments)


if __name__ == "__main__":
    run(main)
