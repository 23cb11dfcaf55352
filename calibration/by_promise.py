"""The verb ``threshold`` with a promise in place of a quantile.

python -m calibration threshold --bundle bundles/denim --rolls normal/ --false-alarms-per-100m 0.5 --plot tail.html
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from calibration.cloth import NormalCloth
from calibration.normal import stitched_strips
from calibration.promise import counts, promise
from calibration.promise_page import page
from calibration.threshold import store
from runtime.bundle import Bundle
from runtime.cameras.config import roll_uri
from runtime.engines import load_engine
from runtime.engines.base import Engine
from runtime.errors import UserError
from runtime.stream import make_view
from runtime.tiler import Tiler
from runtime.types import Scale


def add_options(verb: argparse.ArgumentParser, instead: Any) -> None:
    """Add to the verb ``threshold``.

    Args:
        instead: the group of which one option may be given.
    """
    instead.add_argument(
        "--false-alarms-per-100m", type=_rate, metavar="N", help="promise so many false events on normal cloth"
    )
    verb.add_argument("--plot", type=Path, metavar="HTML", help="with a promise: a page that shows tail and fit")


def run(options: argparse.Namespace) -> int:
    """The verb with ``--false-alarms-per-100m``; returns its exit status."""
    bundle = Bundle(options.bundle)
    key = f"{options.engine}-{options.precision}"
    policy = bundle.settings().policy
    engine = load_engine(bundle, options.engine, options.precision, options.device)
    with tempfile.TemporaryFile() as file:
        cloth = NormalCloth(file)
        try:
            for roll in options.rolls:
                _add_roll(cloth, roll, options.sim_lines, bundle, engine)
        finally:
            engine.close()
        found = promise(cloth, options.false_alarms_per_100m, policy, options.rolls)
        if options.plot:
            told = counts(cloth, found, policy)
            _write(options.plot, page(found.tail, found.per_100m, told, f"{bundle.recipe.name}, {key}"))
    revision = store(bundle, key, found.thresholds(options.rolls))
    print("\n".join(found.sentences(cloth.width_mm)))
    print(f"Written to {bundle.path / 'settings.yaml'}, revision {revision}.")
    return 0


def _add_roll(cloth: NormalCloth, roll: str, sim_lines: int, bundle: Bundle, engine: Engine) -> None:
    recipe = bundle.recipe
    uri = roll_uri(roll, recipe.mm_per_px)
    view = make_view(uri, {}, recipe.geometry.map_stride)
    stride = bundle.settings().policy.stride_lines
    tiler = Tiler("roll", recipe.tiles, stride, recipe.channels, view.cloth, view.flat_field)
    lines = sim_lines if roll.startswith("sim:") else None
    cloth.add_roll(stitched_strips(view.camera, tiler, engine, bundle, lines), _scale(uri, recipe.geometry.map_stride))


def _scale(uri: str, map_stride: int) -> Scale:
    camera = make_view(uri, {}, map_stride).camera
    try:
        return camera.open().scale
    finally:
        camera.close()


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"Cannot write the plot to '{path}': {error.strerror}.") from error


def _rate(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be more than 0, got {text}")
    return value
