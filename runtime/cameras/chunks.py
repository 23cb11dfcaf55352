"""GigE Vision chunk data: what a camera appends to a buffer of lines.

A buffer with chunks is read from its end: the last 8 bytes are a tag, chunk id and length (big-endian
uint32 each); before it lies that chunk's data, before that the next tag. The image comes first, with a
tag of its own or, with some cameras, without.
"""

from __future__ import annotations

import struct

import numpy as np

from runtime.types import Int64

TAG_BYTES = 8


def split(payload: bytes | memoryview, bytes_per_line: int) -> tuple[int, dict[int, bytes]]:
    """Where the image ends, and the chunks behind it.

    Returns:
        Bytes of the image, and the chunks by id, the image's own left out.

    Raises:
        ValueError: the tags do not lead to an image of whole lines.
    """
    chunks: dict[int, bytes] = {}
    end = len(payload)
    while end >= TAG_BYTES:
        # Looked at before any tag is: dark pixels of an untagged image can read like one.
        if chunks and end % bytes_per_line == 0:
            return end, chunks
        chunk_id, length = struct.unpack_from(">II", payload, end - TAG_BYTES)
        start = end - TAG_BYTES - length
        if start == 0 and length % bytes_per_line == 0:
            return length, chunks
        if start <= 0 or length == 0:
            break
        chunks[chunk_id] = bytes(payload[start : end - TAG_BYTES])
        end = start
    raise ValueError(f"{len(payload)} bytes are no lines of {bytes_per_line} bytes followed by chunks")


def line_values(chunks: dict[int, bytes], rows: int, last: int | None) -> Int64:
    """The one chunk that holds a signed value for each line, as ChunkEncoderValue of a line-scan camera.

    Args:
        chunks: as from ``split``.
        rows: lines in the buffer.
        last: the value of the line before, None if there is none: 32-bit counters wrap, and go on from it.

    Returns:
        int64 [rows].

    Raises:
        ValueError: no chunk, or several, of 4 or 8 bytes a line.
    """
    fitting = [data for data in chunks.values() if len(data) in (4 * rows, 8 * rows)]
    if len(fitting) != 1:
        sizes = ", ".join(f"{chunk_id:#x}: {len(data)} bytes" for chunk_id, data in chunks.items()) or "none"
        raise ValueError(f"no single chunk holds one value for each of {rows} lines (chunks: {sizes})")
    size = len(fitting[0]) // rows
    values = np.frombuffer(fitting[0], f">i{size}").astype(np.int64)
    return values if size == 8 else _unwrapped(values, last)


def _unwrapped(values: Int64, last: int | None) -> Int64:
    before = int(values[0]) if last is None else last
    steps = np.diff(values, prepend=before)
    return before + np.cumsum((steps + 2**31) % 2**32 - 2**31)
