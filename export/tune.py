"""How many tiles the device works on at once: searched on the device itself, written into settings.yaml.

    python -m export tune --bundle bundles/denim --precision int8 --device CPU

Left to itself OpenVINO chooses streams (graphs side by side) and requests (tiles handed to it) by the device's name;
other programs on the machine, few cores or a small graph can make another choice faster. Every choice is measured in
short windows that take turns, since a machine's speed drifts. The best then meets what the bundle does now in new
windows, because the best of many is partly the luckiest; only a gain beyond their spread is written. Tiles stay one a
call: a batch of 2 or 4 in one call was not faster on the CPUs tried.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openvino as ov

from export.spread import apart
from runtime.bundle import Bundle, engine_name
from runtime.engines import add_engine_options
from runtime.engines.base import Engine
from runtime.engines.openvino import OpenVinoEngine
from runtime.engines.rate import measure_tiles_per_s
from runtime.errors import UserError
from runtime.settings import Tuning

SEARCH_TURNS, DUEL_TURNS = 3, 5
Rate = Callable[[Engine, float], float]
"""Tiles a second of an engine, measured for so many seconds."""


def add_parser(verbs: Any) -> None:
    """The verb ``tune`` of ``python -m export``."""
    verb = verbs.add_parser("tune", help="how many tiles OpenVINO works on at once, measured on the device")
    verb.add_argument("--bundle", type=Path, required=True, metavar="DIR")
    add_engine_options(verb)
    verb.add_argument("--seconds", type=float, default=2.0, help="of each window (default %(default)s)")


def run(options: argparse.Namespace) -> int:
    """The verb; returns its exit status."""
    bundle = Bundle(options.bundle)
    if options.engine != "openvino":
        raise UserError("Only OpenVINO's streams and requests are tuned: TensorRT does its search when it builds.")
    if not options.seconds > 0:
        raise UserError(f"--seconds must be more than 0, got {options.seconds:g}.")
    name = engine_name("openvino", options.precision, options.device)
    print(f"{name}, {os.cpu_count()} cores: tiles/s, median of windows of {options.seconds:g} s in turn", flush=True)
    tune(bundle, options.precision, options.device, options.seconds)
    return 0


def tune(bundle: Bundle, precision: str, device: str, seconds: float, rate: Rate = measure_tiles_per_s) -> None:
    """Search, let the best meet what the bundle does now, write it if it gains, and say all that on stdout.

    Args:
        rate: measures an engine.

    Raises:
        UserError: no such engine in the bundle, no such device here, or one whose streams cannot be set.
    """

    def load(choice: Tuning | None) -> Engine:
        return OpenVinoEngine(bundle, precision, device, tuning=choice)

    now = bundle.tuning("openvino", precision, device)
    tried = [None, *choices(most_streams(device))]
    found = in_turns([load(choice) for choice in tried], SEARCH_TURNS, seconds, rate)
    for choice, rates in zip(tried, found, strict=True):
        print(f"  {told(choice):28}{statistics.median(rates):9.1f}", flush=True)
    best = max(zip(tried, found, strict=True), key=lambda pair: statistics.median(pair[1]))[0]
    if told(best) == told(now):
        print("Nothing is faster than what the bundle does now: nothing changed.")
        return
    before, after = in_turns([load(now), load(best)], DUEL_TURNS, seconds, rate)
    for word, choice, rates in (("before", now, before), ("after", best, after)):
        print(f"{word:8}{told(choice):22}{statistics.median(rates):9.1f}  ({min(rates):.1f} to {max(rates):.1f})")
    gain = statistics.median(after) / statistics.median(before) - 1
    if gain <= 0 or not apart(before, after):
        print(f"The gain, {gain:.1%}, is within the spread: nothing changed.")
        return
    evidence = {"tiles_s_before": before, "tiles_s_after": after}
    write(bundle, engine_name("openvino", precision, device), best and best.model_copy(update={"found": evidence}))
    print(f"{gain:+.1%}: written to {bundle.path / 'settings.yaml'}.")


def choices(most: int) -> list[Tuning]:
    """What is tried on a device that runs up to ``most`` streams: powers of two and ``most``, one or two tiles each."""
    streams = sorted({*(2**n for n in range(most.bit_length())), most})
    return [Tuning(streams=n, requests=n * times, cores=os.cpu_count() or 1) for n in streams for times in (1, 2)]


def most_streams(device: str) -> int:
    """How many graphs a device can run side by side.

    Raises:
        UserError: it does not say, so that there is nothing to choose.
    """
    try:
        return int(ov.Core().get_property(device, "RANGE_FOR_STREAMS")[1])
    except RuntimeError as error:
        raise UserError(f"OpenVINO's device '{device}' is not here, or its streams cannot be set.") from error


def in_turns(engines: Sequence[Engine], turns: int, seconds: float, rate: Rate) -> list[list[float]]:
    """Rates of each engine, measured in turn; the engines are closed."""
    with ExitStack() as stack:
        for engine in engines:
            stack.callback(engine.close)
        rounds = [[rate(engine, seconds) for engine in engines] for _ in range(turns)]
    return [list(rates) for rates in zip(*rounds, strict=True)]


def told(choice: Tuning | None) -> str:
    """A choice in words."""
    return "the device's own choice" if choice is None else f"{choice.streams} streams, {choice.requests} requests"


def write(bundle: Bundle, name: str, choice: Tuning | None) -> None:
    """Put a choice into the bundle's settings, or take it out for the device's own."""
    settings = bundle.settings()
    others = {key: value for key, value in settings.tuning.items() if key != name}
    tuning = others if choice is None else {**others, name: choice}
    bundle.write_settings(settings.model_copy(update={"revision": settings.revision + 1, "tuning": tuning}))
