"""What is asked of the system for the thread that receives packets."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from runtime.cameras import aravis_library, aravis_thread
from runtime.errors import UserError
from tests.runtime.cameras.gige_clients import maker, needs_aravis
from tests.runtime.fake_gige.process import CameraProcess


@pytest.mark.net
@needs_aravis
def test_real_time_is_asked_for_the_receiving_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    def note(task: int, policy: int, _: os.sched_param) -> None:
        asked.append((Path(f"/proc/self/task/{task}/comm").read_text().strip(), policy))

    monkeypatch.setattr(os, "sched_setscheduler", note)
    with CameraProcess():
        loom = maker("aravis")()
        loom.open()
        loom.close()
    assert asked == [("arv_gv_stream", os.SCHED_FIFO)]


@pytest.mark.net
@needs_aravis
@pytest.mark.parametrize("wanted", [True, False])
def test_a_packet_socket_is_taken_where_it_is_wanted_and_allowed(wanted: bool) -> None:
    with CameraProcess():
        loom = maker("aravis")(packet_socket=wanted)
        loom.open()
        health = loom.health()
        loom.close()
    assert health is not None
    assert health.packet_socket is (wanted and aravis_thread.packet_socket_allowed())


@pytest.mark.net
def test_packets_that_a_socket_had_no_room_for_are_counted() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as full,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as by,
    ):
        full.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        full.bind(("127.0.0.1", 0))
        port = full.getsockname()[1]
        assert aravis_thread.socket_drops(port) == 0
        for _ in range(100):
            by.sendto(bytes(1000), ("127.0.0.1", port))
        assert 50 < aravis_thread.socket_drops(port) < 100


def test_without_aravis_the_client_that_is_asked_for_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(module: str) -> object:
        raise ImportError(f"No module named '{module}'")

    monkeypatch.setattr(aravis_library, "binding", absent)
    with pytest.raises(UserError, match=r"'loom' needs Aravis.*apt install .*client: telegenic"):
        maker("aravis")(ip="127.0.0.1").open()
