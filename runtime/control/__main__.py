"""Ask a running stream, or change what it judges by.

    python -m runtime.control /run/weftwatch/left.sock status
    python -m runtime.control /run/weftwatch/left.sock set-threshold local 4.2 keep 2.5
    python -m runtime.control /run/weftwatch/left.sock load-bundle bundles/denim-2 --at-line 120000
    python -m runtime.control /run/weftwatch/left.sock reload-settings
    python -m runtime.control /run/weftwatch/left.sock roll-start rolls/4712 --style denim --at-line 250000
    python -m runtime.control /run/weftwatch/left.sock roll-end
    python -m runtime.control /run/weftwatch/left.sock tap --events

The stream was started with --control and the same path. Answers are JSON on stdout, a tap's messages JSON Lines.
Exit status: 0; 2 where the stream refuses, with its sentence.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pydantic import ValidationError

from runtime.command import parser, run
from runtime.control.client import Client
from runtime.control.protocol import (
    BundleRequest,
    Request,
    RollEndRequest,
    RollStartRequest,
    SettingsRequest,
    StatusRequest,
    TapRequest,
    ThresholdRequest,
    first_fault,
)
from runtime.errors import UserError
from runtime.types import Kind


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    options = _options(arguments)
    try:
        request = _request(options)
    except ValidationError as error:
        raise UserError(f"Not a request: {first_fault(error)}.") from error
    with Client(options.socket) as client:
        answer = client.ask(request)
        if isinstance(request, TapRequest):
            for message in client.messages():
                print(message.model_dump_json(by_alias=True), flush=True)
        else:
            print(answer.model_dump_json(by_alias=True, indent=1))
    return 0


def _request(options: argparse.Namespace) -> Request:
    if options.do == "set-threshold":
        return _threshold_request(options.level)
    if options.do == "load-bundle":
        return BundleRequest(path=str(options.bundle.resolve()), at_line=options.at_line)
    if options.do == "reload-settings":
        return SettingsRequest()
    if options.do == "roll-start":
        label = {name: getattr(options, name) for name in ("id", "style", "loom", "shift")}
        return RollStartRequest(folder=str(options.roll.resolve()), at_line=options.at_line, **label)
    if options.do == "roll-end":
        return RollEndRequest(at_line=options.at_line)
    if options.do == "tap":
        shown = {"events": options.events, "lines": options.lines, "maps": options.maps}
        if not any(shown.values()):
            raise UserError("Name what to show: --events, --lines or --maps.")
        return TapRequest(**shown, every=options.every)
    return StatusRequest()


def _threshold_request(words: list[str]) -> ThresholdRequest:
    names = [*(kind.value for kind in Kind), "keep"]
    levels: dict[str, float] = {}
    for name, value in zip(words[::2], [*words[1::2], ""], strict=False):
        if name not in names:
            raise UserError(f"There is no threshold '{name}'; there is: {', '.join(names)}.")
        try:
            levels[name] = float(value)
        except ValueError:
            raise UserError(f"The threshold '{name}' needs a number after it, got '{value}'.") from None
    keep = levels.pop("keep", None)
    return ThresholdRequest(open={Kind(name): level for name, level in levels.items()}, keep=keep)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    made = parser("runtime.control", __doc__)
    made.add_argument("socket", type=Path, help="path given to the stream's --control")
    verbs = made.add_subparsers(dest="do", required=True, metavar="VERB")
    verbs.add_parser("status", help="who judges, where each camera is, how it goes")
    threshold = verbs.add_parser("set-threshold", help="judge by other thresholds from the next strip on")
    threshold.add_argument("level", nargs="+", metavar="KIND VALUE", help="of local, warp, weft, area, keep")
    verbs.add_parser("reload-settings", help="judge by settings.yaml as it is now: thresholds and alarms")
    bundle = verbs.add_parser("load-bundle", help="let another bundle judge")
    bundle.add_argument("bundle", type=Path, metavar="DIR")
    start = verbs.add_parser("roll-start", help="begin the next roll; one that is being kept ends there")
    start.add_argument("roll", type=Path, metavar="DIR", help="folder to keep it in")
    start.add_argument("--id", help="that every event carries (default: the folder's name)")
    for name in ("style", "loom", "shift"):
        start.add_argument(f"--{name}", help="for the report")
    end = verbs.add_parser("roll-end", help="end the roll and begin none")
    for verb in (bundle, start, end):
        verb.add_argument("--at-line", type=int, metavar="N", help="from this line of each camera (default: its next)")
    tap = verbs.add_parser("tap", help="show what passes, until the stream ends or Ctrl-C")
    tap.add_argument("--events", action="store_true")
    tap.add_argument("--lines", action="store_true", help="as the camera gave them")
    tap.add_argument("--maps", action="store_true", help="strips of the anomaly map")
    tap.add_argument("--every", type=int, default=8, metavar="N", help="px and lines that one stands for (default 8)")
    return made.parse_args(arguments)


if __name__ == "__main__":
    run(main)
