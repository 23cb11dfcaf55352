"""Masks and files of strips small enough to be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def mask(lines: int, columns: int, *boxes: tuple[int, int, int, int]) -> np.ndarray:
    """False but for boxes (x0, x1, first, end)."""
    made = np.zeros((lines, columns), np.bool_)
    for x0, x1, first, end in boxes:
        made[first:end, x0:x1] = True
    return made


def write_cloth(
    path: Path, lines: int, columns: int, *squares: tuple[int, int], seed: int = 0, grey: int = 220, side: int = 24
) -> np.ndarray:
    """Write a strip of noise with squares of one grey at (x, line); returns their mask."""
    cloth = np.random.default_rng(seed).integers(90, 130, (lines, columns), dtype=np.uint8)
    where = mask(lines, columns, *((x, x + side, line, line + side) for x, line in squares))
    cloth[where] = grey
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cloth)
    return where


def write_mask(path: Path, where: np.ndarray) -> None:
    """Write a mask as 0/255."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), where.astype(np.uint8) * 255)
