"""Scanlines in, rows of tiles out: an endless roll cut without frames.

Each row of tiles has a window of lines that it answers for. Windows follow each other every ``stride``
lines and overlap by the blend; a row is cut as soon as its last line is there, so its map waits for
``margin + blend + stride`` lines at most, however tall the tile. At a run's ends (a new segment, a gap,
the end of the stream) and when the cloth stands, the lines that wait are cut with the weave continued
beyond them (see runtime/ends.py). Where another tiler goes on with the very next line (runtime/lane.py), both see a
margin of each other's lines instead, and answer for their own alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from runtime.ends import Ends, continued, find_edges, find_ends
from runtime.errors import UserError
from runtime.geometry import TileGeometry, round_up
from runtime.preprocess.cloth import ClothFinder
from runtime.preprocess.flatfield import FlatField, to_8_bit
from runtime.preprocess.held_region import HeldRegion
from runtime.types import LineBlock, NotInspected, Reason, Scale, TileBatch, UInt8


class Tiler:
    """Cuts the lines of one camera.

    Lines with no cloth under the camera come back as NotInspected(NO_CLOTH) in their place.
    """

    def __init__(
        self,
        camera: str,
        geometry: TileGeometry,
        stride: int,
        channels: int,
        scale: Scale,
        cloth: ClothFinder | None = None,
        flat_field: FlatField | None = None,
    ) -> None:
        """Set up for one camera.

        Args:
            stride: lines between the starts of two rows of tiles.
            channels: of the tiles; a camera of one channel feeds a net of one.
            scale: the camera's: how far cloth wanders, and how long faults are, is known in millimetres.
            cloth: finds the cloth's columns; None where the whole width is cloth.
            flat_field: references to correct with, or None.

        Raises:
            ValueError: a stride that the geometry does not allow.
        """
        geometry.check_row_stride(stride)
        self.camera = camera
        self.geometry = geometry
        self.stride = stride
        self.channels = channels
        self.cloth = cloth
        self.flat_field = flat_field
        self._segment = -1
        self._ring: UInt8 = np.empty((0, 0, channels), np.uint8)
        self._ring_first = 0  # line number of the ring's row 0
        self._origin = 0  # first line of the run
        self._end = 0  # one past the newest line
        self._answered = 0  # lines before this have their window
        self._received_ns = 0
        self._region = HeldRegion(scale)
        self._above: tuple[int, int, UInt8] | None = None  # segment and line that another tiler's last lines lead to
        self._edges: Ends | None = None  # of the sensor, found at a run's first row of tiles

    @property
    def waiting(self) -> int:
        """Lines that are in the ring and in no window yet."""
        return self._end - self._answered

    @property
    def reach_beyond(self) -> int:
        """How many lines beyond the newest a last row of tiles would reach."""
        lines = self._end - self._origin
        return round_up(lines, self.geometry.map_stride) - lines + self.geometry.margin

    def follow(self, other: Tiler) -> None:
        """See another tiler's last lines above the first line here, and hold to its cloth, if the run is the same."""
        if other._segment >= 0:
            end = other._end - other._ring_first
            above = other._ring[max(0, end - self.geometry.margin) : end].copy()
            self._above = (other._segment, other._end, above)
            self._region = other._region

    def push(self, block: LineBlock) -> Iterator[TileBatch | NotInspected]:
        """Add lines; yields what became ready, in order.

        A block of another segment, or one that does not follow the newest line, ends the run first.

        Raises:
            UserError: lines of another width inside a segment, or of other channels than the tiles'.
            ValueError: lines numbered below lines seen before.
        """
        if block.channels != self.channels:
            raise UserError(
                f"Camera '{self.camera}' gives {block.channels} channels, the bundle takes {self.channels}: "
                "change its pixel format, or train a bundle for it."
            )
        if not self._goes_on(block):
            yield from self.flush()
            self._begin(block)
        if block.width != self._ring.shape[1]:
            raise UserError(
                f"Camera '{self.camera}' changed its width at line {block.first_line} from {self._ring.shape[1]} to "
                f"{block.width} px without starting a new segment: leave its settings alone while it runs."
            )
        self._append(block)
        while self._next_end() + self.geometry.blend + self.geometry.margin <= self._end:
            yield from self._cut(self._next_end(), hard_end=False)

    def flush(self, whole_cells: bool = False, beyond: Sequence[LineBlock] = ()) -> Iterator[TileBatch | NotInspected]:
        """Cut what waits, with the weave continued beyond the newest line; the run ends there.

        Args:
            whole_cells: leave the lines of an unfinished map cell waiting: the run goes on (a loom that stands).
            beyond: lines that come next, to be seen in place of a weave made up; another tiler answers for them.
        """
        stride = self.geometry.map_stride
        newest = self._end
        end = newest - (newest - self._origin) % stride if whole_cells else newest
        for block in beyond:
            if self._goes_on(block):
                self._append(block)
        while self._answered < end:
            window_end = min(self._next_end(), end)
            yield from self._cut(window_end, hard_end=window_end == end)
        self._end = newest
        if not whole_cells:
            self._segment = -1  # also where the next line's number follows: a gap of unknown length

    def _goes_on(self, block: LineBlock) -> bool:
        return block.segment == self._segment and block.first_line == self._end

    def _begin(self, block: LineBlock) -> None:
        if block.first_line < self._end:
            raise ValueError(f"camera '{self.camera}': line {block.first_line} came twice")
        if self.flat_field:
            self.flat_field.check_width(block.width, block.channels, self.camera)
        rows = 2 * (self.geometry.tile + self.stride) + max(256, block.rows)
        if self._ring.shape[:2] != (rows, block.width):
            self._ring = np.empty((rows, block.width, self.channels), np.uint8)
        self._segment = block.segment
        self._ring_first = self._origin = self._end = self._answered = block.first_line
        self._edges = None
        self._region.begin(block.segment, block.width)
        if self._above and self._above[:2] == (block.segment, block.first_line):
            above = self._above[2]
            self._ring[: len(above)] = above
            self._ring_first -= len(above)
        self._above = None

    def _append(self, block: LineBlock) -> None:
        at = self._end - self._ring_first
        if at + block.rows > len(self._ring):
            self._forget(block.rows)
            at = self._end - self._ring_first
        pixels = self.flat_field.correct(block.pixels) if self.flat_field else to_8_bit(block.pixels, block.bits)
        self._ring[at : at + block.rows] = pixels
        self._end += block.rows
        self._received_ns = block.received_ns

    def _forget(self, rows: int) -> None:
        """Move the lines that are still needed to the ring's top, and let it grow if a block needs it."""
        keep_from = max(self._ring_first, self._answered - self.geometry.tile)
        kept = self._ring[keep_from - self._ring_first : self._end - self._ring_first]
        if len(kept) + rows > len(self._ring):
            grown = np.empty((2 * (len(kept) + rows), *self._ring.shape[1:]), np.uint8)
            grown[: len(kept)] = kept
            self._ring = grown
        else:
            self._ring[: len(kept)] = kept.copy()
        self._ring_first = keep_from

    def _next_end(self) -> int:
        """Where the next window ends if lines go on: a run's first window is as tall as a tile allows."""
        if self._answered == self._origin:
            return self._origin + self.geometry.valid - self.geometry.blend
        return self._answered + self.stride

    def _cut(self, end: int, hard_end: bool) -> Iterator[TileBatch | NotInspected]:
        """Cut the row of tiles that answers up to ``end`` (and cross-fades over the blend before and after)."""
        g = self.geometry
        window_end = end if hard_end else end + g.blend
        lowest = self._origin - g.margin
        top = max(lowest, self._origin + round_up(window_end - self._origin, g.map_stride) + g.margin - g.tile)
        start, self._answered = self._answered, end
        rows = self._rows(top)
        region = self._columns(rows, end - start)
        if region is None:
            yield NotInspected(self.camera, Reason.NO_CLOTH, start, end)
            return
        x = g.column_starts(*region)
        if self._edges is None:
            self._edges = find_edges(rows[max(0, self._origin - top) : self._end - top], g)
        yield TileBatch(
            camera=self.camera,
            segment=self._segment,
            origin=self._origin,
            pixels=cut_tiles(rows, x, g.tile, self._edges),
            x=x,
            top=top,
            window=(start, window_end),
            region=region,
            width=rows.shape[1],
            hard_end=hard_end,
            received_ns=self._received_ns,
        )

    def _rows(self, top: int) -> UInt8:
        """Lines [top, top + tile), continued where the run does not reach; uint8 [tile, width, channels]."""
        bottom = top + self.geometry.tile
        if top >= self._ring_first and bottom <= self._end:
            return self._ring[top - self._ring_first : bottom - self._ring_first]
        low = self._ring_first
        ends = find_ends(self._ring[low - self._ring_first : self._end - self._ring_first], self.geometry)
        return self._ring[continued(top, bottom, low, self._end, ends) - self._ring_first]

    def _columns(self, rows: UInt8, lines: int) -> tuple[int, int] | None:
        """Columns of cloth in a row of tiles that answers for so many lines; None where there is none.

        Where something covers most of the cloth, or most of it is spoilt, they are those of the row before.
        """
        if self.cloth is None:
            return 0, rows.shape[1]
        found = self.cloth.find(rows)
        if found or self.cloth.is_bare(rows):
            self._region.follow(found, lines)
        held = self._region.columns
        return held and (round_up(held[0], self.geometry.map_stride), held[1])


def cut_tiles(rows: UInt8, x: tuple[int, ...], tile: int, edges: Ends) -> UInt8:
    """Tiles at the given left columns, continued beyond the sensor's edges; uint8 [n, tile, tile, channels].

    Beside the cloth a tile's margin sees what is there: real pixels are better than made-up ones.

    Args:
        rows: uint8 [tile, width, channels]. edges: how the first and last column go on.
    """
    tiles = np.empty((len(x), tile, tile, rows.shape[2]), np.uint8)
    for place, left in zip(tiles, x, strict=True):
        if left >= 0 and left + tile <= rows.shape[1]:
            place[:] = rows[:, left : left + tile]
        else:
            place[:] = rows[:, continued(left, left + tile, 0, rows.shape[1], edges)]
    return tiles
