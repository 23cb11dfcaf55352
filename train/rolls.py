"""Normal cloth to learn from: pieces of rolls, and tiles cut from them as the runtime cuts them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from runtime.cameras.config import build, describe, roll_uri
from runtime.ends import continued, find_edges, find_ends
from runtime.errors import UserError
from runtime.geometry import TileGeometry, round_up
from runtime.preprocess.cloth import ClothFinder
from runtime.preprocess.flatfield import FlatField, to_8_bit
from runtime.types import LineBlock, NotInspected, Reason, UInt8

HELD_OUT = 1 / 8
"""Share of each roll's normals that is never trained on and chooses the checkpoint."""
MIN_PIECES_TO_HOLD_OUT_WHOLE = 8


@dataclass(frozen=True)
class Piece:
    """An unbroken run of lines with cloth on them.

    Attributes:
        pixels: uint8 [rows, width, channels].
        region: columns [x0, x1) that are cloth.
    """

    pixels: UInt8
    region: tuple[int, int]

    @property
    def rows(self) -> int:
        return int(self.pixels.shape[0])


@dataclass(frozen=True)
class Split:
    """Pieces to train on and pieces to choose the checkpoint by."""

    training: list[Piece]
    held_out: list[Piece]


def geometry_for(tile: int) -> TileGeometry:
    """Geometry of a tile size: about a ninth of it is margin, a thirty-second is cross-faded.

    With tiles of 256 px that leaves steps of 192 px: more than half of what the net computes is kept.

    Raises:
        UserError: a size that the net's strides do not divide.
    """
    if tile < 64 or tile % 64:
        raise UserError(f"--tile {tile}: choose a multiple of 64, such as 256.")
    cell = TileGeometry.map_stride
    return TileGeometry(tile=tile, margin=round_up(tile * 7 // 64, cell), blend=round_up(tile // 32, cell))


def read_segments(roll: str, mm_per_px: float, sim_lines: int) -> list[UInt8]:
    """Lines of a roll as a stream judges them, one array an unbroken run: ``?flat_field=FILE`` corrects them.

    Args:
        roll: a folder, an image, a list of images, or a ``sim:`` or ``replay:`` URI.
        mm_per_px: pixel size of the cloth.
        sim_lines: how many lines to take from simulated cloth, which has no end.

    Raises:
        UserError: no such roll, one that cannot be read whole, or one of another pixel size.
    """
    name, config = describe(roll_uri(roll, mm_per_px), {})
    camera = build(name, config)
    references = config.references()
    flat_field = FlatField.load(references) if references else None
    runs: list[list[UInt8]] = []
    segment = None
    left = sim_lines if roll.startswith("sim:") else None
    info = camera.open()
    try:
        if info.scale.mm_per_px != mm_per_px:
            raise UserError(f"Roll '{roll}' has {info.scale.mm_per_px:g} mm per px, not --mm-per-px {mm_per_px:g}.")
        if flat_field:
            flat_field.check_camera(info.name, info.bits, info.device)
        for item in camera.items():
            if isinstance(item, NotInspected) and item.reason is not Reason.UNREADABLE_FILE:
                segment = None  # lines that a recorded camera lost: what follows is a run of its own
                continue
            if not isinstance(item, LineBlock):
                raise UserError(f"Roll '{roll}' cannot be read whole ({item.detail}): repair it or leave it out.")
            if item.segment != segment:
                runs.append([])
                segment = item.segment
            if flat_field:
                flat_field.check_width(item.width, item.channels, info.name)
            lines = item.pixels[:left]
            runs[-1].append(flat_field.correct(lines) if flat_field else to_8_bit(lines, item.bits))
            if left is not None:
                left -= len(runs[-1][-1])
            if left == 0:
                break
    finally:
        camera.close()
    return [np.concatenate(run) for run in runs]


def read_rolls(rolls: list[str], geometry: TileGeometry, mm_per_px: float, sim_lines: int) -> Split:
    """All rolls, the last part of each held out; ``replay:PATH?cloth=all`` takes all columns for cloth.

    Raises:
        UserError: a roll without cloth or with too few lines, or rolls of different channels.
    """
    training: list[Piece] = []
    held_out: list[Piece] = []
    finder = ClothFinder(grid=geometry.map_stride)
    for roll in rolls:
        pieces = []
        find = describe(roll_uri(roll, mm_per_px), {})[1].cloth == "find"
        for pixels in read_segments(roll, mm_per_px, sim_lines):
            if pixels.shape[0] < geometry.valid:
                continue
            region = finder.find(pixels) if find else (0, pixels.shape[1])
            if region is not None:
                pieces.append(Piece(pixels, region))
        if not pieces:
            raise UserError(
                f"Roll '{roll}' has no cloth in runs of {geometry.valid} lines or more: "
                "give normal cloth as the camera sees it, or a smaller --tile."
            )
        first, last = hold_out(pieces, geometry, roll)
        training += first
        held_out += last
    channels = {piece.pixels.shape[2] for piece in training}
    if len(channels) > 1:
        raise UserError(f"The rolls mix grey and colour images ({', '.join(rolls)}): train on one kind.")
    return Split(training, held_out)


def hold_out(pieces: list[Piece], geometry: TileGeometry, roll: str) -> tuple[list[Piece], list[Piece]]:
    """The last eighth of a roll: whole pieces where there are many, else the last lines of each.

    Raises:
        UserError: a roll too short to take anything away from.
    """
    if len(pieces) >= MIN_PIECES_TO_HOLD_OUT_WHOLE:
        count = max(1, round(len(pieces) * HELD_OUT))
        return pieces[:-count], pieces[-count:]
    training, held_out = [], []
    for piece in pieces:
        lines = max(geometry.valid, round(piece.rows * HELD_OUT))
        if piece.rows - lines < geometry.valid:
            training.append(piece)
            continue
        training.append(Piece(piece.pixels[:-lines], piece.region))
        held_out.append(Piece(piece.pixels[-lines:], piece.region))
    if not held_out and len(training) > 1:
        held_out.append(training.pop())
    if not held_out:
        raise UserError(
            f"Roll '{roll}' has {pieces[0].rows} lines; training needs at least {2 * geometry.valid} "
            "to hold some out: record more normal cloth."
        )
    return training, held_out


@dataclass(frozen=True)
class Place:
    """Where a tile lies: piece number, first line and left column (either may be negative, or end outside)."""

    piece: int
    top: int
    left: int


class Tiles:
    """Tiles of some pieces: drawn at random offsets, or as the runtime would lay them."""

    def __init__(self, pieces: list[Piece], geometry: TileGeometry) -> None:
        self.pieces = pieces
        self.geometry = geometry
        sizes = np.array([np.prod([len(span) for span in self._spans(p)]) for p in pieces], np.float64)
        self._odds = sizes / sizes.sum()
        self._ends = [(find_ends(piece.pixels, geometry), find_edges(piece.pixels, geometry)) for piece in pieces]

    @property
    def channels(self) -> int:
        return int(self.pieces[0].pixels.shape[2])

    @property
    def lines(self) -> int:
        return sum(piece.rows for piece in self.pieces)

    def digest(self) -> int:
        """CRC-32 of all pixels and regions."""
        crc = 0
        for piece in self.pieces:
            crc = zlib.crc32(piece.pixels.tobytes(), crc)
            crc = zlib.crc32(repr((piece.pixels.shape, piece.region)).encode(), crc)
        return crc

    def sample(self, rng: np.random.Generator, count: int) -> UInt8:
        """Tiles at random places, uint8 [count, T, T, C]."""
        tiles = []
        for number in rng.choice(len(self.pieces), count, p=self._odds).tolist():
            tops, lefts = self._spans(self.pieces[number])
            tiles.append(self.cut(Place(number, int(rng.choice(tops)), int(rng.choice(lefts)))))
        return np.stack(tiles)

    def grid(self, count: int) -> UInt8:
        """At most ``count`` tiles, evenly picked from all that the runtime would lay; uint8 [n, T, T, C]."""
        places = []
        for number, piece in enumerate(self.pieces):
            tops, _ = self._spans(piece)
            rows = [*tops[:: self.geometry.max_step], tops[-1]]
            columns = self.geometry.column_starts(*piece.region)
            places += [Place(number, top, left) for top in dict.fromkeys(rows) for left in columns]
        picked = np.linspace(0, len(places) - 1, min(count, len(places))).round().astype(int)
        return np.stack([self.cut(places[i]) for i in picked])

    def cut(self, place: Place) -> UInt8:
        """One tile, uint8 [T, T, C]; continued beyond the piece's ends and the sensor's edges as at run time."""
        piece, tile = self.pieces[place.piece], self.geometry.tile
        lines, columns = self._ends[place.piece]
        seen_rows = continued(place.top, place.top + tile, 0, piece.rows, lines)
        seen_columns = continued(place.left, place.left + tile, 0, piece.pixels.shape[1], columns)
        return piece.pixels[seen_rows[:, None], seen_columns[None, :]]

    def _spans(self, piece: Piece) -> tuple[range, range]:
        """First lines and left columns that a tile may have; the runtime reaches ``margin`` beyond the ends."""
        margin, tile = self.geometry.margin, self.geometry.tile
        x0, x1 = piece.region
        return (
            range(-margin, max(piece.rows + margin - tile, -margin) + 1),
            range(x0 - margin, max(x1 + margin - tile, x0 - margin) + 1),
        )
