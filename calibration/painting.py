"""Defects painted into photographs of normal cloth, with exact masks: what choices are measured on.

Real defects are few, and whoever chooses by them fits them. Painted ones are not real either, but they come in
any number, on the very cloth that a style is trained on, at contrasts that can be stated. Contrast is a multiple
of the cloth's own deviation in grey levels (``CONTRASTS``), so that a calm cloth and a lively one are asked the
same question.

    nep        a dot of 5 to 20 px, or a loose curl of fibre as long      missing_pick  a line across the whole cloth
    slub       a thick place of a yarn, lens-shaped                       broken_pick   a part of one
    hole       a dark ragged blob with a bright rim                       missing_end   a line along the whole piece
    stain      a soft blob, the weave intact                              broken_end    a part of one
    crack      an opening between two picks
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.types import Bool, Float32, UInt8

CONTRASTS = {"weak": 1.0, "middle": 1.75, "strong": 3.0}
"""Grey levels at the middle of a defect, in deviations of the cloth's pixels."""
TILE_SHARE = 0.5
"""Share of the tiles that get a defect of their own."""
VISIBLE = 0.3
"""A pixel is part of the mask where a defect has at least this share of its contrast."""

Profile = Callable[[np.random.Generator, tuple[int, int], float, float], Float32]


@dataclass(frozen=True)
class Painted:
    """A strip with defects.

    Attributes:
        pixels: uint8 [rows, width].
        number: int32 [rows, width], which defect is seen there, from 1 in painting order, of two the later; 0: none.
        classes: of the defects, in painting order.
    """

    pixels: UInt8
    number: NDArray[np.int32]
    classes: tuple[str, ...]

    @property
    def mask(self) -> Bool:
        """Where any defect is seen, [rows, width]."""
        return np.asarray(self.number > 0)

    def onto(self, pixels: UInt8, grey: UInt8) -> UInt8:
        """The same defects in colour: all colours become darker or brighter alike.

        Args:
            pixels: uint8 [rows, width, channels]. grey: the same strip as it was painted on, uint8 [rows, width].
        """
        change = self.pixels.astype(np.int16) - grey
        return np.asarray(np.clip(pixels + change[:, :, None], 0, 255), np.uint8)


def paint_strip(pixels: UInt8, x0: int, contrast: float, tile: int, rng: np.random.Generator) -> Painted:
    """Local defects in about TILE_SHARE of a strip's tiles; classes are drawn alike.

    Args:
        pixels: normal cloth, uint8 [rows, width].
        x0: first column of cloth; tiles lie side by side from there.
        contrast: in deviations of the cloth.
    """
    canvas = _Canvas(pixels, x0, contrast)
    for left in range(x0, pixels.shape[1] - tile + 1, tile):
        for top in range(0, pixels.shape[0] - tile + 1, tile):
            if rng.random() < TILE_SHARE:
                cls = str(rng.choice(list(LOCAL)))
                canvas.add(cls, rng, left + float(rng.uniform(8, tile - 8)), top + float(rng.uniform(8, tile - 8)))
    return canvas.done()


def paint_line(pixels: UInt8, x0: int, contrast: float, cls: str, rng: np.random.Generator) -> Painted:
    """One missing pick or end through the whole strip, and nothing else; arguments as in ``paint_strip``."""
    canvas = _Canvas(pixels, x0, contrast)
    x = float(rng.uniform(x0 + 8, pixels.shape[1] - 8))
    canvas.add(cls, rng, x, float(rng.uniform(8, pixels.shape[0] - 8)))
    return canvas.done()


class _Canvas:
    """A strip being painted on; what lies left of ``x0`` is not cloth and stays as it is."""

    def __init__(self, pixels: UInt8, x0: int, contrast: float) -> None:
        self.image = pixels.astype(np.float32)
        self.x0 = x0
        self.amplitude = contrast * float(self.image[:, x0:].std())
        self.number = np.zeros(pixels.shape, np.int32)
        self.classes: list[str] = []

    def add(self, cls: str, rng: np.random.Generator, x: float, y: float) -> None:
        shape = self.image.shape[0], self.image.shape[1]
        profile = {**LOCAL, **LINES}[cls](rng, shape, x, y)
        profile[:, : self.x0] = 0
        self.image += self.amplitude * profile
        self.classes.append(cls)
        self.number[np.abs(profile) >= VISIBLE] = len(self.classes)

    def done(self) -> Painted:
        return Painted(np.clip(np.rint(self.image), 0, 255).astype(np.uint8), self.number, tuple(self.classes))


def sign(rng: np.random.Generator) -> float:
    """Dark or bright, alike often."""
    return float(rng.choice([-1.0, 1.0]))


def soft(shape: tuple[int, int], x: float, y: float, rx: float, ry: float, angle: float, edge: float) -> Float32:
    """An ellipse of radii rx, ry px, 1 inside and falling to 0 over ``edge`` px around its rim; [rows, width]."""
    reach = int(np.ceil(max(rx, ry) + edge)) + 1
    top, bottom = max(0, int(y) - reach), min(shape[0], int(y) + reach + 1)
    left, right = max(0, int(x) - reach), min(shape[1], int(x) + reach + 1)
    dy, dx = np.mgrid[top:bottom, left:right].astype(np.float32) - np.array([y, x], np.float32)[:, None, None]
    u, v = np.cos(angle) * dx + np.sin(angle) * dy, np.cos(angle) * dy - np.sin(angle) * dx
    distance = (np.hypot(u / rx, v / ry) - 1) * min(rx, ry)
    whole = np.zeros(shape, np.float32)
    whole[top:bottom, left:right] = np.clip(0.5 - distance / edge, 0, 1)
    return whole


