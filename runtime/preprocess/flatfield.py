"""Flat field: every column brought to the same response, and 10 to 16 bits brought to 8.

A line-scan camera's columns differ in gain (lamp profile, lens, sensor), fixed as long as lamp and
exposure are. Two references are stored: lines with the lens covered (dark) and lines of a plain white
target. ``(pixel - dark) * gain``, with the gain that brings white to ``target``. Columns that are dead
or hot are drawn between their neighbours.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol
from zipfile import BadZipFile

import cv2
import numpy as np

from runtime.errors import UserError
from runtime.preprocess.running_gain import RunningGain
from runtime.types import Float32, Pixels, UInt8, require_array

ROWS_AT_ONCE = 16
"""So few that what lies between the two steps stays in the processor's cache."""
SETTING_TOLERANCE = 0.02
"""A part by which exposure may differ from the references': cameras round to the steps of their clock."""
GAIN_TOLERANCE_DB = 0.1
_log = logging.getLogger(__name__)


class CameraDevice(Protocol):
    """What a camera says of itself, as runtime.cameras.base.Device."""

    @property
    def serial(self) -> str: ...
    @property
    def exposure_us(self) -> float | None: ...
    @property
    def gain_db(self) -> float | None: ...
    @property
    def own_flat_field(self) -> str | None: ...


@dataclass(frozen=True)
class Origin:
    """Which camera references were taken with, and how it was set; None: it did not say.

    Attributes:
        bits: significant bits of its pixels.
        lines: how many lines were averaged.
        captured: when, ISO 8601, UTC.
        own_flat_field: the camera's features that corrected the lines already; empty: none did.
    """

    camera: str
    serial: str | None
    exposure_us: float | None
    gain_db: float | None
    bits: int
    lines: int
    captured: str
    own_flat_field: str | None = None


