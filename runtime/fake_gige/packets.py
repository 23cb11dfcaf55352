"""The bytes of GVCP and GVSP packets (GigE Vision 1.2 with 16-bit block ids; all big-endian)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

GVCP_PORT = 3956
GVCP_KEY = 0x42
GVCP_ACK_WANTED = 0x01
IP_UDP_BYTES = 20 + 8
GVSP_OVERHEAD = IP_UDP_BYTES + 8
"""IP, UDP and GVSP headers: what a packet of GevSCPSPacketSize bytes holds besides payload."""
PAYLOAD_IMAGE = 0x0001
PAYLOAD_CHUNKS_FOLLOW = 0x4000
"""Bit of the payload type: the image is followed by chunks."""
MAX_BLOCK_ID = 65535


class Command(IntEnum):
    """GVCP commands; the answer's number is one higher."""

    DISCOVERY = 0x0002
    PACKET_RESEND = 0x0040
    READREG = 0x0080
    WRITEREG = 0x0082
    READMEM = 0x0084
    WRITEMEM = 0x0086


class Status(IntEnum):
    """GigE Vision status codes."""

    SUCCESS = 0x0000
    NOT_IMPLEMENTED = 0x8001
    INVALID_PARAMETER = 0x8002
    INVALID_ADDRESS = 0x8003
    WRITE_PROTECT = 0x8004
    ACCESS_DENIED = 0x8006
    PACKET_UNAVAILABLE = 0x800C


class Content(IntEnum):
    """GVSP packet formats."""

    LEADER = 1
    TRAILER = 2
    PAYLOAD = 3


@dataclass(frozen=True)
class Request:
    """One GVCP command as received."""

    command: int
    wants_ack: bool
    request_id: int
    payload: bytes


def parse_request(datagram: bytes) -> Request | None:
    """A GVCP command, or None for anything else."""
    if len(datagram) < 8 or datagram[0] != GVCP_KEY:
        return None
    command, length, request_id = struct.unpack_from(">HHH", datagram, 2)
    payload = datagram[8:]
    if len(payload) < length:
        return None
    return Request(command, bool(datagram[1] & GVCP_ACK_WANTED), request_id, payload[:length])


def acknowledge(request: Request, payload: bytes, status: Status = Status.SUCCESS) -> bytes:
    """The answer to a GVCP command."""
    return struct.pack(">HHHH", status, request.command + 1 & 0xFFFF, len(payload), request.request_id) + payload


def parse_resend(payload: bytes) -> tuple[int, int, int]:
    """Block id, first and last packet id of a resend request."""
    _, block_id, first, last = struct.unpack_from(">HHII", payload)
    return block_id, first & 0xFFFFFF, last & 0xFFFFFF


def gvsp_header(block_id: int, content: Content, packet_id: int, status: Status = Status.SUCCESS) -> bytes:
    """The 8 bytes before each GVSP packet's data."""
    return struct.pack(">HHI", status, block_id, content << 24 | packet_id)


def image_leader(payload_type: int, timestamp: int, pixel_format: int, width: int, height: int) -> bytes:
    """Data of an image leader; ``height`` is the announced one, the trailer has the true one."""
    return struct.pack(">HHQIIIIIHH", 0, payload_type, timestamp, pixel_format, width, height, 0, 0, 0, 0)


def image_trailer(payload_type: int, rows: int) -> bytes:
    """Data of an image trailer."""
    return struct.pack(">HHI", 0, payload_type, rows)


def chunk_tag(chunk_id: int, length: int) -> bytes:
    """What follows each chunk: its id and its length in bytes."""
    return struct.pack(">II", chunk_id, length)


def next_block_id(block_id: int) -> int:
    """Block ids run from 1 to 65535; 0 is never used."""
    return block_id % MAX_BLOCK_ID + 1
