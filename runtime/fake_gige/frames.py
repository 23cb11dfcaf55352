"""Blocks of GVSP packets laid out in memory, and how they get onto the wire.

A Python loop over ``sendto`` cannot keep up with a line-scan camera. So a frame's packets are described
once, in the tables that sendmmsg(2) takes, and go out straight from the frame's memory.
"""

from __future__ import annotations

import contextlib
import ctypes
import random
import socket
import struct

import numpy as np

from runtime.fake_gige.device import StreamFormat
from runtime.fake_gige.features import CHUNK_ENCODER, CHUNK_IMAGE
from runtime.fake_gige.packets import (
    GVSP_OVERHEAD,
    IP_UDP_BYTES,
    PAYLOAD_CHUNKS_FOLLOW,
    PAYLOAD_IMAGE,
    Content,
    Status,
    chunk_tag,
    gvsp_header,
    image_leader,
    image_trailer,
)
from runtime.types import Int64

PACKETS_A_CALL = 256
SEND_BUFFER_BYTES = 8 << 20


class _IoVec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _MsgHdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("iov", ctypes.c_void_p),
        ("iov_length", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _MMsgHdr(ctypes.Structure):
    _fields_ = (("header", _MsgHdr), ("sent", ctypes.c_uint))


_libc = ctypes.CDLL(None, use_errno=True)


class Frame:
    """One block: leader, payload packets, trailer.

    Args:
        format: what the stream was set up to be.
        rows: lines it holds; fewer than ``format.height`` in a block cut short.

    Attributes:
        lines: uint8 [rows, bytes a line], the memory that is sent.
        packets: how many there are; packet 0 is the leader, the last one the trailer.
        sent: packets [0, sent) have been sent, or lost.
    """

    def __init__(self, format: StreamFormat, rows: int) -> None:
        self.format, self.rows, self.block_id, self.sent = format, rows, 0, 0
        line_bytes = format.pixels.line_bytes(format.width)
        image_bytes = rows * line_bytes
        encoder_bytes = 8 * rows if format.encoder_chunk else 0
        tags = 8 * (format.chunks + format.encoder_chunk)
        self._payload = np.zeros(image_bytes + encoder_bytes + tags, np.uint8)
        self.lines = self._payload[:image_bytes].reshape(rows, line_bytes)
        self._encoder_at = image_bytes + 8
        if format.chunks:
            self._put(image_bytes, chunk_tag(CHUNK_IMAGE, image_bytes))
        if format.encoder_chunk:
            self._put(self._encoder_at + encoder_bytes, chunk_tag(CHUNK_ENCODER, encoder_bytes))
        self._leader = np.zeros(36, np.uint8)
        self._trailer = np.zeros(8, np.uint8)
        self._room = room = format.packet_size - GVSP_OVERHEAD
        self.packets = -(-len(self._payload) // room) + 2
        self._headers = np.zeros((self.packets, 8), np.uint8)
        self._build_table(room)

    def begin(self, block_id: int, timestamp: int, encoder: Int64) -> None:
        """Make it block ``block_id``, its first line exposed at ``timestamp``; encoder int64 [rows]."""
        self.block_id = block_id
        kind = PAYLOAD_IMAGE | (PAYLOAD_CHUNKS_FOLLOW if self.format.chunks else 0)
        f = self.format
        leader = image_leader(kind, timestamp, f.pixels.code, f.width, f.height)
        self._leader[:] = np.frombuffer(leader, np.uint8)
        self._trailer[:] = np.frombuffer(image_trailer(kind, self.rows), np.uint8)
        self._headers[:, 2:4] = np.frombuffer(struct.pack(">H", block_id), np.uint8)
        if f.encoder_chunk:
            self._put(self._encoder_at, encoder.astype(">i8").tobytes())

    def packets_of(self, rows: int) -> int:
        """How many packets its first ``rows`` lines complete."""
        return self.packets if rows == self.rows else 1 + rows * self.lines.shape[1] // self._room

    def table(self, packet: int) -> int:
        """Address of a packet's entry in the table for sendmmsg."""
        return ctypes.addressof(self._messages) + packet * ctypes.sizeof(_MMsgHdr)

    def _put(self, at: int, data: bytes) -> None:
        self._payload[at : at + len(data)] = np.frombuffer(data, np.uint8)

    def _build_table(self, room: int) -> None:
        last = self.packets - 1
        self._vectors = (_IoVec * (2 * self.packets))()
        self._messages = (_MMsgHdr * self.packets)()
        for packet in range(self.packets):
            content = Content.PAYLOAD
            data = self._payload[max(0, packet - 1) * room : packet * room]
            if packet in (0, last):
                content, data = (Content.LEADER, self._leader) if packet == 0 else (Content.TRAILER, self._trailer)
            self._headers[packet] = np.frombuffer(gvsp_header(0, content, packet), np.uint8)
            header, body = self._vectors[2 * packet], self._vectors[2 * packet + 1]
            header.base, header.length = self._headers[packet].ctypes.data, 8
            body.base, body.length = data.ctypes.data, len(data)
            message = self._messages[packet].header
            message.iov = ctypes.addressof(self._vectors) + 2 * packet * ctypes.sizeof(_IoVec)
            message.iov_length = 2


class Wire:
    """The stream channel's socket, which may lose packets.

    Args:
        ip: the camera's address.
        loss: see the attribute.
        mtu: bytes of the largest IP packet that gets through.
        seed: of the lost packets.

    Attributes:
        loss: share of packets that never arrive, 0 to 1.
    """

    def __init__(self, ip: str, loss: float, mtu: int, seed: int) -> None:
        self.loss, self._mtu = loss, mtu
        self._connected = False
        self._chance = random.Random(seed)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((ip, 0))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)

    def connect(self, destination: tuple[str, int]) -> None:
        """Send to ``destination`` from now on; into the void where no way leads there."""
        try:
            self._socket.connect(destination)
            self._connected = True
        except OSError:
            self._connected = False

    def test_packet(self, size: int, destination: tuple[str, int]) -> None:
        """A packet without meaning, to find out what size gets through; ``size`` in bytes of UDP data."""
        if size + IP_UDP_BYTES <= self._mtu:
            with contextlib.suppress(OSError):  # no way leads there
                self._socket.sendto(bytes(max(8, size)), destination)

    def send(self, frame: Frame, first: int, end: int, lossy: bool = True) -> None:
        """Packets [first, end) of a frame."""
        if frame.format.packet_size > self._mtu or not self._connected:
            return
        start = first
        if lossy and self.loss > 0:
            for packet in range(first, end):
                if self._chance.random() < self.loss:
                    self._send_all(frame, start, packet)
                    start = packet + 1
        self._send_all(frame, start, end)

    def unavailable(self, block_id: int, packet: int) -> None:
        """Say that a packet asked for again is no longer kept."""
        with contextlib.suppress(OSError):  # nobody listens, or no stream was ever begun
            self._socket.send(gvsp_header(block_id, Content.PAYLOAD, packet, Status.PACKET_UNAVAILABLE))

    def _send_all(self, frame: Frame, first: int, end: int) -> None:
        while first < end:
            table = ctypes.c_void_p(frame.table(first))
            sent = _libc.sendmmsg(self._socket.fileno(), table, min(end - first, PACKETS_A_CALL), 0)
            # ECONNREFUSED tells that an earlier packet found nobody listening: UDP goes on regardless.
            first += max(1, sent)
