"""Image files for the tests, written byte by byte where OpenCV cannot write them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write uint8 or uint16 [h, w] or [h, w, 1..4] (grey, grey + alpha, RGB, RGBA) as a PNG."""
    image = pixels.reshape(*pixels.shape[:2], -1)
    height, width, channels = image.shape
    depth = 8 * image.dtype.itemsize
    rows = image.astype(image.dtype.newbyteorder(">")).reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, depth, _COLOUR_TYPES[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def texture(height: int, width: int, seed: int = 0, dtype: type = np.uint8) -> np.ndarray:
    """Random pixels, no two rows alike."""
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, (height, width)).astype(dtype)
