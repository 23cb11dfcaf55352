"""What is made and what is kept, with real processes that stand for the three commands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import styles
from benchmarks.aitex import Strip
from benchmarks.styles import Study, colours, make_style, run_step
from runtime.bundle import Bundle
from runtime.errors import UserError
from tests.benchmarks.masks import write_cloth
from tests.runtime.bundles import make_bundle

STUDY = Study("rd4ad", "resnet18", seed=3, training=("--steps", "5"), export=("--taps", "23"))


def strips(folder: Path) -> list[Strip]:
    made = []
    for split in ("train", "calibration"):
        write_cloth(folder / f"{split}.png", 200, 300)
        made.append(Strip(folder / f"{split}.png", "01", None, 0, None, split))
    return made


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Training and export only leave behind what the real ones would; calibration is real."""
    asked: list[list[str]] = []
    real = run_step

    def stand_in(arguments: list[str], place: Path) -> dict[str, float]:
        asked.append(list(arguments))
        if arguments[0] == "train":
            (place / "trained").mkdir(exist_ok=True)
            (place / "trained" / "recipe.yaml").touch()
        elif arguments[0] == "export":
            make_bundle(Path(arguments[arguments.index("--out") + 1]), calibrated=False)
        else:
            real(arguments, place)
        return {"seconds": 2.0, "peak_mb": 30.0}

    monkeypatch.setattr(styles, "run_step", stand_in)
    return asked


def test_a_style_is_made_once(tmp_path: Path, commands: list[list[str]]) -> None:
    cloth, place = strips(tmp_path), tmp_path / "work"
    style = make_style(STUDY, cloth, place)
    train, export, calibration = commands
    assert train[:7] == ["train", "--model", "rd4ad", "--teacher", "resnet18", "--rolls", train[6]]
    assert train[6] == f"replay:{place / 'train.txt'}?channels=1"
    assert (place / "train.txt").read_text() == f"{tmp_path / 'train.png'}\n"
    assert train[-4:] == ["--seed", "3", "--steps", "5"]
    assert export[-4:] == ["--name", "01", "--taps", "23"]
    assert calibration[:2] == ["calibration", "threshold"]
    assert style.training == {"seconds": 2.0, "peak_mb": 30.0, "resumed": False}
    assert style.bundle.thresholds("openvino-fp32").open
    again = make_style(STUDY, cloth, place)
    assert len(commands) == 3
    assert (again.training, again.bundle.id) == (style.training, style.bundle.id)


def test_what_was_cut_off_is_finished(tmp_path: Path, commands: list[list[str]]) -> None:
    cloth, place = strips(tmp_path), tmp_path / "work"
    (place / "trained").mkdir(parents=True)
    (place / "trained" / "state.pt").touch()
    half = make_bundle(place / STUDY.bundle, calibrated=False)
    (half.path / "engines" / "openvino-fp32-CPU" / "manifest.yaml").unlink()
    style = make_style(STUDY, cloth, place)
    assert commands[0][-1] == "--resume"
    assert [arguments[0] for arguments in commands] == ["train", "export", "calibration"]
    assert style.training["resumed"] is True
    assert Bundle(place / STUDY.bundle).engines()


def test_a_folder_of_other_strips_is_refused(tmp_path: Path, commands: list[list[str]]) -> None:
    cloth, place = strips(tmp_path), tmp_path / "work"
    make_style(STUDY, cloth, place)
    write_cloth(tmp_path / "more.png", 200, 300)
    with pytest.raises(UserError, match="other strips"):
        make_style(STUDY, [*cloth, Strip(tmp_path / "more.png", "01", None, 0, None, "train")], place)


def test_a_supervised_style_is_given_defects_painted_into_its_training_strips_alone(
    tmp_path: Path, commands: list[list[str]]
) -> None:
    write_cloth(tmp_path / "tall.png", 260, 600)
    cloth = [*strips(tmp_path), Strip(tmp_path / "tall.png", "01", None, 0, None, "train")]
    study = Study("uninet", "resnet18", seed=3, supervised=True)
    make_style(study, cloth, tmp_path / "work")
    labels = Path(commands[0][commands[0].index("--labels") + 1])
    names = {path.name.split("-")[0] for path in labels.iterdir()}
    assert names <= {"train", "tall"}
    assert "tall" in names
    assert study.folder("01") != Study("uninet", "resnet18", seed=3).folder("01")


def test_an_engine_of_another_precision_is_calibrated_built_and_given_thresholds(
    tmp_path: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = styles.run_step
    later: list[list[str]] = []

    def no_engine(arguments: list[str], place: Path) -> dict[str, float]:
        if arguments[:2] in (["export", "bundle"], ["train", "--model"]):
            return stand_in(arguments, place)
        later.append(list(arguments))
        return {}

    monkeypatch.setattr(styles, "run_step", no_engine)
    study = Study("rd4ad", "resnet18", seed=3, precision="int8")
    place = tmp_path / "work"
    style = make_style(study, strips(tmp_path), place)
    int8, engine, threshold = later
    assert int8[:2] == ["calibration", "int8"]
    assert int8[-1] == f"replay:{place / 'train.txt'}?channels=1"
    asked = ["--engine", "openvino", "--precision", "int8", "--device", "CPU"]
    assert engine == ["export", "engine", "--bundle", str(style.bundle.path), *asked]
    assert threshold[:2] == ["calibration", "threshold"]
    assert threshold[-6:] == asked


def test_other_settings_lie_elsewhere() -> None:
    plain = Study("rd4ad", "resnet18", seed=0)
    assert (plain.folder("01"), plain.bundle) == (Path("rd4ad-resnet18/01-seed0"), "bundle")
    assert STUDY.folder("01") != Study("rd4ad", "resnet18", seed=3).folder("01")
    assert STUDY.folder("01") == Study("rd4ad", "resnet18", seed=3, training=("--steps", "5")).folder("01")
    assert STUDY.bundle != plain.bundle


def test_a_step_is_timed_and_weighed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "heavy.py").write_text("block = b'x' * 300_000_000; print(len(block))")
    (tmp_path / "broken.py").write_text("print('one'); raise SystemExit('error: no cloth: give some.')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    taken = run_step(["heavy"], tmp_path)
    assert taken["peak_mb"] > 300
    assert taken["seconds"] > 0
    with pytest.raises(UserError, match=r"'python -m broken' failed in .*: no cloth: give some"):
        run_step(["broken"], tmp_path)
    assert (tmp_path / "log.txt").read_text() == "300000000\none\nerror: no cloth: give some.\n"


def test_grey_stored_as_colour_is_grey(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 255, (8, 8, 1), np.uint8)
    for name, image, answer in (
        ("grey", grey, 1),
        ("three", grey.repeat(3, axis=2), 1),
        ("colour", np.concatenate([grey, grey // 2, grey], axis=2), 3),
    ):
        cv2.imwrite(str(tmp_path / f"{name}.png"), image)
        assert colours(tmp_path / f"{name}.png") == answer
    with pytest.raises(UserError, match="cannot be read"):
        colours(tmp_path / "absent.png")


def test_a_style_without_lines_has_a_bundle_of_its_own_and_says_so() -> None:
    without = replace(STUDY, lines=False)
    assert without.folder("01") == STUDY.folder("01"), "the training is the same"
    assert without.bundle != STUDY.bundle
    assert without.settings == f"{STUDY.settings} --no-lines"
