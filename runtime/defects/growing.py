"""A defect in the making: the blobs that belong to it, and where they lie on the cloth."""

from __future__ import annotations

from dataclasses import dataclass, field

from runtime.defects.blobs import Blob
from runtime.types import Kind, Scale

ELONGATED = 3.0
"""A defect this many times longer than wide is a line."""
LINE_MM = 10.0
"""... if it is at least this long."""
AREA_MM = 20.0
"""A defect at least this large in both directions is an area."""
ROUNDING_MM = 1e-6
"""Metres are floats: distances that differ by less are the same."""


def kind_of(width_mm: float, height_mm: float) -> Kind:
    """Shape of a box in cloth millimetres."""
    long, short = max(width_mm, height_mm), min(width_mm, height_mm)
    if long >= LINE_MM and long >= ELONGATED * short:
        return Kind.WEFT if width_mm > height_mm else Kind.WARP
    return Kind.AREA if short >= AREA_MM else Kind.LOCAL


@dataclass(frozen=True)
class Piece:
    """A blob and its place along the cloth.

    Attributes:
        blob: in pixels and lines.
        y0_mm, y1_mm: along the cloth, from the stream's start.
        peak_y_mm: where it is highest.
        unseen_mm: cloth that went by unseen before it, since the tracker began.
    """

    blob: Blob
    y0_mm: float
    y1_mm: float
    peak_y_mm: float
    unseen_mm: float

    def across_mm(self, other: Piece, scale: Scale) -> float:
        """Distance across the cloth; 0 where their columns meet."""
        a, b = self.blob, other.blob
        return max(0, a.x0 - b.x1, b.x0 - a.x1) * scale.mm_per_px

    def along_mm(self, other: Piece) -> float:
        """Distance along the cloth; 0 where their lines meet."""
        if max(self.blob.first_line - other.blob.end_line, other.blob.first_line - self.blob.end_line) <= 0:
            return 0.0
        return max(0.0, self.y0_mm - other.y1_mm, other.y0_mm - self.y1_mm)

    def seen_along_mm(self, other: Piece) -> float:
        """The part of that distance which was looked at."""
        return max(0.0, self.along_mm(other) - abs(self.unseen_mm - other.unseen_mm))

    def kind(self, scale: Scale) -> Kind:
        """Its shape."""
        return kind_of((self.blob.x1 - self.blob.x0) * scale.mm_per_px, self.y1_mm - self.y0_mm)

    def joined(self, other: Piece) -> Piece:
        """Both as one."""
        return Piece(
            blob=self.blob.joined(other.blob),
            y0_mm=min(self.y0_mm, other.y0_mm),
            y1_mm=max(self.y1_mm, other.y1_mm),
            peak_y_mm=max(self, other, key=lambda piece: piece.blob.peak).peak_y_mm,
            unseen_mm=max(self.unseen_mm, other.unseen_mm),
        )


@dataclass
class Growing:
    """A defect as far as it is known.

    Attributes:
        whole: all that belongs to it so far; its millimetres are kept, because a track forgets lines far back.
        tail: its pieces near enough to the newest line to be joined to.
        number: of the defect, in the order of opening; 0 before it.
        threshold: what opened it.
        reported_mm: where it ended in the last event.
    """

    whole: Piece
    tail: list[Piece] = field(default_factory=list)
    number: int = 0
    threshold: float = 0.0
    reported_mm: float = 0.0

    def absorb(self, other: Growing) -> None:
        """Take over all that belongs to another."""
        self.whole = self.whole.joined(other.whole)
        self.tail.extend(other.tail)
