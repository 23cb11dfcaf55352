from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from export import parity  # noqa: E402
from export.__main__ import main  # noqa: E402
from runtime.bundle import Bundle  # noqa: E402
from runtime.command import status  # noqa: E402
from runtime.engines.openvino import OpenVinoEngine  # noqa: E402
from tests.train.small import FORMS, SMALL, trained  # noqa: E402
from tests.train.strips import write_strips  # noqa: E402
from train.__main__ import main as train  # noqa: E402
from train.models import MODELS  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    listed = ["--rolls", str(write_strips(folder / "roll", 9)), "--out", str(folder / "net"), *SMALL, *FORMS["rd4ad"]]
    assert train(listed) == 0
    return folder / "net"


def export(checkpoint: Path, out: Path, *more: str) -> int:
    return status(main, ["bundle", "--checkpoint", str(checkpoint), "--out", str(out), "--name", "plain weave", *more])


@pytest.fixture(scope="module")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    out = tmp_path_factory.mktemp("exported") / "bundle"
    assert export(checkpoint, out) == 0
    return Bundle(out)


def test_a_training_becomes_a_bundle_that_the_runtime_loads(exported: Bundle) -> None:
    bundle = exported
    assert bundle.recipe.name == "plain weave"
    assert bundle.recipe.tiles.tile == 64
    assert "Apache-2.0" in (bundle.path / "NOTICE").read_text()
    engine = OpenVinoEngine(bundle)
    assert (engine.spec.tile, engine.spec.channels, engine.spec.map_stride, engine.spec.margin) == (64, 1, 4, 8)
    engine.close()


def test_the_recipe_says_what_the_map_is_made_of(exported: Bundle) -> None:
    told = exported.recipe.trained
    assert told["look"] == {"sigma": 4.0, "taps": "123", "join": "sum", "channels": "both"}
    assert {name: len(values) for name, values in told["scale"].items()} == {"usual": 9, "middle": 9, "spread": 9}
    assert min(told["scale"]["spread"]) > 0
    assert told["settings"]["width"] == 8
    assert told["teacher"]["licence"] == "Apache-2.0"
    assert told["learning"]["steps"] == 3


def test_other_options_make_another_bundle_and_are_told(checkpoint: Path, exported: Bundle, tmp_path: Path) -> None:
    options = ("--sigma", "2", "--taps", "23", "--join", "sum", "--channels", "net")
    assert export(checkpoint, tmp_path / "bundle", *options) == 0
    other = Bundle(tmp_path / "bundle")
    assert other.id != exported.id
    assert other.recipe.trained["look"] == {"sigma": 2.0, "taps": "23", "join": "sum", "channels": "net"}
    assert len(other.recipe.trained["scale"]["middle"]) == 1


@pytest.mark.parametrize("model", sorted(MODELS))
@pytest.mark.parametrize("teacher", ["efficientnet_lite0", "resnet18"])
def test_every_model_trains_and_becomes_a_bundle_on_any_teacher(
    checkpoint: Path, tmp_path: Path, model: str, teacher: str
) -> None:
    steps = [] if model == "knn" else ["--steps", "2"]
    net = trained(checkpoint.parent / "roll", tmp_path / "net", "--teacher", teacher, *steps, model=model)
    # Without the filters, behind which a net's forms could differ unseen.
    assert export(net, tmp_path / "bundle", "--channels", "net") == 0
    bundle = Bundle(tmp_path / "bundle")
    assert (bundle.recipe.model, bundle.recipe.teacher) == (model, teacher)
    OpenVinoEngine(bundle).close()


def test_the_same_training_gives_the_same_bundle_and_says_how_well_its_forms_agree(
    checkpoint: Path, exported: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(checkpoint, tmp_path / "bundle") == 0
    assert Bundle(tmp_path / "bundle").id == exported.id
    printed = capsys.readouterr().out
    assert "onnxruntime fp32" in printed
    assert "openvino fp32 CPU" in printed
    assert exported.id in printed


def test_forms_that_disagree_write_nothing(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    honest = parity.run_openvino

    def off(model: Path, tiles: np.ndarray) -> parity.Outputs:
        found = honest(model, tiles)
        return parity.Outputs(found.maps + np.float32(0.1), found.scores)

    monkeypatch.setattr(parity, "run_openvino", off)
    assert export(checkpoint, tmp_path / "bundle") == 2
    assert "openvino fp32 CPU differs" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_folder_in_use_is_left_alone(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "keep.txt").write_text("mine")
    assert export(checkpoint, tmp_path) == 2
    assert "exists already" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["keep.txt"]


@pytest.mark.parametrize("lost", ["recipe.yaml", "checkpoint.pt", "held_out.npy"])
def test_an_incomplete_training_is_one_sentence(
    checkpoint: Path, tmp_path: Path, lost: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(checkpoint, tmp_path / "net")
    (tmp_path / "net" / lost).unlink()
    assert export(tmp_path / "net", tmp_path / "bundle") == 2
    assert lost in capsys.readouterr().err
    assert not (tmp_path / "bundle").exists()


def test_a_checkpoint_with_code_in_it_is_not_run(checkpoint: Path, tmp_path: Path) -> None:
    class Touch:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (tmp_path / "ran",)

    shutil.copytree(checkpoint, tmp_path / "net")
    torch.save({"w": Touch()}, tmp_path / "net" / "checkpoint.pt")
    assert export(tmp_path / "net", tmp_path / "bundle") == 2
    assert not (tmp_path / "ran").exists()
