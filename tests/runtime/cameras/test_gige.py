"""The GigE backend against a simulated camera: every row that gets out is the line it claims to be."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from runtime.cameras import gige_link
from runtime.cameras.gige import GigeCamera
from runtime.errors import UserError
from runtime.types import LineBlock, NotInspected, Reason, Scale
from tests.runtime.fake_gige.process import CameraProcess
from tests.runtime.fake_gige.stamped import Stamped, numbers

pytestmark = pytest.mark.net

COUNTS_PER_LINE = 3.7
PLAIN = Scale(mm_per_px=0.2, mm_per_line=0.2)
ENCODER = Scale(mm_per_px=0.2, mm_per_line=0.2, counts_per_mm=COUNTS_PER_LINE / 0.2)
RATE = ("--line-rate", "5000", "--counts-per-line", str(COUNTS_PER_LINE))
Item = LineBlock | NotInspected


def camera(scale: Scale = PLAIN, ip: str = "127.0.0.1", block_lines: int = 64) -> GigeCamera:
    return GigeCamera("loom", ip, scale, block_lines=block_lines)


def take(stream: Iterator[Item], enough: Callable[[list[Item]], bool]) -> list[Item]:
    """Items until ``enough`` says so of all so far."""
    items: list[Item] = []
    while not enough(items):
        items.append(next(stream))
    return items


def blocks(items: list[Item]) -> list[LineBlock]:
    return [item for item in items if isinstance(item, LineBlock)]


def spans(items: list[Item]) -> list[NotInspected]:
    return [item for item in items if isinstance(item, NotInspected)]


def assert_exact(items: list[Item], offset: int = 0) -> None:
    """Each row is the source's line of its number (plus ``offset``), and no number is missing or used twice."""
    end: int | None = None
    for item in items:
        if item.first_line is not None:
            assert end is None or item.first_line == end
            end = item.end_line
        if isinstance(item, LineBlock):
            want = Stamped(item.width).lines(item.first_line + offset, item.rows)
            np.testing.assert_array_equal(item.pixels, want)
            if item.encoder is not None:
                lines = np.arange(item.first_line + offset, item.end_line + offset)
                np.testing.assert_array_equal(item.encoder, np.rint(lines * COUNTS_PER_LINE).astype(np.int64))


def test_stream_is_the_source_line_for_line() -> None:
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


def test_lost_packets_give_up_whole_buffers_and_no_stale_row_gets_out() -> None:
    with CameraProcess(*RATE, "--loss", "0.02", "--kept-frames", "0", source="2048"):
        loom = camera()
        loom.open()
        items = take(loom.items(), lambda so_far: len(spans(so_far)) >= 8)
        loom.close()
    assert_exact(items, offset=int(numbers(blocks(items)[0].pixels)[0]) - blocks(items)[0].first_line)
    assert all(span.reason is Reason.PACKET_LOSS for span in spans(items))
    assert all(span.lines % 64 == 0 for span in spans(items))
    assert not any(isinstance(a, NotInspected) and isinstance(b, NotInspected) for a, b in itertools.pairwise(items))


def test_packets_asked_for_again_lose_nothing() -> None:
    with CameraProcess(*RATE, "--loss", "0.005", source="2048"):
        loom = camera()
        loom.open()
        items = take(loom.items(), lambda so_far: len(so_far) >= 100)
        loom.close()
    assert_exact(items)
    assert spans(items) == []


def test_block_ids_wrap_from_65535_to_1() -> None:
    with CameraProcess(*RATE, "--first-block", "65500", "--loss", "0.02", "--kept-frames", "0", source="2048"):
        loom = camera()
        loom.open()
        items = take(loom.items(), lambda so_far: len(blocks(so_far)) >= 80)
        loom.close()
    assert_exact(items, offset=int(numbers(blocks(items)[0].pixels)[0]) - blocks(items)[0].first_line)


def test_a_standing_loom_is_no_lost_camera_and_its_short_buffer_keeps_its_lines() -> None:
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


def reborn(scale: Scale, after_s: float) -> list[Item]:
    """Some blocks, kill -9, some seconds without, the camera again, some blocks."""
    with CameraProcess(*RATE) as process:
        loom = camera(scale)
        loom.open()
        stream = loom.items()
        items = take(stream, lambda so_far: len(so_far) >= 10)
        since = process.next_event()["woven_since"]
        process.kill()
        again: list[CameraProcess] = []

        def restart() -> None:
            again.append(CameraProcess(*RATE, "--woven-since", str(since)))

        timer = threading.Timer(after_s, restart)
        timer.start()
        items += take(stream, lambda so_far: bool(so_far) and len(so_far) >= 30 and so_far[-1].first_line is not None)
        loom.close()
        timer.join()
        again[0].kill()
    return items


def test_a_reborn_camera_with_an_encoder_leaves_one_exact_span() -> None:
    items = reborn(ENCODER, after_s=3)
    assert_exact(items)
    (span,) = spans(items)
    assert span.reason is Reason.CAMERA_LOST
    assert span.lines >= 3 * 5000
    assert span.seconds is not None
    assert span.seconds >= 3
    at = items.index(span)
    assert {block.segment for block in blocks(items[:at])} == {0}
    assert {block.segment for block in blocks(items[at:])} == {1}


