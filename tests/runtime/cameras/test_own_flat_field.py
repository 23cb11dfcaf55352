"""A camera that corrects its columns itself: found by its maker's name for it, switched on, and told of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime import flatfield
from runtime.cameras import own_flat_field
from runtime.cameras.config import load_cameras, make_camera
from runtime.command import status
from runtime.errors import UserError
from runtime.fake_gige.stamped import Stamped
from runtime.preprocess.flatfield import FlatField
from runtime.recordings.reader import RecordedRoll
from runtime.types import LineBlock
from tests.runtime.cameras.gige_clients import RATE, MakeCamera, blocks, take
from tests.runtime.cameras.strips import write_png
from tests.runtime.fake_gige.process import CameraProcess
from tests.runtime.preprocess.captures import lines
from tests.runtime.recordings.rolls import record

FALLOFF = ("--falloff", "0.4")


class Refused(Exception):
    """What the camera below raises."""


class MadeUp:
    """Features by name: a boolean, or an enumeration's value and entries."""

    def __init__(self, **features: Any) -> None:
        self._features = features

    def has_feature(self, name: str) -> bool:
        return name in self._features

    def get_boolean(self, name: str) -> bool:
        return self._got(name, bool)

    def get_enum(self, name: str) -> str:
        return self._got(name, tuple)[0]

    def enum_entries(self, name: str) -> tuple[str, ...]:
        return self._got(name, tuple)[1:]

    def _got(self, name: str, kind: type) -> Any:
        if not isinstance(self._features[name], kind):
            raise Refused
        return self._features[name]


@pytest.mark.parametrize(
    ("features", "switch", "on"),
    [
        ({}, None, ""),
        ({"Gain": 3.0}, None, ""),
        ({"FFCEnable": False}, ("FFCEnable", True), ""),
        ({"FFCEnable": False, "NUCEnable": True}, ("FFCEnable", True), "NUCEnable"),
        ({"PRNUCEnable": True, "NUCEnable": True}, ("PRNUCEnable", True), "PRNUCEnable, NUCEnable"),
        ({"flatfieldCorrectionMode": ("Off", "Off", "Active", "Calibrate")}, ("flatfieldCorrectionMode", "Active"), ""),
        (
            {"flatfieldCorrectionMode": ("On", "Off", "On", "Initialize")},
            ("flatfieldCorrectionMode", "On"),
            "flatfieldCorrectionMode",
        ),
        ({"flatfieldCorrectionMode": ("Calibrate", "Off", "Active", "Calibrate")}, ..., ""),
        ({"FlatFieldCorrection": ("Off", "Off")}, None, ""),
        ({"ShadingEnable": ("Off", "Off", "On")}, None, ""),  # of a kind that is not known
    ],
)
def test_the_makers_names_are_known(features: dict[str, Any], switch: object, on: str) -> None:
    camera: Any = MadeUp(**features)
    if switch is not ...:
        assert own_flat_field.find(camera, (Refused,)) == switch
    assert own_flat_field.switched_on(camera, (Refused,)) == on


def shown(camera: MakeCamera, own: bool) -> tuple[LineBlock, str, str | None]:
    """A block of a camera, what is told of it, and what it says of its correction."""
    loom = camera(own_flat_field=own)
    info = loom.open()
    block = blocks(take(loom.items(), lambda so_far: len(blocks(so_far)) > 0))[0]
    loom.close()
    assert info.device is not None
    return block, info.description, info.device.own_flat_field


@pytest.mark.net
def test_lines_are_flat_with_it_and_are_not_without(camera: MakeCamera) -> None:
    with CameraProcess(*RATE, *FALLOFF):
        uneven, told, on = shown(camera, own=False)
        assert (on, "corrects" in told) == ("", False)
        flat, told, on = shown(camera, own=True)
        assert on == "FlatFieldCorrectionEnable"
        assert told.endswith("which corrects its columns itself (FlatFieldCorrectionEnable is on)")
        still_on, told, on = shown(camera, own=False)  # nothing switches it off behind the user's back, and it is told
        assert (on, "corrects its columns itself" in told) == ("FlatFieldCorrectionEnable", True)
    seen, cloth = uneven.pixels.mean(axis=0), Stamped(512).lines(0, uneven.rows).mean(axis=0)
    np.testing.assert_allclose(seen[256] / cloth[256], 1.0, atol=0.02)
    np.testing.assert_allclose(seen[-1] / cloth[-1], 0.6, atol=0.02)
    np.testing.assert_array_equal(flat.pixels[:, 8:], Stamped(512).pattern(number(flat), flat.rows)[:, 8:])
    np.testing.assert_array_equal(still_on.pixels[:, 8:], Stamped(512).pattern(number(still_on), 64)[:, 8:])


def number(block: LineBlock) -> int:
    """Of the first line, as the loom counts."""
    return int(np.ascontiguousarray(block.pixels[0, :8, 0]).view(">i8")[0])


@pytest.mark.net
def test_a_camera_without_one_is_refused_by_name(camera: MakeCamera) -> None:
    with CameraProcess(*RATE), pytest.raises(UserError, match=r"'loom' at 127\.0\.0\.1 has no flat field .*of its own"):
        camera(own_flat_field=True).open()


@pytest.mark.net
def test_references_know_whether_the_camera_corrected_its_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, light in (("dark", 0.0), ("white", 0.7)):
        (tmp_path / name).mkdir()
        write_png(tmp_path / name / "0.png", lines(light, rows=500, seed=len(name)))
    entry = "{backend: gige, ip: 127.0.0.1"
    (tmp_path / "c.yaml").write_text(f"plain: {entry}}}\nown: {entry}, flat_field: camera}}\n")
    cameras, out = load_cameras(tmp_path / "c.yaml"), tmp_path / "left.npz"

    def captured(which: str, name: str) -> int:
        arguments = ["capture", f"--{which}", "--camera", name, "--cameras", str(tmp_path / "c.yaml")]
        source = f"replay:{tmp_path}/{which}?repeat=1"
        with CameraProcess("--line-rate", "2000", *FALLOFF, module="runtime.fake_gige", source=source):
            return status(flatfield.main, [*arguments, "--out", str(out), "--lines", "400"])

    assert captured("dark", "own") == 0
    assert "by the camera's own FlatFieldCorrectionEnable: they hold only while" in capsys.readouterr().out
    assert captured("white", "plain") == 2
    assert "own_flat_field FlatFieldCorrectionEnable, the white one with none" in capsys.readouterr().err
    assert captured("dark", "plain") == 0
    assert captured("white", "plain") == 0
    assert "corrected already" not in capsys.readouterr().out
    flat = FlatField.load(out)
    source = f"replay:{tmp_path}/white?repeat=1"
    with CameraProcess("--line-rate", "2000", *FALLOFF, module="runtime.fake_gige", source=source):
        camera = make_camera("own", cameras)
        info = camera.open()
        block = next(item for item in camera.items() if isinstance(item, LineBlock))
        camera.close()
    with pytest.raises(UserError, match=r"correction was off, and now it is on \(FlatFieldCorrectionEnable\): switch"):
        flat.check_camera(info.name, info.bits, info.device)
    device = RecordedRoll(record(tmp_path / "roll", [block], info)).about.device
    assert device is not None
    assert device.own_flat_field == "FlatFieldCorrectionEnable"
