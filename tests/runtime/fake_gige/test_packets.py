"""GVCP and GVSP bytes, without sockets."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from runtime.cameras import chunks
from runtime.fake_gige import packets
from runtime.fake_gige.device import StreamFormat
from runtime.fake_gige.frames import Frame
from runtime.fake_gige.pixels import WIRE_FORMATS


def test_a_request_is_parsed_and_acknowledged() -> None:
    request = packets.parse_request(bytes.fromhex("4201 0080 0004 0007 00000a00"))
    assert request == packets.Request(packets.Command.READREG, True, 7, b"\x00\x00\x0a\x00")
    assert packets.acknowledge(request, b"\1\2\3\4") == bytes.fromhex("0000 0081 0004 0007 01020304")
    refused = packets.acknowledge(request, b"", packets.Status.INVALID_ADDRESS)
    assert refused == bytes.fromhex("8003 0081 0000 0007")


@pytest.mark.parametrize("datagram", ["", "42", "4301 0080 0000 0007", "4201 0080 0008 0007 00000a00"])
def test_what_is_no_request_is_ignored(datagram: str) -> None:
    assert packets.parse_request(bytes.fromhex(datagram)) is None


def test_a_resend_request() -> None:
    payload = struct.pack(">HHII", 0, 513, 0xFF000002, 0xFF000009)
    assert packets.parse_resend(payload) == (513, 2, 9)


def test_a_gvsp_header() -> None:
    assert packets.gvsp_header(0x0102, packets.Content.TRAILER, 0x030405) == bytes.fromhex("0000 0102 02030405")


def test_block_ids_skip_zero() -> None:
    assert [packets.next_block_id(i) for i in (1, 65534, 65535)] == [2, 65535, 1]


def test_a_frames_chunks_can_be_read_back() -> None:
    stream = StreamFormat(
        width=32,
        height=8,
        pixels=WIRE_FORMATS["Mono8"],
        packet_size=100,
        chunks=True,
        encoder_chunk=True,
        flat_field=False,
        destination=("127.0.0.1", 1),
    )
    frame = Frame(stream, rows=5)
    frame.lines[:] = np.arange(160, dtype=np.uint8).reshape(5, 32)
    counts = np.array([-3, 2, 7, 12, 2**40])
    frame.begin(9, 123, counts)
    payload = frame._payload.tobytes()
    assert frame.packets == -(-len(payload) // (100 - packets.GVSP_OVERHEAD)) + 2
    end, found = chunks.split(payload, 32)
    assert end == 160
    np.testing.assert_array_equal(chunks.line_values(found, 5, None), counts)