@dataclass(frozen=True)
class FlatField:
    """References of one camera at one exposure and gain.

    Attributes:
        dark: float32 [width, channels], in units of the camera's pixels.
        gain: float32 [width, channels], brings white to the target level of the 8-bit scale.
        bad: columns that are dead or hot, ascending.
        origin: None where nothing is known of the camera.
        running: learns from the corrected lines how old the references have grown; None: nobody looks.
    """

    dark: Float32
    gain: Float32
    bad: tuple[int, ...] = ()
    origin: Origin | None = None
    running: RunningGain | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        require_array(self.dark, "FlatField.dark", (None, None), np.float32)
        require_array(self.gain, "FlatField.gain", self.dark.shape, np.float32)

    @classmethod
    def from_lines(cls, dark: Pixels, white: Pixels, target: float = 200.0) -> FlatField:
        """References from captured lines.

        Args:
            dark, white: [rows, width, channels], lens covered and plain white target.
            target: 8-bit level that white is brought to.

        Raises:
            UserError: white is no brighter than dark somewhere, or saturated.
        """
        low = dark.mean(axis=0).astype(np.float32)
        high = white.mean(axis=0).astype(np.float32)
        if high.max() >= np.iinfo(white.dtype).max:
            raise UserError("The white reference is saturated: shorten the exposure and capture it again.")
        return cls.between(low, high, target)

    @classmethod
    def between(
        cls,
        dark: Float32,
        white: Float32,
        target: float = 200.0,
        bad: tuple[int, ...] = (),
        origin: Origin | None = None,
    ) -> FlatField:
        """References from the mean levels of dark and white, float32 [width, channels].

        Raises:
            UserError: white is no brighter than dark in a column that is not bad.
        """
        span = white - dark
        span[list(bad)] = 1  # whatever they are multiplied with, their neighbours replace it
        if span.min() <= 0:
            column = int(span.min(axis=1).argmin())
            raise UserError(f"The white reference is no brighter than the dark one at column {column}: is it covered?")
        return cls(dark, (target / span).astype(np.float32), bad, origin)

    def save(self, path: Path) -> None:
        """Write the references as an .npz file."""
        origin = json.dumps(None if self.origin is None else asdict(self.origin))
        with path.open("wb") as file:
            np.savez(file, dark=self.dark, gain=self.gain, bad=np.array(self.bad, np.int64), origin=origin)

    @classmethod
    def load(cls, path: Path) -> FlatField:
        """Read references.

        Raises:
            UserError: no such file, not a flat field, or one that has no white reference yet.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                if "dark" in stored and "gain" not in stored:
                    raise UserError(
                        f"'{path}' has no white reference yet: python -m runtime.flatfield capture --white --out {path}"
                    )
                origin = json.loads(str(stored["origin"]))
                bad = tuple(stored["bad"].tolist())
                return cls(stored["dark"], stored["gain"], bad, None if origin is None else Origin(**origin))
        except (OSError, EOFError, BadZipFile, KeyError, TypeError, AttributeError, ValueError) as error:
            raise UserError(f"'{path}' is not a stored flat field: {error}.") from error

    def check_width(self, width: int, channels: int, camera: str) -> None:
        """Raise UserError unless the references are for lines of this width."""
        if self.dark.shape != (width, channels):
            raise UserError(
                f"The flat field of camera '{camera}' is for {self.dark.shape[0]} px x {self.dark.shape[1]}, "
                f"its lines have {width} px x {channels}: capture it again at this width."
            )

    def check_camera(self, camera: str, bits: int, device: CameraDevice | None) -> None:
        """Refuse references of another camera; warn where exposure or gain are others than they were taken at.

        What either side does not know is not compared.

        Raises:
            UserError: another serial number, other significant bits, or a correction of the camera's own that is on
                now and was off then, or the other way round.
        """
        origin = self.origin
        if origin is None:
            return
        if origin.bits != bits:
            raise UserError(
                f"The flat field of camera '{camera}' was taken at {origin.bits} bits, its lines have {bits}: "
                "capture it again with this pixel_format."
            )
        if device is None:
            return
        if origin.serial is not None and device.serial and origin.serial != device.serial:
            raise UserError(
                f"The flat field of camera '{camera}' was taken with serial {origin.serial} ('{origin.camera}'), this "
                f"camera is {device.serial}: capture it again with this camera, or name the right file in cameras.yaml."
            )
        _check_own(origin.own_flat_field, device.own_flat_field, camera)
        for setting, taken, now, tolerance in (
            ("ExposureTime", origin.exposure_us, device.exposure_us, SETTING_TOLERANCE * (origin.exposure_us or 0)),
            ("Gain", origin.gain_db, device.gain_db, GAIN_TOLERANCE_DB),
        ):
            if taken is not None and now is not None and abs(now - taken) > tolerance:
                _log.warning(
                    "camera '%s': the flat field was taken at %s %g, the camera has %g: capture it again, or set "
                    "%s back",
                    camera,
                    setting,
                    taken,
                    now,
                    setting,
                )

    def correct(self, pixels: Pixels) -> UInt8:
        """Corrected 8-bit pixels, [rows, width, channels] in and out, rounded and clipped."""
        require_array(pixels, "pixels", (None, *self.dark.shape), np.uint8, np.uint16)
        raw = pixels.reshape(len(pixels), -1)
        gain, offset = self._repeated
        if self.running:
            gain, offset = self.running.applied(gain, offset)
        product = np.empty_like(gain)
        out = np.empty(raw.shape, np.uint8)
        for top in range(0, len(raw), ROWS_AT_ONCE):
            rows = raw[top : top + ROWS_AT_ONCE]
            n = len(rows)
            cv2.multiply(rows, gain[:n], dst=product[:n], dtype=cv2.CV_32F)
            cv2.subtract(product[:n], offset[:n], dst=out[top : top + n], dtype=cv2.CV_8U)
        corrected = out.reshape(pixels.shape)
        self._bridge(corrected)
        if self.running:
            self.running.learn(corrected)
        return corrected

    @cached_property
    def _repeated(self) -> tuple[Float32, Float32]:
        """Gain and ``dark * gain``, float32 [ROWS_AT_ONCE, width * channels]."""
        gain = np.repeat(self.gain.reshape(1, -1), ROWS_AT_ONCE, axis=0)
        return gain, gain * self.dark.reshape(1, -1)

    @cached_property
    def _bridges(self) -> tuple[list[int], list[int], Float32]:
        """Of each bad column: the good ones at its left and right, and the weight of the right one."""
        good = np.setdiff1d(np.arange(len(self.dark)), self.bad)
        after = np.searchsorted(good, self.bad)
        left, right = good[np.maximum(after - 1, 0)], good[np.minimum(after, len(good) - 1)]
        left, right = np.where(after == 0, right, left), np.where(after == len(good), left, right)
        weight = (np.array(self.bad) - left) / np.maximum(right - left, 1)
        return left.tolist(), right.tolist(), weight.astype(np.float32)[:, None]

    def _bridge(self, corrected: UInt8) -> None:
        """Draw the bad columns of uint8 [rows, width, channels] between their neighbours, in place."""
        if self.bad:
            left, right, weight = self._bridges
            corrected[:, list(self.bad)] = np.rint(
                corrected[:, left] * (1 - weight) + corrected[:, right] * weight
            ).astype(np.uint8)


def to_8_bit(pixels: Pixels, bits: int) -> UInt8:
    """The upper eight of ``bits`` significant bits; uint8 pixels pass as they are."""
    if pixels.dtype == np.uint8:
        return pixels.view(np.uint8)
    return (pixels >> (bits - 8)).astype(np.uint8)


def _check_own(then: str | None, now: str | None, camera: str) -> None:
    """Whether the camera corrected its lines when the references were taken, and whether it does now; None: not known.

    Raises:
        UserError: it did and does not, or the other way round.
    """
    if then is None and now:
        _log.warning(
            "camera '%s' corrects its columns itself (%s is on), and its flat field does not say whether it did then: "
            "capture it again",
            camera,
            now,
        )
    elif None not in (then, now) and then != now:
        was, is_now = (f"on ({own})" if own else "off" for own in (then, now))
        raise UserError(
            f"The flat field of camera '{camera}' was taken while the camera's own correction was {was}, and now it is "
            f"{is_now}: switch it back under features in cameras.yaml, or capture the flat field again."
        )
