"""The control channel, spoken to with a plain socket."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from runtime.fake_gige.features import Reg
from runtime.fake_gige.packets import GVCP_PORT, Command, Status
from tests.runtime.fake_gige.process import CameraProcess

pytestmark = pytest.mark.net


class Client:
    """Sends one command and returns the answer's status and payload."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", GVCP_PORT))

    def ask(self, command: int, payload: bytes) -> tuple[int, bytes]:
        self.socket.send(struct.pack(">BBHHH", 0x42, 1, command, len(payload), 7) + payload)
        answer = self.socket.recv(2048)
        status, acknowledged, length, request_id = struct.unpack_from(">HHHH", answer)
        assert (acknowledged, length, request_id) == (command + 1, len(answer) - 8, 7)
        return status, answer[8:]

    def write(self, register: int, value: int) -> int:
        return self.ask(Command.WRITEREG, struct.pack(">II", register, value))[0]

    def read(self, register: int) -> int:
        status, value = self.ask(Command.READREG, struct.pack(">I", register))
        assert status == Status.SUCCESS
        return int.from_bytes(value, "big")


@pytest.fixture
def client() -> Iterator[Client]:
    with CameraProcess("--serial", "S42"):
        yield Client()


def test_discovery_by_unicast_tells_who_it_is(client: Client) -> None:
    status, memory = client.ask(Command.DISCOVERY, b"")
    assert status == Status.SUCCESS
    assert len(memory) == 248
    assert memory[Reg.SERIAL : Reg.SERIAL + 4] == b"S42\0"
    assert memory[Reg.IP_ADDRESS : Reg.IP_ADDRESS + 4] == socket.inet_aton("127.0.0.1")


def test_commands_cut_short_or_unknown_are_refused_and_do_no_harm(client: Client) -> None:
    assert client.ask(Command.WRITEREG, b"\0\0\0")[0] == Status.INVALID_PARAMETER
    assert client.ask(Command.PACKET_RESEND, b"\0")[0] == Status.INVALID_PARAMETER
    assert client.ask(Command.READREG, b"\x7f\0\0\0")[0] == Status.INVALID_ADDRESS
    assert client.ask(Command.READREG, b"\0\x3f\0\0")[0] == Status.INVALID_ADDRESS
    assert client.ask(0x0777 - 1, b"")[0] == Status.NOT_IMPLEMENTED
    client.socket.send(b"nonsense")
    assert client.read(Reg.STREAM_CHANNELS) == 1


def test_one_client_controls_and_others_only_read(client: Client) -> None:
    other = Client()
    assert client.write(Reg.CONTROL_PRIVILEGE, 2) == Status.SUCCESS
    assert other.write(Reg.HEIGHT, 64) == Status.ACCESS_DENIED
    assert other.read(Reg.HEIGHT) == 128
    assert client.write(Reg.CONTROL_PRIVILEGE, 0) == Status.SUCCESS
    assert other.write(Reg.HEIGHT, 64) == Status.SUCCESS


def test_a_silent_client_loses_control(client: Client) -> None:
    other = Client()
    client.write(Reg.HEARTBEAT_MS, 500)
    client.write(Reg.CONTROL_PRIVILEGE, 2)
    while other.write(Reg.CONTROL_PRIVILEGE, 2) == Status.ACCESS_DENIED:
        pass
    assert client.write(Reg.HEIGHT, 64) == Status.ACCESS_DENIED
