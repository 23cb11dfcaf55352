"""USB3 Vision cameras through Aravis, as far as they can be tried without one.

Aravis' own "Fake" interface stands in for the bus: all but the transport is the same. It gives 25 buffers a second.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runtime.camera_command.listing import LATER, state
from runtime.cameras import aravis_library, usb3
from runtime.cameras.config import build, load_cameras
from runtime.cameras.entries import Usb3Config
from runtime.cameras.link import LineSettings
from runtime.cameras.linked import LinkedCamera
from runtime.cameras.usb3 import Usb3Link
from runtime.errors import UserError
from runtime.types import LineBlock, NotInspected, Scale

with_aravis = pytest.mark.skipif(not aravis_library.installed(), reason="Aravis is not installed")
FAKE = "Fake"
LINES, WIDTH = 32, 256


def camera(pixel_format: str = "Mono8") -> LinkedCamera:
    settings = LineSettings(block_lines=LINES, width=WIDTH, pixel_format=pixel_format)
    return LinkedCamera("loom", "", Scale(0.2, 0.2), settings, lambda: Usb3Link("loom", "1", settings, FAKE))


@with_aravis
@pytest.mark.parametrize(("pixel_format", "channels", "bits"), [("Mono8", 1, 8), ("Mono16", 1, 16), ("RGB8", 3, 8)])
def test_lines_come_numbered_and_a_camera_can_be_opened_again(pixel_format: str, channels: int, bits: int) -> None:
    for _ in range(2):
        one = camera(pixel_format)
        try:
            info = one.open()
            assert (info.width, info.channels, info.bits) == (WIDTH, channels, bits)
            assert info.description.startswith("Aravis Fake")
            assert "through Aravis" in info.description
            blocks = [block for block, _ in zip(one.items(), range(3), strict=False)]
        finally:
            one.close()
        assert all(isinstance(block, LineBlock) for block in blocks)
        assert [block.first_line for block in blocks] == [0, LINES, 2 * LINES]
        assert np.ptp(blocks[1].pixels) > 0, "the fake camera draws a ramp"


@with_aravis
def test_a_buffer_that_did_not_come_whole_is_given_up_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The status of the third buffer is not success, as where the bus lost part of it."""
    received, statuses = [], iter([True, True, False, True, True])
    monkeypatch.setattr(usb3.Slots, "is_whole", lambda *_: next(statuses))
    settings = LineSettings(block_lines=LINES, width=WIDTH)
    link = Usb3Link("loom", None, settings, FAKE)
    one = LinkedCamera("loom", "", Scale(0.2, 0.2), settings, lambda: link)
    try:
        one.open()
        for item in one.items():
            received.append((type(item), item.first_line, item.end_line))
            if len(received) == 4:
                break
    finally:
        one.close()
    lost = (NotInspected, 2 * LINES, 3 * LINES)
    assert received == [(LineBlock, 0, LINES), (LineBlock, LINES, 2 * LINES), lost, (LineBlock, 3 * LINES, 4 * LINES)]


@with_aravis
def test_slots_come_back_however_many_buffers_pass() -> None:
    link = Usb3Link("loom", None, LineSettings(block_lines=8, width=64), FAKE)
    try:
        monitored = []
        for _ in range(8):
            assert link.buffer(1.0) is not None
            monitored.append(len(link._slots._slots))
        assert min(monitored) >= 60, "of 64, all but those that are being looked at are with Aravis"
        assert link.alive()
        assert link.health() is None
    finally:
        link.close()
        link.close()


@with_aravis
def test_every_feature_is_shown() -> None:
    found = {one.name: one for one in usb3.features("loom", "1", FAKE)}
    assert (found["Width"].access, found["Width"].takes) == ("RW", "1 to 2048")
    assert (found["SensorWidth"].value, found["SensorWidth"].access) == ("2048", "RO")
    assert "Mono8" in found["PixelFormat"].takes.split(", ")
    assert found["AcquisitionStart"].access == "WO"
    assert usb3.find("loom", None, FAKE) == "Aravis Fake serial 1"


@with_aravis
@pytest.mark.parametrize(("serial", "said"), [("77", "0 cameras fit.*Aravis finds: Aravis Fake serial 1")])
def test_a_camera_that_is_not_there_is_said_in_a_sentence(serial: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        Usb3Link("loom", serial, LineSettings(), FAKE)


@with_aravis
def test_only_the_bus_is_looked_at() -> None:
    """No camera is on it here, and the fake one that Aravis also knows is not taken for one."""
    with pytest.raises(UserError, match="0 cameras fit, and one must; Aravis finds: none"):
        usb3.find("loom", None)


def test_it_stands_in_cameras_yaml(tmp_path: Path) -> None:
    (tmp_path / "cameras.yaml").write_text("left: {backend: usb3, serial: '4711', width: 4096, mm_per_px: 0.2}")
    config = load_cameras(tmp_path / "cameras.yaml")["left"]
    assert isinstance(config, Usb3Config)
    assert isinstance(build("left", config), usb3.Usb3Camera)
    assert state("left", config, search=False) == f"usb3 serial 4711: {LATER}"


def test_without_aravis_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(module: str) -> None:
        raise ImportError(f"No module named '{module}'")

    monkeypatch.setattr(aravis_library, "binding", absent)
    with pytest.raises(UserError, match=r"'left' needs Aravis.*apt install"):
        Usb3Link("left", None, LineSettings())
