"""What a GigE Vision client gives the backend: a connection that is set up, and its buffers, whole or with holes.

Two clients do it: Aravis (runtime/cameras/aravis_link.py), an apt package, and telegenic
(runtime/cameras/telegenic_link.py), a pip package. Everything above them counts lines and is the same for both.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal, Protocol

from runtime.cameras.base import Device
from runtime.cameras.gige_health import LinkHealth
from runtime.cameras.pixel_formats import PIXEL_FORMATS
from runtime.types import UInt8

LEAST_SOCKET_S = 0.03
"""A socket that holds less than this many seconds of lines overflows when the machine is busy elsewhere."""
WIDEN_SOCKET = "sysctl -w net.core.rmem_max=8388608"
BUFFERS = 64
"""At least 0.3 s of 128-line buffers at the rate of a full Gigabit link."""
Client = Literal["auto", "aravis", "telegenic"]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GigeSettings:
    """What is set in the camera and in the client; None leaves the camera's own value.

    Attributes:
        block_lines: lines a buffer (Height).
        width: px a line (Width).
        pixel_format: a key of pixel_formats.PIXEL_FORMATS.
        line_rate_hz, exposure_us, gain_db: AcquisitionLineRate, ExposureTime, Gain.
        encoder: ask for the encoder's count of each line (chunk EncoderValue).
        packet_bytes: of an IP packet of the stream; None: the largest that comes through.
        resend: ask for lost packets again.
    """

    block_lines: int = 128
    width: int | None = None
    pixel_format: str = "Mono8"
    line_rate_hz: float | None = None
    exposure_us: float | None = None
    gain_db: float | None = None
    encoder: bool = False
    packet_bytes: int | None = None
    resend: bool = True


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


class GigeLink(Protocol):
    """A camera that is connected, configured and streaming, from construction to ``close``.

    Attributes:
        width, line_rate_hz: as read back; the rate is None where the camera has none.
        device: what the camera says of itself, as it is set now.
        client: the client's name and version, for people.
    """

    width: int
    line_rate_hz: float | None
    device: Device
    client: str

    def buffer(self, timeout_s: float) -> Buffer | None:
        """The next buffer, whole or with holes, or None if there is none within ``timeout_s``."""

    def alive(self) -> bool:
        """Does the camera still answer, and is it still ours? A loom that stands sends nothing either."""

    def health(self) -> LinkHealth:
        """How the stream arrives, counted from its start."""

    def close(self) -> None:
        """Stop the stream and release the camera. Safe to call twice; a dead camera is no error."""


def chosen(client: Client) -> Literal["aravis", "telegenic"]:
    """The client that is meant: ``auto`` is Aravis where it is installed, else telegenic."""
    if client != "auto":
        return client
    from runtime.cameras import aravis_library

    return "aravis" if aravis_library.installed() else "telegenic"


def connect(name: str, ip: str, settings: GigeSettings, client: Client) -> GigeLink:
    """Take the camera over, set it up and start its stream.

    Raises:
        UserError: nobody answers, somebody else controls the camera, it refuses a setting, or the client that is
            asked for is not installed.
    """
    if chosen(client) == "aravis":
        from runtime.cameras.aravis_link import AravisLink

        return AravisLink(name, ip, settings)
    from runtime.cameras.telegenic_link import TelegenicLink

    return TelegenicLink(name, ip, settings)


def warn_of_small_socket(name: str, link: GigeLink, settings: GigeSettings) -> None:
    """Linux cuts a receive buffer to net.core.rmem_max without an error."""
    health = link.health()
    line_bytes = PIXEL_FORMATS[settings.pixel_format].line_bytes(link.width)
    rate = (link.line_rate_hz or 0.0) * line_bytes
    if health.socket_held < min(health.socket_asked, LEAST_SOCKET_S * rate):
        _log.warning(
            "camera '%s': the system holds only %d bytes of received lines, %.0f ms at this line rate, and lines may "
            "be lost: %s",
            name,
            health.socket_held,
            1000 * health.socket_held / rate,
            WIDEN_SOCKET,
        )
