"""Cameras: which there are, how one is set, what it sees, and whether its lines arrive.

    python -m runtime.camera list
    python -m runtime.camera show left
    python -m runtime.camera grab left --lines 20000 --out rolls/7
    python -m runtime.camera test left --seconds 10

A camera is a name in cameras.yaml or a URI, as for python -m runtime.stream. Nothing is sent to a network but
to the cameras named there, unless 'list --discover' asks for it. 'show' changes nothing in a camera; 'grab' and
'test' set it as cameras.yaml says. Exit status: 0 if all is well; 1 where 'test' finds a fault or 'grab' missed
lines; 2 for what can be put right, with one sentence.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from runtime.camera_command.grab import grab
from runtime.camera_command.link_test import link_test
from runtime.camera_command.listing import listing
from runtime.camera_command.show import show
from runtime.cameras.config import load_cameras
from runtime.command import parser, positive, run


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    options = _options(arguments)
    cameras = load_cameras(options.cameras)
    if options.verb == "list":
        return listing(cameras, options.discover)
    if options.verb == "show":
        return show(options.camera, cameras)
    if options.verb == "grab":
        return grab(options.camera, cameras, options.lines, options.out)
    return link_test(options.camera, cameras, options.seconds)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    made = parser("runtime.camera", __doc__)
    verbs = made.add_subparsers(dest="verb", required=True)
    listed = verbs.add_parser("list", help="the cameras of cameras.yaml, and which of them answer")
    listed.add_argument(
        "--discover", action="store_true", help="ask all networks of this machine for cameras, by broadcast"
    )
    shown = verbs.add_parser("show", help="every feature of a camera: value, access, what it takes")
    grabbed = verbs.add_parser("grab", help="record a roll")
    grabbed.add_argument("--lines", type=positive(int), required=True, metavar="N", help="how many lines")
    grabbed.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder for the recording")
    tested = verbs.add_parser("test", help="do its lines arrive? verdict and remedies")
    tested.add_argument("--seconds", type=positive(float), default=10.0, help="how long (default %(default)g)")
    for verb in (shown, grabbed, tested):
        verb.add_argument("camera", metavar="NAME|URI")
    for verb in (listed, shown, grabbed, tested):
        verb.add_argument("--cameras", type=Path, metavar="FILE", help="cameras.yaml (default: the one in the package)")
    return made.parse_args(arguments)


if __name__ == "__main__":
    run(main)
