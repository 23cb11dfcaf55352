"""The values that everything passes on: LineBlock, TileBatch, TileMaps, ScoreMap, Defect, NotInspected.

The line number is the clock. Each camera numbers its lines from 0 with an int64 that is never used
twice; a line that was lost has a number too. Half-open ranges throughout: ``first <= line < end``.
Pixel columns (``x``) are columns of the sensor, 0 at its left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

UInt8 = NDArray[np.uint8]
Pixels = NDArray[np.uint8] | NDArray[np.uint16]
Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


class Reason(str, Enum):
    """Why lines were not looked at."""

    PACKET_LOSS = "packet_loss"
    """A buffer came with holes or not at all: all its lines are given up."""
    CAMERA_LOST = "camera_lost"
    """The camera was gone: from its last good line to the first line after it came back."""
    UNREADABLE_FILE = "unreadable_file"
    """A file of a folder could not be read."""
    OVERLOAD = "overload"
    """The engine could not keep up, and the policy is to skip the newest lines."""
    NO_CLOTH = "no_cloth"
    """There was no cloth under the camera."""
    SEEN_BEFORE = "seen_before"
    """The loom ran back: this cloth had been looked at."""
    OBSTRUCTED = "obstructed"
    """Something lay over the cloth: a hand, a label, a shadow."""
    OTHER_CLOTH = "other_cloth"
    """The cloth is another than the bundle was trained on: what it would say of it means nothing."""
    STOPPED = "stopped"
    """The stream was told to stop before these lines had their turn."""


class Kind(str, Enum):
    """The shape of a defect in cloth millimetres, not its cause."""

    LOCAL = "local"
    WARP = "warp"
    WEFT = "weft"
    AREA = "area"


class State(str, Enum):
    """The life of a defect's event."""

    OPEN = "open"
    UPDATE = "update"
    CLOSED = "closed"


def require_array(
    array: NDArray[np.generic], name: str, shape: tuple[int | None, ...], *dtypes: type[np.generic]
) -> None:
    """Raise ValueError unless ``array`` has the given shape (None: any size) and one of the dtypes."""
    fits = array.ndim == len(shape) and all(
        want is None or want == have for want, have in zip(shape, array.shape, strict=True)
    )
    if not fits or array.dtype not in [np.dtype(d) for d in dtypes]:
        wanted = " or ".join(np.dtype(d).name for d in dtypes)
        dims = ", ".join("any" if d is None else str(d) for d in shape)
        raise ValueError(f"{name}: expected {wanted} [{dims}], got {array.dtype} {list(array.shape)}")


@dataclass(frozen=True)
class Scale:
    """How one camera's pixels and lines become loom millimetres.

    Attributes:
        mm_per_px: cloth millimetres across one pixel (weft direction).
        mm_per_line: cloth millimetres along one line (warp direction), used where no encoder tells.
        x_offset_mm: where the camera's column 0 lies on the loom.
        counts_per_mm: encoder counts per cloth millimetre, signed: negative where the encoder counts
            down while cloth is made. None where there is no encoder.
    """

    mm_per_px: float
    mm_per_line: float
    x_offset_mm: float = 0.0
    counts_per_mm: float | None = None

    def __post_init__(self) -> None:
        if not (self.mm_per_px > 0 and self.mm_per_line > 0):
            raise ValueError(f"mm_per_px and mm_per_line must be > 0, got {self.mm_per_px}, {self.mm_per_line}")
        if self.counts_per_mm == 0:
            raise ValueError("counts_per_mm must not be 0; leave it out where there is no encoder")


