"""What a library that speaks to cameras gives: a connection that is set up, and its buffers, whole or with holes.

Everything above it counts lines, and is the same for all of them (runtime/cameras/linked.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from runtime.cameras.base import Device
from runtime.cameras.gige_health import LinkHealth
from runtime.errors import UserError
from runtime.types import UInt8

if TYPE_CHECKING:
    from runtime.cameras.sfnc import Features

Found = TypeVar("Found")
BUFFERS = 64
"""At least 0.3 s of 128-line buffers at the rate of a full Gigabit link."""
FeatureValue = bool | int | float | str


@dataclass(frozen=True)
class LineSettings:
    """What is set in the camera; None leaves its own value.

    Attributes:
        block_lines: lines a buffer (Height).
        width: px a line (Width).
        pixel_format: a key of pixel_formats.PIXEL_FORMATS.
        line_rate_hz, exposure_us, gain_db: AcquisitionLineRate, ExposureTime, Gain.
        encoder: ask for the encoder's count of each line (chunk EncoderValue).
        encoder_value: the encoder triggers the lines, and its count is asked for now and then.
        features: any others by name, written after these and in this order.
        own_flat_field: switch the camera's own flat field correction on, last of all.
    """

    block_lines: int = 128
    width: int | None = None
    pixel_format: str = "Mono8"
    line_rate_hz: float | None = None
    exposure_us: float | None = None
    gain_db: float | None = None
    encoder: bool = False
    encoder_value: bool = False
    features: Mapping[str, FeatureValue] = field(default_factory=dict)
    own_flat_field: bool = False


@dataclass(frozen=True)
class Buffer:
    """What came of one buffer of lines.

    Attributes:
        block_id: as the camera numbers its buffers; see line_ledger.blocks_between.
        timestamp_ns: the camera's clock at the first line; 0: not known.
        data: uint8 [bytes]; where there are holes, as long as a full buffer. It may be the memory that the packets
            were received into: that is kept for as long as an array made from it lives.
        holes: bytes [first, end) that never came, ascending; none: the buffer is whole.
    """

    block_id: int
    timestamp_ns: int
    data: UInt8
    holes: tuple[tuple[int, int], ...] = ()

    @classmethod
    def given_up(cls, block_id: int) -> Buffer:
        """One that came with holes of which nothing tells where they are."""
        return cls(block_id, 0, np.zeros(0, np.uint8), holes=((0, 1),))


class Link(Protocol):
    """A camera that is connected, configured and streaming, from construction to ``close``.

    Attributes:
        width, line_rate_hz: as read back; the rate is None where the camera has none.
        device: what the camera says of itself, as it is set now.
        client: the library's name and version, for people.
        features: the camera's. errors: what the library raises where a camera is at fault.
    """

    width: int
    line_rate_hz: float | None
    device: Device
    client: str

    @property
    def features(self) -> Features: ...
    @property
    def errors(self) -> tuple[type[Exception], ...]: ...

    def buffer(self, timeout_s: float) -> Buffer | None:
        """The next buffer, whole or with holes, or None if there is none within ``timeout_s``."""

    def alive(self) -> bool:
        """Does the camera still answer, and is it still ours? A loom that stands sends nothing either."""

    def health(self) -> LinkHealth | None:
        """How the stream arrives, counted from its start; None where the library does not tell."""

    def close(self) -> None:
        """Stop the stream and release the camera. Safe to call twice; a dead camera is no error."""


def which(serial: str | None, user_name: str | None) -> str:
    """A camera that is searched for, for people: by its serial number, its user-defined name, or as the only one."""
    if serial is not None:
        return f"serial {serial}"
    return "the only one" if user_name is None else f"called '{user_name}'"


def the_one(
    where: str,
    library: str,
    found: Sequence[Found],
    fits: Callable[[Found], bool],
    told: Callable[[Found], str],
    remedy: str,
) -> Found:
    """The camera that is meant, of those that a library found.

    Args:
        where: the camera that is meant, for people. told: one that was found, for people.
        remedy: what to do where it is not to be had.

    Raises:
        UserError: none or several fit.
    """
    fitting = [one for one in found if fits(one)]
    if len(fitting) == 1:
        return fitting[0]
    there = ", ".join(map(told, fitting or found)) or "none"
    raise UserError(f"{where}: {len(fitting)} cameras fit, and one must; {library} finds: {there}. {remedy}")
