"""How a GigE Vision stream arrives: what the client counted, and what the system gave it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import telegenic


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
    local_ip: str

    @classmethod
    def of(cls, acquisition: telegenic.Acquisition) -> LinkHealth:
        """As it is now."""
        stats = acquisition.stats()
        asked, held = socket_bytes(acquisition)
        return cls(
            packets=stats.packets,
            bytes=stats.bytes,
            missing_packets=stats.missing_packets,
            resent_packets=stats.resent_packets,
            socket_drops=stats.socket_drops,
            buffers_dropped=stats.frames_dropped + stats.underruns,
            packet_bytes=acquisition.packet_size(),
            socket_asked=asked,
            socket_held=held,
            local_ip=acquisition.local_addr().rpartition(":")[0],
        )


def socket_bytes(acquisition: telegenic.Acquisition) -> tuple[int, int]:
    """Bytes of receive buffer asked for and held: Linux cuts it to net.core.rmem_max without an error."""
    report = acquisition.tuning_report()["socket"]
    options = [*report["applied"], *(cut["option"] for cut in report["adjusted"])]
    asked = max((option["value"] for option in options if option["kind"] == "recv_buffer"), default=0)
    cuts = [cut["effective"]["value"] for cut in report["adjusted"] if cut["option"]["kind"] == "recv_buffer"]
    held = min((value for value in cuts if isinstance(value, int)), default=asked)
    return asked, held
