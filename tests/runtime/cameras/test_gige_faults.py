"""What a loom and a link do to a stream, and what each client makes of it."""

from __future__ import annotations

import time

import numpy as np
import pytest

from runtime.cameras import aravis_thread
from runtime.cameras.gige import GigeCamera
from runtime.types import Reason, Scale
from tests.runtime.cameras.gige_clients import (
    ENCODER,
    RATE,
    Item,
    MakeCamera,
    assert_exact,
    blocks,
    maker,
    needs_aravis,
    shown_from,
    spans,
    take,
)
from tests.runtime.fake_gige.process import CameraProcess

pytestmark = pytest.mark.net


@pytest.fixture
def aravis() -> MakeCamera:
    return maker("aravis")


def test_a_loom_that_stops_inside_a_buffer(camera: MakeCamera, client: str) -> None:
    with CameraProcess(*RATE, "--live", "--line-timeout", "9", source="2048") as process:
        loom = camera(ENCODER, packet_bytes=1500)
        loom.open()
        stream = loom.items()
        items: list[Item] = []
        for _ in range(3):
            items += take(stream, lambda so_far: len(so_far) >= 7)
            process.ask("stop 1.0")
        items += take(stream, lambda so_far: len(so_far) >= 20)
        loom.close()
    assert_exact(items)
    if client == "aravis":
        assert spans(items) == []
    else:  # it cannot be told to wait so long
        assert {span.reason for span in spans(items)} == {Reason.PACKET_LOSS}


@needs_aravis
def test_a_buffer_that_a_stop_cuts_short_while_it_is_sent_keeps_its_lines(aravis: MakeCamera) -> None:
    with CameraProcess(*RATE, "--live", source="2048") as process:
        loom = aravis(ENCODER, packet_bytes=1500)
        loom.open()
        stream = loom.items()
        items = take(stream, lambda so_far: len(so_far) >= 5)
        process.ask("stop 1.2")
        items += take(stream, lambda so_far: len(so_far) >= 20)
        loom.close()
    assert_exact(items)
    assert spans(items) == []
    assert any(block.rows < 64 for block in blocks(items))


@needs_aravis
def test_a_camera_that_is_frozen_for_a_while_is_no_lost_camera(aravis: MakeCamera) -> None:
    with CameraProcess(*RATE) as process:
        loom = aravis(ENCODER)
        loom.open()
        stream = loom.items()
        items = take(stream, lambda so_far: len(so_far) >= 5)
        process.ask("freeze 1.5")
        items += take(stream, lambda so_far: bool(so_far) and so_far[-1].received_ns - items[-1].received_ns > 1.6e9)  # type: ignore[union-attr]
        loom.close()
    assert_exact(items)
    assert spans(items) == []
    assert {block.segment for block in blocks(items)} == {0}


@needs_aravis
def test_a_packet_that_the_camera_has_no_more_holds_up_nothing(aravis: MakeCamera) -> None:
    with CameraProcess(*RATE, "--loss", "0.003", "--kept-frames", "1", source="2048"):
        loom = aravis(packet_bytes=1500)
        loom.open()
        items = take(loom.items(), lambda so_far: len(spans(so_far)) >= 5)
        health = loom.health()
        loom.close()
    assert health is not None
    assert_exact(items, offset=shown_from(items))
    arrivals = np.array([block.received_ns for block in blocks(items)])
    assert np.diff(arrivals).max() < 1e9  # an open buffer would be kept for a minute
    assert health.buffers_dropped == 0


@needs_aravis
def test_blocks_that_wait_are_not_written_over(aravis: MakeCamera) -> None:
    """More blocks are held than the ring has slots: they are kept, and nothing is lost meanwhile."""
    with CameraProcess(*RATE):
        loom = aravis(ENCODER, block_lines=16)
        loom.open()
        items = take(loom.items(), lambda so_far: len(so_far) >= 150)
        loom.close()
    assert spans(items) == []
    assert_exact(items)


@needs_aravis
def test_whoever_does_not_read_loses_lines_that_are_counted(aravis: MakeCamera) -> None:
    with CameraProcess(*RATE):
        loom = aravis(ENCODER, block_lines=16)
        loom.open()
        stream = loom.items()
        items = take(stream, lambda so_far: len(so_far) >= 5)
        time.sleep(0.6)  # 64 slots of 16 lines hold 0.2 s
        items += take(stream, lambda so_far: bool(spans(so_far)) and len(so_far) >= 100)
        health = loom.health()
        loom.close()
    assert_exact(items)
    assert sum(span.lines or 0 for span in spans(items)) >= 0.2 * 5000
    assert health is not None
    assert health.buffers_dropped > 0


@pytest.mark.parametrize("mtu", [1500, 4000])
def test_the_packets_are_as_large_as_the_link_lets_through(camera: MakeCamera, mtu: int) -> None:
    with CameraProcess(*RATE, "--mtu", str(mtu)):
        loom = camera(ENCODER)
        loom.open()
        items = take(loom.items(), lambda so_far: len(so_far) >= 5)
        health = loom.health()
        loom.close()
    assert_exact(items)
    assert health is not None
    assert mtu - 100 < health.packet_bytes <= mtu


def test_packets_of_a_size_that_is_asked_for_and_no_resend(camera: MakeCamera) -> None:
    with CameraProcess(*RATE, "--loss", "0.01"):
        loom = camera(packet_bytes=1000, resend=False)
        loom.open()
        take(loom.items(), lambda so_far: len(spans(so_far)) >= 1)
        health = loom.health()
        loom.close()
    assert health is not None
    assert (health.packet_bytes, health.resent_packets) == (1000, 0)


@needs_aravis
def test_a_plain_socket_does_as_well_as_a_packet_socket(aravis: MakeCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aravis_thread, "packet_socket_allowed", lambda: False)
    with CameraProcess(*RATE, "--loss", "0.005", source="2048"):
        loom = aravis(ENCODER)
        loom.open()
        items = take(loom.items(), lambda so_far: len(so_far) >= 60)
        health = loom.health()
        loom.close()
    assert_exact(items)
    assert spans(items) == []
    assert health is not None
    assert health.socket_held == min(health.socket_asked, aravis_thread.largest_socket())


@needs_aravis
def test_a_second_camera_does_not_see_the_packets_of_the_first(aravis: MakeCamera) -> None:
    with CameraProcess(*RATE), CameraProcess(*RATE, "--ip", "127.0.0.2"):
        first = aravis(ENCODER)
        first.open()
        for _ in range(4):
            second = aravis(ENCODER, ip="127.0.0.2")
            second.open()
            item = next(second.items())
            assert_exact([item], offset=shown_from([item]))
            second.close()
        first.close()


def test_a_camera_says_which_client_reads_it(client: str) -> None:
    with CameraProcess(*RATE):
        loom = GigeCamera("loom", "127.0.0.1", Scale(1, 1), client=client)  # type: ignore[arg-type]
        description = loom.open().description
        loom.close()
    assert f"through {client}" in description.lower()
