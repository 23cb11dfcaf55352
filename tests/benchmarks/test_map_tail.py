"""The tail of a map whose values can be written down, and when simulated cloth is told to be too calm."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.map_tail import asked_for, main, tail_of
from runtime.errors import UserError
from tests.runtime.bundles import make_bundle

LOOK = {"channels": "net", "join": "sum"}
SCALE = {"middle": [0.5], "spread": [2.0]}


def strip(path: Path, bright: int) -> Path:
    """Grey cloth of 100, of which one cell in a hundred is brighter."""
    pixels = np.full((200, 400), 100, np.uint8)
    pixels[4::40, :] = bright
    cv2.imwrite(str(path), pixels)
    return path


def net(folder: Path) -> Path:
    return make_bundle(folder, trained={"look": LOOK, "scale": SCALE}).path


def test_the_ratio_is_that_of_high_to_median() -> None:
    distances = np.concatenate([np.full(9_980, 2.0), np.full(20, 7.0)]).astype(np.float32)
    tail = tail_of("x", distances)
    assert (tail.cells, tail.median, tail.high, tail.ratio) == (10_000, 2.0, 7.0, 3.5)


@pytest.mark.parametrize(("share", "status"), [("0.5", 0), ("0.99", 1)])
def test_simulated_cloth_is_held_against_each_real_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], share: str, status: int
) -> None:
    bundle, report = net(tmp_path / "net"), tmp_path / "out.json"
    lively, calm = strip(tmp_path / "lively.png", 240), strip(tmp_path / "calm.png", 200)
    asked = [
        "--real",
        f"01={bundle}=replay:{lively}?cloth=all",
        "--simulated",
        f"a={bundle}=replay:{calm}?cloth=all",
        "--json",
        str(report),
    ]
    assert main([*asked, "--share", share]) == status
    told = json.loads(report.read_text())
    # A quarter of a cell's lines are brighter; the map is brightness, the distance 0.5 + 2 of it.
    for name, bright in (("real", 240), ("simulated", 200)):
        (one,) = told[name]
        assert one["median"] == pytest.approx(0.5 + 2 * 100 / 255, rel=1e-3)
        assert one["high"] == pytest.approx(0.5 + 2 * (100 + (bright - 100) / 4) / 255, rel=1e-3)
    assert "of 01" in capsys.readouterr().out


def test_a_map_that_is_not_the_nets_alone_and_no_cloth_are_refused(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "both", trained={"look": {**LOOK, "channels": "both"}, "scale": SCALE}).path
    asked = f"01={bundle}={strip(tmp_path / 'a.png', 200)}"
    with pytest.raises(UserError, match="--channels net"):
        main(["--real", asked, "--simulated", asked])
    bare = f"01={net(tmp_path / 'net')}={tmp_path / 'a.png'}"
    with pytest.raises(UserError, match=r"No cloth was found in .*a\.png"):
        main(["--real", bare, "--simulated", bare])


def test_a_roll_may_hold_equals_signs() -> None:
    asked = asked_for("twill22=net=sim:twill22?seed=9&width=512")
    assert (asked.name, asked.bundle, asked.roll) == ("twill22", Path("net"), "sim:twill22?seed=9&width=512")
    with pytest.raises(ArgumentTypeError, match="NAME=BUNDLE=ROLL"):
        asked_for("twill22=net")
