"""Nearest neighbour: the distance of each patch to the most alike of a random draw of normal ones. The floor.

Nothing is trained. Patch features are the teacher's taps at strides 4 and 8, averaged over 3x3 cells, the coarser
laid on the finer's grid, each channel divided by its standard deviation over the draw. As PatchCore (Roth et al.,
CVPR 2022), but with a random draw for its coreset and without its reweighting.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

import torch
from pydantic import Field
from torch import Tensor

from train.models.bank import BankModel, first_of, full_precision, on_finest_grid, pooled, sample_patches
from train.models.base import Settings
from train.teachers import Teacher

COARSEST_STRIDE = 8
DEAD = 1e-6
"""Standard deviation below which a channel says nothing."""


class KnnSettings(Settings):
    """Settings of the nearest neighbour."""

    count: int = Field(default=2048, ge=1, description="patches in the bank; fewer where the cloth has no more")
    seed: int = Field(default=0, ge=0, description="of the draw")


class Knn(BankModel):
    """A bank of scaled patch features, and the scale."""

    Settings = KnnSettings
    settings: KnnSettings
    default_steps = 0
    scale: Tensor

    def __init__(self, teacher: Teacher, settings: KnnSettings) -> None:
        # Strides ascend: the taps that are used come first.
        taps = sum(stride <= COARSEST_STRIDE for stride in teacher.spec.strides)
        width = sum(teacher.spec.channels[:taps])
        super().__init__(teacher, settings, width)
        self.taps = taps
        self.register_buffer("scale", torch.ones(width))

    def describe(self, pixels: Tensor) -> Tensor:
        """uint8 [B, T, T, C] -> float32 [B, D, T / stride, T / stride], not scaled."""
        with torch.no_grad():
            taps = self.teacher(pixels)
        with full_precision(pixels.device):
            maps = [pooled(tap, count_include_pad=False) for tap in taps[: self.taps]]
            return torch.cat(on_finest_grid(maps, self.tap_levels[: self.taps]), dim=1)

    @torch.no_grad()
    def prepare(self, batches: Iterable[Tensor]) -> None:
        """Fill the bank, and take the scale from what it holds.

        Raises:
            UserError: no tiles.
        """
        maps = (self.describe(pixels) for pixels in batches)
        drawn = sample_patches(chain([first_of(maps)], maps), self.settings.count, self.settings.seed)
        deviation = drawn.std(0, correction=0)
        scale = torch.where(deviation > DEAD, 1 / deviation.clamp(min=DEAD), 0)
        self.scale.copy_(scale)
        self.bank.fill(drawn * scale)

    def loss(self, pixels: Tensor, masks: Tensor | None = None) -> Tensor:
        """Mean distance: nothing to lower, but a figure to tell cloth by."""
        return self.distances(pixels)[0].mean()

    def optimizer(self, lr: float) -> torch.optim.Optimizer:
        """One with no weights, for there are none; torch refuses an empty list, but not an empty group."""
        return torch.optim.SGD([{"params": []}], lr=lr)

    def distances(self, pixels: Tensor) -> tuple[Tensor, ...]:
        described = self.describe(pixels)
        with full_precision(pixels.device):
            return (torch.sqrt(self.bank.nearest(described * self.scale[:, None, None], 1))[:, 0],)
