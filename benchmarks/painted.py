"""Normal strips with painted defects, as strips with masks: what choices are measured on, not the test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from benchmarks.aitex import Strip
from benchmarks.pictures import read_picture
from benchmarks.scores import TILE_PX
from calibration.painting import CONTRASTS, LINES, Painted, paint_line, paint_strip
from runtime.errors import UserError
from runtime.types import UInt8
from train.labels import MASK_SUFFIX

SEED = 20190901
COPIES = 2
"""Painted strips with local defects, of each strip and contrast."""


def painted_strips(normal: Sequence[Strip], folder: Path) -> list[Strip]:
    """Write painted copies of normal strips, with masks, into a folder; the same for each call.

    Every strip is painted COPIES times at each contrast with local defects; besides there is, at each contrast,
    one strip with each of the defects that run through.

    Returns:
        The strips as they are, as normal ones, and the painted ones.

    Raises:
        UserError: a strip cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number, strip in enumerate(normal):
        grey, colours = read_picture(strip.path, 1)[:, :, 0], read_picture(strip.path, 3)
        for contrast, name, painted in _all(grey, strip.cloth_x0, number, len(normal)):
            if painted.mask.any():
                stem = folder / f"{strip.path.stem}-{name}"
                made.append(_write(strip, painted.onto(colours, grey), painted, contrast, stem))
    return [replace(strip, split="test") for strip in normal] + made


def _all(grey: UInt8, x0: int, number: int, strips: int) -> Iterator[tuple[str, str, Painted]]:
    """Contrast, name and what is painted into one of some strips; each from random numbers of its own."""
    for level, (contrast, times) in enumerate(CONTRASTS.items()):
        for copy in range(COPIES):
            rng = np.random.default_rng([SEED, number, level, copy])
            yield contrast, f"{contrast}-{copy}", paint_strip(grey, x0, times, TILE_PX, rng)
        for line, cls in enumerate(LINES):
            if number == (level * len(LINES) + line) % strips:
                rng = np.random.default_rng([SEED, number, level, COPIES + line])
                yield contrast, f"{contrast}-{cls}", paint_line(grey, x0, times, cls, rng)


def _write(strip: Strip, pixels: UInt8, painted: Painted, contrast: str, stem: Path) -> Strip:
    """Write ``stem``.png and its mask."""
    path, mask = stem.with_name(f"{stem.name}.png"), stem.with_name(f"{stem.name}{MASK_SUFFIX}")
    for place, image in ((path, pixels[:, :, ::-1]), (mask, painted.mask.astype(np.uint8) * 255)):
        if not cv2.imwrite(str(place), image):
            raise UserError(f"Cannot write the painted strip '{place}': name another --work.")
    classes = ", ".join(sorted(set(painted.classes)))
    return replace(strip, path=path, mask=mask, defect=classes, contrast=contrast, split="test")
