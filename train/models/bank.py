"""Patch features, a memory bank of them, and the distance of each cell to the nearest of it.

Shared by CFA and by the nearest-neighbour floor. Everything here is linear up to the last minimum, so it is written
in the order that costs least, and training, evaluation and the exported graph run the same lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from runtime.errors import UserError
from train.models.base import AnomalyModel, Level, Settings
from train.teachers import Teacher

KMEANS_ITERATIONS = 30


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """FP32 within, autocast or not: a distance is a small difference of large squares, which halves cannot hold."""
    with torch.autocast(device.type, enabled=False), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


def pooled(tap: Tensor, count_include_pad: bool) -> Tensor:
    """Mean over 3x3 cells, float32, same shape.

    With ``count_include_pad`` a border cell's mean counts the zeros beyond the border (CFA's released code): it
    becomes 6/9 or 4/9 of what it would be inside, which only a bank that knows the place of each cell can make up for.
    """
    return F.avg_pool2d(tap.to(torch.float32), 3, 1, 1, count_include_pad=count_include_pad)


def resampling(level: Level, cells: int, finest: Level, finest_cells: int) -> Tensor:
    """Linear interpolation along one axis from a level's cells to the finest level's, by where they truly look.

    Bilinear upsampling as torch does it would shift a level by up to 1.5 cells of the finest: it takes a cell of
    stride s to look at the middle of s pixels, which cells of padded convolutions do not.

    Returns:
        float32 [finest_cells, cells]; rows sum to 1; held beyond the outermost cell.
    """
    wanted = finest.stride * np.arange(finest_cells) + finest.centre
    at = np.clip((wanted - level.centre) / level.stride, 0, cells - 1)
    weights = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(cells)))
    return torch.from_numpy(weights.astype(np.float32))


def on_finest_grid(maps: Sequence[Tensor], levels: Sequence[Level]) -> list[Tensor]:
    """Maps [B, C, h, w] of several levels, finest first, each resampled to the first one's grid."""
    laid, (rows, columns) = [maps[0]], (int(n) for n in maps[0].shape[-2:])
    for map_, level in zip(maps[1:], levels[1:], strict=True):
        down, across = (
            resampling(level, int(own), levels[0], finest).to(map_.device)
            for own, finest in zip(map_.shape[-2:], (rows, columns), strict=True)
        )
        laid.append(torch.matmul(torch.matmul(down, map_), across.t()))
    return laid


def as_patches(maps: Tensor) -> Tensor:
    """[B, D, h, w] -> [B * h * w, D], tile after tile, row after row."""
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])


class Bank(nn.Module):
    """Vectors of normal cloth; state, but not weights.

    Attributes:
        entries: float32 [N, D]; none before ``fill``.
    """

    entries: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("entries", torch.zeros(0, width))

    def fill(self, entries: Tensor) -> None:
        """Hold these vectors, [N, D]."""
        self.entries = entries.detach().to(self.entries)

    def make_room(self, entries: Tensor | None) -> None:
        """Take the size of a state that is about to be loaded, if it has a bank; the width stays."""
        if entries is not None and len(entries) != len(self.entries):
            self.entries = self.entries.new_zeros(len(entries), self.entries.shape[1])

    def nearest(self, maps: Tensor, count: int) -> Tensor:
        """Squared Euclidean distances to the nearest entries, ascending; float32 [B, D, h, w] -> [B, count, h, w].

        |x|^2 + |c|^2 - 2 x.c, where the last two are one 1x1 convolution to N channels with a bias, and the first,
        the same for all entries, is added to the smallest alone. Both sides are first moved by the bank's mean: no
        distance changes, and the squares become small enough to subtract.
        """
        middle = self.entries.mean(0)
        entries, maps = self.entries - middle, maps - middle[:, None, None]
        partial = F.conv2d(maps, -2 * entries[:, :, None, None], (entries * entries).sum(1))
        smallest = torch.topk(partial, count, dim=1, largest=False, sorted=True).values
        return torch.clamp(smallest + (maps * maps).sum(1, keepdim=True), min=0)


