"""Small pieces of synthetic cloth: a plain weave with noise, deterministic."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray


def weave(rows: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Grey cloth, uint8 [rows, width, 1]: two sets of yarns, their phase and the noise from the seed."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :width]
    phase = rng.uniform(0, 2 * np.pi, 2)
    cloth = 120 + 30 * np.sin(2 * np.pi * x / 6 + phase[0]) + 30 * np.sin(2 * np.pi * y / 5 + phase[1])
    cloth += rng.normal(0, 6, cloth.shape)
    return np.clip(cloth, 0, 255).astype(np.uint8)[..., None]


def write_strips(folder: Path, count: int, rows: int = 100, width: int = 320) -> Path:
    """A folder of strips as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        cv2.imwrite(str(folder / f"strip_{number:02d}.png"), weave(rows, width, number))
    return folder
