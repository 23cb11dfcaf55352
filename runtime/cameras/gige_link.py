"""What both clients that speak GigE Vision are told, and what they have to tell: see gige.py for which is meant."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal, Protocol

from runtime.cameras.gige_health import LinkHealth
from runtime.cameras.link import LineSettings, Link
from runtime.cameras.pixel_formats import PIXEL_FORMATS

LEAST_SOCKET_S = 0.03
"""A socket that holds less than this many seconds of lines overflows when the machine is busy elsewhere."""
WIDEN_SOCKET = "sysctl -w net.core.rmem_max=8388608"
Client = Literal["auto", "aravis", "telegenic"]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GigeSettings(LineSettings):
    """What is set in the camera and in the client; None leaves the camera's own value.

    Attributes:
        packet_bytes: of an IP packet of the stream; None: the largest that comes through.
        resend: ask for lost packets again.
        packet_socket: take packets from the network card's ring, where the client can and the process may.
    """

    packet_bytes: int | None = None
    resend: bool = True
    packet_socket: bool = True


class GigeLink(Link, Protocol):
    """A link over Ethernet, whose packets are counted."""

    def health(self) -> LinkHealth: ...


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
