"""One process and two: the same gradients, states that either goes on from, and the first one alone writes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from runtime.command import status  # noqa: E402
from tests.train import together  # noqa: E402
from tests.train.small import arguments, kept  # noqa: E402
from tests.train.strips import write_strips  # noqa: E402
from train.__main__ import main  # noqa: E402
from train.metrics import read_metrics  # noqa: E402
from train.models import build_model  # noqa: E402
from train.processes import Processes  # noqa: E402
from train.recipe import read_recipe  # noqa: E402
from train.teachers import build_teacher  # noqa: E402

pytestmark = pytest.mark.torch

CPU = torch.device("cpu")
ALONE = Processes(CPU)


def two(module: str, *listed: str) -> None:
    """Run a module in two processes that meet over the loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-addr", "127.0.0.1"]
    done = subprocess.run(
        [*command, "--master-port", str(port), "-m", module, *listed],
        env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a training of each model by one process, and all that two processes made of it."""
    folder = tmp_path_factory.mktemp("together")
    write_strips(folder / "roll", 9)
    for model in together.MODELS:
        together.half(folder, model, f"{model}-one", ALONE)
    two("tests.train.together", str(folder))
    return folder


def found(folder: Path, model: str, rank: int = 0) -> dict[str, object]:
    return dict(torch.load(folder / f"{model}-{rank}.pt", weights_only=True))


@pytest.mark.net
@pytest.mark.parametrize("model", together.MODELS)
def test_two_processes_step_by_the_gradients_of_one(folder: Path, model: str) -> None:
    expected = together.gradients(folder, model, ALONE)
    largest = max(float(gradient.abs().max()) for gradient in expected.values())
    for rank in (0, 1):
        gradients = found(folder, model, rank)["gradients"]
        assert gradients.keys() == expected.keys()
        for name, gradient in gradients.items():
            torch.testing.assert_close(gradient, expected[name], rtol=0, atol=1e-5 * largest, msg=name)
    assert found(folder, model, 0)["losses"] != found(folder, model, 1)["losses"], "each saw tiles of its own"


@pytest.mark.net
@pytest.mark.parametrize("model", together.MODELS)
def test_either_goes_on_where_the_other_stopped_and_the_loss_falls(folder: Path, model: str) -> None:
    first, *_ = found(folder, model)["losses"]
    *one, held_out_one = together.other_half(folder, model, f"{model}-two", ALONE)
    *two_, held_out_two = found(folder, model)["other_losses"]
    for last in (np.mean(one[-3:]), np.mean(two_[-3:]), held_out_one, held_out_two):
        assert last < 0.95 * first


@pytest.mark.net
def test_the_first_process_writes_for_both(tmp_path: Path) -> None:
    roll = write_strips(tmp_path / "roll", 9)
    two("train", *arguments(roll, tmp_path / "out", model="cfa"))
    recipe = read_recipe(tmp_path / "out")
    assert recipe.learning.processes == 2
    assert [int(row["step"]) for row in read_metrics(tmp_path / "out" / "metrics.csv")] == [1, 2, 3]
    assert len(kept(tmp_path / "out")["bank.entries"]) > 0


def test_a_model_with_nothing_to_train_has_no_gradients_to_average() -> None:
    model = build_model("knn", build_teacher("efficientnet_lite0", "seeded:0"))
    assert Processes(CPU, 0, 2).averaging(model) is model


def test_shares_together_are_the_batch() -> None:
    batch = np.arange(6)
    shares = [Processes(CPU, rank, 3).share(batch) for rank in range(3)]
    assert [len(share) for share in shares] == [2, 2, 2]
    assert sorted(np.concatenate(shares)) == batch.tolist()
    np.testing.assert_array_equal(ALONE.share(batch), batch)
    assert [Processes(CPU, rank, 3).first for rank in range(3)] == [True, False, False]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--batch", "3"], "--batch 3 cannot be shared alike by 2 processes: choose a multiple"),
        pytest.param(
            ["--device", "cuda"],
            "--device cuda: torch sees no CUDA device here; use --device cpu",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device"),
        ),
    ],
)
def test_what_processes_cannot_do_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert status(main, arguments(tmp_path / "roll", tmp_path / "out", *more)) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("wanted", "name"), [("on", "bfloat16"), ("off", "float32")])
def test_products_are_halves_where_that_is_wanted(wanted: str, name: str) -> None:
    arithmetic = ALONE.half_precision(wanted)
    a = torch.ones(2, 2)
    with arithmetic():
        product = a @ a
    assert arithmetic.name == name
    assert product.dtype == getattr(torch, name)
    assert ALONE.half_precision("auto").name in ("float32", "bfloat16")
