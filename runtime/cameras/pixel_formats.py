"""Pixel formats on the wire, and how their bytes become pixels.

Names and layouts are those of the Pixel Format Naming Convention (EMVA, PFNC 2.4): ``Mono12p`` packs bits from the
lowest on without a gap, while ``Mono12Packed``, of GigE Vision before PFNC, gives two pixels three bytes of another
order. 10 and 12 bits stay as they are; the flat field brings them to 8.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.types import Pixels, UInt8

UInt16 = NDArray[np.uint16]
Hole = tuple[int, int]


@dataclass(frozen=True)
class PixelFormat:
    """One format.

    Attributes:
        channels: 1 or 3, of the decoded pixels.
        bits: significant bits of a decoded pixel.
        wire_bits: bits a pixel takes on the wire.
        decoded: uint8 [rows, bytes a line] of whole lines -> pixels [rows, width, channels].
        cell_lines: lines (and columns) that are decoded together; a buffer begins with the first of a cell.
        planes: images of one colour each that a buffer holds one after the other, instead of lines of all colours.
    """

    channels: int
    bits: int
    wire_bits: int
    decoded: Callable[[UInt8], Pixels]
    cell_lines: int = 1
    planes: int = 1

    def line_bytes(self, width: int) -> int:
        """Bytes of a line; lines are packed each for itself."""
        return width * self.wire_bits // 8

    def fits(self, width: int) -> bool:
        """Does a line of so many pixels end with a whole byte, and with a whole cell?"""
        return width * self.wire_bits % 8 == 0 and width % self.cell_lines == 0

    def lines(self, image: UInt8, line_bytes: int) -> UInt8:
        """An image's bytes, uint8 [n], as lines [rows, line_bytes] of all colours; ``image`` itself without planes."""
        if self.planes == 1:
            return image.reshape(-1, line_bytes)
        planes = image.reshape(self.planes, -1, line_bytes // self.planes)
        joined: UInt8 = planes.transpose(1, 2, 0).reshape(-1, line_bytes)
        return joined

    def holes_in_lines(self, holes: Sequence[Hole], image_bytes: int) -> Sequence[Hole]:
        """Bytes [first, end) that an image lacks, as bytes of its ``lines``, by their first.

        Where an image has planes, exact to the line only: a line that lacks one colour lacks them all.
        """
        if self.planes == 1:
            return holes
        plane = image_bytes // self.planes
        found = []
        for first, end in holes:
            for start in range(first // plane * plane, min(end, image_bytes), plane):
                found.append((max(first - start, 0) * self.planes, min(end - start, plane) * self.planes))
        return sorted(found)


def _bytes(channels: int) -> Callable[[UInt8], Pixels]:
    return lambda lines: lines.reshape(len(lines), -1, channels)


def _words(lines: UInt8) -> Pixels:
    return np.ascontiguousarray(lines).view("<u2").astype(np.uint16, copy=False)[:, :, None]


def _two_in_three(high: int) -> Callable[[UInt8], Pixels]:
    """GigE Vision's MonoNNPacked: the ``high`` lower bits of both pixels share the byte between their upper eight."""

    def decoded(lines: UInt8) -> Pixels:
        triples = lines.reshape(len(lines), -1, 3)
        first, shared, second = (triples[..., at].astype(np.uint16) for at in range(3))
        mask = (1 << high) - 1
        return _interleaved(first << high | shared & mask, second << high | shared >> 4 & mask)

    return decoded


def _mono12p(lines: UInt8) -> Pixels:
    triples = lines.reshape(len(lines), -1, 3)
    low, middle, high = (triples[..., at].astype(np.uint16) for at in range(3))
    return _interleaved(low | (middle & 0xF) << 8, middle >> 4 | high << 4)


def _mono10p(lines: UInt8) -> Pixels:
    fives = lines.reshape(len(lines), -1, 5)
    a, b, c, d, e = (fives[..., at].astype(np.uint16) for at in range(5))
    return _interleaved(a | (b & 0x3) << 8, b >> 2 | (c & 0xF) << 6, c >> 4 | (d & 0x3F) << 4, d >> 6 | e << 2)


def _interleaved(*pixels: NDArray[np.integer[Any]]) -> UInt16:
    """Every n-th pixel, uint16 [rows, width / n] each, as lines [rows, width, 1]."""
    lines = np.stack(pixels, axis=-1).astype(np.uint16, copy=False)
    return lines.reshape(len(lines), -1, 1)


def _bayer(row: int, column: int) -> Callable[[UInt8], Pixels]:
    """Colours of a two-line sensor whose cells of 2 x 2 pixels have red at (row, column), blue opposite, green else.

    Both lines of a cell get the same colours, and what is missing is drawn between neighbours across only: so a
    buffer's end changes nothing. A last line without a partner takes the line before it for one.
    """

    def decoded(lines: UInt8) -> Pixels:
        whole = lines if len(lines) % 2 == 0 else np.concatenate([lines, lines[-2:-1]])
        cells = whole.reshape(-1, 2, lines.shape[1])
        red, blue = cells[:, row, column::2], cells[:, 1 - row, 1 - column :: 2]
        green = np.empty_like(cells[:, 0])
        green[:, 1 - column :: 2], green[:, column::2] = cells[:, row, 1 - column :: 2], cells[:, 1 - row, column::2]
        colours = np.stack([_spread(red, column), green, _spread(blue, 1 - column)], axis=2)
        both: UInt8 = np.repeat(colours, 2, axis=0)[: len(lines)]
        return both

    return decoded


def _spread(every_second: UInt8, column: int) -> UInt8:
    """Values of the columns ``column``, ``column + 2``, ..., with the means of neighbours between them."""
    rows, half = every_second.shape
    wide = every_second.astype(np.uint16)
    out = np.empty((rows, 2 * half), np.uint16)
    out[:, column::2] = wide
    ends = np.pad(wide, ((0, 0), (1, 1)), mode="edge")
    left = ends[:, :half] if column else ends[:, 1 : half + 1]
    right = ends[:, 1 : half + 1] if column else ends[:, 2:]
    out[:, 1 - column :: 2] = (left + right + 1) >> 1
    return out.astype(np.uint8)


PIXEL_FORMATS = {
    "Mono8": PixelFormat(1, 8, 8, _bytes(1)),
    "Mono10": PixelFormat(1, 10, 16, _words),
    "Mono10p": PixelFormat(1, 10, 10, _mono10p),
    "Mono10Packed": PixelFormat(1, 10, 12, _two_in_three(2)),
    "Mono12": PixelFormat(1, 12, 16, _words),
    "Mono12p": PixelFormat(1, 12, 12, _mono12p),
    "Mono12Packed": PixelFormat(1, 12, 12, _two_in_three(4)),
    "Mono16": PixelFormat(1, 16, 16, _words),
    "RGB8": PixelFormat(3, 8, 24, _bytes(3)),
    "RGB8_Planar": PixelFormat(3, 8, 24, _bytes(3), planes=3),
    "BayerRG8": PixelFormat(3, 8, 8, _bayer(0, 0), cell_lines=2),
    "BayerGR8": PixelFormat(3, 8, 8, _bayer(0, 1), cell_lines=2),
    "BayerGB8": PixelFormat(3, 8, 8, _bayer(1, 0), cell_lines=2),
    "BayerBG8": PixelFormat(3, 8, 8, _bayer(1, 1), cell_lines=2),
}
