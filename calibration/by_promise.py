"""The verb ``threshold`` with a promise in place of a quantile.

python -m calibration threshold --bundle bundles/denim --rolls normal/ --false-alarms-per-100m 0.5 --plot tail.html
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from calibration.promise import counts, promise
from calibration.promise_page import page
from calibration.rolls import look_at_rolls
from calibration.threshold import store
from runtime.bundle import Bundle
from runtime.errors import UserError


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
    with tempfile.TemporaryFile() as file:
        cloth = look_at_rolls(options, bundle, file)
        found = promise(cloth, options.false_alarms_per_100m, policy, options.rolls)
        if options.plot:
            told = counts(cloth, found, policy)
            _write(options.plot, page(found.tail, found.per_100m, told, f"{bundle.recipe.name}, {key}"))
    judged_by = found.thresholds(options.rolls).model_copy(update={"lines": cloth.lines})
    revision = store(bundle, key, judged_by)
    print("\n".join(found.sentences(cloth.width_mm)))
    print(f"Written to {bundle.path / 'settings.yaml'}, revision {revision}.")
    return 0


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
