"""The verb ``report``: is an engine as good as the FP32 one? Told without labels, and kept beside the engine.

    python -m calibration report --bundle bundles/denim --engine openvino --precision int8 --rolls held-out-roll/

Both engines look at the same normal cloth and at copies of it with painted defects. Exit status: 0 where the engine
keeps all limits; 1 where it does not, and the page is written all the same.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from calibration.verdict.cloth import pieces
from calibration.verdict.compare import Comparison
from calibration.verdict.judge import judge
from calibration.verdict.limits import Limits, parse
from calibration.verdict.page import page
from calibration.verdict.record import store
from calibration.verdict.side import Side
from runtime.bundle import Bundle
from runtime.cameras.config import roll_uri
from runtime.engines import add_engine_options
from runtime.errors import UserError
from runtime.stream import make_view


def add_parser(verbs: Any) -> None:
    """Add the verb to a command's subparsers."""
    verb = verbs.add_parser("report", help="judge an engine against the FP32 one on normal and painted cloth")
    verb.add_argument("--bundle", type=Path, required=True, metavar="DIR")
    verb.add_argument(
        "--rolls", nargs="+", required=True, metavar="ROLL",
        help="normal cloth that neither trained the style nor set thresholds: folder, image, .txt list or sim: URI",
    )  # fmt: skip
    verb.add_argument("--sim-lines", type=int, default=4096, help="lines of each sim: roll (default %(default)s)")
    verb.add_argument(
        "--reference", type=_key, default="openvino-fp32-CPU", metavar="ENGINE-PRECISION[-DEVICE]",
        help="engine of the same bundle to compare with (default %(default)s)",
    )  # fmt: skip
    usual = ", ".join(f"{name}={value:g}" for name, value in Limits().model_dump().items())
    verb.add_argument("--limits", nargs="+", default=[], metavar="NAME=VALUE", help=f"in place of {usual}")
    add_engine_options(verb)


def run(options: argparse.Namespace) -> int:
    """Compare, judge, write the page; returns the exit status."""
    bundle, limits = Bundle(options.bundle), parse(options.limits)
    candidate = options.engine, options.precision, options.device
    if candidate == options.reference:
        raise UserError(f"{'-'.join(candidate)} is the reference itself: name another --engine or --precision.")
    with ExitStack() as loaded:
        reference, engine = (_loaded(bundle, key, loaded) for key in (options.reference, candidate))
        compared = look(bundle, reference, engine, options.rolls, options.sim_lines)
    verdict = judge(bundle, compared, limits, options.rolls)
    written = store(bundle, verdict, page(verdict, compared, bundle.recipe.name))
    for sentence in (*verdict.notes, *(check.sentence for check in verdict.checks if not check.passes)):
        print(sentence, file=sys.stderr)
    print(f"{engine.engine.name} {'passes' if verdict.passes else 'fails'}: {written}")
    return 0 if verdict.passes else 1


def look(bundle: Bundle, reference: Side, candidate: Side, rolls: list[str], sim_lines: int) -> Comparison:
    """Both engines over all rolls.

    Raises:
        UserError: a roll cannot be read, or its pixels are not of the bundle's size.
    """
    compared = Comparison(bundle, reference, candidate)
    for roll in rolls:
        view = make_view(roll_uri(roll, bundle.recipe.mm_per_px), {}, bundle.recipe.geometry.map_stride)
        for piece in pieces(view, sim_lines if roll.startswith("sim:") else None):
            compared.add(piece, view.cloth)
            print(f"{piece.name}: {compared.px / 1e6:.2f} Mpx, {len(compared.planted)} painted defects", flush=True)
    return compared


def _loaded(bundle: Bundle, key: tuple[str, str, str], until: ExitStack) -> Side:
    side = Side.load(bundle, *key)
    until.callback(side.engine.close)
    return side


def _key(text: str) -> tuple[str, str, str]:
    """Engine, precision and device."""
    parts = text.split("-", 2)
    if len(parts) < 2:
        raise argparse.ArgumentTypeError(f"must be ENGINE-PRECISION or ENGINE-PRECISION-DEVICE, got {text}")
    return parts[0], parts[1], parts[2] if len(parts) == 3 else "CPU"
