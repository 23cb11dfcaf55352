"""The simulated camera under hostile packets: it neither dies nor hangs, and serves the next client."""

from __future__ import annotations

import socket
import struct

import pytest

from runtime.fake_gige.features import Reg
from runtime.fake_gige.packets import GVCP_PORT, Command
from tests.runtime.cameras.gige_clients import assert_exact, blocks, maker, shown_from, take
from tests.runtime.fake_gige.hostile import PACKETS, gvcp, gvsp, mutated, request
from tests.runtime.fake_gige.process import CameraProcess

pytestmark = [pytest.mark.net, pytest.mark.timeout(900)]
A_SALVO = 50
"""Packets that surely fit the camera's socket."""


class Attacker:
    """Sends what it is given, and finds out whether the camera still answers."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", GVCP_PORT))
        self._socket.settimeout(20)
        self._asked = 1

    def send(self, packet: bytes) -> None:
        self._socket.send(packet)

    def wait_for_answer(self) -> None:
        """Ask who is there until the answer to this very question comes; TimeoutError if it never does."""
        self._asked = self._asked % 0xFFFF + 1
        self.send(request(Command.DISCOVERY, b"", self._asked))
        while True:
            answer = self._socket.recv(65536)
            if len(answer) == 256 and struct.unpack_from(">HHHH", answer) == (0, 3, 248, self._asked):
                return

    def let_go(self) -> None:
        """Stop the stream and give back the control that one of the packets may have taken."""
        for register in (Reg.ACQUISITION_STOP, Reg.CONTROL_PRIVILEGE):
            self.send(request(Command.WRITEREG, struct.pack(">II", register, register is Reg.ACQUISITION_STOP)))
        self.wait_for_answer()


@pytest.mark.parametrize("seed", [1, 2])
def test_it_serves_a_client_after_packets_without_sense(seed: int) -> None:
    with CameraProcess("--line-rate", "2000") as process:
        attacker = Attacker()
        for sent, packet in enumerate(mutated([*gvcp(), *gvsp()], PACKETS, seed), 1):
            attacker.send(packet)
            if sent % A_SALVO == 0:
                attacker.wait_for_answer()
        attacker.let_go()
        loom = maker("telegenic")(width=512, line_rate_hz=2000.0)
        loom.open()
        items = take(loom.items(), lambda so_far: len(blocks(so_far)) >= 4)
        loom.close()
        assert_exact(items, offset=shown_from(items))
        assert [line for line in process.complaints() if "cannot be drawn" not in line] == []
