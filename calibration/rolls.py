"""The rolls that thresholds are taken from, looked at once by the engine."""

from __future__ import annotations

import argparse
from typing import IO

from calibration.cloth import NormalCloth
from calibration.evidence import line_scale
from calibration.normal import opened, stitched_strips
from runtime.bundle import Bundle
from runtime.cameras.config import roll_uri
from runtime.engines import load_engine
from runtime.engines.base import Engine
from runtime.stream import make_view
from runtime.tiler import Tiler


def look_at_rolls(options: argparse.Namespace, bundle: Bundle, file: IO[bytes]) -> NormalCloth:
    """Maps of all ``options.rolls``, kept in a file, and what faint lines count in them unless ``options.no_lines``.

    Raises:
        UserError: the engine cannot be loaded, or a roll cannot be read.
    """
    engine = load_engine(bundle, options.engine, options.precision, options.device)
    cloth = NormalCloth(file)
    try:
        for roll in options.rolls:
            _add_roll(cloth, roll, options.sim_lines, bundle, engine)
    finally:
        engine.close()
    if not options.no_lines:
        cloth.join_lines(line_scale(cloth.strips))
    return cloth


def _add_roll(cloth: NormalCloth, roll: str, sim_lines: int, bundle: Bundle, engine: Engine) -> None:
    recipe = bundle.recipe
    uri = roll_uri(roll, recipe.mm_per_px)
    view = make_view(uri, {}, recipe.geometry.map_stride)
    stride = bundle.settings().policy.stride_lines
    lines = sim_lines if roll.startswith("sim:") else None
    with opened(view.camera, bundle) as info:
        tiler = Tiler("roll", recipe.tiles, stride, recipe.channels, info.scale, view.cloth, view.flat_field)
        cloth.add_roll(stitched_strips(view.camera, tiler, engine, bundle, lines), info.scale)
