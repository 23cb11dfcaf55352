"""cameras.yaml: what it may say, and what a name or a URI becomes."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from runtime.cameras.config import load_cameras, make_camera
from runtime.cameras.entries import GigeConfig
from runtime.cameras.gige import GigeCamera
from runtime.cameras.gige_simulated import SimulatedGige
from runtime.cameras.uri import open_source
from runtime.errors import UserError
from runtime.fake_gige.stamped import numbers
from runtime.types import LineBlock, NotInspected, Reason, Scale
from tests.runtime.cameras.gige_clients import blocks, shown_from, take
from tests.runtime.fake_gige.process import STAMPED


def written(folder: Path, text: str) -> Path:
    path = folder / "cameras.yaml"
    path.write_text(text)
    return path


def test_the_shipped_file_has_two_simulated_cameras_side_by_side() -> None:
    cameras = load_cameras()
    first, second = cameras["gige0"], cameras["gige1"]
    assert isinstance(first, GigeConfig)
    assert isinstance(second, GigeConfig)
    assert (first.ip, second.ip) == ("127.0.0.1", "127.0.0.2")
    assert first.simulated is not None
    assert second.simulated is not None
    assert first.scale() == Scale(0.2, 0.2, 0.0, 25.0)
    assert second.x_offset_mm > 0
    assert isinstance(make_camera("gige0", cameras), SimulatedGige)


def test_the_commented_examples_of_the_shipped_file_are_valid(tmp_path: Path) -> None:
    shipped = (Path(__file__).parents[3] / "runtime" / "cameras.yaml").read_text()
    tail = shipped[shipped.index("# left:") :]
    lines = [line[2:] for line in tail.splitlines() if re.match(r"# (  |\w+:$)", line)]
    cameras = load_cameras(written(tmp_path, "\n".join(lines)))
    assert list(cameras) == ["left", "old_roll", "cloth"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("c: {backend: gige, ip: 10.0.0.1, exposure: 3}", r"c\.exposure: Extra inputs are not permitted"),
        ("c: {backend: gige, ip: 10.0.0.1, encoder: {counts: 3}}", r"c\.encoder\.counts"),
        ("c: {backend: gige, ip: loom}", r"c\.ip: .*Expected 4 octets"),
        ("c: {backend: gige}", r"c: .*one of ip, serial and user_name .*not 0"),
        ("c: {backend: gige, ip: 10.0.0.1, serial: S1}", r"c: .*one of ip, serial and user_name .*not 2"),
        ("c: {backend: gige, serial: S1, simulated: {source: 'sim:twill'}}", r"c: .*simulated camera needs an ip"),
        ("c: {backend: gige, ip: 10.0.0.1, mm_per_px: 0}", r"c\.mm_per_px: .*greater than 0"),
        ("c: {backend: gige, ip: 10.0.0.1, encoder: {counts_per_mm: 5, direction: 2}}", r"c\.encoder\.direction"),
        ("c: {backend: gentl, encoder: {counts_per_mm: 5}}", r"c\.encoder: .*no count of each line: let the encoder"),
        ("c: {backend: pylon, encoder: {counts_per_mm: 5}}", r"c\.encoder: .*and say stamped: false"),
        ("c: {backend: gige, ip: 10.0.0.1, pixel_format: YUV}", r"c\.pixel_format: .*'YUV' is not known.*Mono12Packed"),
        ("c: {backend: gige, ip: 10.0.0.1, pixel_format: BayerRG8, block_lines: 9}", r"c: .*must be even for BayerRG8"),
        ("c: {backend: gige, ip: 10.0.0.1, client: pylon}", r"c\.client: .*'auto', 'aravis' or 'telegenic'"),
        ("c: {backend: gige, ip: 10.0.0.1, packet_bytes: 100}", r"c\.packet_bytes: .*576"),
        ("c: {backend: replay, path: roll, flat_field: camera}", "c: .*flat_field: camera is for a real camera"),
        (
            "c: {backend: gige, ip: 10.0.0.1, flat_field: camera, running_gain: true}",
            "c: .*running_gain corrects stored references",
        ),
        ("c: {backend: usb}", r"c: .*'gige', 'usb3', 'gentl', 'pylon', 'replay', 'simulated'"),
        ("'a camera': {backend: gige, ip: 10.0.0.1}", "a camera"),
        ("c: [", "is not YAML"),
        ("3", "valid dictionary"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        load_cameras(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.yaml cannot be read"):
        load_cameras(tmp_path / "none.yaml")


def test_an_empty_file_has_no_cameras(tmp_path: Path) -> None:
    assert load_cameras(written(tmp_path, "")) == {}


def test_an_unknown_camera_names_those_there_are_and_the_uri_forms() -> None:
    with pytest.raises(UserError, match=r"no camera 'gige7'.*gige0, gige1.*gige:192\.168\.0\.10, replay:PATH"):
        make_camera("gige7", load_cameras())


def test_a_gige_uri_is_a_real_camera() -> None:
    assert isinstance(make_camera("gige:127.0.0.1?line_rate_hz=500", {}), GigeCamera)


def test_a_uri_with_an_unknown_key_is_refused() -> None:
    with pytest.raises(UserError, match=r"gige:10\.0\.0\.1\?speed=5: speed: Extra inputs"):
        make_camera("gige:10.0.0.1?speed=5", {})


def test_a_sim_uri_is_cloth_at_the_cameras_scale() -> None:
    camera = make_camera("sim:twill22?width=512&lines=200&mm_per_px=0.25&block_lines=100&defects_per_100m=3", {})
    info = camera.open()
    blocks = [item for item in camera.items() if isinstance(item, LineBlock)]
    assert (info.name, info.width, info.live) == ("sim-twill22", 512, False)
    assert info.scale == Scale(0.25, 0.25)
    assert [block.rows for block in blocks] == [100, 100]
    same = open_source("sim:twill22?width=512&mm_per_px=0.25&mm_per_line=0.25&defects_per_100m=3")
    np.testing.assert_array_equal(blocks[1].pixels, same.lines(100, 100))


def test_a_replay_uri_reads_files(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "strip.png"), np.full((30, 64), 7, np.uint8))
    camera = make_camera(f"replay:{tmp_path}?mm_per_px=0.5&line_rate_hz=5000", {})
    info = camera.open()
    items = list(camera.items())
    assert info.scale == Scale(0.5, 0.5)
    assert info.line_rate_hz == 5000
    assert [item.end_line for item in items] == [30]


def test_the_encoders_direction_makes_the_scale_negative() -> None:
    config = GigeConfig(backend="gige", ip="10.0.0.1", encoder={"counts_per_mm": 5, "direction": -1})
    assert config.scale().counts_per_mm == -5


@pytest.mark.net
def test_a_simulated_camera_dies_and_is_brought_back_by_the_command_it_tells() -> None:
    options = ["--source=512", "--line-rate=5000", "--counts-per-line=-2.5"]
    scale = Scale(0.5, 0.5, counts_per_mm=-5.0)
    camera = SimulatedGige(GigeCamera("loom", "127.0.0.1", scale), "loom", options, module=STAMPED)
    info = camera.open()
    assert f"simulated, process {camera.pid}" in info.description
    stream = camera.items()
    before = take(stream, lambda so_far: bool(blocks(so_far)) and "--woven-since" in camera.restart_command)
    assert camera.pid is not None
    os.kill(camera.pid, signal.SIGKILL)
    while Path(f"/proc/{camera.pid}").exists():
        time.sleep(0.01)
    with subprocess.Popen(shlex.split(camera.restart_command), stdout=subprocess.DEVNULL) as reborn:
        # A busy machine may lose packets too, before and after.
        gap = next(item for item in stream if isinstance(item, NotInspected) and item.reason is Reason.CAMERA_LOST)
        after = next(item for item in stream if isinstance(item, LineBlock))
        camera.close()
        camera.close()
        reborn.kill()
    assert numbers(after.pixels)[0] - shown_from(before) == after.first_line
    assert gap.end_line is not None
    assert before[-1].end_line < gap.end_line <= after.first_line


@pytest.mark.net
def test_a_simulated_camera_that_cannot_start_says_so_and_leaves_no_process() -> None:
    camera = SimulatedGige(
        GigeCamera("loom", "10.1.2.3", Scale(1, 1)), "loom", ["--source=512", "--ip=10.1.2.3"], module=STAMPED
    )
    with pytest.raises(UserError, match="camera 'loom': its simulated camera did not start"):
        camera.open()
    assert not Path(f"/proc/{camera.pid}").exists()


@pytest.mark.net
def test_closing_ends_the_simulated_camera() -> None:
    camera = SimulatedGige(GigeCamera("loom", "127.0.0.1", Scale(1, 1)), "loom", ["--source=512"], module=STAMPED)
    camera.open()
    camera.close()
    assert not Path(f"/proc/{camera.pid}").exists()
