"""The control channel (GVCP): answers, and who may write."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable

from runtime.fake_gige.device import Device
from runtime.fake_gige.features import Reg
from runtime.fake_gige.packets import (
    GVCP_PORT,
    Command,
    Request,
    Status,
    acknowledge,
    parse_request,
    parse_resend,
)

DISCOVERY_BYTES = 248
MOST_READ_BYTES = 536
"""So that an answer fits a packet of 576 bytes (GigE Vision, READMEM)."""
POLL_S = 0.2


class ControlServer:
    """Serves one camera's registers on ``ip``:3956, unicast only.

    One client holds the control privilege; who does not answer within the heartbeat timeout loses it,
    and the stream stops.

    Args:
        ip: address to bind; nothing else is listened to, so no other interface hears of this camera.
        device: the registers.
        resend: called with (block id, first, last packet id).

    Raises:
        OSError: the address or port is not to be had.
    """

    def __init__(self, ip: str, device: Device, resend: Callable[[int, int, int], None]) -> None:
        self._device = device
        self._resend = resend
        self._owner: tuple[str, int] | None = None
        self._heard = 0.0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((ip, GVCP_PORT))
        self._socket.settimeout(POLL_S)
        threading.Thread(target=self._serve, name="gvcp", daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                datagram, client = self._socket.recvfrom(2048)
            except TimeoutError:
                datagram = b""
            except OSError:  # a client's closed port answers our last packet; it concerns nobody else
                continue
            self._check_heartbeat()
            request = parse_request(datagram)
            if request is None:
                continue
            if client == self._owner:
                self._heard = time.monotonic()
            try:
                answer = self._answer(request, client)
            except struct.error:  # a command cut short
                answer = acknowledge(request, b"", Status.INVALID_PARAMETER)
            if answer is not None and request.wants_ack:
                self._socket.sendto(answer, client)

    def _check_heartbeat(self) -> None:
        silence = time.monotonic() - self._heard
        if self._owner is not None and silence > self._device.u32(Reg.HEARTBEAT_MS) / 1000:
            self._owner = None
            self._device.release()

    def _answer(self, request: Request, client: tuple[str, int]) -> bytes | None:
        payload = request.payload
        if request.command == Command.DISCOVERY:
            return acknowledge(request, self._device.read(0, DISCOVERY_BYTES) or b"")
        if request.command == Command.READREG:
            return self._read_registers(request)
        if request.command == Command.READMEM and len(payload) == 8:
            address, _, count = struct.unpack(">IHH", payload)
            if count > MOST_READ_BYTES:
                return acknowledge(request, b"", Status.INVALID_PARAMETER)
            data = self._device.read(address, count)
            if data is None:
                return acknowledge(request, b"", Status.INVALID_ADDRESS)
            return acknowledge(request, payload[:4] + data)
        if request.command == Command.WRITEREG:
            return self._write_registers(request, client)
        if request.command == Command.WRITEMEM and len(payload) >= 8:
            (address,) = struct.unpack_from(">I", payload)
            status = self._write(client, address, payload[4:])
            return acknowledge(request, struct.pack(">HH", 0, len(payload) - 4), status)
        if request.command == Command.PACKET_RESEND:
            self._resend(*parse_resend(payload))
            return None
        return acknowledge(request, b"", Status.NOT_IMPLEMENTED)

    def _read_registers(self, request: Request) -> bytes:
        values = []
        for (address,) in struct.iter_unpack(">I", request.payload):
            value = self._device.read(address, 4)
            if value is None:
                return acknowledge(request, b"", Status.INVALID_ADDRESS)
            values.append(value)
        return acknowledge(request, b"".join(values))

    def _write_registers(self, request: Request, client: tuple[str, int]) -> bytes:
        done, status = 0, Status.SUCCESS
        for address, value in struct.iter_unpack(">II", request.payload):
            status = self._write(client, address, struct.pack(">I", value))
            if status is not Status.SUCCESS:
                break
            done += 1
        return acknowledge(request, struct.pack(">HH", 0, done), status)

    def _write(self, client: tuple[str, int], address: int, data: bytes) -> Status:
        if self._owner not in (None, client):
            return Status.ACCESS_DENIED
        status = self._device.write(address, data)
        if status is Status.SUCCESS and address == Reg.CONTROL_PRIVILEGE:
            if any(data):
                self._owner, self._heard = client, time.monotonic()
            else:
                self._owner = None
                self._device.release()
        return status
