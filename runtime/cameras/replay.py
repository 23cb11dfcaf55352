"""Image files in place of a camera: each file is an unbroken run of lines, line numbers go on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from runtime.cameras.base import CameraInfo
from runtime.cameras.images import UnreadableImage, find_images, read_image
from runtime.cameras.pace import Pace
from runtime.errors import UserError
from runtime.types import LineBlock, NotInspected, Pixels, Reason, Scale, UInt8


class ReplayCamera:
    """Gives the rows of image files as lines, file after file; each file is a segment.

    A file that cannot be read whole becomes a NotInspected span, of known length where the file still
    tells its height, and the stream goes on.

    Args:
        name: the camera's name.
        path: an image, a folder, or a ``.txt`` list (see find_images).
        scale: pixels and lines to millimetres.
        channels: 1 for grey, 3 for red, green, blue.
        block_lines: lines per block; a file's last block may be shorter.
        line_rate_hz: pace of a live camera; None: not live, as fast as the lines are taken.

    Raises:
        UserError: a line rate or block size that is not above 0, channels other than 1 or 3.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        scale: Scale,
        channels: int = 1,
        block_lines: int = 128,
        line_rate_hz: float | None = None,
    ) -> None:
        if block_lines < 1:
            raise UserError(f"block_lines must be 1 or more, not {block_lines}")
        if channels not in (1, 3):
            raise UserError(f"channels must be 1 (grey) or 3 (colour), not {channels}")
        self._name, self._path, self._scale = name, path, scale
        self._channels, self._block_lines = channels, block_lines
        self._pace = Pace(line_rate_hz)
        self._files: list[Path] = []

    def open(self) -> CameraInfo:
        self._files = find_images(self._path)
        width, bits = None, 8
        try:
            first = read_image(self._files[0], self._channels)
            bits = _bits(first)
            width = first.shape[1] if len(self._files) == 1 else None
        except UnreadableImage:
            pass  # Said in its place in the stream.
        return CameraInfo(
            name=self._name,
            width=width,
            channels=self._channels,
            bits=bits,
            scale=self._scale,
            live=self._pace.line_rate_hz is not None,
            line_rate_hz=self._pace.line_rate_hz,
            description=f"{len(self._files)} image file(s) of {self._path}",
        )

    def items(self) -> Iterator[LineBlock | NotInspected]:
        line = 0
        for segment, file in enumerate(self._files):
            try:
                image = read_image(file, self._channels)
            except UnreadableImage as error:
                lines = error.lines
                if not self._pace.wait(line + (lines or 0)):
                    return
                yield self._gap(line, lines, str(error))
                line += lines or 0
                continue
            for top in range(0, image.shape[0], self._block_lines):
                rows = image[top : top + self._block_lines]
                if not self._pace.wait(line + rows.shape[0]):
                    return
                yield LineBlock(
                    camera=self._name,
                    segment=segment,
                    first_line=line,
                    pixels=rows,
                    bits=_bits(rows),
                    received_ns=time.monotonic_ns(),
                )
                line += rows.shape[0]

    def close(self) -> None:
        self._pace.stop()

    def _gap(self, line: int, lines: int | None, detail: str) -> NotInspected:
        end = None if lines is None else line + lines
        first = None if lines is None else line
        return NotInspected(self._name, Reason.UNREADABLE_FILE, first, end, detail=detail)


def _bits(pixels: Pixels) -> int:
    return 8 * pixels.dtype.itemsize


class ImageCloth:
    """Image files of one width as one piece of grey cloth: a LineSource.

    Only the file that was read last is kept in memory.

    Args:
        path: an image, a folder, or a ``.txt`` list (see find_images).
        repeat: begin again after the last line, for ever.

    Raises:
        UserError: nothing to read, an unreadable file, differing widths, or more than 8 bits.
    """

    channels = 1

    def __init__(self, path: Path, repeat: bool = False) -> None:
        self._files = find_images(path)
        self._kept: tuple[int, UInt8] | None = None
        shapes = [self._image(i).shape for i in range(len(self._files))]
        widths = sorted({shape[1] for shape in shapes})
        if len(widths) > 1:
            raise UserError(f"the images of '{path}' are {widths[0]} to {widths[-1]} px wide; cloth has one width")
        self.width = widths[0]
        self._starts = np.cumsum([0, *(shape[0] for shape in shapes)])
        self._total = int(self._starts[-1])
        self.length = None if repeat else self._total

    def lines(self, first: int, count: int) -> UInt8:
        """Lines [first, first + count), uint8 [count, width, 1].

        Raises:
            ValueError: lines that the cloth does not have.
        """
        if first < 0 or count < 0 or (self.length is not None and first + count > self.length):
            raise ValueError(f"lines({first}, {count}): the cloth has {self.length} lines")
        out = np.empty((count, self.width, 1), np.uint8)
        done = 0
        while done < count:
            at = (first + done) % self._total
            file = int(np.searchsorted(self._starts, at, side="right")) - 1
            rows = self._image(file)[at - self._starts[file] :][: count - done]
            out[done : done + rows.shape[0]] = rows
            done += rows.shape[0]
        return out

    def _image(self, number: int) -> UInt8:
        if self._kept is None or self._kept[0] != number:
            file = self._files[number]
            try:
                image = read_image(file, channels=1)
            except UnreadableImage as error:
                raise UserError(f"'{file}' cannot be cloth: {error}") from error
            if image.dtype != np.uint8:
                raise UserError(f"'{file}' has 16 bits per pixel; simulated cloth takes images of 8 bits")
            self._kept = (number, image.astype(np.uint8, copy=False))
        return self._kept[1]
