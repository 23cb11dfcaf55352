"""``python -m train``: what it keeps, what it says, and that it can be repeated and resumed to the bit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from export.graph import load_model  # noqa: E402
from runtime.command import status  # noqa: E402
from tests.train.labelled import write_pair  # noqa: E402
from tests.train.small import FORMS, SMALL, arguments, kept, same, trained  # noqa: E402
from tests.train.strips import write_strips  # noqa: E402
from train import checkpoint, loop  # noqa: E402
from train.__main__ import main  # noqa: E402
from train.metrics import read_metrics  # noqa: E402
from train.models import MODELS, settings_help  # noqa: E402
from train.models.base import Level  # noqa: E402
from train.recipe import read_recipe  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def roll(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_strips(tmp_path_factory.mktemp("roll"), 9)


@pytest.fixture(scope="module")
def usual(roll: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(roll, tmp_path_factory.mktemp("usual"))


def refused(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> str:
    """The one sentence that a command ends with."""
    capsys.readouterr()
    assert status(main, arguments) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1, said
    return said[0]


def test_the_same_seed_gives_the_same_bits_and_another_does_not(roll: Path, usual: Path, tmp_path: Path) -> None:
    assert same(kept(usual), kept(trained(roll, tmp_path / "again")))
    assert not same(kept(usual), kept(trained(roll, tmp_path / "other", "--seed", "1")))


def test_the_first_weights_follow_from_the_seed_too(roll: Path, tmp_path: Path) -> None:
    still = ("--steps", "1", "--lr", "1e-12")
    one, other = (kept(trained(roll, tmp_path / seed, "--seed", seed, *still)) for seed in ("0", "1"))
    convolution = next(name for name, value in one.items() if value.ndim == 4)
    assert not torch.allclose(one[convolution], other[convolution], atol=1e-3)


@pytest.mark.parametrize(
    ("model", "keep"), [("rd4ad", "best"), ("rd4ad", "ema"), ("cfa", "best"), ("cfa", "ema"), ("uninet", "last")]
)
def test_a_resumed_training_is_the_uninterrupted_one(
    roll: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, keep: str
) -> None:
    whole, cut = trained(roll, tmp_path / "whole", "--keep", keep, model=model), tmp_path / "cut"
    step = loop.Training.step

    def cut_off(self: loop.Training) -> float:
        if self.progress.step == 2:
            raise KeyboardInterrupt
        return step(self)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Training, "step", cut_off)
        with pytest.raises(KeyboardInterrupt):
            trained(roll, cut, "--keep", keep, model=model)
    trained(roll, cut, "--keep", keep, "--resume", model=model)
    assert same(kept(whole), kept(cut))
    assert read_recipe(whole).chosen == read_recipe(cut).chosen
    rows = [[row["loss"], row["held_out"], row["lr"], row["watched"]] for row in read_metrics(whole / "metrics.csv")]
    again = [[row["loss"], row["held_out"], row["lr"], row["watched"]] for row in read_metrics(cut / "metrics.csv")]
    assert rows == again
    assert len(rows) == 3


def test_each_way_to_keep_weights_keeps_others(roll: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}

    def second_is_lowest(self: loop.Training) -> tuple[float, dict[str, float]]:
        seen[self.progress.step] = {k: v.clone() for k, v in self.model.learnt().items()}
        return {1: 3.0, 2: 1.0, 3: 2.0}[self.progress.step], {}

    monkeypatch.setattr(loop.Training, "evaluate", second_is_lowest)
    found = {keep: trained(roll, tmp_path / keep, "--keep", keep) for keep in ("best", "last", "ema")}
    assert same(kept(found["best"]), seen[2])
    assert same(kept(found["last"]), seen[3])
    assert same(kept(found["ema"]), checkpoint.load(found["ema"] / "state.pt")["average"])
    assert not same(kept(found["ema"]), seen[3])
    assert not same(seen[2], seen[3])
    chosen = {keep: read_recipe(folder).chosen for keep, folder in found.items()}
    assert {keep: (c.step, c.held_out_loss) for keep, c in chosen.items()} == {
        "best": (2, 1.0),
        "last": (3, 2.0),
        "ema": (3, 2.0),
    }


@pytest.mark.parametrize("model", ["cfa", "knn"])
def test_what_a_model_found_in_preparing_is_averaged_with_its_weights(roll: Path, tmp_path: Path, model: str) -> None:
    last = kept(trained(roll, tmp_path / "last", "--keep", "last", model=model))
    averaged = kept(trained(roll, tmp_path / "ema", "--keep", "ema", model=model))
    assert len(averaged["bank.entries"]) > 0
    torch.testing.assert_close(averaged["bank.entries"], last["bank.entries"])


def test_arithmetic_is_as_asked_for_and_matters(roll: Path, usual: Path, tmp_path: Path) -> None:
    halves = trained(roll, tmp_path, "--amp", "on")
    assert read_recipe(usual).learning.arithmetic == "float32"
    assert read_recipe(halves).learning.arithmetic == "bfloat16"
    assert not same(kept(usual), kept(halves))
    assert {value.dtype for value in kept(halves).values()} <= {torch.float32, torch.int64}


def test_weights_of_the_teacher_are_as_asked_for(roll: Path, usual: Path, tmp_path: Path) -> None:
    other = trained(roll, tmp_path / "other", "--weights", "seeded:1")
    assert not same(kept(usual), kept(other))
    teacher = read_recipe(other).teacher
    assert (teacher.weights, teacher.sha256) == ("seeded:1", "seeded:1")


def test_each_model_can_be_shown_its_tiles_at_half_their_size(roll: Path, tmp_path: Path) -> None:
    for model in FORMS:
        many = ["--set", "gamma_c=4"] if model == "cfa" else []  # centres, of half as many patches along each axis
        out = trained(roll, tmp_path / model, "--scale", "0.5", *many, model=model)
        recipe = read_recipe(out)
        assert recipe.teacher.scale == 0.5
        assert load_model(out, recipe).levels[0] == Level(8, 6.5)


def test_the_recipe_says_all(roll: Path, usual: Path) -> None:
    recipe = read_recipe(usual)
    assert (recipe.model, recipe.tile, recipe.margin, recipe.blend, recipe.channels) == ("rd4ad", 64, 8, 4, 1)
    assert recipe.mm_per_px == 0.2
    assert recipe.settings == {"student": "auto", "bottleneck": "oce+mff", "loss": "flattened", "width": 8}
    teacher, rolls, learning = recipe.teacher, recipe.rolls, recipe.learning
    assert (teacher.name, teacher.weights, teacher.licence) == ("efficientnet_lite0", "seeded:0", "none")
    assert (rolls.paths, rolls.labels, rolls.lines, rolls.held_out_lines) == ([str(roll)], None, 800, 100)
    assert learning.model_dump() == {
        "steps": 3,
        "batch": 2,
        "lr": 1e-2,
        "seed": 0,
        "keep": "best",
        "device": "cpu",
        "arithmetic": "float32",
        "processes": 1,
    }
    assert set(recipe.versions) == {"weftwatch", "python", "torch", "numpy"}
    held = [float(row["held_out"]) for row in read_metrics(usual / "metrics.csv")]
    assert recipe.chosen.held_out_loss == pytest.approx(min(held), rel=1e-4)
    assert recipe.chosen.step == held.index(min(held)) + 1
    assert (usual / "metrics.png").stat().st_size > 0


def test_released_weights_are_named_with_their_licence(roll: Path, tmp_path: Path) -> None:
    listed = ["--rolls", str(roll), "--out", str(tmp_path), *SMALL, *FORMS["rd4ad"]]
    assert main(listed) == 0
    teacher = read_recipe(tmp_path).teacher
    assert (teacher.weights, teacher.licence, len(teacher.sha256)) == (None, "Apache-2.0", 64)


def test_a_model_that_is_done_once_prepared_takes_no_step(roll: Path, tmp_path: Path) -> None:
    out = trained(roll, tmp_path, model="knn")
    recipe = read_recipe(out)
    assert (recipe.learning.steps, recipe.chosen.step) == (0, 0)
    assert recipe.chosen.held_out_loss > 0
    assert len(kept(out)["bank.entries"]) == 64
    assert read_metrics(out / "metrics.csv") == []
    assert same(kept(out), kept(trained(roll, out, "--resume", model="knn")))


def test_a_model_is_watched_where_it_is_evaluated(roll: Path, tmp_path: Path) -> None:
    for row in read_metrics(trained(roll, tmp_path, "--steps", "20", model="cfa") / "metrics.csv"):
        watched = dict(pair.split("=") for pair in row["watched"].split())
        taken = int(row["step"]) % 2 == 0
        assert set(watched) == ({"spread", "radius", "inside", "repulsion"} if taken else set())
        assert bool(row["held_out"]) == taken
        assert all(float(value) >= 0 for value in watched.values())


def test_rates_of_all_groups_rise_and_fall_together_from_their_own_heights(
    roll: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates, progress, step = [], [], loop.Training.step

    def noted(self: loop.Training) -> float:
        loss = step(self)
        rates.append([group["lr"] for group in self.optimizer.param_groups])
        progress.append(self.model.progress)
        return loss

    monkeypatch.setattr(loop.Training, "step", noted)
    more = ["--steps", "4", "--lr", "0.01", "--set", "width=8", "target_lr=0.0001"]
    trained(roll, tmp_path, *more, model="uninet")
    shares = [1.0, 1.0, 0.75, 0.25]  # one step of warm-up, then half a cosine over three
    assert rates == [pytest.approx([0.01 * share, 1e-4 * share]) for share in shares]
    assert progress == [0, 0.25, 0.5, 0.75]


def test_a_training_goes_on_only_as_it_began_and_only_where_asked(
    roll: Path, usual: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "--resume" in refused(capsys, arguments(roll, usual))
    assert "other settings" in refused(capsys, arguments(roll, usual, "--resume", "--set", "width=16"))
    assert "other batch, keep" in refused(capsys, arguments(roll, usual, "--resume", "--batch", "4", "--keep", "ema"))


def test_uninet_learns_from_labelled_defects(roll: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = str(tmp_path / "labels")
    write_pair(tmp_path / "labels", "knot", (50, 50))
    two = ("--steps", "2", "--batch", "4")
    without = trained(roll, tmp_path / "without", *two, model="uninet")
    taught = trained(roll, tmp_path / "with", *two, "--labels", labels, model="uninet")
    assert read_recipe(taught).rolls.labels == labels
    assert not same(kept(without), kept(taught))
    alone = arguments(roll, tmp_path / "alone", "--batch", "1", "--labels", labels, model="uninet")
    assert "--batch 2 or more" in refused(capsys, alone)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--set", "with=8"], "--set with: .* rd4ad has the settings student, bottleneck, loss, width"),
        (["--set", "width=wide"], "--set width: .*integer"),
        (["--set", "width=1"], "--set width: .*4"),
        (["--set", "width"], "--set width: write NAME=VALUE"),
        (["--set", "=8"], "--set =8: write NAME=VALUE"),
        (["--set", "student=mirror"], "efficientnet_lite0 is no ResNet"),
        (["--model", "patchcore"], "No model 'patchcore': choose one of cfa, knn, rd4ad, uninet"),
        (["--teacher", "vgg16"], "No teacher 'vgg16'"),
        (["--weights", "seeded:x"], "seeded:0"),
        (["--weights", "nowhere.pth"], "nowhere.pth"),
        (["--rolls", "nowhere"], "nowhere"),
        (["--model", "knn", "--set", "count=64"], "--steps: knn is done once it has looked at the rolls"),
        (["--labels", "."], "--labels: rd4ad learns from normal cloth alone"),
        (["--steps", "0"], "--steps must be above 0, got 0"),
        (["--lr", "-1"], "--lr must be above 0, got -1"),
        (["--tile", "100"], "multiple of 64"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_leaves_nothing(
    roll: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    sentence = refused(capsys, arguments(roll, tmp_path / "out", *more))
    assert re.search(said, sentence), sentence
    assert not (tmp_path / "out").exists()


def test_a_loss_that_is_no_number_stops_the_training(
    roll: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = torch.tensor(float("nan"))
    monkeypatch.setattr("train.models.rd4ad.Rd4ad.loss", lambda self, pixels, masks: broken)
    assert status(main, arguments(roll, tmp_path)) == 2
    assert "lower --lr" in capsys.readouterr().err
    assert not (tmp_path / "recipe.yaml").exists()


def test_help_lists_the_settings_of_each_model(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    printed = capsys.readouterr().out
    for name, model in MODELS.items():
        part = printed.split(f"\n  {name}\n")[1]
        for setting, default, said in settings_help(model):
            assert f"    {setting}={default}  {said}\n" in part