def band(size: int, middle: float, width: float) -> NDArray[np.float32]:
    """A line's cross-section along one axis: 1 in the middle, Gaussian flanks; [size]."""
    return np.exp(-0.5 * ((np.arange(size) - middle) / (width / 2)) ** 2).astype(np.float32)


def run(rng: np.random.Generator, size: int, middle: float, length: float) -> Float32:
    """A line's course along its axis: 1 over ``length`` px around the middle, ends fading over 6 px, uneven; [size]."""
    at = np.abs(np.arange(size) - middle)
    course = np.clip((length / 2 - at) / 6 + 0.5, 0, 1)
    uneven = cv2.GaussianBlur(rng.normal(0, 1, (1, size)), (0, 0), 12, borderType=cv2.BORDER_REFLECT)[0]
    return np.asarray(course * (1 + uneven), np.float32)


def nep(rng: np.random.Generator, shape: tuple[int, int], x: float, y: float) -> Float32:
    """A knot of fibre: a dot, or a curl drawn as a wandering thread."""
    size = float(rng.uniform(5, 20))
    if rng.random() < 0.5:
        flat = float(rng.uniform(0.6, 1.0))
        return sign(rng) * soft(shape, x, y, size / 2, flat * size / 2, float(rng.uniform(0, np.pi)), 2.0)
    heading, bend = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.35, 40)
    turns = heading + np.cumsum(bend) + np.linspace(0, rng.uniform(-5, 5), 40)
    step = size / 16
    points = np.stack([x + np.cumsum(np.cos(turns)) * step, y + np.cumsum(np.sin(turns)) * step], 1)
    drawn = np.zeros(shape, np.float32)
    cv2.polylines(drawn, [np.round(points * 16).astype(np.int32)], False, 1.0, 2, cv2.LINE_AA, 4)
    return sign(rng) * drawn


def slub(rng: np.random.Generator, shape: tuple[int, int], x: float, y: float) -> Float32:
    """A thick place along a yarn of either direction."""
    length, thick = float(rng.uniform(25, 160)), float(rng.uniform(3, 9))
    angle = float(rng.choice([0.0, np.pi / 2])) + float(rng.normal(0, 0.02))
    return sign(rng) * soft(shape, x, y, length / 2, thick / 2, angle, 2.0)


def hole(rng: np.random.Generator, shape: tuple[int, int], x: float, y: float) -> Float32:
    """Several overlapping dark dots with a bright rim of torn yarns."""
    radius = float(rng.uniform(4, 18))
    dark, rim = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for _ in range(4):
        px, py = x + float(rng.normal(0, radius / 3)), y + float(rng.normal(0, radius / 3))
        dark = np.maximum(dark, soft(shape, px, py, radius * 0.8, radius * 0.6, float(rng.uniform(0, np.pi)), 2.0))
        rim = np.maximum(rim, soft(shape, px, py, radius * 0.8 + 3, radius * 0.6 + 3, 0.0, 3.0))
    return np.asarray(0.5 * np.clip(rim - dark, 0, 1) - dark, np.float32)


def stain(rng: np.random.Generator, shape: tuple[int, int], x: float, y: float) -> Float32:
    """A soft darkening, at 0.6 of the contrast: it covers much."""
    rx, ry = rng.uniform(12, 60, 2)
    edge = float(min(rx, ry)) * 0.8
    return -0.6 * soft(shape, x, y, float(rx), float(ry), float(rng.uniform(0, np.pi)), edge)


def crack(rng: np.random.Generator, shape: tuple[int, int], x: float, y: float) -> Float32:
    """An opening between picks, dark, wider than a missing one."""
    across = band(shape[0], y, float(rng.uniform(4, 10)))
    return -np.outer(across, run(rng, shape[1], x, float(rng.uniform(30, 250)))).astype(np.float32)


def pick(rng: np.random.Generator, shape: tuple[int, int], x: float, y: float, length: float) -> Float32:
    """A line along the weft, 2 to 4 px thick, at 0.6 of the contrast: it is long."""
    across = band(shape[0], y, float(rng.uniform(2, 4)))
    return 0.6 * sign(rng) * np.outer(across, run(rng, shape[1], x, length)).astype(np.float32)


def end(rng: np.random.Generator, shape: tuple[int, int], x: float, y: float, length: float) -> Float32:
    """The same along the warp."""
    return pick(rng, (shape[1], shape[0]), y, x, length).T


def broken_pick(rng: np.random.Generator, shape: tuple[int, int], x: float, y: float) -> Float32:
    return pick(rng, shape, x, y, float(rng.uniform(60, 500)))


def broken_end(rng: np.random.Generator, shape: tuple[int, int], x: float, y: float) -> Float32:
    return end(rng, shape, x, y, float(rng.uniform(60, 200)))


def missing_pick(rng: np.random.Generator, shape: tuple[int, int], x: float, y: float) -> Float32:
    return pick(rng, shape, x, y, 4.0 * shape[1])


def missing_end(rng: np.random.Generator, shape: tuple[int, int], x: float, y: float) -> Float32:
    return end(rng, shape, x, y, 4.0 * shape[0])


LOCAL: dict[str, Profile] = {
    "nep": nep,
    "slub": slub,
    "hole": hole,
    "stain": stain,
    "crack": crack,
    "broken_pick": broken_pick,
    "broken_end": broken_end,
    "missing_end": missing_end,
}
"""Defects that a tile of a strip can hold, each with its signed profile [rows, width], 1 at full contrast."""
LINES: dict[str, Profile] = {"missing_pick": missing_pick, "missing_end": missing_end}
"""Defects that run through a whole strip: it then holds nothing else."""
