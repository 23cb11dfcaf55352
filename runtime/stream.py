"""Line-scan cameras to defect coordinates.

    python -m runtime.stream --camera gige0 --metres 5
    python -m runtime.stream --camera replay:rolls/7 --bundle bundles/denim --out events.jsonl
    python -m runtime.stream --camera gige:192.168.0.10 --camera gige:192.168.1.10 --json
    python -m runtime.stream --camera left --bundle bundles/denim --roll rolls/4711 --style denim --loom 12
    python -m runtime.stream --camera left --bundle bundles/denim --control /run/weftwatch/left.sock
    python -m runtime.stream --camera left --bundle bundles/denim --record rolls/7

Without --json the screen is for people; with it, stdout is JSON Lines (runtime/events.schema.json).
Exit status: 0 after a clean end, Ctrl-C and SIGTERM included; 1 when a camera failed on the way, the account
of lines does not balance or a recording lacks lines; 2 for what can be put right, with one sentence.
"""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from runtime.bundle import Bundle
from runtime.cameras.config import AnyCamera, build, describe, load_cameras
from runtime.command import at_least, parser, positive, run
from runtime.control.control import Control
from runtime.engines import add_engine_options, load_engine
from runtime.errors import UserError
from runtime.events import StateEvent
from runtime.flatfield_age import FlatFieldAge
from runtime.intake import Limit
from runtime.pipeline import Pipeline, View
from runtime.preprocess.cloth import ClothFinder
from runtime.preprocess.flatfield import FlatField
from runtime.preprocess.running_gain import RunningGain
from runtime.recordings.beside import Recordings
from runtime.rolls.crops import Quota
from runtime.rolls.store import Label
from runtime.sinks.base import Sink
from runtime.sinks.console import Console
from runtime.sinks.jsonl import JsonLines
from runtime.sinks.rolls import Rolls
from runtime.types import LineBlock, ScoreMap

DEMO_BUNDLE = Path(__file__).parent / "demo_bundle"


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    options = _options(arguments)
    bundle = Bundle(options.bundle)
    cameras = load_cameras(options.cameras)
    views = [make_view(name, cameras, bundle.recipe.geometry.map_stride) for name in options.camera]
    sinks = _sinks(options)
    rolls = Rolls(Quota(options.crops, round(options.crops_mb * 1e6)))
    roll_id = _begin_roll(options, rolls)
    sinks.append(rolls)
    engine = load_engine(bundle, options.engine, options.precision, options.device)
    control, recordings, recorded_all = None, None, True
    watchers = [rolls.seen, FlatFieldAge(views, lambda: pipeline).seen]
    try:
        if options.control:
            control = Control(options.control)
            sinks.append(control.taps)
            watchers.append(control.taps.seen)
        if options.record:
            recordings = Recordings(options.record, lambda camera, said: _tell_recording(pipeline, camera, said))
            views = [replace(view, camera=recordings.of(view.camera)) for view in views]
            watchers.append(recordings.seen)
        pipeline = Pipeline(
            bundle,
            engine,
            f"{options.engine}-{options.precision}",
            views,
            sinks,
            Limit(options.lines, options.metres),
            options.seconds,
            roll_id,
            on_strip=_watched_by(watchers),
            on_open=rolls.opened,
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: pipeline.stop())
        if control:
            control.serve(
                pipeline, rolls, lambda other: load_engine(other, options.engine, options.precision, options.device)
            )
        message = f"bundle '{bundle.recipe.name}' ({bundle.id}), {engine.name}"
        pipeline.tell(StateEvent(camera=None, state="started", message=message, roll=roll_id))
        summary = pipeline.run()
    finally:
        engine.close()
        for sink in sinks:
            sink.close()
        if control:
            control.close()
        if recordings:
            recorded_all = recordings.close()
    balanced = all(camera.balanced for camera in summary.cameras)
    return 0 if summary.ended != "failed" and balanced and recorded_all else 1


