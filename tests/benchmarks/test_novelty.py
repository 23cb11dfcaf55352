"""Novelty over images whose brightness is their score: the bundle is a real one, whose map is the brightness."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from benchmarks import novelty, styles
from benchmarks.image_sets import Picture, write_folders
from runtime.bundle import Bundle
from runtime.errors import UserError
from runtime.types import UInt8
from tests.runtime.bundles import make_bundle

SIDE = 64
TEST_LEVELS = {"dark": (50, 60), "bright": (100, 120), "between": (40, 55)}
"""Grey levels of the test images; of 'dark' against 'between' one pair of four is won, against 'bright' all."""


def plain(level: int, channels: int = 1) -> UInt8:
    return np.full((SIDE, SIDE, channels), level, np.uint8)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    pictures = [Picture("train", label, plain(80)) for label in TEST_LEVELS for _ in range(2)]
    pictures += [Picture("test", label, plain(level)) for label, levels in TEST_LEVELS.items() for level in levels]
    write_folders(pictures, tmp_path / "data")
    return tmp_path / "data"


class Steps:
    """Stands for the training and export: leaves what they leave, and remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, arguments: Sequence[str], place: Path) -> dict[str, Any]:
        self.asked.append(list(arguments))
        out = Path(arguments[arguments.index("--out") + 1])
        if arguments[0] == "train":
            out.mkdir(exist_ok=True)
            (out / "recipe.yaml").touch()
        else:
            make_bundle(out)
        return {}


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    made = Steps()
    monkeypatch.setattr(styles, "run_step", made)
    return made


def test_the_others_are_told_from_the_normal_class(
    data: Path, steps: Steps, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.json"
    assert novelty.main(["--data", str(data), "--normal", "dark", "--json", str(out)]) == 0
    report = json.loads(out.read_text())
    assert report["classes"]["dark"]["against"] == {"bright": 1.0, "between": 0.25}
    assert report["classes"]["dark"]["auroc"] == report["mean"] == (4 + 1) / 8
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "normal      all others  between     bright      dark",
        "dark        0.625       0.250       1.000       -",
    ]


