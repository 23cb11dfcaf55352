"""``python -m runtime.fake_gige``: one simulated GigE Vision line-scan camera, until it is ended.

It prints one JSON line when it is ready, one when the loom begins to weave and one whenever the loom's
start time changes (a stop, a slip). Faults are asked for with lines on standard input:

    loss 0.01     lose one packet in a hundred from here on
    stop 2.0      the loom stands still for two seconds
    freeze 1.5    the camera does nothing and answers nobody for so long
    die           die at once, as by kill -9
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from runtime.errors import UserError
from runtime.fake_gige.control import ControlServer
from runtime.fake_gige.device import Device
from runtime.fake_gige.frames import Wire
from runtime.fake_gige.loom import Loom
from runtime.fake_gige.packets import GVCP_PORT
from runtime.fake_gige.sensor import Sensor
from runtime.fake_gige.stream import Streamer
from runtime.sources import LineSource

WATCH_S = 0.1
SINCE_TOLERANCE_S = 1e-3


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog="python -m runtime.fake_gige",
        description="A simulated GigE Vision line-scan camera that looks at simulated or recorded cloth. "
        "While it runs, standard input takes: 'loss P', 'stop SECONDS', 'freeze SECONDS', 'die'.",
    )
    add = parser.add_argument
    add("--source", required=True, metavar="URI", help="the cloth, e.g. sim:twill?seed=1 or replay:PATH")
    add("--ip", default="127.0.0.1", help="address of the camera (default: %(default)s)")
    add("--serial", default="LOOM0001", help="serial number (default: %(default)s)")
    add("--line-rate", type=_positive, default=1000.0, metavar="HZ", help="lines a second (default: %(default)g)")
    add("--height", type=int, default=128, metavar="LINES", help="lines a buffer (default: %(default)s)")
    add("--counts-per-line", type=float, default=5.0, metavar="N", help="encoder counts (default: %(default)g)")
    add("--no-chunks", action="store_true", help="stamp no counts on lines: EncoderValue alone tells the encoder's")
    add("--falloff", type=_falloff, default=0.0, metavar="P", help="light that the edges lack, for its own flat field")
    add("--woven-since", type=float, metavar="UNIX_SECONDS", help="when the loom began; default: at first start")
    add("--loss", type=_share, default=0.0, metavar="P", help="share of packets lost (default: none)")
    add("--kept-frames", type=int, default=4, metavar="N", help="buffers kept for resends (default: %(default)s)")
    add("--first-block", type=int, default=1, metavar="ID", help="block id to begin with (default: %(default)s)")
    add("--live", action="store_true", help="send lines while the buffer is exposed, not when it is full")
    add("--line-timeout", type=_positive, default=0.5, metavar="S", help="a stop that ends a buffer (%(default)g)")
    add("--mtu", type=int, default=65535, metavar="BYTES", help="largest packet that gets through (default: all)")
    add("--seed", type=int, default=1, help="of the lost packets (default: %(default)s)")
    add("--until-stdin-closes", action="store_true", help="end when standard input does: with the parent")
    return parser.parse_args(argv)


def _positive(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"must be above 0, got {text}")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be 0 to 1, got {text}")
    return value


def _falloff(text: str) -> float:
    value = _share(text)
    if value == 1:
        raise argparse.ArgumentTypeError("must leave some light: below 1")
    return value


@dataclass
class FakeCamera:
    """The parts of one running camera, and what it tells about itself on standard output."""

    options: argparse.Namespace
    source: LineSource
    loom: Loom = field(init=False)
    wire: Wire = field(init=False)

    def start(self) -> None:
        """Bind the sockets and serve from threads.

        Raises:
            UserError: the address is taken or not this machine's.
        """
        o = self.options
        self.loom = Loom(o.line_rate, o.woven_since)
        device = Device(
            o.ip,
            o.serial,
            self.source.width,
            self.source.channels,
            o.height,
            o.kept_frames > 0,
            self.loom,
            o.counts_per_line,
            not o.no_chunks,
            o.falloff > 0,
        )
        try:
            self.wire = Wire(o.ip, o.loss, o.mtu, o.seed)
            device.on_test_packet = self.wire.test_packet
            streamer = Streamer(
                device,
                Sensor(self.source, o.falloff),
                self.loom,
                self.wire,
                o.counts_per_line,
                o.kept_frames,
                o.first_block,
                o.live,
                o.line_timeout,
            )
            device.on_start = streamer.begin
            ControlServer(o.ip, device, streamer.resend)
        except OSError as error:
            raise UserError(
                f"the simulated camera cannot listen on {o.ip}:{GVCP_PORT} ({error.strerror}): use a free address "
                "of this machine, such as 127.0.0.1 to 127.255.255.254, with one camera on each"
            ) from error
        threading.Thread(target=self._watch_loom, name="loom", daemon=True).start()

    def say(self, event: str) -> None:
        """One JSON line: what happened, and all that is needed to start this camera anew."""
        state = {
            "event": event,
            "ip": self.options.ip,
            "pid": os.getpid(),
            "woven_since": self.loom.woven_since,
            "line_rate_hz": self.loom.line_rate_hz,
        }
        print(json.dumps(state), flush=True)

    def obey(self, line: str) -> None:
        """One line from standard input."""
        word, _, value = line.strip().partition(" ")
        try:
            if word == "loss":
                self.wire.loss = _share(value)
            elif word == "stop":
                self.loom.stop(float(value))
            elif word == "freeze":
                self._freeze(float(value))
            elif word == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            elif word:
                print(
                    f"unknown fault '{word}': use loss P, stop SECONDS, freeze SECONDS or die",
                    file=sys.stderr,
                    flush=True,
                )
        except (ValueError, argparse.ArgumentTypeError) as error:
            print(f"{word}: {error}", file=sys.stderr, flush=True)

    def _freeze(self, seconds: float) -> None:
        """Stop this process; another wakes it."""
        subprocess.Popen(["sh", "-c", f"sleep {seconds}; kill -CONT {os.getpid()}"])
        os.kill(os.getpid(), signal.SIGSTOP)

    def _watch_loom(self) -> None:
        told: float | None = self.options.woven_since
        while True:
            time.sleep(WATCH_S)
            since = self.loom.woven_since
            if since is not None and (told is None or abs(since - told) > SINCE_TOLERANCE_S):
                self.say("weaving")
                told = since


def main(argv: Sequence[str] | None, open_source: Callable[[str], LineSource]) -> int:
    """Run one camera until SIGTERM, SIGINT or, if asked for, the end of standard input."""
    options = parse_arguments(argv)
    threading.excepthook = _die_with_thread
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        camera = FakeCamera(options, open_source(options.source))
        camera.start()
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    threading.Thread(target=_listen, args=(camera, ended), name="stdin", daemon=True).start()
    camera.say("ready")
    ended.wait()
    return 0


def _die_with_thread(failure: threading.ExceptHookArgs) -> None:
    """A camera whose stream has failed is a dead camera, not one whose loom stands."""
    if isinstance(failure.exc_value, UserError):
        print(failure.exc_value, file=sys.stderr, flush=True)
    else:
        threading.__excepthook__(failure)
        sys.stderr.flush()
    os._exit(2)


def _listen(camera: FakeCamera, ended: threading.Event) -> None:
    for line in sys.stdin:
        camera.obey(line)
    if camera.options.until_stdin_closes:
        ended.set()


if __name__ == "__main__":
    from runtime.cameras.uri import open_source

    sys.exit(main(None, open_source))
