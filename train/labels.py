"""Labelled defects for models that learn from them: a folder of images, ``x.png`` with ``x.mask.png`` beside it.

A mask is 0 on good cloth and 255 on defects; an image without a mask is left out. A mill's own review of alarms
gives such folders.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runtime.cameras.images import UnreadableImage, read_image
from runtime.errors import UserError
from runtime.geometry import TileGeometry, mirrored
from runtime.preprocess.flatfield import to_8_bit
from runtime.types import Bool, UInt8

MASK_SUFFIX = ".mask.png"


class Labelled:
    """Images with masks, and tiles drawn around their defects."""

    def __init__(self, images: list[UInt8], masks: list[Bool], geometry: TileGeometry) -> None:
        """Images uint8 [rows, width, C] and masks [rows, width], each with a defect in it."""
        self._images, self._masks, self._geometry = images, masks, geometry
        self._places = [np.argwhere(mask) for mask in masks]

    def sample(self, rng: np.random.Generator, count: int) -> tuple[UInt8, Bool]:
        """Tiles uint8 [count, T, T, C] with masks [count, T, T]; each has a labelled pixel inside its margins."""
        tile, margin = self._geometry.tile, self._geometry.margin
        tiles, masks = [], []
        for number in rng.integers(len(self._images), size=count).tolist():
            y, x = self._places[number][rng.integers(len(self._places[number]))].tolist()
            top, left = (place - int(rng.integers(margin, tile - margin)) for place in (y, x))
            rows, width = self._masks[number].shape
            cut = mirrored(top, top + tile, 0, rows)[:, None], mirrored(left, left + tile, 0, width)[None, :]
            tiles.append(self._images[number][cut])
            masks.append(self._masks[number][cut])
        return np.stack(tiles), np.stack(masks)


def read_labelled(folder: str, geometry: TileGeometry, channels: int) -> Labelled:
    """Every pair of a folder whose mask has a defect in it.

    Raises:
        UserError: no such folder, no pair in it, a file that cannot be read, or sizes that differ.
    """
    images: list[UInt8] = []
    masks: list[Bool] = []
    for path in sorted(Path(folder).glob(f"*{MASK_SUFFIX}")):
        image = path.with_name(path.name.removesuffix(MASK_SUFFIX) + ".png")
        try:
            pixels, mask = read_image(image, channels), read_image(path, 1)[:, :, 0] > 127
        except UnreadableImage as error:
            raise UserError(f"--labels: '{image}' and its mask cannot be read: {error}.") from error
        if mask.shape != pixels.shape[:2]:
            raise UserError(f"--labels: '{image}' is {pixels.shape[:2]}, its mask {mask.shape} (lines, px).")
        if mask.any():
            images.append(to_8_bit(pixels, bits=16))
            masks.append(mask)
    if not images:
        raise UserError(f"--labels: '{folder}' holds no image x.png with a defect in a mask x{MASK_SUFFIX} beside it.")
    return Labelled(images, masks, geometry)
