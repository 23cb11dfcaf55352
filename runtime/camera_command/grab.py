"""``grab``: a roll recorded, with an account of its lines and a picture."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2

from runtime.account import Account
from runtime.camera_command.preview import preview
from runtime.cameras.config import AnyCamera, make_camera
from runtime.errors import UserError
from runtime.intake import Intake, Limit
from runtime.recordings.reader import RecordedRoll
from runtime.recordings.recorder import Recorder
from runtime.types import NotInspected

QUEUE_BLOCKS = 16
"""On their way to the recorder, which has the room for what a slow disk holds up."""
TOLD_EVERY_S = 1.0
JOIN_S = 5.0
PICTURE = "preview.png"


def grab(name_or_uri: str, cameras: Mapping[str, AnyCamera], lines: int, folder: Path) -> int:
    """Record so many lines of a camera, then read them back and draw them.

    A live camera does not wait for a slow disk: lines that find no room are a gap of the reason ``overload``.
    Ctrl-C and SIGTERM end the recording, and keep it.

    Returns:
        Exit status: 0, or 1 where lines are missing.

    Raises:
        UserError: no such camera, a folder that is not empty, or a disk that takes no more.
    """
    camera = make_camera(name_or_uri, cameras)
    wake = threading.Event()
    account = Account()
    try:
        info = camera.open()
        intake = Intake(camera, info, account, Limit(lines=lines), QUEUE_BLOCKS, info.live, wake)
        recorder = Recorder(folder, info)
        print(f"recording {info.name} ({info.description}) into {folder}", flush=True)
        try:
            intake.start()
            with _told_to_end() as ended:
                _record(intake, recorder, wake, lines, ended)
        finally:
            recorder.close()
    finally:
        camera.close()
    intake.join(JOIN_S)
    if recorder.trouble is not None:
        raise UserError(recorder.trouble)
    if intake.error is not None:
        raise intake.error
    return _close(folder, account, lines)


@contextlib.contextmanager
def _told_to_end() -> Iterator[threading.Event]:
    """An event that the signals to end set: an exception could leave half a record behind."""
    ended = threading.Event()
    before = {number: signal.signal(number, lambda *_: ended.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _record(intake: Intake, recorder: Recorder, wake: threading.Event, lines: int, ended: threading.Event) -> None:
    """Record what comes until nothing more comes or the disk takes no more; once told to end, what has come already."""
    told = time.monotonic()
    stopped = False
    while not intake.exhausted and recorder.trouble is None:
        if ended.is_set() and not stopped:
            stopped = True
            intake.stop(give_up_queue=False)
        item = intake.take()
        if item is None:
            wake.wait(0.05)
            wake.clear()
            continue
        recorded = recorder.take(item)
        if isinstance(recorded, NotInspected):
            intake.account.given_up(recorded)
        else:
            intake.account.looked_at(recorded.first_line, recorded.end_line)
        if time.monotonic() - told > TOLD_EVERY_S:
            told = time.monotonic()
            missing = sum(intake.account.not_inspected.values())
            print(
                f"  {intake.account.lines_in:,} of {lines:,} lines, {intake.metres:.3f} m, {missing:,} lines missing",
                file=sys.stderr,
                flush=True,
            )


def _close(folder: Path, account: Account, lines: int) -> int:
    """Read the recording back and say what is in it."""
    if account.lines_in == 0:
        raise UserError(
            f"The camera gave no line, so '{folder}' holds none: check it with python -m runtime.camera test."
        )
    roll = RecordedRoll(folder)
    if not cv2.imwrite(str(folder / PICTURE), preview(roll)):
        raise UserError(f"Cannot write a picture to '{folder / PICTURE}'.")
    missing = dict(account.not_inspected)
    spans = f", {account.unnumbered_spans} gap(s) of unknown length" if account.unnumbered_spans else ""
    reasons = "".join(f", {reason.value} {count:,}" for reason, count in missing.items())
    print(
        f"lines in {account.lines_in:,} = recorded {account.inspected:,} + missing {sum(missing.values()):,}"
        f"{reasons}{spans}; {roll.metres:.3f} m, all read back: {folder / PICTURE}"
    )
    if account.lines_in < lines:
        print(f"ended before line {lines:,}: the camera had no more, or it was stopped")
    whole = account.balanced and not missing and not account.unnumbered_spans
    return 0 if whole else 1
