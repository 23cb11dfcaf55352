"""The cloth that both engines see: held-out normal pieces, and painted copies of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.normal import blocks
from calibration.painting import CONTRASTS, LINES, Painted, paint_line, paint_strip
from calibration.threshold import BLOCK_PX
from runtime.cameras.base import CameraInfo
from runtime.pipeline import View
from runtime.preprocess.flatfield import to_8_bit
from runtime.types import LineBlock, NotInspected, UInt8

PIECE_LINES = 1024
"""A long roll is cut into pieces of so many lines, each judged by itself."""
SEED = 20190901


@dataclass(frozen=True)
class Piece:
    """A stretch of cloth of one segment, which can be looked at any number of times. A runtime.cameras.base.Camera.

    Attributes:
        name: roll and first line, for people.
        pixels: uint8 [lines, width, channels], after the flat field.
        camera: what the lines came from.
    """

    name: str
    pixels: UInt8
    camera: CameraInfo

    def open(self) -> CameraInfo:
        """The camera, as it was."""
        return self.camera

    def items(self) -> Iterator[LineBlock | NotInspected]:
        """All lines at once, from line 0 on."""
        yield LineBlock(camera=self.camera.name, segment=0, first_line=0, pixels=self.pixels)

    def close(self) -> None:
        """Nothing is held."""

    @property
    def grey(self) -> UInt8:
        """uint8 [lines, width]: the mean of the colours."""
        return np.asarray(np.rint(self.pixels.mean(axis=2)), np.uint8)


@dataclass(frozen=True)
class PaintedPiece:
    """A painted copy of a piece.

    Attributes:
        number: int32 [lines, width], as in calibration.painting.Painted.
        contrast: a name in CONTRASTS. classes: of the defects, in the order of their numbers.
    """

    piece: Piece
    number: NDArray[np.int32]
    contrast: str
    classes: tuple[str, ...]


def pieces(view: View, lines: int | None = None) -> Iterator[Piece]:
    """Cut what a camera gives into pieces; none crosses the end of a segment.

    Args:
        view: its camera is not yet opened; closed at the end.
        lines: take no more than about so many; None: all there are.

    Raises:
        UserError: the camera cannot be opened, or lines of it cannot be read.
    """
    info = replace(view.camera.open(), live=False, line_rate_hz=None)
    held: list[LineBlock] = []
    try:
        for block in blocks(view.camera, lines):
            full = sum(one.rows for one in held) >= PIECE_LINES
            if held and (full or block.segment != held[0].segment or block.first_line != held[-1].end_line):
                yield _joined(held, view, info)
                held = []
            held.append(block)
        if held:
            yield _joined(held, view, info)
    finally:
        view.camera.close()


def _joined(held: list[LineBlock], view: View, info: CameraInfo) -> Piece:
    flat = view.flat_field
    if flat:
        flat.check_width(held[0].width, held[0].channels, info.name)
    parts = [flat.correct(one.pixels) if flat else to_8_bit(one.pixels, one.bits) for one in held]
    return Piece(f"{info.name} from line {held[0].first_line}", np.concatenate(parts), info)


def painted(piece: Piece, number: int, columns: tuple[int, int]) -> Iterator[PaintedPiece]:
    """Copies with defects: local ones at every contrast, and one line that runs through, at the contrasts in turn.

    The same for each call. A piece that is narrower or shorter than a block of BLOCK_PX gets none.

    Args:
        number: of the piece: what is drawn depends on it.
        columns: [x0, x1) that are cloth; nothing else is painted on.
    """
    cloth = slice(*columns)
    grey = piece.grey[:, cloth]
    if min(grey.shape) < BLOCK_PX:
        return
    for contrast, made in _paintings(grey, number):
        pixels, numbers = piece.pixels.copy(), np.zeros(piece.pixels.shape[:2], np.int32)
        pixels[:, cloth], numbers[:, cloth] = made.onto(piece.pixels[:, cloth], grey), made.number
        yield PaintedPiece(replace(piece, pixels=pixels), numbers, contrast, made.classes)


def _paintings(grey: UInt8, number: int) -> Iterator[tuple[str, Painted]]:
    """Contrast and painting, each from random numbers of its own."""
    for level, (contrast, times) in enumerate(CONTRASTS.items()):
        yield contrast, paint_strip(grey, 0, times, BLOCK_PX, np.random.default_rng([SEED, number, level]))
    turns = [(contrast, cls) for contrast in CONTRASTS for cls in LINES]
    contrast, cls = turns[number % len(turns)]
    rng = np.random.default_rng([SEED, number, len(CONTRASTS)])
    yield contrast, paint_line(grey, 0, CONTRASTS[contrast], cls, rng)
