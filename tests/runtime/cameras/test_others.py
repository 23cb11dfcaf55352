"""Cameras and clients that others wrote: theirs into our clients, ours into theirs, every pixel compared."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import time
from collections.abc import Iterator

import numpy as np
import pytest

from runtime.cameras import gige_probe
from runtime.fake_gige.stamped import Stamped
from runtime.types import UInt8
from tests.runtime.cameras.gige_clients import CLIENTS, blocks, maker, take
from tests.runtime.fake_gige.process import CameraProcess

pytestmark = pytest.mark.net
ROWS, WIDTH = 64, 512
RATE = ("--line-rate", "5000", "--height", str(ROWS))


def tool(name: str) -> str:
    """A program of Aravis'; without it the test is skipped."""
    found = shutil.which(f"{name}-0.8")
    if found is None:
        pytest.skip(f"{name}-0.8 is not installed: apt install aravis-tools aravis-tools-cli")
    return found


@pytest.fixture
def aravis_camera() -> Iterator[None]:
    """Aravis' own simulated camera; an area camera whose pixel is (column + row + number of the picture) % 255."""
    process = subprocess.Popen(
        [tool("arv-fake-gv-camera"), "-i", "127.0.0.1", "-s", "LOOM01"], stdout=subprocess.DEVNULL
    )
    while gige_probe.ask("127.0.0.1") is None:
        time.sleep(0.1)
    yield
    process.kill()
    process.wait()


@pytest.mark.usefixtures("aravis_camera")
@pytest.mark.parametrize("client", CLIENTS)
def test_the_camera_of_aravis_streams_into_our_clients(client: str) -> None:
    camera = maker(client)()
    info = camera.open()
    items = take(camera.items(), lambda so_far: len(blocks(so_far)) >= 6)
    camera.close()
    assert info.device is not None
    assert (info.width, info.device.vendor, info.device.model) == (WIDTH, "Aravis", "Fake")
    ramp = np.arange(WIDTH)[None] + np.arange(ROWS)[:, None]
    pictures = [int(block.pixels[0, 0, 0]) for block in blocks(items)]
    for block, picture in zip(blocks(items), pictures, strict=True):
        np.testing.assert_array_equal(block.pixels[:, :, 0], (ramp + picture) % 255)
    first = blocks(items)[0]
    numbers = [(block.first_line - first.first_line) // ROWS for block in blocks(items)]
    assert pictures == [(pictures[0] + number) % 255 for number in numbers]


def assert_cloth(picture: UInt8) -> int:
    """It is ROWS lines of our camera's cloth, uint8 [ROWS, WIDTH]; the first one's number."""
    first = int(np.ascontiguousarray(picture[0, :8]).view(">i8")[0])
    np.testing.assert_array_equal(picture, Stamped(WIDTH).lines(first, ROWS)[:, :, 0])
    return first


def telegenic_pictures(count: int) -> Iterator[UInt8]:
    """As telegenic itself hands them over."""
    import telegenic

    camera = telegenic.Camera("127.0.0.1")
    camera.connect()
    with camera.start_acquisition(n_buffers=16) as acquisition:
        while count:
            frame = acquisition.wait_for(timeout=5.0)
            assert frame is not None
            if frame.is_complete:
                count -= 1
                yield np.frombuffer(frame.data(), np.uint8)
    camera.disconnect()


def viva_pictures(count: int) -> Iterator[UInt8]:
    """As viva-genicam hands them over."""
    import viva_genicam

    (found,) = viva_genicam.discover(timeout_ms=500, all=True)
    with viva_genicam.connect_gige(found) as camera, camera.stream() as frames:
        while count:
            frame = frames.next_frame(5000)
            assert frame is not None
            if frame.is_complete:
                count -= 1
                yield np.frombuffer(frame.payload(), np.uint8)


needs_viva = pytest.mark.skipif(
    importlib.util.find_spec("viva_genicam") is None, reason="viva-genicam is not installed: pip install viva-genicam"
)


@pytest.mark.parametrize("pictures", [telegenic_pictures, pytest.param(viva_pictures, marks=needs_viva)])
def test_our_camera_streams_into_the_clients_of_others(pictures: object) -> None:
    assert callable(pictures)
    with CameraProcess(*RATE):
        firsts = [assert_cloth(picture.reshape(ROWS, WIDTH)) for picture in pictures(8)]
    assert all(step > 0 and step % ROWS == 0 for step in np.diff(firsts))


def test_the_tools_of_aravis_read_and_stream_our_camera() -> None:
    with CameraProcess(*RATE):
        read = subprocess.run(
            [tool("arv-tool"), "-a", "127.0.0.1", "control", "Width", "DeviceScanType", "AcquisitionLineRate"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        streamed = subprocess.run(
            [tool("arv-camera-test"), "-n", "127.0.0.1", "--duration", "3"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert "Width = 512" in read.stdout
    assert "DeviceScanType = Linescan" in read.stdout
    assert "AcquisitionLineRate = 5000" in read.stdout
    counted = {
        name.strip(): value.strip() for name, _, value in (row.partition("=") for row in streamed.stdout.splitlines())
    }
    assert int(counted["n_completed_buffers"]) > 50
    assert counted["n_failures"] == counted["n_missing_packets"] == "0"
