"""What a link test found, judged: one sentence a fault, with what mends it."""

from __future__ import annotations

import fcntl
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime.cameras.gige_health import LinkHealth
from runtime.cameras.gige_link import LEAST_SOCKET_S, WIDEN_SOCKET

SMALL_PACKET_BYTES, MANY_PACKETS_S = 2000, 20_000
"""So many packets of the usual 1500-byte Ethernet frame keep a processor busy with interrupts."""
FULL_LINK_BYTES_S = 110e6
"""A Gigabit link carries 125 MB/s less what its packets' heads take."""
BUSY_CORE = 0.8
LONG_PAUSE_S = 0.3
"""The client holds about so long a stretch of lines at a full link's rate."""
RATE_TOLERANCE = 0.05
_SIOCGIFADDR = 0x8915


@dataclass(frozen=True)
class Interface:
    """A network interface of this machine; ``mtu`` in bytes."""

    name: str
    mtu: int


@dataclass(frozen=True)
class Arrival:
    """What a test measured.

    Attributes:
        line_rate_hz: as set in the camera, or None.
        lines_in, lines_received, missing: the account of numbered lines, ``missing`` by reason.
        unnumbered: gaps of unknown length.
        bytes: of pixels received.
        block_rows: lines a block, median.
        pause_s, pause_p99_s, longest_pause_s: between two blocks: median, 99 %, longest.
        cpu_share: of one core, this process's.
        too_fast: what overspeed.Overspeed says where the encoder gave too many counts a line; else "".
        health, interface: of a GigE Vision camera; None: no network.
    """

    seconds: float
    line_rate_hz: float | None
    lines_in: int
    lines_received: int
    missing: Mapping[str, int]
    unnumbered: int
    bytes: int
    block_rows: int
    pause_s: float
    pause_p99_s: float
    longest_pause_s: float
    cpu_share: float
    too_fast: str = ""
    health: LinkHealth | None = None
    interface: Interface | None = None


def findings(arrival: Arrival) -> list[str]:
    """The faults, each one sentence that says how to mend it; none: the lines arrive."""
    if arrival.lines_received == 0:
        return [
            "no line came: if the encoder triggers the lines, let the cloth run; else set line_rate_hz and look with "
            "'show' whether TriggerMode is Off; a firewall may also block UDP from the camera"
        ]
    return [*_of_lines(arrival), *_of_time(arrival), *(_of_link(arrival, arrival.health) if arrival.health else ())]


def _of_lines(arrival: Arrival) -> Iterator[str]:
    lost = sum(arrival.missing.values())
    health = arrival.health
    if lost and health and health.socket_drops:
        yield (
            f"{lost:,} lines are missing and this system dropped {health.socket_drops:,} packets that had come: "
            f"{WIDEN_SOCKET}, and run nothing else that is heavy on this machine"
        )
    elif lost and health and health.buffers_dropped:
        yield (
            f"{lost:,} lines are missing because this program was too slow for {health.buffers_dropped:,} buffers: "
            "run nothing else that is heavy on this machine, or lower line_rate_hz"
        )
    elif lost:
        yield (
            f"{lost:,} lines are missing and no packet was dropped here: check cable, plugs and switch, raise the "
            "receive ring of the network card (ethtool -G INTERFACE rx 4096), or give each camera a port of its own"
        )
    if arrival.unnumbered:
        yield (
            f"the camera was gone {arrival.unnumbered} time(s): check its power supply and plugs, and that no other "
            "program takes it over"
        )


def _of_time(arrival: Arrival) -> Iterator[str]:
    if arrival.too_fast:
        yield arrival.too_fast
    rate = arrival.lines_in / arrival.seconds
    wanted = arrival.line_rate_hz
    running = arrival.longest_pause_s < LONG_PAUSE_S + 2 * arrival.pause_s
    if wanted and running and rate < (1 - RATE_TOLERANCE) * wanted - arrival.block_rows / arrival.seconds:
        yield (
            f"{rate:,.0f} lines/s came and {wanted:,.0f} are set: the exposure may be longer than a line takes "
            "(exposure_us must stay below 1000000 / line_rate_hz), or the link may be full"
        )
    if not running:
        yield (
            f"the lines paused for {arrival.longest_pause_s:.2f} s: the loom stood, the encoder gave no pulse, or this "
            "machine was busy; test again while the cloth runs evenly"
        )


def _of_link(arrival: Arrival, health: LinkHealth) -> Iterator[str]:
    if arrival.cpu_share > BUSY_CORE:
        yield (
            f"receiving takes {arrival.cpu_share:.0%} of a core: use larger packets (MTU 9000 on the interface and the "
            "switch), or more lines a block (block_lines)"
        )
    rate = health.bytes / arrival.seconds
    if health.socket_held < min(health.socket_asked, LEAST_SOCKET_S * rate):
        yield (
            f"the system holds only {health.socket_held:,} bytes of received packets, "
            f"{1000 * health.socket_held / rate:.0f} ms of this stream: {WIDEN_SOCKET}"
        )
    packets_s = health.packets / arrival.seconds
    if health.packet_bytes <= SMALL_PACKET_BYTES and packets_s > MANY_PACKETS_S:
        card = arrival.interface.name if arrival.interface else "INTERFACE"
        yield (
            f"{packets_s:,.0f} packets/s of {health.packet_bytes} bytes: allow jumbo frames, 'ip link set {card} mtu "
            "9000', on this interface and on every switch to the camera"
        )
    if rate > FULL_LINK_BYTES_S and arrival.interface and arrival.interface.name != "lo":
        yield (
            f"{rate / 1e6:.0f} MB/s fill a Gigabit link: lower line_rate_hz or the width, or give each camera a link "
            "of its own"
        )
    if health.resent_packets and not arrival.missing:
        cause = "check cable and plugs before it grows"
        if health.socket_drops:
            cause = f"this system dropped {health.socket_drops:,} that had come: {WIDEN_SOCKET}"
        yield f"{health.resent_packets:,} packets had to be asked for again, though none is missing: {cause}"


def interface_of(ip: str) -> Interface | None:
    """The interface of this machine that has an IPv4 address; None where none is known to have it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(any_socket, _SIOCGIFADDR, struct.pack("256s", name.encode()))
                if socket.inet_ntoa(answer[20:24]) == ip:
                    return Interface(name, int(Path("/sys/class/net", name, "mtu").read_text()))
            except OSError:  # an interface without an IPv4 address
                continue
    return None