def make_view(name_or_uri: str, cameras: Mapping[str, AnyCamera], map_stride: int) -> View:
    """A camera and its preparation, as cameras.yaml or a short URI has it.

    Raises:
        UserError: no such camera, or its stored flat field cannot be read.
    """
    name, config = describe(name_or_uri, cameras)
    cloth = ClothFinder(grid=map_stride) if config.cloth == "find" else None
    references = config.references()
    flat = FlatField.load(references) if references else None
    if flat:
        flat = replace(flat, running=RunningGain(config.scale().mm_per_line, cloth, config.running_gain))
    return View(build(name, config), flat, cloth)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    made = parser("runtime.stream", __doc__)
    made.add_argument(
        "--camera",
        action="append",
        required=True,
        metavar="NAME|URI",
        help="a name in cameras.yaml, or gige:IP, replay:PATH, sim:STYLE; several times for several cameras",
    )
    made.add_argument("--cameras", type=Path, metavar="FILE", help="cameras.yaml (default: the one in the package)")
    made.add_argument("--bundle", type=Path, default=DEMO_BUNDLE, metavar="DIR", help="default: the demo bundle")
    limit = made.add_mutually_exclusive_group()
    limit.add_argument("--metres", type=positive(float), help="stop each camera after this much cloth")
    limit.add_argument("--lines", type=at_least(1), help="stop each camera after this many lines")
    limit.add_argument("--seconds", type=positive(float), help="stop after this time")
    made.add_argument("--out", type=Path, metavar="FILE", help="append events to this file, as JSON Lines")
    made.add_argument("--json", action="store_true", help="events on stdout, as JSON Lines")
    made.add_argument(
        "--control", type=Path, metavar="SOCKET", help="listen here for python -m runtime.control (docs/control.md)"
    )
    made.add_argument(
        "--record", type=Path, metavar="DIR", help="record what the cameras give, in a new folder (docs/recordings.md)"
    )
    _add_roll_options(made)
    add_engine_options(made)
    return made.parse_args(arguments)


def _add_roll_options(made: argparse.ArgumentParser) -> None:
    of_roll = made.add_argument_group("roll", "kept in a folder that python -m runtime.report reads")
    of_roll.add_argument("--roll", type=Path, metavar="DIR", help="keep the roll here; one that is there goes on")
    of_roll.add_argument("--roll-id", metavar="ID", help="id that every event carries (default: the folder's name)")
    of_roll.add_argument("--style", help="of the cloth, for the report")
    of_roll.add_argument("--loom", help="that made it")
    of_roll.add_argument("--shift", help="at work now; each time that the stream is started may name another")
    of_roll.add_argument(
        "--crops", type=at_least(1), default=Quota.crops, metavar="N",
        help="most pictures of defects (default %(default)s)",
    )  # fmt: skip
    of_roll.add_argument(
        "--crops-mb", type=positive(float), default=Quota.bytes / 1e6, metavar="MB",
        help="most megabytes of them (default %(default)g)",
    )  # fmt: skip


def _sinks(options: argparse.Namespace) -> list[Sink]:
    sinks: list[Sink] = [JsonLines.to_stdout() if options.json else Console()]
    if options.out:
        sinks.append(JsonLines.to_path(options.out))
    return sinks


def _watched_by(watchers: Sequence[Callable[[LineBlock | ScoreMap], None]]) -> Callable[[LineBlock | ScoreMap], None]:
    """One ``on_strip`` for all who look."""

    def seen(item: LineBlock | ScoreMap) -> None:
        for watcher in watchers:
            watcher(item)

    return seen


def _tell_recording(pipeline: Pipeline, camera: str, message: str) -> None:
    pipeline.tell(StateEvent(camera=camera, state="recording", message=message, roll=pipeline.roll))


def _begin_roll(options: argparse.Namespace, rolls: Rolls) -> str | None:
    """The id of the roll that is to be kept, if any."""
    if options.roll is None:
        told = [name for name in ("roll_id", "style", "loom", "shift") if getattr(options, name) is not None]
        if told:
            raise UserError(f"--{told[0].replace('_', '-')} belongs to a roll: name its folder with --roll.")
        return None
    return rolls.begin(options.roll, Label(options.roll_id, options.style, options.loom), options.shift)


if __name__ == "__main__":
    run(main)
