"""Packets as nobody should send them: real ones with bits flipped, cut short, made longer, or lying about lengths."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterator, Sequence

from runtime.fake_gige.features import XML_ADDRESS, Reg
from runtime.fake_gige.packets import (
    GVCP_ACK_WANTED,
    GVCP_KEY,
    PAYLOAD_IMAGE,
    Command,
    Content,
    gvsp_header,
    image_leader,
    image_trailer,
)

PACKETS = int(os.environ.get("WEFTWATCH_HOSTILE_PACKETS", "3000"))
"""How many each test sends; a hundred thousand take five seconds each."""
LONGEST = 2000
_LENGTHS = (0, 1, 7, 8, 9, 0x7FFF, 0x8000, 0xFFFF)


def request(command: int, payload: bytes, request_id: int = 7) -> bytes:
    """A GVCP command."""
    return struct.pack(">BBHHH", GVCP_KEY, GVCP_ACK_WANTED, command, len(payload), request_id) + payload


def gvcp() -> list[bytes]:
    """The commands with which clients search, take over, set up, start and stop a camera."""
    writes = {
        Reg.CONTROL_PRIVILEGE: 2,
        Reg.HEARTBEAT_MS: 3000,
        Reg.STREAM_ADDRESS: 0x7F000001,
        Reg.STREAM_PORT: 40000,
        Reg.PACKET_SIZE: 0x8000_0000 | 1500,
        Reg.PACKET_DELAY: 0,
        Reg.WIDTH: 512,
        Reg.HEIGHT: 64,
        Reg.PIXEL_FORMAT: 0x01080001,
        Reg.CHUNK_MODE: 1,
        Reg.CHUNK_ENABLE: 1,
        Reg.PARAMS_LOCKED: 1,
        Reg.ACQUISITION_START: 1,
        Reg.ACQUISITION_STOP: 1,
    }
    reads = (Reg.VERSION, Reg.CONTROL_PRIVILEGE, Reg.ENCODER_VALUE, Reg.WIDTH)
    return [
        request(Command.DISCOVERY, b""),
        *(request(Command.READREG, struct.pack(">I", register)) for register in reads),
        *(request(Command.READMEM, struct.pack(">IHH", at, 0, 512)) for at in (0, Reg.FIRST_URL, XML_ADDRESS)),
        *(request(Command.WRITEREG, struct.pack(">II", register, value)) for register, value in writes.items()),
        request(Command.WRITEMEM, struct.pack(">Id", Reg.LINE_RATE, 2000.0)),
        request(Command.PACKET_RESEND, struct.pack(">HHII", 0, 5, 1, 3)),
    ]


def gvsp() -> list[bytes]:
    """A leader, a payload packet and a trailer."""
    return [
        gvsp_header(1, Content.LEADER, 0) + image_leader(PAYLOAD_IMAGE, 10**9, 0x01080001, 512, 64),
        gvsp_header(1, Content.PAYLOAD, 1) + bytes(1024),
        gvsp_header(1, Content.TRAILER, 34) + image_trailer(PAYLOAD_IMAGE, 64),
    ]


def mutated(real: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """``count`` packets, each made from one of ``real`` by one to three wrongs; the same for the same seed."""
    chance = random.Random(seed)
    for _ in range(count):
        packet = bytearray(chance.choice(real))
        for _ in range(chance.randint(1, 3)):
            packet = chance.choice(_WRONGS)(packet, chance)
        yield bytes(packet[:LONGEST])


def _flip(packet: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.randint(1, 8)):
        if packet:
            packet[chance.randrange(len(packet))] ^= 1 << chance.randrange(8)
    return packet


def _cut(packet: bytearray, chance: random.Random) -> bytearray:
    return packet[: chance.randint(0, len(packet))]


def _lie(packet: bytearray, chance: random.Random) -> bytearray:
    """Another number in one of the 16-bit words, where lengths, ids and counts stand."""
    if len(packet) >= 2:
        value = chance.choice(_LENGTHS)
        struct.pack_into(">H", packet, chance.randrange(len(packet) // 2) * 2, value)
    return packet


def _grow(packet: bytearray, chance: random.Random) -> bytearray:
    return packet + chance.randbytes(chance.randint(1, 600))


def _garbage(packet: bytearray, chance: random.Random) -> bytearray:
    """The head stays, so that it is taken for what it says it is."""
    return packet[:8] + chance.randbytes(len(packet[8:]))


_WRONGS = (_flip, _cut, _lie, _grow, _garbage)
