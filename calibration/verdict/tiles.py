"""The tiles on which two engines differ most, and their pictures."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from calibration.threshold import BLOCK_PX
from calibration.verdict.cloth import Piece
from runtime.types import Float32, UInt8

MOST = 10
UNJUDGED = (140, 70, 30)
"""Blue: what was not judged, as in the project's other pictures. All colours are blue, green, red."""
HIGHER, LOWER, SAME = (60, 90, 230), (215, 130, 45), (245, 245, 245)
"""Where the engine says more than the reference, less, and the same."""


@dataclass(frozen=True, eq=False)
class Tile:
    """A square of BLOCK_PX of cloth.

    Attributes:
        where: piece, column and line. pixels: uint8 [<= BLOCK_PX, <= BLOCK_PX, channels].
        before, after: float32 maps of reference and engine, in multiples of their own opening thresholds.
        difference: largest absolute difference of the two.
    """

    where: str
    pixels: UInt8
    before: Float32
    after: Float32
    difference: float


class Worst:
    """Keeps the MOST tiles that differ most; of several copies of one place only the worst."""

    def __init__(self) -> None:
        self.tiles: list[Tile] = []

    def add(self, piece: Piece, stride: int, before: Float32, after: Float32) -> None:
        """Look through a piece's maps [rows, columns] in multiples of the thresholds; ``stride`` px a cell."""
        side = BLOCK_PX // stride
        difference = np.abs(after - before)
        for row, column in np.ndindex(-(-before.shape[0] // side), -(-before.shape[1] // side)):
            x, y = column * BLOCK_PX, row * BLOCK_PX
            cells = np.s_[row * side : (row + 1) * side, column * side : (column + 1) * side]
            if np.isfinite(difference[cells]).any():
                where = f"{piece.name}, px {x}, line {y}"
                pixels = piece.pixels[y : y + BLOCK_PX, x : x + BLOCK_PX]
                self._offer(Tile(where, pixels, before[cells], after[cells], float(np.nanmax(difference[cells]))))

    def _offer(self, tile: Tile) -> None:
        same = next((one for one in self.tiles if one.where == tile.where), None)
        beaten = same or (self.tiles[-1] if len(self.tiles) == MOST else None)
        if beaten and beaten.difference >= tile.difference:
            return
        if beaten:
            self.tiles.remove(beaten)
        self.tiles.append(tile)
        self.tiles.sort(key=lambda one: -one.difference)


def heat(values: Float32) -> UInt8:
    """A map in multiples of its threshold as grey, [rows, columns] -> uint8 [rows, columns, 3]: 0 black, 1 mid-grey."""
    picture = np.full((*values.shape, 3), UNJUDGED, np.uint8)
    judged = np.isfinite(values)
    picture[judged] = (np.clip(values[judged] / 2, 0, 1) * 255).astype(np.uint8)[:, None]
    return picture


def contrast(tile: Tile) -> UInt8:
    """The difference in colour: red where the engine says more than the reference, blue where less; uint8 [.., 3].

    The strongest colour is the tile's largest difference.
    """
    share = (tile.after - tile.before) / max(tile.difference, 1e-9)
    judged = np.isfinite(share)
    picture = np.full((*share.shape, 3), UNJUDGED, np.uint8)
    share = np.clip(share[judged], -1, 1)[:, None]
    towards = np.where(share > 0, np.array(HIGHER), np.array(LOWER))
    picture[judged] = np.rint(np.array(SAME) + np.abs(share) * (towards - np.array(SAME))).astype(np.uint8)
    return picture


def png(picture: UInt8) -> bytes:
    """A PNG file of uint8 [rows, columns, 1 or 3], of three channels blue green red."""
    return bytes(cv2.imencode(".png", picture)[1])
