"""How a GigE Vision stream arrives: what the client counted, and what the system gave it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LinkHealth:
    """One stream, from its start.

    Attributes:
        packets, bytes: received.
        missing_packets: never came, not even when asked for again.
        resent_packets: came when asked for again.
        socket_drops: packets that came and that the system had no room for.
        buffers_dropped: whole buffers for which this program took too long.
        packet_bytes: of a packet, as the client and the camera agreed.
        socket_asked, socket_held: bytes of received packets that the system was asked to hold, and holds.
        packet_socket: packets come from the network card's ring, and not through a socket's buffer.
        local_ip: this machine's address on that link.
    """

    packets: int
    bytes: int
    missing_packets: int
    resent_packets: int
    socket_drops: int
    buffers_dropped: int
    packet_bytes: int
    socket_asked: int
    socket_held: int
    packet_socket: bool
    local_ip: str
