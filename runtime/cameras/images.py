"""Strips of cloth in image files: finding them, and reading them whole or not at all."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from runtime.errors import UserError
from runtime.types import Pixels

SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg", ".pgm", ".ppm", ".webp")
_PNG_START = b"\x89PNG\r\n\x1a\n"
_JPEG_START, _JPEG_END, _JPEG_TAIL = b"\xff\xd8", b"\xff\xd9", 1024


class UnreadableImage(Exception):
    """An image that cannot be had whole. ``lines``: its height where the file still tells, else None."""

    def __init__(self, path: Path, why: str, lines: int | None = None) -> None:
        super().__init__(f"{path.name}: {why}")
        self.lines = lines


def find_images(path: Path) -> list[Path]:
    """The image files that a path stands for, in order.

    Args:
        path: an image; a folder of images, taken by name; or a ``.txt`` list of images, one a line,
            relative to the list, where lines that start with '#' are comments.

    Raises:
        UserError: nothing there, or no image in it.
    """
    if path.is_dir():
        found = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in SUFFIXES and entry.is_file())
        if not found:
            raise UserError(f"there is no image in the folder '{path}' (looked for {' '.join(SUFFIXES)})")
        return found
    if not path.is_file():
        raise UserError(f"there is no file or folder '{path}' to replay")
    if path.suffix.lower() == ".txt":
        return _read_list(path)
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"'{path}' is neither a folder, a .txt list nor an image ({' '.join(SUFFIXES)})")
    return [path]


def _read_list(path: Path) -> list[Path]:
    try:
        entries = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the list '{path}' could not be read: {error}") from error
    found = [path.parent / entry for entry in entries if entry and not entry.startswith("#")]
    if not found:
        raise UserError(f"the list '{path}' names no image; write one path a line")
    missing = [str(entry) for entry in found if not entry.is_file()]
    if missing:
        raise UserError(f"the list '{path}' names {len(missing)} missing file(s), the first is '{missing[0]}'")
    return found


def read_image(path: Path, channels: int) -> Pixels:
    """Decode a whole image.

    Args:
        path: 8 or 16 bits, grey, grey with alpha, or colour; alpha is dropped.
        channels: 1 for grey, 3 for red, green, blue.

    Returns:
        uint8 or uint16 [height, width, channels].

    Raises:
        UnreadableImage: a file that cannot be read, is cut short or damaged, or of another depth.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableImage(path, error.strerror or str(error)) from error
    _check_whole(path, data)
    image = None
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    except cv2.error as error:
        raise UnreadableImage(path, f"not decoded ({error.err})", _png_lines(data)) from error
    if image is None:
        raise UnreadableImage(path, "not an image that can be decoded", _png_lines(data))
    if image.dtype not in (np.uint8, np.uint16):
        raise UnreadableImage(path, f"pixels are {image.dtype}, not 8 or 16 bit", image.shape[0])
    return _with_channels(cast(Pixels, image), channels)


def _with_channels(image: Pixels, channels: int) -> Pixels:
    """``image`` [h, w] or [h, w, 1 | 3 | 4] (blue, green, red, alpha) as [h, w, channels]."""
    have = 1 if image.ndim == 2 else image.shape[2]
    if channels == 1:
        # The weights sum to one exactly: grey that was stored as three equal values comes out as it was.
        grey = image if have == 1 else cv2.cvtColor(image[:, :, :3], cv2.COLOR_BGR2GRAY)
        return cast(Pixels, grey.reshape(image.shape[0], image.shape[1], 1))
    return cast(Pixels, cv2.cvtColor(image, cv2.COLOR_GRAY2RGB if have == 1 else cv2.COLOR_BGR2RGB))


def _png_lines(data: bytes) -> int | None:
    """The height that a PNG's header tells, or None."""
    if len(data) < 24 or not data.startswith(_PNG_START) or data[12:16] != b"IHDR":
        return None
    return int.from_bytes(data[20:24], "big") or None


def _check_whole(path: Path, data: bytes) -> None:
    """Raise UnreadableImage for a PNG or JPEG that is cut short, and for a PNG with a damaged chunk.

    OpenCV's decoders differ by version: some fill what is missing with grey, which would pass for cloth.
    """
    if data.startswith(_JPEG_START) and _JPEG_END not in data[-_JPEG_TAIL:]:
        raise UnreadableImage(path, "cut short")
    if not data.startswith(_PNG_START):
        return
    view, at = memoryview(data), len(_PNG_START)
    while at + 12 <= len(data):
        size = int.from_bytes(view[at : at + 4], "big")
        end = at + 12 + size
        if end > len(data):
            break
        if zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            raise UnreadableImage(path, "damaged", _png_lines(data))
        if data[at + 4 : at + 8] == b"IEND":
            return
        at = end
    raise UnreadableImage(path, "cut short", _png_lines(data))
