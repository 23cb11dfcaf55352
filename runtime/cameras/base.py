"""What a camera is: something that numbers lines and never loses one without saying so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from runtime.types import LineBlock, NotInspected, Scale


@dataclass(frozen=True)
class Device:
    """What a real camera says of itself and of how it is set; None: it does not say.

    Attributes:
        exposure_us, gain_db: ExposureTime and Gain as read back.
        own_flat_field: the features whose correction of its columns is on (runtime/cameras/own_flat_field.py); empty:
            none that is known.
    """

    vendor: str
    model: str
    serial: str
    version: str
    pixel_format: str
    exposure_us: float | None
    gain_db: float | None
    own_flat_field: str | None = None


@dataclass(frozen=True)
class CameraInfo:
    """What is known of an opened camera.

    Attributes:
        name: as in cameras.yaml, or made from the URI.
        width: px per line; channels: 1 or 3; bits: per pixel. Width is None where it may change from
            segment to segment (a folder of strips).
        scale: pixels and lines to loom millimetres.
        live: lines come at their own pace and cannot wait (a camera); else they can (files).
        line_rate_hz: the set line rate, or None if there is none.
        description: for people: model and address, or path.
        device: the camera that took the lines; None where none did, or nothing is known of it.
    """

    name: str
    width: int | None
    channels: int
    bits: int
    scale: Scale
    live: bool
    line_rate_hz: float | None
    description: str
    device: Device | None = None

    @property
    def span_mm(self) -> tuple[float, float] | None:
        """What the camera sees of the loom, mm from and to; None where its width may change."""
        if self.width is None:
            return None
        return self.scale.x_offset_mm, self.scale.x_offset_mm + self.width * self.scale.mm_per_px


class Camera(Protocol):
    """A source of lines. Opened and iterated by one thread; ``close`` may come from another.

    The iterator yields LineBlocks and, in their place, NotInspected spans: the first line of an item
    is the end of the item before it, so that no number is missing. A new segment starts where the
    unbroken run of lines ends: a new file, a reconnect. The iterator of a live camera ends only when
    closed; a camera that vanishes is waited for and reported.
    """

    def open(self) -> CameraInfo:
        """Connect and configure.

        Raises:
            UserError: no such camera or path, settings refused: what was tried and what to do.
        """

    def items(self) -> Iterator[LineBlock | NotInspected]:
        """Lines and gaps, in order."""

    def close(self) -> None:
        """Stop, release the device, end the iterator. Safe to call twice."""
