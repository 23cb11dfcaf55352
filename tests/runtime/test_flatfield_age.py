"""A flat field that has grown old, told by the stream and, where that is switched on, followed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from runtime.cameras.config import load_cameras
from runtime.errors import UserError
from runtime.preprocess.flatfield import FlatField
from tests import torchless
from tests.runtime.bundles import CLOTH, MM_PER_PX, make_bundle
from tests.runtime.cameras.strips import write_png

WIDTH, LINES = 320, 4000


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Strips of 60 m of cloth whose one side is darker than its flat field knows, at 2 mm a line."""
    folder = tmp_path_factory.mktemp("age")
    make_bundle(folder / "bundle")
    (folder / "strips").mkdir()
    light = np.linspace(0.9, 1.1, WIDTH)
    for number in range(8):
        write_png(folder / "strips" / f"{number}.png", np.rint(np.tile(CLOTH * light, (LINES, 1))).astype(np.uint8))
    FlatField(np.zeros((WIDTH, 1), np.float32), np.ones((WIDTH, 1), np.float32)).save(folder / "flat.npz")
    common = f"backend: replay, path: strips, mm_per_px: {MM_PER_PX}, mm_per_line: 2, cloth: all"
    (folder / "cameras.yaml").write_text(
        f"told: {{{common}, flat_field: flat.npz}}\n"
        f"followed: {{{common}, flat_field: flat.npz, running_gain: true}}\n"
        f"bare: {{{common}}}\n"
    )
    return folder


@pytest.mark.parametrize(("camera", "messages"), [("told", 1), ("followed", 1), ("bare", 0)])
def test_it_is_one_maintenance_event(place: Path, camera: str, messages: int) -> None:
    command = ["runtime.stream", "--cameras", "cameras.yaml", "--bundle", "bundle", "--json", "--camera", camera]
    done = torchless.run(place, *command)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    told = [event for event in events if event["type"] == "maintenance" and "flat field" in event["message"]]
    assert len(told) == messages
    for event in told:
        assert (event["state"], event["cause"], event["camera"]) == ("open", "column", camera)
        assert event["y_m"] == pytest.approx(event["first_line"] * 0.002)
        assert 10 < event["y_m"] < 40


def test_without_a_flat_field_there_is_nothing_to_follow(tmp_path: Path) -> None:
    (tmp_path / "cameras.yaml").write_text("c: {backend: gige, ip: 10.0.0.1, running_gain: true}")
    with pytest.raises(UserError, match="running_gain corrects stored references: name their file"):
        load_cameras(tmp_path / "cameras.yaml")
