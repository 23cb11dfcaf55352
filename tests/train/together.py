"""Trainings that are run by one process and by two, to be compared.

    torchrun --nproc-per-node 2 -m tests.train.together FOLDER

FOLDER holds the roll, and what was trained by one process; what two trained is written beside it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor

from train.loop import Training
from train.options import Options
from train.processes import Processes

MODELS = {"rd4ad": {"width": "8"}, "uninet": {"width": "8"}}
BATCH, STEPS, MIDDLE = 4, 20, 10


def options(folder: Path, model: str, out: str) -> Options:
    """A training on FOLDER/roll into FOLDER/out."""
    return Options(
        model=model,
        teacher="resnet18",
        weights="seeded:0",
        settings={**MODELS[model], "student": "slim"},
        rolls=(str(folder / "roll"),),
        labels=None,
        out=folder / out,
        steps=STEPS,
        batch=BATCH,
        lr=None,
        seed=0,
        tile=64,
        scale=1.0,
        mm_per_px=0.2,
        sim_lines=0,
        keep="last",
        device="cpu",
        amp="off",
        resume=False,
    )


def gradients(folder: Path, model: str, processes: Processes) -> dict[str, Tensor]:
    """Of the first step, with all batch norms in evaluation mode: each tile then counts by itself."""
    training = Training(options(folder, model, "unused"), processes)
    training.model.eval()
    training.model.train = lambda mode=True: training.model  # type: ignore[method-assign]
    training.step()
    return {name: p.grad for name, p in training.model.named_parameters() if p.grad is not None}


def half(folder: Path, model: str, out: str, processes: Processes) -> list[float]:
    """Train to the middle and save; the loss of each step."""
    training = Training(options(folder, model, out), processes)
    training.prepare()
    losses = [training.step() for _ in range(MIDDLE)]
    if processes.first:
        training.options.out.mkdir()
        training.save(training.evaluate()[0])
    return losses


def other_half(folder: Path, model: str, out: str, processes: Processes) -> list[float]:
    """Go on from a saved state to the end; the loss of each step, and the held-out loss at last."""
    training = Training(options(folder, model, out), processes)
    training.resume()
    assert training.progress.step == MIDDLE
    losses = [training.step() for _ in range(STEPS - MIDDLE)]
    return [*losses, training.evaluate()[0]]


def main(folder: Path) -> None:
    with Processes.joined("cpu", BATCH) as processes:
        torch.set_num_threads(1)
        for model in MODELS:
            found = {
                "gradients": gradients(folder, model, processes),
                "losses": half(folder, model, f"{model}-two", processes),
                "other_losses": other_half(folder, model, f"{model}-one", processes),
            }
            torch.save(found, folder / f"{model}-{processes.rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
