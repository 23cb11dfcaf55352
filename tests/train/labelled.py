"""Images of defects with their masks."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from tests.train.strips import weave

SPOT = 255


def write_pair(folder: Path, name: str, spot: tuple[int, int] | None, rows: int = 150, width: int = 200) -> None:
    """Cloth with a white spot of 4 x 6 px at a place (line, column), or without, and its mask."""
    image, mask = weave(rows, width, 0)[:, :, 0].clip(0, SPOT - 1), np.zeros((rows, width), np.uint8)
    if spot:
        for pixels in (image, mask):
            pixels[spot[0] : spot[0] + 4, spot[1] : spot[1] + 6] = SPOT
    folder.mkdir(exist_ok=True)
    cv2.imwrite(str(folder / f"{name}.png"), image)
    cv2.imwrite(str(folder / f"{name}.mask.png"), mask)
