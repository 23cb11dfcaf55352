"""The one training loop: random tiles of normal cloth, Adam, a held-out loss that chooses the checkpoint."""

from __future__ import annotations

import math
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

import runtime
from runtime.errors import UserError
from runtime.types import UInt8
from train import checkpoint
from train.metrics import Metrics, plot
from train.models import AnomalyModel, build_model
from train.recipe import (
    ChosenSection,
    LearningSection,
    RollsSection,
    TeacherSection,
    TrainRecipe,
    write_recipe,
)
from train.rolls import Tiles, geometry_for, read_rolls
from train.teachers import build_teacher

BETAS = (0.5, 0.999)
CLIP_NORM = 1.0
HELD_OUT_TILES = 48
EVALUATIONS = 10
"""How often the held-out loss is taken and the state is saved, over a training."""


@dataclass(frozen=True)
class Options:
    """What a training is asked to do; see ``python -m train --help``."""

    model: str
    teacher: str
    rolls: tuple[str, ...]
    out: Path
    steps: int
    batch: int
    lr: float
    seed: int
    tile: int
    mm_per_px: float
    width: int
    loss: str
    device: str
    sim_lines: int
    resume: bool

    def identity(self) -> dict[str, Any]:
        """What must not change when a training is resumed."""
        same = asdict(self)
        for free in ("out", "resume", "device"):
            del same[free]
        return {**same, "rolls": list(self.rolls)}


@dataclass
class Progress:
    """Where a training stands."""

    step: int = 0
    best_step: int = 0
    best_loss: float = math.inf