def test_all_classes_take_their_turn_as_the_normal_one(
    data: Path, steps: Steps, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = tmp_path / "work"
    novelty.main(
        [
            "--data",
            str(data),
            "--normal",
            "all",
            "--steps",
            "7",
            "--seed",
            "3",
            "--work",
            str(work),
            "--set",
            "width=16",
        ]
    )
    # 'between' is told from 'dark' in three pairs of four and from 'bright' in all; nothing is above 'bright'.
    assert capsys.readouterr().out.splitlines()[-4:] == [
        "between     0.875       -           1.000       0.750",
        "bright      0.000       0.000       -           0.000",
        "dark        0.625       0.250       1.000       -",
        "mean        0.500",
    ]
    trainings = [asked for asked in steps.asked if asked[0] == "train"]
    lists = [Path(asked[asked.index("--rolls") + 1].removeprefix("replay:").partition("?")[0]) for asked in trainings]
    for path, normal in zip(lists, ("between", "bright", "dark"), strict=True):
        wanted = [work / "images-64/train" / normal / name for name in ("00000.png", "00001.png")]
        assert path.read_text().split() == [str(image) for image in wanted]
    assert all(asked[asked.index("--rolls") + 1].endswith("?channels=1&cloth=all") for asked in trainings)
    expected = ["--seed", "3", "--tile", "64", "--steps", "7", "--set", "width=16"]
    assert all(asked[-8:] == expected for asked in trainings)
    exports = [asked for asked in steps.asked if asked[0] == "export"]
    assert all(asked[-6:] == ["--join", "sum", "--taps", "123", "--channels", "net"] for asked in exports)


@pytest.mark.parametrize(("score", "told"), [("sum", 0.0), ("max", 1.0)])
def test_the_score_is_of_the_whole_map_its_border_included(
    tmp_path: Path, steps: Steps, score: str, told: float
) -> None:
    spotted = plain(50)
    spotted[:4, :4] = 255
    pictures = [Picture("train", "even", plain(60)), Picture("test", "even", plain(60))]
    write_folders([*pictures, Picture("test", "spotted", spotted)], tmp_path / "data")
    out = tmp_path / "report.json"
    novelty.main(["--data", str(tmp_path / "data"), "--normal", "even", "--score", score, "--json", str(out)])
    assert json.loads(out.read_text())["mean"] == told


@pytest.mark.parametrize(("colours", "channels"), [((1, 1), 1), ((1, 3), 3)])
def test_images_become_squares_and_a_set_is_colour_as_soon_as_one_is(
    tmp_path: Path, colours: tuple[int, int], channels: int
) -> None:
    ramp = np.tile(np.linspace(0, 250, 11).astype(np.uint8)[None, :, None], (7, 1, 3)) // np.array([1, 2, 1], np.uint8)
    pictures = [Picture("train", "a", ramp[:, :, :count]) for count in colours]
    write_folders([*pictures, Picture("test", "a", plain(0))], tmp_path / "data")
    images = novelty.prepare(str(tmp_path / "data"), SIDE, tmp_path)
    assert images.channels == channels
    last = cv2.imread(str(images.classes("train")["a"][1]), cv2.IMREAD_UNCHANGED)
    assert last.shape == ((SIDE, SIDE) if channels == 1 else (SIDE, SIDE, 3))
    wanted = cv2.resize(ramp[:, :, ::-1] if channels == 3 else ramp[:, :, 0], (SIDE, SIDE))
    assert np.array_equal(last, wanted)


def test_a_work_folder_is_gone_on_with(data: Path, steps: Steps, tmp_path: Path) -> None:
    work = tmp_path / "work"
    command = ["--data", str(data), "--normal", "dark", "--work", str(work)]
    novelty.main(command)
    assert [asked[0] for asked in steps.asked] == ["train", "export"]
    novelty.main(command)
    assert len(steps.asked) == 2
    (recipe,) = work.glob("*/dark-seed0/trained/recipe.yaml")
    recipe.rename(recipe.with_name("state.pt"))  # as though the training had been cut off
    novelty.main(command)
    assert steps.asked[2][-1] == "--resume"
    (work / "images-64.json").unlink()  # as though the images had not been written to the end
    (work / "images-64/test/dark/00000.png").unlink()
    novelty.main(command)
    assert (work / "images-64/test/dark/00000.png").exists()


def test_a_work_folder_of_other_images_is_refused(data: Path, steps: Steps, tmp_path: Path) -> None:
    novelty.main(["--data", str(data), "--normal", "dark", "--work", str(tmp_path / "work")])
    with pytest.raises(UserError, match="name another --work"):
        novelty.main(["--data", str(tmp_path), "--normal", "dark", "--work", str(tmp_path / "work")])


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--normal", "grey"], "choose all or one of between, bright, dark"),
        (["--normal", "dark", "--size", "65"], "multiple of 64"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_training(data: Path, steps: Steps, flags: list[str], says: str) -> None:
    with pytest.raises(UserError, match=says):
        novelty.main(["--data", str(data), *flags])
    assert steps.asked == []


def test_one_class_alone_has_no_others(tmp_path: Path, steps: Steps) -> None:
    write_folders([Picture(use, "a", plain(0)) for use in ("train", "test")], tmp_path / "data")
    with pytest.raises(UserError, match="at least two classes"):
        novelty.main(["--data", str(tmp_path / "data"), "--normal", "a"])


@pytest.mark.torch
@pytest.mark.slow
def test_the_commands_of_a_user_tell_stripes_from_checks(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    at = np.arange(SIDE)
    patterns = {"stripes": 0 * at[:, None] + at // 8 % 2, "checks": (at[:, None] // 8 + at // 8) % 2}
    pictures = [
        Picture(use, label, (100 + 80 * pattern + rng.integers(0, 20, (SIDE, SIDE))).astype(np.uint8)[:, :, None])
        for use, count in (("train", 8), ("test", 4))
        for label, pattern in patterns.items()
        for _ in range(count)
    ]
    write_folders(pictures, tmp_path / "data")
    command = ["--data", str(tmp_path / "data"), "--normal", "stripes", "--teacher", "efficientnet_lite0"]
    out = tmp_path / "report.json"
    assert novelty.main([*command, "--steps", "40", "--work", str(tmp_path), "--json", str(out)]) == 0
    assert json.loads(out.read_text())["mean"] == 1.0
    (bundle,) = tmp_path.glob("*/stripes-seed0/bundle*")
    look = Bundle(bundle).recipe.trained["look"]
    assert (look["join"], look["channels"], look["taps"]) == ("sum", "net", "123")
