"""A recorded roll in place of a camera: the same lines, numbers, counts, segments and gaps."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from runtime.cameras.base import CameraInfo
from runtime.cameras.pace import Pace
from runtime.errors import UserError
from runtime.recordings.reader import RecordedRoll
from runtime.types import LineBlock, NotInspected

KNOWN = ("channels", "mm_per_px", "mm_per_line", "x_offset_mm")
"""Settings of cameras.yaml that a recording knows by itself."""


@dataclass(frozen=True)
class Part:
    """Which part of a recording: from a line or a metre on, so many lines or metres; None: from its start, to its end.

    Lines are numbers as the camera gave them, metres count from the recording's first line.
    """

    from_line: int | None = None
    from_m: float | None = None
    lines: int | None = None
    metres: float | None = None

    def of(self, roll: RecordedRoll) -> tuple[int | None, int | None]:
        """The first line and the line behind the last; None: the recording's own.

        Raises:
            UserError: two starts, two lengths, or a start that the recording does not have.
        """
        for one, other in (("from_line", "from_m"), ("lines", "metres")):
            if getattr(self, one) is not None and getattr(self, other) is not None:
                raise UserError(f"A part of a recording is given by {one} or by {other}, not by both: leave one out.")
        first = self.from_line if self.from_m is None else roll.line_at(self.from_m)
        if first is not None and not roll.first_line <= first < roll.end_line:
            raise UserError(
                f"The recording has lines {roll.first_line} to {roll.end_line - 1}, not {first}: choose one of them."
            )
        if self.lines is not None:
            return first, (roll.first_line if first is None else first) + self.lines
        if self.metres is not None:
            end_m = (self.from_m or (0.0 if first is None else roll.metres_at(first))) + self.metres
            return first, None if end_m >= roll.metres else roll.line_at(end_m)
        return first, None


class RecordingCamera:
    """Plays a recorded roll; only the time of arrival is new, and the camera's name.

    Args:
        name: the camera's name.
        folder: of the recording.
        part: which part of it.
        line_rate_hz: pace of a live camera; None: not live, as fast as the lines are taken.
        said: settings of KNOWN that cameras.yaml or a URI names; they must be the recording's own.

    Raises:
        UserError: a line rate that is not above 0.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        part: Part | None = None,
        line_rate_hz: float | None = None,
        said: Mapping[str, float] | None = None,
    ) -> None:
        self._name, self._folder, self._part = name, folder, part or Part()
        self._said = said or {}
        self._pace = Pace(line_rate_hz)
        self._roll: RecordedRoll | None = None
        self._span: tuple[int | None, int | None] = None, None

    def open(self) -> CameraInfo:
        """Read the index.

        Raises:
            UserError: no recording, one of a newer format, one of another scale, or no such part of it.
        """
        self._roll = roll = RecordedRoll(self._folder)
        for key, said in self._said.items():
            own = getattr(roll.about, key)
            if not math.isclose(own, said, rel_tol=1e-4):
                raise UserError(f"The recording '{self._folder}' has {key} {own:g}, not {said:g}: leave {key} out.")
        self._span = self._part.of(roll)
        about = roll.about
        cut = f"; {roll.cut}" if roll.cut else ""
        return CameraInfo(
            name=self._name,
            width=about.width,
            channels=about.channels,
            bits=about.bits,
            scale=about.scale,
            live=self._pace.line_rate_hz is not None,
            line_rate_hz=self._pace.line_rate_hz,
            description=f"{roll.metres:.3f} m of camera '{about.camera}' ({about.description}), "
            f"recorded {about.recorded}{cut}",
            device=about.device,
        )

    def items(self) -> Iterator[LineBlock | NotInspected]:
        """Lines and gaps as they were recorded."""
        assert self._roll is not None, "open() comes first"
        start = self._roll.first_line if self._span[0] is None else self._span[0]
        for item in self._roll.items(self._name, *self._span):
            if not self._pace.wait((start if item.end_line is None else item.end_line) - start):
                return
            yield item if isinstance(item, NotInspected) else replace(item, received_ns=time.monotonic_ns())

    def close(self) -> None:
        """End all waiting."""
        self._pace.stop()
