"""A recorded roll on disk: its description, its index, and the records of lines and gaps in its chunks.

    recording.yaml       what was recorded: camera, settings, scale
    index.jsonl          one line a finished chunk
    chunk-000000.lines   records, one behind the other

A record is a header, whose last four bytes are its own CRC-32, and a payload: the pixels and then the
encoder counts of a block, or the words of a gap. All numbers are little-endian. See docs/recordings.md.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runtime.cameras.base import CameraInfo, Device
from runtime.types import Int64, LineBlock, NotInspected, Pixels, Reason, Scale
from runtime.yaml_files import FORMAT, Strict

ABOUT_FILE, INDEX_FILE = "recording.yaml", "index.jsonl"
MAGIC = b"WEFT"
LINES, GAP = 1, 2
HAS_ENCODER, INTERPOLATED, HAS_DEVICE_CLOCK, NUMBERED = 1, 2, 4, 8
_FIELDS = struct.Struct("<4sBBBBIIIqqqqqI")
_CRC = struct.Struct("<I")
HEADER_BYTES = _FIELDS.size + _CRC.size


class About(Strict):
    """recording.yaml: the camera as it was when the recording began."""

    format: int = FORMAT
    recorded: str
    camera: str
    description: str
    width: int | None
    channels: int
    bits: int
    mm_per_px: float
    mm_per_line: float
    x_offset_mm: float
    counts_per_mm: float | None
    line_rate_hz: float | None
    device: Device | None

    @classmethod
    def of(cls, info: CameraInfo, recorded: str) -> About:
        """What is known of an opened camera."""
        scale = info.scale
        return cls(
            recorded=recorded,
            camera=info.name,
            description=info.description,
            width=info.width,
            channels=info.channels,
            bits=info.bits,
            mm_per_px=scale.mm_per_px,
            mm_per_line=scale.mm_per_line,
            x_offset_mm=scale.x_offset_mm,
            counts_per_mm=scale.counts_per_mm,
            line_rate_hz=info.line_rate_hz,
            device=info.device,
        )

    @property
    def scale(self) -> Scale:
        """Pixels, lines and encoder counts to loom millimetres."""
        return Scale(self.mm_per_px, self.mm_per_line, self.x_offset_mm, self.counts_per_mm)


class Chunk(Strict):
    """A line of index.jsonl: one chunk.

    Attributes:
        file: its name; bytes: how many of it hold whole records.
        first_line, end_line: the camera's numbers before its first and behind its last line.
        first_m, end_m: metres of cloth there, from the recording's first line.
    """

    file: str
    bytes: int
    first_line: int
    end_line: int
    first_m: float
    end_m: float


@dataclass(frozen=True)
class Header:
    """What stands before a payload; ``first_line`` and ``end_line`` are None in a gap of unknown length."""

    kind: int
    channels: int
    bits: int
    flags: int
    segment: int
    width: int
    payload_bytes: int
    first_line: int | None
    end_line: int | None
    device_ns: tuple[int, int]
    received_ns: int
    payload_crc: int

    @classmethod
    def unpack(cls, data: bytes) -> Header | None:
        """The header in ``HEADER_BYTES`` bytes; None where they are none, or damaged."""
        if len(data) != HEADER_BYTES or not data.startswith(MAGIC):
            return None
        if _CRC.unpack_from(data, _FIELDS.size)[0] != zlib.crc32(data[: _FIELDS.size]):
            return None
        fields = _FIELDS.unpack_from(data)
        kind, channels, bits, flags, segment, width, size, first, end, device_first, device_last, received, crc = (
            fields[1:]
        )
        if not flags & NUMBERED:
            first = end = None
        clock = (device_first, device_last)
        return cls(kind, channels, bits, flags, segment, width, size, first, end, clock, received, crc)


def is_recording(path: Path) -> bool:
    """Is this folder a recorded roll?"""
    return (path / ABOUT_FILE).is_file()


def chunk_name(number: int) -> str:
    """The file name of a chunk."""
    return f"chunk-{number:06d}.lines"


def packed(item: LineBlock | NotInspected) -> list[bytes | memoryview]:
    """An item as the pieces of one record."""
    if isinstance(item, NotInspected):
        words = json.dumps({"reason": item.reason.value, "seconds": item.seconds, "detail": item.detail}).encode()
        numbered = item.first_line is not None
        lines = (item.first_line or 0, item.end_line or 0)
        return _record((GAP, 0, 0, NUMBERED * numbered, 0, 0), lines, (0, 0, 0), [words])
    pixels = np.ascontiguousarray(item.pixels, item.pixels.dtype.newbyteorder("<"))
    payload: list[bytes | memoryview] = [pixels.reshape(-1).view(np.uint8).data]
    flags = NUMBERED | INTERPOLATED * item.encoder_interpolated | HAS_DEVICE_CLOCK * (item.device_ns is not None)
    if item.encoder is not None:
        flags |= HAS_ENCODER
        payload.append(item.encoder.astype("<i8").tobytes())
    shape = (LINES, item.channels, item.bits, flags, item.segment, item.width)
    clocks = (*(item.device_ns or (0, 0)), item.received_ns)
    return _record(shape, (item.first_line, item.end_line), clocks, payload)


def _record(
    shape: tuple[int, ...], lines: tuple[int, int], clocks: tuple[int, ...], payload: list[bytes | memoryview]
) -> list[bytes | memoryview]:
    size = sum(len(piece) for piece in payload)
    fields = _FIELDS.pack(MAGIC, *shape, size, *lines, *clocks, checksum(payload))
    return [fields + _CRC.pack(zlib.crc32(fields)), *payload]


def checksum(pieces: Iterable[bytes | memoryview]) -> int:
    """CRC-32 of the pieces as if they were one."""
    crc = 0
    for piece in pieces:
        crc = zlib.crc32(piece, crc)
    return crc


def unpacked(header: Header, payload: bytes, camera: str) -> LineBlock | NotInspected:
    """The item of a record whose checksums are right, under a camera's name."""
    if header.kind == GAP:
        words = json.loads(payload)
        reason = Reason(words["reason"])
        return NotInspected(camera, reason, header.first_line, header.end_line, words["seconds"], words["detail"])
    assert header.first_line is not None
    assert header.end_line is not None
    rows = header.end_line - header.first_line
    pixels, encoder = _arrays(header, payload, rows)
    return LineBlock(
        camera=camera,
        segment=header.segment,
        first_line=header.first_line,
        pixels=pixels,
        bits=header.bits,
        encoder=encoder,
        encoder_interpolated=bool(header.flags & INTERPOLATED),
        device_ns=header.device_ns if header.flags & HAS_DEVICE_CLOCK else None,
        received_ns=header.received_ns,
    )


def _arrays(header: Header, payload: bytes, rows: int) -> tuple[Pixels, Int64 | None]:
    samples = rows * header.width * header.channels
    kind = np.dtype("u1") if header.bits == 8 else np.dtype("<u2")
    pixels = np.frombuffer(payload, kind, samples).reshape(rows, header.width, header.channels)
    native: Pixels = pixels.astype(kind.newbyteorder("="), copy=False)
    if not header.flags & HAS_ENCODER:
        return native, None
    counts = np.frombuffer(payload, "<i8", rows, offset=samples * kind.itemsize)
    return native, counts.astype(np.int64, copy=False)
