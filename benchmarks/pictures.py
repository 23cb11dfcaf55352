"""Pictures of a data set, with one sentence for one that cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runtime.cameras.images import UnreadableImage, read_image
from runtime.errors import UserError
from runtime.preprocess.flatfield import to_8_bit
from runtime.types import UInt8


def read_picture(path: Path, channels: int, what: str = "strip") -> UInt8:
    """A picture in 8 bits, grey (1) or colour (3); uint8 [lines, px, channels].

    Args:
        what: it is, for people.

    Raises:
        UserError: it cannot be read.
    """
    try:
        pixels = read_image(path, channels)
    except UnreadableImage as error:
        raise UserError(f"The {what} '{path}' cannot be read: {error}.") from error
    return to_8_bit(pixels, 8 * pixels.dtype.itemsize)


def is_grey(pixels: UInt8) -> bool:
    """Whether the colours of uint8 [lines, px, 3] are all the same grey."""
    return bool(np.array_equal(pixels, np.broadcast_to(pixels[:, :, :1], pixels.shape)))
