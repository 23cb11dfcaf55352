"""What training asks of a model, and what the exported graph takes from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from train.teachers import Teacher


class Settings(BaseModel):
    """A model's own settings, ``--set NAME=VALUE``: unknown names are errors; descriptions are its help."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Level:
    """Where the cells of a distance map look.

    Attributes:
        stride: px per cell.
        centre: px; cell i looks at pixel ``stride * i + centre`` (0-based).
    """

    stride: int
    centre: float


class AnomalyModel(nn.Module):
    """A net that learns normal cloth and says, a map at a time, how far a tile is from it.

    Subclasses implement ``levels``, ``loss`` and ``distances``; the rest has a meaning for most of them.

    Attributes:
        teacher: frozen encoder; its spec tells the taps' strides and centres.
        progress: share of the training that is done, 0 to 1; set by the loop before each step.
        default_lr: highest learning rate where none is asked for.
    """

    Settings: ClassVar[type[Settings]]
    default_lr: ClassVar[float] = 1e-3
    default_steps: ClassVar[int] = 800
    """0 for a model that is done once it has been prepared."""
    uses_labels: ClassVar[bool] = False
    """Its loss looks at masks."""

    def __init__(self, teacher: Teacher, settings: Settings) -> None:
        super().__init__()
        self.teacher = teacher
        self.settings = settings
        self.progress = 0.0

    @property
    def levels(self) -> tuple[Level, ...]:
        """Where each map of ``distances`` lies: by default one map a tap."""
        return tuple(Level(stride, centre) for stride, centre in self.teacher.cells)

    def prepare(self, batches: Iterable[Tensor]) -> None:
        """Look once at normal tiles before the first step (a memory bank); uint8 [B, T, T, C] each.

        What it finds is part of ``learnt``.
        """

    def loss(self, pixels: Tensor, masks: Tensor | None = None) -> Tensor:
        """What training lowers: a scalar, float32.

        Args:
            pixels: uint8 [B, T, T, C].
            masks: bool [B, T, T], True on defects, where the tiles come with labels; None: all is normal.
        """
        raise NotImplementedError

    def forward(self, pixels: Tensor, masks: Tensor | None = None) -> Tensor:
        """``loss``: what a wrapper that averages gradients between processes calls."""
        return self.loss(pixels, masks)

    def distances(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Per level, float32 [B, T / stride, T / stride], 0 where the cloth is as learnt; uint8 [B, T, T, C] in."""
        raise NotImplementedError

    def score(self, distances: tuple[Tensor, ...], total: Tensor, inside: Tensor) -> Tensor:
        """One number a tile, float32 [B]: by default the highest value of the map inside its margins.

        Args:
            distances: as given by ``distances``.
            total: float32 [B, cells, cells], their sum on the map's grid.
            inside: the same without the margins.
        """
        return inside.amax(dim=(1, 2))

    def optimizer(self, lr: float) -> torch.optim.Optimizer:
        """The optimiser of the model's paper; the loop scales each group's rate over the training alike."""
        return torch.optim.Adam([p for p in self.parameters() if p.requires_grad], lr=lr)

    def watch(self, pixels: Tensor) -> dict[str, float]:
        """Figures that show whether training goes well, for metrics.csv; called at each evaluation.

        Raises:
            UserError: the model has collapsed and would call all cloth normal.
        """
        return {}

    def learnt(self) -> dict[str, Tensor]:
        """State without the teacher, which is pinned by the hash of its weight file."""
        return {k: v for k, v in self.state_dict().items() if not k.startswith("teacher.")}

    def restore(self, learnt: dict[str, Tensor]) -> None:
        """Take over a state given by ``learnt``.

        Raises:
            RuntimeError: it is the state of another model or other settings.
        """
        teacher = {f"teacher.{k}": v for k, v in self.teacher.state_dict().items()}
        self.load_state_dict({**teacher, **learnt})


def settings_help(model: type[AnomalyModel]) -> list[tuple[str, Any, str]]:
    """Name, default and description of each of a model's settings."""
    return [(name, field.default, field.description or "") for name, field in model.Settings.model_fields.items()]
