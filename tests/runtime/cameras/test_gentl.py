"""The GenTL backend against the simulator that genicam's wheel brings: a producer without a network."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from runtime.camera import main
from runtime.camera_command.listing import state
from runtime.cameras.config import load_cameras, make_camera
from runtime.cameras.entries import GentlConfig
from runtime.cameras.gentl_device import PRODUCERS
from runtime.errors import MissingExtra, UserError
from runtime.types import LineBlock

WIDTH, HEIGHT = 400, 400
"""The simulator's, fixed."""
needs_harvesters = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("harvesters", "genicam")),
    reason="harvesters is not installed: pip install 'weftwatch[gentl]'",
)


@pytest.fixture
def producer() -> Path:
    spec = importlib.util.find_spec("genicam")
    assert spec is not None
    assert spec.origin is not None
    found = Path(spec.origin).parent / "viky.cti"
    if not found.is_file():
        pytest.skip("this version of genicam brings no simulator: pip install 'genicam>=1.6'")
    return found


def opened(folder: Path, entry: str) -> Iterator[LineBlock]:
    """The blocks of the camera that an entry describes."""
    (folder / "cameras.yaml").write_text(f"c: {{backend: gentl, {entry}}}")
    camera = make_camera("c", load_cameras(folder / "cameras.yaml"))
    info = camera.open()
    assert (info.width, info.live, info.line_rate_hz) == (WIDTH, True, None)
    assert "viky.cti, harvesters" in info.description
    for item in camera.items():
        assert isinstance(item, LineBlock)
        yield item
    camera.close()


def pixels_of(producer: Path) -> np.ndarray:
    """One image as harvesters itself shows it."""
    from harvesters.core import Harvester

    harvester = Harvester()
    harvester.add_file(str(producer))
    harvester.update()
    acquirer = harvester.create({"serial_number": "1"})
    acquirer.remote_device.node_map.PixelFormat.value = "Mono8"
    acquirer.start()
    with acquirer.fetch(timeout=10) as buffer:
        image = buffer.payload.components[0].data.reshape(HEIGHT, WIDTH).copy()
    acquirer.destroy()
    harvester.reset()
    return image


@needs_harvesters
def test_buffers_become_lines_that_follow_each_other(producer: Path, tmp_path: Path) -> None:
    want = pixels_of(producer)
    assert len(np.unique(want)) > 1
    stream = opened(tmp_path, f"producer: {producer}, serial: '1', block_lines: {HEIGHT}")
    first, second = next(stream), next(stream)
    stream.close()
    assert (first.first_line, second.first_line) == (0, HEIGHT)
    # A ball rolls through the picture and all else stands still; a buffer given back too soon is black.
    assert float((first.pixels[:, :, 0] == want).mean()) > 0.9
    assert len(np.unique(first.pixels)) > 1


@needs_harvesters
def test_the_only_producer_of_the_path_is_found(
    producer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PRODUCERS, str(producer.parent))
    stream = opened(tmp_path, f"serial: '0', block_lines: {HEIGHT}")
    assert next(stream).rows == HEIGHT
    stream.close()


@needs_harvesters
@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("block_lines: 400", r"the only one: \d cameras fit, and one must; viky.cti finds: .*serial 0"),
        ("serial: '77'", "serial 77: 0 cameras fit, and one must"),
        ("user_name: left", "called 'left': 0 cameras fit"),
        ("serial: '0', width: 99999", "refuses Width = 99999"),
        ("serial: '0', block_lines: 400, pixel_format: Mono12", "refuses PixelFormat = Mono12 .*it takes RGBa8, Mono8"),
        ("serial: '0', block_lines: 400, line_rate_hz: 9", "has no feature AcquisitionLineRate"),
        ("serial: '0', block_lines: 400, flat_field: camera", "has no flat field correction of its own"),
        ("serial: '0', block_lines: 400, features: {BouncingBallSize: 100000}", "refuses BouncingBallSize = 100000"),
    ],
)
def test_what_cannot_be_is_one_sentence(producer: Path, tmp_path: Path, entry: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        next(opened(tmp_path, f"producer: {producer}, {entry}"))


@needs_harvesters
@pytest.mark.parametrize(
    ("entry", "sentence"), [("producer: /no/such.cti", "'/no/such.cti' is not there"), ("width: 400", PRODUCERS)]
)
def test_without_a_producer_it_says_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, sentence: str
) -> None:
    monkeypatch.delenv(PRODUCERS, raising=False)
    with pytest.raises(UserError, match=sentence):
        next(opened(tmp_path, entry))


def test_without_harvesters_it_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "harvesters", None)
    with pytest.raises(MissingExtra, match=r"pip install 'weftwatch\[gentl\]'"):
        next(opened(tmp_path, "serial: '0'"))


@needs_harvesters
def test_show_lists_every_feature_and_sets_none(
    producer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = f"producer: {producer}, serial: '1', block_lines: 333, pixel_format: Mono12, features: {{NoSuch: 1}}"
    (tmp_path / "cameras.yaml").write_text(f"c: {{backend: gentl, {refused}}}")
    assert main(["show", "c", "--cameras", str(tmp_path / "cameras.yaml")]) == 0
    shown = {line.split()[1]: " ".join(line.split()) for line in capsys.readouterr().out.splitlines()}
    assert shown["Height"] == "RW Height 400 (100 to 800)"
    assert shown["PixelFormat"] == "RW PixelFormat RGBa8 (RGBa8, Mono8)"
    assert shown["ChunkModeActive"] == "RW ChunkModeActive true (true, false)"
    assert shown["AcquisitionStart"] == "WO AcquisitionStart -"
    assert shown["PayloadSize"].startswith("RO PayloadSize ")
    assert len(shown) > 20


@needs_harvesters
def test_list_asks_producers_only_when_it_is_to_search(producer: Path, tmp_path: Path) -> None:
    there, not_there = (GentlConfig(backend="gentl", producer=str(producer), serial=serial) for serial in ("1", "77"))
    assert re.search(r"serial 1 of .*viky.cti: is there, .* serial 1$", state("c", there, search=True))
    assert "0 cameras fit, and one must; viky.cti finds: " in state("c", not_there, search=True)
    assert state("c", there, search=False).endswith("searched for when it is opened")
