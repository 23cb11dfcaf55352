from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from runtime.command import status  # noqa: E402
from tests.train.strips import write_strips  # noqa: E402
from train import loop  # noqa: E402
from train.__main__ import main  # noqa: E402
from train.metrics import read_metrics  # noqa: E402
from train.recipe import read_recipe  # noqa: E402

pytestmark = pytest.mark.torch

SMALL = ["--teacher", "efficientnet_lite0", "--width", "8", "--tile", "64", "--batch", "2", "--steps", "3"]


@pytest.fixture(scope="module")
def roll(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_strips(tmp_path_factory.mktemp("roll"), 9)


@pytest.fixture(scope="module")
def trained(roll: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    assert main(["--rolls", str(roll), "--out", str(out), *SMALL]) == 0
    return out


def weights(folder: Path) -> dict[str, object]:
    return dict(torch.load(folder / "checkpoint.pt", weights_only=True))


def same(a: Path, b: Path) -> bool:
    one, other = weights(a), weights(b)
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_the_same_seed_gives_the_same_bits_and_another_does_not(roll: Path, trained: Path, tmp_path: Path) -> None:
    assert main(["--rolls", str(roll), "--out", str(tmp_path / "again"), *SMALL]) == 0
    assert same(trained, tmp_path / "again")
    assert main(["--rolls", str(roll), "--out", str(tmp_path / "other"), "--seed", "1", *SMALL]) == 0
    assert not same(trained, tmp_path / "other")


def test_a_resumed_training_is_the_uninterrupted_one(
    roll: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_step = loop.Training.step

    def cut_off(self: loop.Training) -> float:
        if self.progress.step == 2:
            raise KeyboardInterrupt
        return whole_step(self)

    monkeypatch.setattr(loop.Training, "step", cut_off)
    with pytest.raises(KeyboardInterrupt):
        main(["--rolls", str(roll), "--out", str(tmp_path), *SMALL])
    monkeypatch.undo()
    assert main(["--rolls", str(roll), "--out", str(tmp_path), "--resume", *SMALL]) == 0
    assert same(trained, tmp_path)
    assert read_recipe(tmp_path).chosen == read_recipe(trained).chosen
    assert [row["loss"] for row in read_metrics(tmp_path / "metrics.csv")] == [
        row["loss"] for row in read_metrics(trained / "metrics.csv")
    ]


def test_the_recipe_says_what_export_needs(trained: Path) -> None:
    recipe = read_recipe(trained)
    assert (recipe.tile, recipe.margin, recipe.channels, recipe.width) == (64, 8, 1, 8)
    assert recipe.teacher.licence == "Apache-2.0"
    assert recipe.rolls.lines == 800
    assert recipe.rolls.held_out_lines == 100
    held = [float(row["held_out"]) for row in read_metrics(trained / "metrics.csv")]
    assert recipe.chosen.held_out_loss == pytest.approx(min(held), rel=1e-4)
    assert recipe.chosen.step == held.index(min(held)) + 1
    assert (trained / "metrics.png").stat().st_size > 0


def test_resuming_with_other_options_is_refused(roll: Path, trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(main, ["--rolls", str(roll), "--out", str(trained), "--resume", *SMALL, "--width", "16"]) == 2
    assert "other width" in capsys.readouterr().err


def test_a_training_is_not_overwritten(roll: Path, trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(main, ["--rolls", str(roll), "--out", str(trained), *SMALL]) == 2
    assert "--resume" in capsys.readouterr().err


def test_input_that_cannot_be_used_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(main, ["--rolls", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out"), *SMALL]) == 2
    error = capsys.readouterr().err
    assert "nowhere" in error
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_a_loss_that_is_no_number_stops_the_training(
    roll: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = torch.tensor(float("nan"))
    monkeypatch.setattr("train.models.rd4ad.Rd4ad.loss", lambda self, pixels: broken)
    assert status(main, ["--rolls", str(roll), "--out", str(tmp_path), *SMALL]) == 2
    assert "lower --lr" in capsys.readouterr().err
    assert not (tmp_path / "recipe.yaml").exists()