class Training:
    """Model, optimiser and data of one training.

    Raises:
        UserError: names, rolls or device that cannot be used.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        geometry = geometry_for(options.tile)
        device = open_device(options.device)
        split = read_rolls(list(options.rolls), geometry, options.mm_per_px, options.sim_lines)
        self.tiles, held = Tiles(split.training, geometry), Tiles(split.held_out, geometry)
        self.held_out_lines, self.held_out = held.lines, held.grid(HELD_OUT_TILES)
        teacher = build_teacher(options.teacher)
        torch.manual_seed(options.seed)
        self.model: AnomalyModel = build_model(options.model, teacher, options.width, options.loss).to(device)
        self.device = device
        self.weights = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(self.weights, lr=options.lr, betas=BETAS)
        self.progress = Progress()

    def step(self) -> float:
        """One step; its tiles and its learning rate follow from the seed and the step's number alone.

        Raises:
            UserError: the loss is no number any more.
        """
        number = self.progress.step
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr(number)
        rng = np.random.default_rng([self.options.seed, number])
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.model.loss(self._load(self.tiles.sample(rng, self.options.batch)))
        if not torch.isfinite(loss):
            raise UserError(f"The loss is {loss.item()} at step {number}: train again with a lower --lr.")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.weights, CLIP_NORM)
        self.optimizer.step()
        self.progress.step += 1
        return loss.item()

    def lr(self, step: int) -> float:
        """Linear warm-up over a twentieth of the steps, then a cosine down to 0."""
        warm = max(1, self.options.steps // 20)
        if step < warm:
            return self.options.lr * (step + 1) / warm
        return self.options.lr * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, self.options.steps - warm)))

    def evaluate(self) -> float:
        """Mean loss over the held-out tiles, in evaluation mode."""
        self.model.eval()
        total = 0.0
        with torch.no_grad():
            for first in range(0, len(self.held_out), self.options.batch):
                part = self.held_out[first : first + self.options.batch]
                total += self.model.loss(self._load(part)).item() * len(part)
        return total / len(self.held_out)

    def save(self, held_out: float) -> None:
        """Write checkpoint.pt if this is the lowest held-out loss so far, then the state to resume from."""
        if held_out < self.progress.best_loss:
            self.progress.best_loss, self.progress.best_step = held_out, self.progress.step
            checkpoint.save(self.options.out / "checkpoint.pt", self.model.learnt())
            np.save(self.options.out / "held_out.npy", self.held_out, allow_pickle=False)
        checkpoint.save(
            self.options.out / "state.pt",
            {
                "options": self.options.identity(),
                "crc32": self.tiles.digest(),
                "progress": asdict(self.progress),
                "learnt": self.model.learnt(),
                "optimizer": self.optimizer.state_dict(),
            },
        )

    def resume(self) -> None:
        """Continue from state.pt.

        Raises:
            UserError: no state there, or it is the state of another training.
        """
        path = self.options.out / "state.pt"
        state = checkpoint.load(path)
        wanted = {**self.options.identity(), "crc32": self.tiles.digest()}
        found = {**state["options"], "crc32": state["crc32"]}
        changed = sorted(key for key in wanted if wanted[key] != found.get(key))
        if changed:
            raise UserError(f"--resume: '{path}' was trained with other {', '.join(changed)}: give the same again.")
        self.model.restore(state["learnt"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.progress = Progress(**state["progress"])

    def recipe(self) -> TrainRecipe:
        """What was done, for export."""
        options, geometry, spec = self.options, self.tiles.geometry, self.model.teacher.spec
        return TrainRecipe(
            model=options.model,
            width=options.width,
            teacher=TeacherSection(name=spec.name, licence=spec.licence, source=spec.source, sha256=spec.sha256),
            tile=geometry.tile,
            margin=geometry.margin,
            blend=geometry.blend,
            channels=self.tiles.channels,
            mm_per_px=options.mm_per_px,
            rolls=RollsSection(
                paths=list(options.rolls),
                sim_lines=options.sim_lines,
                lines=self.tiles.lines,
                held_out_lines=self.held_out_lines,
                crc32=self.tiles.digest(),
            ),
            learning=LearningSection(
                steps=options.steps,
                batch=options.batch,
                lr=options.lr,
                seed=options.seed,
                loss=options.loss,
                device=options.device,
            ),
            chosen=ChosenSection(step=self.progress.best_step, held_out_loss=self.progress.best_loss),
            versions={
                "weftwatch": runtime.__version__,
                "python": platform.python_version(),
                "torch": torch.__version__,
                "numpy": np.__version__,
            },
        )

    def _load(self, tiles: UInt8) -> torch.Tensor:
        return torch.from_numpy(tiles).to(self.device)


def train(options: Options) -> TrainRecipe:
    """Train to the end.

    Written into ``options.out``: checkpoint.pt, recipe.yaml, held_out.npy (the held-out tiles, by which export
    compares engines), metrics.csv, metrics.png, and state.pt to resume from.

    Raises:
        UserError: input that cannot be used, or a folder with another training in it.
    """
    if (options.out / "state.pt").exists() and not options.resume:
        raise UserError(f"'{options.out}' holds a training already: continue it with --resume, or name another folder.")
    training = Training(options)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.resume:
        training.resume()
    every = max(1, options.steps // EVALUATIONS)
    metrics = Metrics(options.out / "metrics.csv", training.progress.step)
    try:
        with tqdm(total=options.steps, initial=training.progress.step, unit="step") as bar:
            while training.progress.step < options.steps:
                started = time.monotonic()
                lr, loss = training.lr(training.progress.step), training.step()
                rate = 1 / (time.monotonic() - started)
                held_out = None
                step = training.progress.step
                if step % every == 0 or step == options.steps:
                    held_out = training.evaluate()
                    training.save(held_out)
                metrics.add(step, loss, held_out, lr, rate)
                bar.update()
                bar.set_postfix(loss=f"{loss:.4f}", held_out=f"{training.progress.best_loss:.4f}", refresh=False)
    finally:
        metrics.close()
    recipe = training.recipe()
    write_recipe(options.out, recipe)
    plot(options.out / "metrics.csv", options.out / "metrics.png")
    return recipe


def open_device(name: str) -> torch.device:
    """The device to train on.

    Raises:
        UserError: there is no such device here.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: torch sees no CUDA device here; use --device cpu.")
    return torch.device(name)
