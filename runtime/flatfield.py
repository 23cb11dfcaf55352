"""Flat field of a camera: its dark and its white reference, captured and checked.

    python -m runtime.flatfield capture --camera left --dark --out left.npz     # lens covered, machine warm
    python -m runtime.flatfield capture --camera left --white --out left.npz    # plain white target in the light

Capture at the exposure and gain that the camera works with, dark first; both go into one file, which
cameras.yaml names as flat_field. Exit status: 0, or 2 with one sentence for what is wrong with the lines.
"""

from __future__ import annotations

import argparse
import threading
from datetime import datetime, timezone
from pathlib import Path

from runtime.cameras.base import Camera, CameraInfo
from runtime.cameras.config import load_cameras, make_camera
from runtime.command import at_least, parser, run
from runtime.errors import UserError
from runtime.preprocess.flatfield import FlatField, Origin
from runtime.preprocess.references import DarkReference, LineStatistics, white_field
from runtime.types import LineBlock

DEFAULT_LINES = 2000
WAIT_S = 60.0


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    options = _options(arguments)
    camera = make_camera(options.camera, load_cameras(options.cameras))
    if options.dark:
        seen, origin = captured(camera, options.lines)
        dark = DarkReference.of(seen, origin)
        _store(dark, options.out)
        print(f"dark reference of {_told(origin)}: {len(dark.hot)} hot columns; in {options.out}, now capture --white")
        return 0
    dark = DarkReference.load(options.out)
    seen, origin = captured(camera, options.lines)
    _check_pair(dark.origin, origin)
    flat = white_field(seen, dark, origin)
    _store(flat, options.out)
    print(
        f"white reference of {_told(origin)}: {len(flat.bad)} dead or hot columns, gain {flat.gain.min():.3g} to "
        f"{flat.gain.max():.3g}; in {options.out}, name it in cameras.yaml: flat_field: {options.out}"
    )
    return 0


def captured(camera: Camera, lines: int) -> tuple[LineStatistics, Origin]:
    """Take so many lines of a camera that is not yet opened; closes it.

    Raises:
        UserError: it cannot be opened, or the lines do not come.
    """
    try:
        info = camera.open()
        seen = LineStatistics(info.bits)
        waiting = threading.Timer(WAIT_S, camera.close)
        waiting.start()
        try:
            for item in camera.items():
                if isinstance(item, LineBlock):
                    seen.add(item.pixels[: lines - seen.lines])
                if seen.lines >= lines:
                    break
        finally:
            waiting.cancel()
            waiting.join()
    finally:
        camera.close()
    if seen.lines < lines:
        raise UserError(
            f"Camera '{info.name}' gave {seen.lines} of {lines} lines: ask for fewer with --lines, or, where the "
            "encoder triggers the lines, let it run or take TriggerMode off."
        )
    return seen, _origin(info, seen.lines)


def _origin(info: CameraInfo, lines: int) -> Origin:
    device = info.device
    return Origin(
        camera=info.name,
        serial=device.serial if device else None,
        exposure_us=device.exposure_us if device else None,
        gain_db=device.gain_db if device else None,
        bits=info.bits,
        lines=lines,
        captured=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        own_flat_field=device.own_flat_field if device else None,
    )


def _check_pair(dark: Origin, white: Origin) -> None:
    """Both references are of one camera, set alike."""
    for what in ("serial", "bits", "exposure_us", "gain_db", "own_flat_field"):
        before, now = getattr(dark, what), getattr(white, what)
        if before != now:
            raise UserError(
                f"The dark reference was taken with {what} {_or_none(before)}, the white one with {_or_none(now)}: "
                "set the camera as it works, and capture --dark again."
            )


def _or_none(value: object) -> object:
    return "none" if value == "" else value


def _told(origin: Origin) -> str:
    serial = f", serial {origin.serial}" if origin.serial else ""
    own = origin.own_flat_field
    already = f", corrected already by the camera's own {own}: they hold only while that is on" if own else ""
    return f"camera '{origin.camera}'{serial}, {origin.lines} lines averaged{already}"


def _store(made: DarkReference | FlatField, path: Path) -> None:
    try:
        made.save(path)
    except OSError as error:
        raise UserError(f"Cannot write '{path}': {error.strerror}.") from error


def _options(arguments: list[str] | None) -> argparse.Namespace:
    made = parser("runtime.flatfield", __doc__)
    verbs = made.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("capture", help="average lines into a reference, and check it")
    verb.add_argument("--camera", required=True, metavar="NAME|URI")
    verb.add_argument("--cameras", type=Path, metavar="FILE", help="cameras.yaml (default: the one in the package)")
    which = verb.add_mutually_exclusive_group(required=True)
    which.add_argument("--dark", action="store_true", help="the lens is covered")
    which.add_argument("--white", action="store_true", help="a plain white target lies in the light")
    verb.add_argument(
        "--lines", type=at_least(100), default=DEFAULT_LINES, help="how many to average (default %(default)s)"
    )
    verb.add_argument("--out", type=Path, required=True, metavar="FILE", help="the references, .npz")
    return made.parse_args(arguments)


if __name__ == "__main__":
    run(main)
