"""What is measured on normal cloth after training, without torch.

python -m calibration threshold --bundle bundles/denim --rolls rolls/good [--false-alarms-per-100m 0.5]
python -m calibration int8 --bundle bundles/denim --rolls rolls/good
python -m calibration report --bundle bundles/denim --precision int8 --rolls rolls/held-out
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from calibration import by_promise, int8, report
from calibration.rolls import look_at_rolls
from calibration.threshold import NormalTail, blocks_needed, store, thresholds
from runtime.bundle import Bundle
from runtime.command import parser, run
from runtime.engines import add_engine_options
from runtime.errors import UserError


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    made = parser("calibration", __doc__)
    verbs = made.add_subparsers(dest="verb", required=True)
    _add_threshold(verbs)
    int8.add_parser(verbs)
    report.add_parser(verbs)
    options = made.parse_args(arguments)
    run_verb = {"threshold": _threshold, "int8": int8.run, "report": report.run}[options.verb]
    return run_verb(options)


def _threshold(options: argparse.Namespace) -> int:
    if options.false_alarms_per_100m is not None:
        return by_promise.run(options)
    if options.plot:
        raise UserError("--plot shows the tail behind a promise: give --false-alarms-per-100m with it.")
    bundle = Bundle(options.bundle)
    key = f"{options.engine}-{options.precision}"
    name = bundle.recipe.name
    print(f"Thresholds of {key} for bundle '{name}' ({bundle.id}) from {', '.join(options.rolls)}", flush=True)
    with tempfile.TemporaryFile() as file:
        cloth = look_at_rolls(options, bundle, file)
        tail = NormalTail.of(cloth.strips())
    found = thresholds(tail, options.quantile, options.rolls).model_copy(update={"lines": cloth.lines})
    revision = store(bundle, key, found)
    opening = max(found.open.values())
    print(f"{len(tail.maxima)} blocks of cloth, highest value of a block: median {found.calibrated['median']:.4f},")
    print(f"  highest {found.calibrated['highest']:.4f}; opens at {opening:.4f}, keeps at {found.keep:.4f}")
    if len(tail.maxima) < blocks_needed(options.quantile):
        print(
            f"Note: quantile {options.quantile:g} wants {blocks_needed(options.quantile)} blocks of cloth; with "
            f"{len(tail.maxima)} it is close to the highest value seen, and false alarms will be more than it says."
        )
    print(f"Written to {bundle.path / 'settings.yaml'}, revision {revision}.")
    return 0


def _add_threshold(verbs: Any) -> None:
    verb = verbs.add_parser("threshold", help="set the thresholds from normal cloth alone")
    verb.add_argument("--bundle", type=Path, required=True, metavar="DIR")
    verb.add_argument(
        "--rolls", nargs="+", required=True, metavar="ROLL", help="normal cloth: folder, image, .txt list or sim: URI"
    )
    by = verb.add_mutually_exclusive_group()
    by.add_argument(
        "--quantile",
        type=_share,
        default=0.999,
        help="share of 256 px blocks of normal cloth that stay below the threshold (default %(default)s)",
    )
    by_promise.add_options(verb, by)
    verb.add_argument("--sim-lines", type=int, default=20000, help="lines of each sim: roll (default %(default)s)")
    verb.add_argument("--no-lines", action="store_true", help="do not seek faint lines along the weft")
    add_engine_options(verb)


def _share(text: str) -> float:
    value = float(text)
    if not 0.5 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be 0.5 to 1, got {text}")
    return value


if __name__ == "__main__":
    run(main)
