"""The one training loop: random tiles of normal cloth, a model's own optimiser, a held-out loss that chooses."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass

import numpy as np
import torch
from tqdm import tqdm

import runtime
from runtime.errors import UserError
from runtime.types import UInt8
from train import checkpoint
from train.average import WeightAverage
from train.labels import Labelled, read_labelled
from train.metrics import Metrics, plot
from train.models import AnomalyModel, build_model
from train.options import Options
from train.processes import Processes
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

CLIP_NORM = 1.0
HELD_OUT_TILES = 96
EVALUATIONS = 8
"""How often the held-out loss is taken and the state is saved, over a training."""
PREPARING_TILES = 256
"""How many tiles a model may look at before the first step."""
LABELLED_SHARE = 0.5
"""Share of a batch that is drawn around labelled defects, where there are any."""


@dataclass
class Progress:
    """Where a training stands."""

    step: int = 0
    best_step: int = 0
    best_loss: float = math.inf


class Training:
    """Model, optimiser and data of one training, in one of its processes.

    Raises:
        UserError: names, rolls or device that cannot be used.
    """

    def __init__(self, options: Options, processes: Processes) -> None:
        self.options = options
        self.processes = processes
        geometry = geometry_for(options.tile)
        split = read_rolls(list(options.rolls), geometry, options.mm_per_px, options.sim_lines)
        self.tiles, held = Tiles(split.training, geometry), Tiles(split.held_out, geometry)
        self.held_out_lines, self.held_out = held.lines, held.grid(HELD_OUT_TILES)
        teacher = build_teacher(options.teacher, options.weights, options.scale)
        torch.manual_seed(options.seed)
        self.model: AnomalyModel = build_model(options.model, teacher, options.settings).to(processes.device)
        self.labelled = self._read_labels()
        self.steps = self._steps()
        self.lr = self.model.default_lr if options.lr is None else options.lr
        self.step_module = processes.averaging(self.model)
        self.weights = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = self.model.optimizer(self.lr)
        self.highest = [float(group["lr"]) for group in self.optimizer.param_groups]
        self.average: WeightAverage | None = None
        self.amp = processes.half_precision(options.amp)
        self.progress = Progress()

    def prepare(self) -> None:
        """Let the model look at normal tiles; once, before the first step of a training that is not resumed."""
        self.model.eval()
        self.model.prepare(self._preparing())
        self.model.train()
        if self.options.keep == "ema":  # not before: what was found in preparing is no part of a mean
            self.average = WeightAverage(self.model)

    def step(self) -> float:
        """One step; its tiles and its learning rate follow from the seed and the step's number alone.

        Raises:
            UserError: the loss is no number any more.
        """
        number = self.progress.step
        for group, highest in zip(self.optimizer.param_groups, self.highest, strict=True):
            group["lr"] = highest * self.schedule(number)
        self.model.progress = number / self.steps
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        with self.amp():
            loss: torch.Tensor = self.step_module(*self._draw(number))
        if not torch.isfinite(loss):
            raise UserError(f"The loss is {loss.item()} at step {number}: train again with a lower --lr.")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.weights, CLIP_NORM)
        self.optimizer.step()
        if self.average:
            self.average.add(self.model)
        self.progress.step += 1
        return loss.item()

    def schedule(self, step: int) -> float:
        """Share of the highest learning rate: linear warm-up over a twentieth of the steps, then a cosine to 0."""
        warm = max(1, self.steps // 20)
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, self.steps - warm)))

    def evaluate(self) -> tuple[float, dict[str, float]]:
        """Mean loss over the held-out tiles, in evaluation mode, and what the model says of itself.

        Raises:
            UserError: the model has collapsed.
        """
        self.model.eval()
        total = 0.0
        with torch.no_grad(), self.amp(), self._averaged():
            for first in range(0, len(self.held_out), self.options.batch):
                part = self.held_out[first : first + self.options.batch]
                total += self.model.loss(self._load(part)).item() * len(part)
            watched = self.model.watch(self._load(self.held_out[: self.options.batch]))
        return total / len(self.held_out), watched

    def save(self, held_out: float) -> None:
        """Write checkpoint.pt if these weights are to be kept, then the state to resume from."""
        last = self.progress.step == self.steps
        if (held_out < self.progress.best_loss) if self.options.keep == "best" else last:
            self.progress.best_loss, self.progress.best_step = held_out, self.progress.step
            with self._averaged():
                checkpoint.save(self.options.out / "checkpoint.pt", self.model.learnt())
            np.save(self.options.out / "held_out.npy", self.held_out, allow_pickle=False)
        checkpoint.save(
            self.options.out / "state.pt",
            {
                "options": self.options.identity(),
                "crc32": self.tiles.digest(),
                "progress": asdict(self.progress),
                "learnt": self.model.learnt(),
                "average": self.average.state if self.average else None,
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
        if state["average"]:
            self.model.restore(state["average"])
            self.average = WeightAverage(self.model)
        self.model.restore(state["learnt"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.progress = Progress(**state["progress"])

    def recipe(self) -> TrainRecipe:
        """What was done, for export."""
        options, geometry, spec = self.options, self.tiles.geometry, self.model.teacher.spec
        return TrainRecipe(
            model=options.model,
            settings=self.model.settings.model_dump(mode="json"),
            teacher=TeacherSection(
                name=spec.name,
                weights=options.weights,
                licence=spec.licence,
                source=spec.source,
                sha256=spec.sha256,
                scale=options.scale,
            ),
            tile=geometry.tile,
            margin=geometry.margin,
            blend=geometry.blend,
            channels=self.tiles.channels,
            mm_per_px=options.mm_per_px,
            rolls=RollsSection(
                paths=list(options.rolls),
                labels=options.labels,
                sim_lines=options.sim_lines,
                lines=self.tiles.lines,
                held_out_lines=self.held_out_lines,
                crc32=self.tiles.digest(),
            ),
            learning=LearningSection(
                steps=self.steps,
                batch=options.batch,
                lr=self.lr,
                seed=options.seed,
                keep=options.keep,
                device=options.device,
                arithmetic=self.amp.name,
                processes=self.processes.count,
            ),
            chosen=ChosenSection(step=self.progress.best_step, held_out_loss=self.progress.best_loss),
            versions={
                "weftwatch": runtime.__version__,
                "python": platform.python_version(),
                "torch": torch.__version__,
                "numpy": np.__version__,
            },
        )

    def _steps(self) -> int:
        options, usual = self.options, self.model.default_steps
        if options.steps is not None and usual == 0:
            raise UserError(f"--steps: {options.model} is done once it has looked at the rolls; leave --steps out.")
        return usual if options.steps is None else options.steps

    def _read_labels(self) -> Labelled | None:
        options = self.options
        if options.labels is None:
            return None
        if not self.model.uses_labels:
            raise UserError(f"--labels: {options.model} learns from normal cloth alone; labels are for uninet.")
        if options.batch < 2:
            raise UserError("--labels: a batch is half labelled and half normal tiles; give --batch 2 or more.")
        return read_labelled(options.labels, self.tiles.geometry, self.tiles.channels)

    def _draw(self, number: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """This process's share of a step's tiles, and their masks where some are labelled."""
        rng = np.random.default_rng([self.options.seed, number])
        labelled = 0 if self.labelled is None else round(LABELLED_SHARE * self.options.batch)
        tiles = self.tiles.sample(rng, self.options.batch - labelled)
        if self.labelled is None:
            return self._load(self.processes.share(tiles)), None
        more, found = self.labelled.sample(rng, labelled)
        masks = np.concatenate([np.zeros(tiles.shape[:3], np.bool_), found])
        tiles = self.processes.share(np.concatenate([tiles, more]))
        return self._load(tiles), torch.from_numpy(self.processes.share(masks)).to(self.processes.device)

    def _preparing(self) -> Iterator[torch.Tensor]:
        rng = np.random.default_rng([self.options.seed, 0, 0])
        for _ in range(max(1, PREPARING_TILES // self.options.batch)):
            yield self._load(self.tiles.sample(rng, self.options.batch))

    def _averaged(self) -> AbstractContextManager[None]:
        """The averaged weights for a while, where they are what is kept."""
        return self.average.applied(self.model) if self.average else nullcontext()

    def _load(self, tiles: UInt8) -> torch.Tensor:
        return torch.from_numpy(tiles).to(self.processes.device)


def train(options: Options) -> TrainRecipe:
    """Train to the end.

    Written into ``options.out``: checkpoint.pt, recipe.yaml, held_out.npy (the held-out tiles, by which export
    compares engines and takes the tails of normal cloth), metrics.csv, metrics.png, and state.pt to resume from.
    Started by ``torchrun``, each process trains on its share of every batch and the first one writes.

    Raises:
        UserError: input that cannot be used, or a folder with another training in it.
    """
    if (options.out / "state.pt").exists() and not options.resume:
        raise UserError(f"'{options.out}' holds a training already: continue it with --resume, or name another folder.")
    with Processes.joined(options.device, options.batch) as processes:
        return train_among(options, processes)


def train_among(options: Options, processes: Processes) -> TrainRecipe:
    """One process's part of ``train``."""
    training = Training(options, processes)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.resume:
        training.resume()
    else:
        training.prepare()
    if processes.first:
        run_to_the_end(training)
        write_recipe(options.out, training.recipe())
        plot(options.out / "metrics.csv", options.out / "metrics.png")
    else:
        while training.progress.step < training.steps:
            training.step()
    return training.recipe()


def run_to_the_end(training: Training) -> None:
    """Step, evaluate and save; one row of metrics.csv a step."""
    steps, progress = training.steps, training.progress
    every = max(1, steps // EVALUATIONS)
    metrics = Metrics(training.options.out / "metrics.csv", progress.step)
    try:
        with tqdm(total=steps, initial=progress.step, unit="step") as bar:
            while progress.step < steps:
                started = time.monotonic()
                lr, loss = training.lr * training.schedule(progress.step), training.step()
                rate = 1 / (time.monotonic() - started)
                held_out, watched = None, {}
                if progress.step % every == 0 or progress.step == steps:
                    held_out, watched = training.evaluate()
                    training.save(held_out)
                metrics.add(progress.step, loss, held_out, lr, rate, watched)
                bar.update()
                bar.set_postfix(loss=f"{loss:.4f}", held_out=f"{progress.best_loss:.4f}", refresh=False)
            if not steps:  # a model that is done once it is prepared
                training.save(training.evaluate()[0])
    finally:
        metrics.close()
