"""Flat field: every column brought to the same response, and 10 to 16 bits brought to 8.

A line-scan camera's columns differ in gain (lamp profile, lens, sensor), fixed as long as lamp and
exposure are. Two references are stored: lines with the lens covered (dark) and lines of a plain white
target. ``(pixel - dark) * gain``, with the gain that brings white to ``target``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from runtime.errors import UserError
from runtime.types import Float32, Pixels, UInt8, require_array


@dataclass(frozen=True)
class FlatField:
    """References of one camera at one exposure and gain.

    Attributes:
        dark: float32 [width, channels], in units of the camera's pixels.
        gain: float32 [width, channels], brings white to the target level of the 8-bit scale.
    """

    dark: Float32
    gain: Float32

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
        if (high - low).min() <= 0:
            column = int((high - low).min(axis=1).argmin())
            raise UserError(f"The white reference is no brighter than the dark one at column {column}: is it covered?")
        return cls(low, (target / (high - low)).astype(np.float32))

    def save(self, path: Path) -> None:
        """Write the references as an .npz file."""
        with path.open("wb") as file:
            np.savez(file, dark=self.dark, gain=self.gain)

    @classmethod
    def load(cls, path: Path) -> FlatField:
        """Read references.

        Raises:
            UserError: no such file, or not a flat field.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls(stored["dark"], stored["gain"])
        except (OSError, EOFError, BadZipFile, KeyError, TypeError, AttributeError, ValueError) as error:
            raise UserError(f"'{path}' is not a stored flat field: {error}.") from error

    def check_width(self, width: int, channels: int, camera: str) -> None:
        """Raise UserError unless the references are for lines of this width."""
        if self.dark.shape != (width, channels):
            raise UserError(
                f"The flat field of camera '{camera}' is for {self.dark.shape[0]} px x {self.dark.shape[1]}, "
                f"its lines have {width} px x {channels}: capture it again at this width."
            )

    def correct(self, pixels: Pixels) -> UInt8:
        """Corrected 8-bit pixels, [rows, width, channels] in and out, rounded and clipped."""
        require_array(pixels, "pixels", (None, *self.dark.shape), np.uint8, np.uint16)
        flat = (pixels.astype(np.float32) - self.dark) * self.gain
        corrected: UInt8 = np.clip(np.rint(flat), 0, 255).astype(np.uint8)
        return corrected


def to_8_bit(pixels: Pixels, bits: int) -> UInt8:
    """The upper eight of ``bits`` significant bits; uint8 pixels pass as they are."""
    if pixels.dtype == np.uint8:
        return pixels.view(np.uint8)
    return (pixels >> (bits - 8)).astype(np.uint8)