def test_a_reborn_camera_without_an_encoder_leaves_one_span_of_unknown_length() -> None:
    items = reborn(PLAIN, after_s=1.5)
    (span,) = spans(items)
    assert span.reason is Reason.CAMERA_LOST
    assert (span.first_line, span.end_line) == (None, None)
    assert span.seconds is not None
    assert span.seconds >= 1.5
    at = items.index(span)
    before, after = blocks(items[:at]), blocks(items[at:])
    assert after[0].first_line == before[-1].end_line
    assert_exact(list(before))
    assert_exact(list(after), offset=int(numbers(after[0].pixels)[0]) - after[0].first_line)


def test_two_cameras_and_the_death_of_one_leaves_the_other_untouched() -> None:
    with CameraProcess(*RATE) as first, CameraProcess(*RATE, "--ip", "127.0.0.2"):
        doomed, sound = camera(), camera(ip="127.0.0.2")
        doomed.open()
        sound.open()
        dying = doomed.items()
        lost: list[Item] = []
        watcher = threading.Thread(target=lambda: lost.extend(dying))
        watcher.start()
        living = sound.items()
        items = take(living, lambda so_far: len(so_far) >= 5)
        first.ask("die")
        items += take(living, lambda so_far: len(so_far) >= 200)
        sound.close()
        doomed.close()
        watcher.join()
    assert_exact(items)
    assert spans(items) == []
    assert [span.reason for span in spans(lost)] == [Reason.CAMERA_LOST]


def test_close_from_another_thread_ends_the_iterator_of_a_standing_and_of_a_dead_camera() -> None:
    for fault in ("stop 600", "die"):
        with CameraProcess(*RATE) as process:
            loom = camera()
            loom.open()
            stream = loom.items()
            take(stream, lambda so_far: len(so_far) >= 3)
            process.ask(fault)
            closer = threading.Timer(1.0, loom.close)
            closer.start()
            list(stream)
            closer.join()
            loom.close()


def test_nobody_at_the_address() -> None:
    with pytest.raises(UserError, match=r"'loom'.*127\.0\.0\.9.*power"):
        camera(ip="127.0.0.9").open()


def test_no_address() -> None:
    with pytest.raises(UserError, match="'loom-cam' is no IPv4 address"):
        camera(ip="loom-cam").open()


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"exposure_us": 1e6}, r"ExposureTime = 1000000.0 \(it takes 1 to 100000\)"),
        ({"width": 4096}, r"Width = 4096 \(it takes 16 to 512 in steps of 16\)"),
        ({"pixel_format": "Mono12"}, r"PixelFormat = Mono12 \(it takes Mono8\)"),
    ],
)
def test_a_refused_setting_names_the_feature_and_its_bounds(setting: dict[str, float], sentence: str) -> None:
    with CameraProcess(*RATE):
        loom = GigeCamera("loom", "127.0.0.1", PLAIN, **setting)  # type: ignore[arg-type]
        with pytest.raises(UserError, match=sentence):
            loom.open()


def test_a_camera_that_somebody_else_controls_is_not_taken_over() -> None:
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
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    if int(Path("/proc/sys/net/core/rmem_max").read_text()) >= 8 << 20:
        pytest.skip("this system's net.core.rmem_max holds all that is asked for")
    with CameraProcess(*RATE):
        for least_s, told in ((1e-9, False), (1e9, True)):
            monkeypatch.setattr(gige_link, "LEAST_SOCKET_S", least_s)
            loom = camera()
            loom.open()
            loom.close()
            assert ("sysctl -w net.core.rmem_max" in caplog.text) is told


def test_a_client_that_was_killed_does_not_lock_the_next_one_out() -> None:
    client = (
        "import os, runtime.cameras.gige as g, runtime.types as t\n"
        "g.GigeCamera('c', '127.0.0.1', t.Scale(1, 1)).open()\n"
        "os.kill(os.getpid(), 9)"
    )
    with CameraProcess(*RATE):
        killed = subprocess.run([sys.executable, "-c", client], check=False)
        assert killed.returncode == -9
        loom = camera()
        loom.open()
        items = take(loom.items(), lambda so_far: len(so_far) >= 3)
        loom.close()
    assert spans(items) == []


def test_settings_reach_the_camera() -> None:
    with CameraProcess(*RATE):
        loom = GigeCamera("loom", "127.0.0.1", PLAIN, width=256, line_rate_hz=2000.0, exposure_us=50.0, gain_db=6.0)
        info = loom.open()
        (block,) = take(loom.items(), lambda so_far: len(so_far) >= 1)
        loom.close()
    assert (info.width, info.line_rate_hz) == (256, 2000.0)
    assert isinstance(block, LineBlock)
    np.testing.assert_array_equal(block.pixels, Stamped(512).lines(0, 128)[:, :256])


def test_a_stream_joined_late_is_numbered_from_0() -> None:
    """A stream is joined late: its first line is the loom's, and it is numbered 0 here."""
    with CameraProcess(*RATE, "--woven-since", str(time.time() - 10)):
        loom = camera()
        loom.open()
        (block,) = take(loom.items(), lambda so_far: len(so_far) >= 1)
        loom.close()
    assert block.first_line == 0
    assert isinstance(block, LineBlock)
    assert numbers(block.pixels)[0] >= 50_000