class BankModel(AnomalyModel):
    """A model with a bank of ``width`` channels, and one map, on the finest tap's grid."""

    def __init__(self, teacher: Teacher, settings: Settings, width: int) -> None:
        super().__init__(teacher, settings)
        self.bank = Bank(width)

    @property
    def levels(self) -> tuple[Level, ...]:
        """Of the one map."""
        return self.tap_levels[:1]

    @property
    def tap_levels(self) -> tuple[Level, ...]:
        """Of the teacher's taps, finest first."""
        return super().levels

    def restore(self, learnt: dict[str, Tensor]) -> None:
        self.bank.make_room(learnt.get("bank.entries"))
        super().restore(learnt)


def first_of(maps: Iterator[Tensor]) -> Tensor:
    """The next of some maps of normal tiles.

    Raises:
        UserError: there are none.
    """
    for batch in maps:
        return batch
    raise UserError("There are no normal tiles to fill the memory bank from: give more cloth with --rolls.")


def sample_patches(maps: Iterable[Tensor], count: int, seed: int) -> Tensor:
    """Up to ``count`` patches of all maps [B, D, h, w], each as likely as any other; [<= count, D], on the CPU.

    Every patch draws a number and the lowest are kept, so that one pass will do, however many maps come.
    """
    rng = torch.Generator().manual_seed(seed)
    kept, numbers = torch.zeros(0), torch.zeros(0)
    for batch in maps:
        patches = as_patches(batch).cpu()
        kept = torch.cat([kept.reshape(-1, patches.shape[1]), patches])
        numbers = torch.cat([numbers, torch.rand(len(patches), generator=rng)])
        lowest = numbers.argsort()[:count]
        kept, numbers = kept[lowest], numbers[lowest]
    return kept


def squared_distances(points: Tensor, centres: Tensor) -> Tensor:
    """[n, D], [N, D] -> [n, N]."""
    middle = centres.mean(0)
    points, centres = points - middle, centres - middle
    squares = (points * points).sum(1, keepdim=True) + (centres * centres).sum(1)
    return torch.clamp(torch.addmm(squares, points, centres.t(), alpha=-2), min=0)


def kmeans(points: Tensor, count: int, seed: int) -> Tensor:
    """Lloyd's algorithm from a k-means++ start (Arthur and Vassilvitskii 2007); float32 [n, D] -> [count, D].

    Runs on the CPU, where sums have an order: the same points and seed give the same centres.
    """
    points = points.detach().cpu()
    centres = spread_out(points, count, torch.Generator().manual_seed(seed))
    owners = torch.full((len(points),), -1)
    for _ in range(KMEANS_ITERATIONS):
        before, owners = owners, squared_distances(points, centres).argmin(1)
        if torch.equal(before, owners):
            break
        members = torch.bincount(owners, minlength=count)[:, None]
        sums = torch.zeros_like(centres).index_add_(0, owners, points)
        # A centre that lost all its points stays where it was.
        centres = torch.where(members > 0, sums / members.clamp(min=1), centres)
    return centres


def spread_out(points: Tensor, count: int, rng: torch.Generator) -> Tensor:
    """k-means++ start: points drawn in proportion to their squared distance from those already drawn."""
    chosen = points[torch.randint(len(points), (1,), generator=rng)]
    nearest = squared_distances(points, chosen)[:, 0]
    centres = [chosen]
    while len(centres) < count:
        heights = nearest.double().cumsum(0)
        drawn = torch.rand(1, dtype=torch.float64, generator=rng) * heights[-1]
        # Points that are all alike leave no height to draw from: then it is the last one, again.
        chosen = points[torch.searchsorted(heights, drawn, right=True).clamp(max=len(points) - 1)]
        nearest = torch.minimum(nearest, squared_distances(points, chosen)[:, 0])
        centres.append(chosen)
    return torch.cat(centres)
