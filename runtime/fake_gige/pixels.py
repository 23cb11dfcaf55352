"""Pixel formats as the camera sends them; names, codes and layouts of the Pixel Format Naming Convention (PFNC 2.4).

The cloth has 8 bits. In a deeper format its pixels fill all the bits, as if the sensor had seen 256 of its levels:
the upper bits are repeated below, so that white is white and a bit lost on the way shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.types import UInt8

UInt16 = NDArray[np.uint16]


@dataclass(frozen=True)
class WireFormat:
    """One format.

    Attributes:
        code: its PFNC number; bits 16 to 23 say how many bits a pixel takes.
        channels: of the cloth it can show.
        wire: a frame's lines, uint8 [rows, width, channels] -> its bytes in the order sent, uint8 [rows, bytes a line].
    """

    code: int
    channels: int
    wire: Callable[[UInt8], UInt8]

    def line_bytes(self, width: int) -> int:
        """Bytes of a line."""
        return width * (self.code >> 16 & 0xFF) // 8


def deepened(lines: UInt8, bits: int) -> UInt16:
    """8-bit pixels in 8 to 16 bits, uint16 of the same shape."""
    wide = lines.astype(np.uint16)
    deep: UInt16 = (wide << (bits - 8) | wide >> (16 - bits)).astype(np.uint16, copy=False)
    return deep


def _plain(lines: UInt8) -> UInt8:
    return lines.reshape(len(lines), -1)


def _planes(lines: UInt8) -> UInt8:
    """All of one colour, then all of the next."""
    sent: UInt8 = lines.transpose(2, 0, 1).reshape(len(lines), -1)
    return sent


def _words(bits: int) -> Callable[[UInt8], UInt8]:
    return lambda lines: deepened(_plain(lines), bits).astype("<u2").view(np.uint8)


def _without_gaps(bits: int) -> Callable[[UInt8], UInt8]:
    """PFNC's "p": bit after bit, the lowest first."""

    def wire(lines: UInt8) -> UInt8:
        each = deepened(_plain(lines), bits).astype("<u2")[:, :, None].view(np.uint8)
        kept = np.unpackbits(each, axis=2, bitorder="little")[:, :, :bits]
        return np.packbits(kept.reshape(len(lines), -1), axis=1, bitorder="little")

    return wire


def _two_in_three(bits: int) -> Callable[[UInt8], UInt8]:
    """GigE Vision's "Packed": upper eight of one, the lower bits of both, upper eight of the other."""

    def wire(lines: UInt8) -> UInt8:
        low = bits - 8
        deep = deepened(_plain(lines), bits)
        first, second = deep[:, ::2], deep[:, 1::2]
        rest = (1 << low) - 1
        three = np.stack([first >> low, first & rest | (second & rest) << 4, second >> low], axis=2)
        return three.astype(np.uint8).reshape(len(lines), -1)

    return wire


def _mosaic(cell: str) -> Callable[[UInt8], UInt8]:
    """One colour a pixel, by its place in cells of 2 x 2: "RGGB" has red, green over green, blue."""

    def wire(lines: UInt8) -> UInt8:
        out = np.empty(lines.shape[:2], np.uint8)
        for at, colour in enumerate(cell):
            row, column = divmod(at, 2)
            out[row::2, column::2] = lines[row::2, column::2, "RGB".index(colour)]
        return out

    return wire


WIRE_FORMATS = {
    "Mono8": WireFormat(0x0108_0001, 1, _plain),
    "Mono10": WireFormat(0x0110_0003, 1, _words(10)),
    "Mono10p": WireFormat(0x010A_0046, 1, _without_gaps(10)),
    "Mono10Packed": WireFormat(0x010C_0004, 1, _two_in_three(10)),
    "Mono12": WireFormat(0x0110_0005, 1, _words(12)),
    "Mono12p": WireFormat(0x010C_0047, 1, _without_gaps(12)),
    "Mono12Packed": WireFormat(0x010C_0006, 1, _two_in_three(12)),
    "Mono16": WireFormat(0x0110_0007, 1, _words(16)),
    "RGB8": WireFormat(0x0218_0014, 3, _plain),
    "RGB8_Planar": WireFormat(0x0218_0021, 3, _planes),
    "BayerGR8": WireFormat(0x0108_0008, 3, _mosaic("GRBG")),
    "BayerRG8": WireFormat(0x0108_0009, 3, _mosaic("RGGB")),
    "BayerGB8": WireFormat(0x0108_000A, 3, _mosaic("GBRG")),
    "BayerBG8": WireFormat(0x0108_000B, 3, _mosaic("BGGR")),
}


def formats_of(channels: int) -> dict[str, WireFormat]:
    """The formats in which cloth of 1 or 3 channels can be sent; the first is the camera's own choice."""
    return {name: format for name, format in WIRE_FORMATS.items() if format.channels == channels}


def format_of(code: int) -> WireFormat:
    """The format of a PFNC number.

    Raises:
        KeyError: none of ours.
    """
    return {format.code: format for format in WIRE_FORMATS.values()}[code]
