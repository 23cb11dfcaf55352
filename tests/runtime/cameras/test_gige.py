"""The GigE backend against a simulated camera: every row that gets out is the line it claims to be."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from runtime.cameras import aravis_thread, gige_link
from runtime.errors import UserError
from runtime.fake_gige.stamped import Stamped, numbers
from runtime.types import LineBlock, NotInspected, Reason
from tests.runtime.cameras.gige_clients import (
    ENCODER,
    PLAIN,
    RATE,
    MakeCamera,
    assert_exact,
    blocks,
    shown_from,
    spans,
    take,
)
from tests.runtime.fake_gige.process import CameraProcess

pytestmark = pytest.mark.net


def test_stream_is_the_source_line_for_line(camera: MakeCamera) -> None:
    with CameraProcess(*RATE):
        loom = camera(ENCODER)
        info = loom.open()
        items = take(loom.items(), lambda so_far: len(so_far) >= 50)
        loom.close()
    assert (info.width, info.channels, info.bits, info.live) == (512, 1, 8, True)
    assert info.line_rate_hz == 5000.0
    assert "127.0.0.1" in info.description
    assert_exact(items)
    assert items[0].first_line == 0
    assert spans(items) == []
    assert {block.segment for block in blocks(items)} == {0}
    stamps = [block.device_ns for block in blocks(items)]
    assert all(stamp is not None and stamp[0] < stamp[1] for stamp in stamps)


def test_lost_packets_give_up_what_the_client_cannot_vouch_for_and_no_stale_row_gets_out(
    camera: MakeCamera, client: str
) -> None:
    with CameraProcess(*RATE, "--loss", "0.005", "--kept-frames", "0", source="2048"):
        loom = camera(packet_bytes=1500)
        loom.open()
        items = take(loom.items(), lambda so_far: len(spans(so_far)) >= 8)
        loom.close()
    assert_exact(items, offset=shown_from(items))
    assert all(span.reason is Reason.PACKET_LOSS for span in spans(items))
    lines = [span.lines for span in spans(items)]
    if client == "telegenic":  # whole buffers
        assert all(n is not None and n % 64 == 0 for n in lines)
    else:  # a packet of 1464 bytes lies in one line of 2048 or across two
        assert sorted(n for n in lines if n is not None)[len(lines) // 2] <= 2
    assert not any(isinstance(a, NotInspected) and isinstance(b, NotInspected) for a, b in itertools.pairwise(items))


def test_packets_asked_for_again_lose_nothing(camera: MakeCamera) -> None:
    # So slow, and kept so long, that a busy machine can ask before the camera has let go of them.
    with CameraProcess("--line-rate", "1000", "--loss", "0.005", "--kept-frames", "100", source="2048"):
        loom = camera(packet_bytes=1500)
        loom.open()
        items = take(loom.items(), lambda so_far: len(so_far) >= 40)
        loom.close()
    assert_exact(items)
    assert spans(items) == []


def test_block_ids_wrap_from_65535_to_1(camera: MakeCamera) -> None:
    with CameraProcess(*RATE, "--first-block", "65500", "--loss", "0.02", "--kept-frames", "0", source="2048"):
        loom = camera()
        loom.open()
        items = take(loom.items(), lambda so_far: len(blocks(so_far)) >= 80)
        loom.close()
    assert_exact(items, offset=shown_from(items))


def test_a_standing_loom_is_no_lost_camera_and_its_short_buffer_keeps_its_lines(camera: MakeCamera) -> None:
    with CameraProcess(*RATE) as process:
        loom = camera(ENCODER)
        loom.open()
        stream = loom.items()
        items = take(stream, lambda so_far: len(so_far) >= 10)
        process.ask("stop 1.5")
        items += take(stream, lambda so_far: any(block.rows < 64 for block in blocks(so_far)))
        items += take(stream, lambda so_far: len(so_far) >= 10)
        loom.close()
    assert_exact(items)
    assert spans(items) == []


def test_nobody_at_the_address(camera: MakeCamera) -> None:
    with pytest.raises(UserError, match=r"'loom'.*127\.0\.0\.9.*power"):
        camera(ip="127.0.0.9").open()


def test_no_address(camera: MakeCamera) -> None:
    with pytest.raises(UserError, match="'loom-cam' is no IPv4 address"):
        camera(ip="loom-cam").open()


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"exposure_us": 1e6}, r"ExposureTime = 1000000.0 \(it takes 1 to 100000\)"),
        ({"width": 4096}, r"Width = 4096 \(it takes 16 to 512 in steps of 16\)"),
        ({"pixel_format": "RGB8"}, r"PixelFormat = RGB8 \(it takes Mono8, .*Mono12p"),
    ],
)
def test_a_refused_setting_names_the_feature_and_its_bounds(
    camera: MakeCamera, setting: dict[str, float], sentence: str
) -> None:
    with CameraProcess(*RATE):
        loom = camera(**setting)
        with pytest.raises(UserError, match=sentence):
            loom.open()


def test_a_camera_that_somebody_else_controls_is_not_taken_over(camera: MakeCamera) -> None:
    with CameraProcess(*RATE):
        holder = camera()
        holder.open()
        with pytest.raises(UserError, match="no other program controls it"):
            camera().open()
        holder.close()
        free = camera()
        free.open()
        free.close()


def test_a_receive_buffer_that_the_system_cut_is_warned_of(
    camera: MakeCamera, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    if int(Path("/proc/sys/net/core/rmem_max").read_text()) >= 8 << 20:
        pytest.skip("this system's net.core.rmem_max holds all that is asked for")
    with CameraProcess(*RATE):
        monkeypatch.setattr(aravis_thread, "packet_socket_allowed", lambda: False)
        for least_s, told in ((1e-9, False), (1e9, True)):
            monkeypatch.setattr(gige_link, "LEAST_SOCKET_S", least_s)
            loom = camera()
            loom.open()
            loom.close()
            assert ("sysctl -w net.core.rmem_max" in caplog.text) is told


def test_a_client_that_was_killed_does_not_lock_the_next_one_out(camera: MakeCamera, client: str) -> None:
    program = (
        "import os, runtime.cameras.gige as g, runtime.types as t\n"
        f"g.GigeCamera('c', '127.0.0.1', t.Scale(1, 1), client='{client}').open()\n"
        "os.kill(os.getpid(), 9)"
    )
    with CameraProcess(*RATE):
        killed = subprocess.run([sys.executable, "-c", program], check=False)
        assert killed.returncode == -9
        loom = camera()
        loom.open()
        items = take(loom.items(), lambda so_far: len(so_far) >= 3)
        loom.close()
    assert spans(items) == []


def test_settings_reach_the_camera(camera: MakeCamera) -> None:
    with CameraProcess(*RATE):
        loom = camera(block_lines=128, width=256, line_rate_hz=2000.0, exposure_us=50.0, gain_db=6.0)
        info = loom.open()
        (block,) = take(loom.items(), lambda so_far: len(so_far) >= 1)
        loom.close()
    assert (info.width, info.line_rate_hz) == (256, 2000.0)
    assert isinstance(block, LineBlock)
    np.testing.assert_array_equal(block.pixels, Stamped(512).lines(0, 128)[:, :256])


def test_a_stream_joined_late_is_numbered_from_0(camera: MakeCamera) -> None:
    """A stream is joined late: its first line is the loom's, and it is numbered 0 here."""
    with CameraProcess(*RATE, "--woven-since", str(time.time() - 10)):
        loom = camera()
        loom.open()
        (block,) = take(loom.items(), lambda so_far: len(so_far) >= 1)
        loom.close()
    assert block.first_line == 0
    assert isinstance(block, LineBlock)
    assert numbers(block.pixels)[0] >= 50_000


def test_features_without_a_key_of_their_own_are_written_by_name(camera: MakeCamera) -> None:
    with CameraProcess(*RATE):
        loom = camera(features={"TriggerMode": "On", "ExposureTime": 55.0, "NoSuchFeature": 0})
        with pytest.raises(UserError, match="has no feature NoSuchFeature: take its setting out"):
            loom.open()
        loom = camera(features={"TriggerMode": "Sideways"})
        with pytest.raises(UserError, match=r"refuses TriggerMode = Sideways \(it takes Off, On\)"):
            loom.open()
        loom = camera(features={"TriggerMode": "On", "ExposureTime": 55.0})
        device = loom.open().device
        loom.close()
    assert device is not None
    assert device.exposure_us == 55.0


def test_chunks_that_somebody_left_on_are_switched_off(camera: MakeCamera) -> None:
    with CameraProcess(*RATE):
        for scale in (ENCODER, PLAIN):
            loom = camera(scale)
            loom.open()
            items = take(loom.items(), lambda so_far: len(so_far) >= 2)
            loom.close()
            assert [block.encoder is None for block in blocks(items)] == [scale is PLAIN] * 2
