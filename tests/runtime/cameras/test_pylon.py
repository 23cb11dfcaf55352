"""The pylon backend against pylon's own camera emulation, which shows our strips."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from runtime.camera import main
from runtime.camera_command.listing import state
from runtime.cameras.base import Camera
from runtime.cameras.config import load_cameras, make_camera
from runtime.cameras.entries import PylonConfig
from runtime.errors import MissingExtra, UserError
from runtime.fake_gige.stamped import Stamped, numbers
from runtime.types import LineBlock, NotInspected, Reason

pytestmark = pytest.mark.net  # pylon looks for cameras on every network
ROWS, WIDTH, STRIPS = 64, 512, 40
needs_pylon = pytest.mark.skipif(
    importlib.util.find_spec("pypylon") is None, reason="pypylon is not installed: pip install 'weftwatch[pylon]'"
)


@pytest.fixture(autouse=True)
def _emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYLON_CAMEMU", "2")


@pytest.fixture
def strips(tmp_path: Path) -> Path:
    folder = tmp_path / "strips"
    folder.mkdir()
    for strip in range(STRIPS):
        assert cv2.imwrite(str(folder / f"{strip:03}.tiff"), Stamped(WIDTH).lines(ROWS * strip, ROWS)[:, :, 0])
    return folder


def made(folder: Path, entry: str) -> Camera:
    (folder / "cameras.yaml").write_text(f"c: {{backend: pylon, {entry}}}")
    return make_camera("c", load_cameras(folder / "cameras.yaml"))


def showing(strips: Path) -> str:
    """An entry whose camera shows the strips, one a buffer, and begins anew after the last."""
    features = f"{{TestImageSelector: 'Off', ImageFileMode: 'On', ImageFilename: {strips}, AcquisitionFrameRate: 50.0}}"
    return f"serial: 0815-0000, width: {WIDTH}, block_lines: {ROWS}, features: {features}"


@needs_pylon
def test_strips_come_line_for_line(tmp_path: Path, strips: Path) -> None:
    camera = made(tmp_path, showing(strips))
    info = camera.open()
    assert (info.width, info.live, info.line_rate_hz) == (WIDTH, True, None)
    assert info.device is not None
    assert (info.device.serial, info.device.pixel_format) == ("0815-0000", "Mono8")
    items = [item for item, _ in zip(camera.items(), range(30), strict=False)]
    camera.close()
    for item in items:
        assert isinstance(item, LineBlock)
        np.testing.assert_array_equal(item.pixels, Stamped(WIDTH).lines(item.first_line, ROWS))
    assert [item.first_line for item in items] == [ROWS * n for n in range(30)]


@needs_pylon
def test_failed_buffers_are_named_line_for_line(tmp_path: Path, strips: Path) -> None:
    camera: Any = made(tmp_path, showing(strips))
    camera.open()
    stream = camera.items()
    items = [next(stream) for _ in range(3)]
    nodes = camera._link._camera.GetNodeMap()  # what spoils buffers is a command of the emulation's
    nodes.GetNode("ForceFailedBufferCount").SetValue(3)
    nodes.GetNode("ForceFailedBuffer").Execute()
    while len(items) < 200 and not any(isinstance(item, NotInspected) for item in items[:-3]):
        items.append(next(stream))
    camera.close()
    spans = [item for item in items if isinstance(item, NotInspected)]
    assert all(span.reason is Reason.PACKET_LOSS for span in spans)
    assert sum(span.lines for span in spans) == 3 * ROWS
    for block in items:
        if isinstance(block, LineBlock):
            assert int(numbers(block.pixels)[0]) == block.first_line % (STRIPS * ROWS)


@needs_pylon
@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("width: 512", "the only one: 2 cameras fit, and one must; pylon finds: .*serial 0815-0001"),
        ("serial: '77'", "serial 77: 0 cameras fit"),
        ("serial: 0815-0000, width: 9999", r"refuses Width = 9999 \(it takes 1 to 4096"),
        ("serial: 0815-0000, line_rate_hz: 9", "has no feature AcquisitionLineRate"),
        ("serial: 0815-0000, flat_field: camera", "has no flat field correction of its own"),
        ("serial: 0815-0000, features: {TriggerMode: Sideways}", r"refuses TriggerMode .*\(it takes Off, On\)"),
    ],
)
def test_what_cannot_be_is_one_sentence(tmp_path: Path, entry: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        made(tmp_path, entry).open()


def test_without_pypylon_it_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypylon", None)
    with pytest.raises(MissingExtra, match=r"pip install 'weftwatch\[pylon\]'"):
        made(tmp_path, "serial: '0'").open()


@needs_pylon
def test_triggers_stay_as_the_camera_has_them(tmp_path: Path, strips: Path) -> None:
    camera: Any = made(tmp_path, showing(strips))
    camera.open()
    device = camera._link._camera  # the emulation forgets its settings with it
    device.StopGrabbing()
    device.GetNodeMap().GetNode("TriggerMode").SetValue("On")
    device.Close()
    device.Open()
    assert device.GetNodeMap().GetNode("TriggerMode").GetValue() == "On"
    camera.close()


@needs_pylon
def test_show_lists_every_feature_and_sets_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cameras.yaml").write_text("c: {backend: pylon, serial: 0815-0000, width: 9999, line_rate_hz: 9}")
    assert main(["show", "c", "--cameras", str(tmp_path / "cameras.yaml")]) == 0
    shown = {line.split()[1]: " ".join(line.split()) for line in capsys.readouterr().out.splitlines()}
    assert shown["Width"] == "RW Width 1024 (1 to 4096)"
    assert shown["TriggerMode"] == "RW TriggerMode Off (Off, On)"
    assert shown["SensorWidth"] == "RO SensorWidth 4096"
    assert len(shown) > 50


@needs_pylon
def test_list_asks_pylon_only_when_it_is_to_search() -> None:
    there, not_there = (PylonConfig(backend="pylon", serial=serial) for serial in ("0815-0000", "77"))
    assert "is there, Basler Emulation serial 0815-0000" in state("c", there, search=True)
    assert "0 cameras fit, and one must; pylon finds: " in state("c", not_there, search=True)
    assert state("c", there, search=False).endswith("searched for when it is opened")