@dataclass(frozen=True)
class LineBlock:
    """Consecutive lines of one camera, as it gave them.

    Attributes:
        camera: the camera's name.
        segment: number of the unbroken run of equal-width lines that this block belongs to.
        first_line: number of the first line (int64, per camera, never reused).
        pixels: uint8 or uint16 [rows, width, channels]; channels 1 or 3.
        bits: significant bits of a pixel (8 to 16).
        encoder: int64 [rows] signed counts, or None.
        encoder_interpolated: the counts between the block's ends are interpolated, not latched a line.
        device_ns: camera clock of the first and of the last row in ns, or None.
        received_ns: host monotonic clock when the last row arrived, ns.
    """

    camera: str
    segment: int
    first_line: int
    pixels: Pixels
    bits: int = 8
    encoder: Int64 | None = None
    encoder_interpolated: bool = False
    device_ns: tuple[int, int] | None = None
    received_ns: int = 0

    def __post_init__(self) -> None:
        require_array(self.pixels, "LineBlock.pixels", (None, None, None), np.uint8, np.uint16)
        if self.channels not in (1, 3):
            raise ValueError(f"LineBlock.pixels: expected 1 or 3 channels, got {self.channels}")
        if self.encoder is not None:
            require_array(self.encoder, "LineBlock.encoder", (self.rows,), np.int64)

    @property
    def rows(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def channels(self) -> int:
        return int(self.pixels.shape[2])

    @property
    def end_line(self) -> int:
        return self.first_line + self.rows

    def part(self, first: int, end: int) -> LineBlock:
        """Rows [first, end) of it; the camera's clock is known at the whole block's ends alone."""
        encoder = None if self.encoder is None else self.encoder[first:end]
        pixels = self.pixels[first:end]
        return replace(self, first_line=self.first_line + first, pixels=pixels, encoder=encoder, device_ns=None)


@dataclass(frozen=True)
class NotInspected:
    """A span of cloth that was not looked at, and why.

    Attributes:
        camera: the camera's name.
        reason: one of Reason.
        first_line, end_line: the lines [first_line, end_line), or None for both where their number is
            unknown (a camera was gone and no encoder tells how far the cloth went on).
        seconds: how long it lasted, where that is known.
        detail: a few words for people: a file's name, an address.
    """

    camera: str
    reason: Reason
    first_line: int | None = None
    end_line: int | None = None
    seconds: float | None = None
    detail: str = ""

    def __post_init__(self) -> None:
        if (self.first_line is None) != (self.end_line is None):
            raise ValueError("NotInspected: first_line and end_line are given together or not at all")
        if self.first_line is not None and self.end_line is not None and self.end_line <= self.first_line:
            raise ValueError(f"NotInspected: empty span [{self.first_line}, {self.end_line})")

    @property
    def lines(self) -> int:
        """How many lines are known to be missing; 0 where their number is unknown."""
        return 0 if self.first_line is None or self.end_line is None else self.end_line - self.first_line


@dataclass(frozen=True)
class TileBatch:
    """One row of tiles over the cloth's width, all starting at the same line.

    Attributes:
        camera, segment: where the lines come from.
        origin: first line of the unbroken run that the tiles were cut from; map cells are anchored there.
        pixels: uint8 [n, tile, tile, channels].
        x: left column of each tile, n values on the map's grid; may be negative (before the sensor's edge).
        top: line of the tiles' first row; may lie before ``origin``.
        window: lines [lo, hi) that this row of tiles has to say something about.
        region: columns [x0, x1) that are cloth; width: px of the whole line.
        hard_end: nothing will follow to cross-fade with: all lines up to window's end are final.
        received_ns: host monotonic clock when the newest line in the tiles arrived, ns.
    """

    camera: str
    segment: int
    origin: int
    pixels: UInt8
    x: tuple[int, ...]
    top: int
    window: tuple[int, int]
    region: tuple[int, int]
    width: int
    hard_end: bool
    received_ns: int

    def __post_init__(self) -> None:
        require_array(self.pixels, "TileBatch.pixels", (len(self.x), None, None, None), np.uint8)


@dataclass(frozen=True)
class TileMaps:
    """What an engine says of a TileBatch: raw floats, no decision.

    Attributes:
        batch: the tiles' places (its pixels may be empty by now).
        maps: float32 [n, tile / map_stride, tile / map_stride].
    """

    batch: TileBatch
    maps: Float32

    def __post_init__(self) -> None:
        require_array(self.maps, "TileMaps.maps", (len(self.batch.x), None, None), np.float32)


@dataclass(frozen=True)
class ScoreMap:
    """A strip of the endless stitched anomaly map; strips of a run follow each other without gap.

    Attributes:
        camera, segment, origin: as in TileBatch.
        first_line: line of the top edge of row 0.
        end_line: last line covered plus one; the last row may cover fewer than ``stride`` lines.
        x0: column of the left edge of column 0.
        stride: pixels and lines covered by one cell.
        values: float32 [rows, columns]; NaN where there is no cloth.
        region: columns [x0, x1) that are cloth.
        received_ns: host monotonic clock when the newest line that was waited for arrived, ns.
    """

    camera: str
    segment: int
    origin: int
    first_line: int
    end_line: int
    x0: int
    stride: int
    values: Float32
    region: tuple[int, int]
    received_ns: int

    def __post_init__(self) -> None:
        require_array(self.values, "ScoreMap.values", (None, None), np.float32)


@dataclass(frozen=True)
class Defect:
    """One defect as it is known so far, in the camera's pixels and lines and in loom coordinates.

    Attributes:
        id: unique across restarts.
        parent: id of the defect that this one was found to be part of, or of the maintenance event that explains it.
        camera: the camera that saw it.
        state, kind: see State, Kind.
        x0_px, x1_px: columns [x0, x1).
        first_line, end_line: lines [first, end).
        x0_mm, x1_mm: millimetres on the loom; y0_m, y1_m: metres of cloth from the stream's start.
        peak_x_mm, peak_y_m, peak_x_px, peak_line: where the score is highest.
        score: highest raw map value; threshold: the value that opened it.
        latency_ms: from the arrival of the last line it needed to this event.
        latency_mm: cloth that passed between the defect's first line and this event.
    """

    id: str
    parent: str | None
    camera: str
    state: State
    kind: Kind
    x0_px: int
    x1_px: int
    first_line: int
    end_line: int
    x0_mm: float
    x1_mm: float
    y0_m: float
    y1_m: float
    peak_x_px: int
    peak_line: int
    peak_x_mm: float
    peak_y_m: float
    score: float
    threshold: float
    latency_ms: float
    latency_mm: float
