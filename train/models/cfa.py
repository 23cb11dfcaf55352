"""CFA: coupled-hypersphere feature adaptation (Lee, Lee and Song, IEEE Access 2022), for a teacher of any widths.

A descriptor, one 1x1 convolution over the pooled and joined taps of the teacher, is trained to bring each patch of
normal cloth within a radius of its K nearest centres of a memory bank, and to keep it out of the next J. The bank is
built once with the descriptor as it was initialised, and stays as it is.

Where paper and released code differ, this follows the code: the radius is learnt, the losses are divided by nu,
weights start as torch starts them, distances are squared in training and roots in scoring. Ours:

- Coarser taps are laid where their cells truly look; the code shifts them by a fixed part of a cell.
- Coordinates are off: where a tile lies on a roll says nothing about it.
- The bank is by default k-means of patches: the mean over many tiles of an endless weave is the same at every place.
- Distances are cut off at 0 before the root, and a descriptor that has collapsed is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from runtime.errors import UserError
from train.models.bank import (
    BankModel,
    as_patches,
    first_of,
    full_precision,
    kmeans,
    on_finest_grid,
    pooled,
    sample_patches,
    squared_distances,
)
from train.models.base import Level, Settings
from train.teachers import Teacher

FIRST_RADIUS = 1e-5
PATCHES_PER_CENTRE = 32
"""How many patches k-means sees for each centre it is to find."""
SPREAD_FLOOR = 1e-2
"""A descriptor that keeps less of its variance over normal cloth than this has collapsed."""


class CfaSettings(Settings):
    """Settings of CFA; the released ones are coord=true bank=location_mean gamma_c=1 gamma_d=1."""

    coord: bool = Field(default=False, description="give the descriptor each cell's row and column in the tile")
    bank: Literal["kmeans_patches", "location_mean", "paper_ema"] = Field(
        default="kmeans_patches",
        description="k-means of normal patches; the mean of each cell over all tiles (released code); Algorithm 1",
    )
    beta: float = Field(default=0.1, gt=0, le=1, description="share of a new tile in paper_ema (the paper names none)")
    gamma_c: int = Field(default=8, ge=1, description="cells of a tile for each centre of the bank")
    gamma_d: int = Field(default=2, ge=1, description="channels of the joined taps for each of the descriptor")
    learn_radius: bool = Field(default=True, description="off: the radius stays at 1e-5, and nothing is repelled")
    attract: int = Field(default=3, ge=1, description="K, nearest centres that attract a patch and score it")
    repel: int = Field(default=3, ge=1, description="J, next nearest centres that repel it")
    alpha: float = Field(default=0.1, ge=0, description="squared distance that repulsion lets pass")
    unit_spread: bool = Field(
        default=True, description="scale the descriptor to a variance of 1 over normal cloth before training"
    )
    nu: float = Field(default=1e-3, gt=0, description="losses are divided by it (the paper's are not: 1)")
    seed: int = Field(default=0, ge=0, description="of the bank's k-means")


class Descriptor(nn.Module):
    """One 1x1 convolution with a bias over the joined taps and, with ``coord``, each cell's place in [-1, 1].

    ``gain`` multiplies the taps: a descriptor is trained by steps of a given size, so its weights keep their own.

    It commutes with pooling and resampling, so each tap is projected on its own grid: the same up to rounding, and
    a fraction of the work.
    """

    gain: Tensor

    def __init__(self, levels: tuple[Level, ...], taps: tuple[int, ...], width: int, coord: bool, pad: bool) -> None:
        super().__init__()
        self.levels, self.taps, self.coord, self.count_include_pad = levels, taps, coord, pad
        self.project = nn.Conv2d(sum(taps) + 2 * coord, width, 1)
        self.register_buffer("gain", torch.tensor(1.0))

    @property
    def bias(self) -> Tensor:
        """[width]; not multiplied."""
        bias = self.project.bias
        assert bias is not None
        return bias

    def forward(self, taps: tuple[Tensor, ...]) -> Tensor:
        """Taps [B, C, h, w], finest first -> float32 [B, width, h, w] on the finest grid."""
        weights = torch.split(self.gain * self.project.weight, [*self.taps, 2 * self.coord], dim=1)
        means = [pooled(tap, self.count_include_pad) for tap in taps]
        maps = [F.conv2d(mean, weight) for mean, weight in zip(means, weights[:-1], strict=True)]
        described = torch.stack(on_finest_grid(maps, self.levels)).sum(0) + self.bias[:, None, None]
        if self.coord:
            rows, columns = (torch.linspace(-1, 1, int(n), device=described.device) for n in described.shape[-2:])
            places = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
            described = described + F.conv2d(places[None], weights[-1])
        return described


def kmeans_patches(maps: Iterable[Tensor], centres: int, settings: CfaSettings) -> Tensor:
    """Ours: k-means of patches drawn from all tiles."""
    return kmeans(sample_patches(maps, PATCHES_PER_CENTRE * centres, settings.seed), centres, settings.seed)


def location_mean(maps: Iterable[Tensor], centres: int, settings: CfaSettings) -> Tensor:
    """Released code: each cell's mean over the tiles, every batch counting alike; k-means of these for fewer."""
    mean = torch.zeros(())
    for number, batch in enumerate(maps, start=1):
        mean = batch.mean(0) / number + mean.to(batch.device) * (number - 1) / number
    return compressed(as_patches(mean[None]), centres, settings.seed)


def paper_ema(maps: Iterable[Tensor], centres: int, settings: CfaSettings) -> Tensor:
    """Algorithm 1 of the paper: centres of the first tile, each moved by ``beta`` to a patch of each further tile.

    Compressed at the first tile, not at the end: k-means into as many centres as there are patches changes nothing.
    """
    bank: Tensor | None = None
    for tile in chain.from_iterable(maps):
        patches = as_patches(tile[None])
        if bank is None:
            bank = compressed(patches, centres, settings.seed).to(patches.device)
        else:
            bank = torch.lerp(bank, patches[one_each(bank, patches)], settings.beta)
    assert bank is not None
    return bank


BANKS: dict[str, Callable[[Iterable[Tensor], int, CfaSettings], Tensor]] = {
    "kmeans_patches": kmeans_patches,
    "location_mean": location_mean,
    "paper_ema": paper_ema,
}
"""Maps [B, D', h, w] of normal tiles, first to last -> [centres, D']."""


def compressed(patches: Tensor, centres: int, seed: int) -> Tensor:
    """As many centres of the patches [n, D']; the patches themselves where that is as many as there are."""
    return patches if centres == len(patches) else kmeans(patches, centres, seed)


def one_each(centres: Tensor, patches: Tensor) -> Tensor:
    """For each centre in turn the nearest patch that no centre before it took; int64 [N], N <= patches."""
    distances = squared_distances(centres, patches)
    taken = torch.zeros(len(centres), dtype=torch.int64, device=centres.device)
    for number in range(len(centres)):
        taken[number] = distances[number].argmin()
        distances[:, taken[number]] = torch.inf
    return taken


def hypersphere_losses(
    squared: Tensor, radius: Tensor, attract: int, repel: int, alpha: float
) -> tuple[Tensor, Tensor]:
    """Attraction and repulsion, scalars: means over patches and neighbours.

    Args:
        squared: distances to the nearest ``attract + repel`` centres, ascending, [B, neighbours, h, w].
        radius: scalar. Repulsion is not 0 only where its square exceeds ``alpha`` and the squared distance together.
    """
    inner, outer = squared[:, :attract], squared[:, attract : attract + repel]
    return F.relu(inner - radius**2).mean(), F.relu(radius**2 - outer - alpha).mean()


def softmin_distance(distances: Tensor) -> Tensor:
    """The nearest distance times its share in the softmin of all, ascending [B, K, h, w] -> [B, h, w].

    Written with differences, which are never positive, so that nothing overflows.
    """
    nearest = distances[:, :1]
    return nearest[:, 0] / torch.exp(nearest - distances).sum(1)


class Cfa(BankModel):
    """Descriptor, radius and bank.

    Raises:
        UserError: gamma_d leaves the descriptor no channel.
    """

    Settings = CfaSettings
    settings: CfaSettings
    first_spread: Tensor

    def __init__(self, teacher: Teacher, settings: CfaSettings) -> None:
        spec = teacher.spec
        width = sum(spec.channels) // settings.gamma_d
        if width == 0:
            raise UserError(f"--set gamma_d: {spec.name} has {sum(spec.channels)} channels in all; give no more.")
        super().__init__(teacher, settings, width)
        # Zeros beyond the border move its cells towards 0. Only a bank with a centre for each place can know.
        pad = settings.bank == "location_mean"
        self.descriptor = Descriptor(self.tap_levels, spec.channels, width, settings.coord, pad)
        self.radius = nn.Parameter(torch.tensor(FIRST_RADIUS), requires_grad=settings.learn_radius)
        self.register_buffer("first_spread", torch.tensor(0.0))

    def describe(self, pixels: Tensor) -> Tensor:
        """uint8 [B, T, T, C] -> float32 [B, D', T / stride, T / stride]."""
        with torch.no_grad():
            taps = self.teacher(pixels)
        with full_precision(pixels.device):
            described: Tensor = self.descriptor(taps)
        return described

    def squared(self, described: Tensor, count: int) -> Tensor:
        """Squared distances to the nearest centres, ascending; [B, D', h, w] -> float32 [B, count, h, w]."""
        with full_precision(described.device):
            return self.bank.nearest(described, count)

    @torch.no_grad()
    def prepare(self, batches: Iterable[Tensor]) -> None:
        """Build the bank, of (cells of a tile) / gamma_c centres, with the descriptor as it stands.

        Raises:
            UserError: no tiles, or fewer centres than neighbours are asked for.
        """
        spreads: list[Tensor] = []

        def described() -> Iterator[Tensor]:
            for pixels in batches:
                spreads.append(spread(maps := self.describe(pixels)))
                yield maps

        maps = described()
        first = first_of(maps)
        centres, neighbours = first[0, 0].numel() // self.settings.gamma_c, self.settings.attract + self.settings.repel
        if centres < neighbours:
            raise UserError(
                f"--set gamma_c leaves the bank {centres} centres where each patch is compared with {neighbours}: "
                "give a lower gamma_c or a larger --tile."
            )
        entries = BANKS[self.settings.bank](chain([first], maps), centres, self.settings).to(first.device)
        self.first_spread.copy_(torch.stack(spreads).mean())
        if self.settings.unit_spread:
            entries = self.rescaled(entries)
        self.bank.fill(entries)

    def rescaled(self, entries: Tensor) -> Tensor:
        """Bring the descriptor to a spread of 1; the bank [N, D'] follows, for it is as linear as what made it."""
        bias = self.descriptor.bias
        gain = torch.rsqrt(self.first_spread)
        self.descriptor.gain.mul_(gain)
        self.first_spread.fill_(1)
        return bias + gain * (entries - bias)

    def terms(self, described: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Squared distances [B, K + J, h, w], attraction and repulsion."""
        wanted = self.settings
        squared = self.squared(described, wanted.attract + wanted.repel)
        return squared, *hypersphere_losses(squared, self.radius, wanted.attract, wanted.repel, wanted.alpha)

    def loss(self, pixels: Tensor, masks: Tensor | None = None) -> Tensor:
        _, attraction, repulsion = self.terms(self.describe(pixels))
        return (attraction + repulsion) / self.settings.nu

    def distances(self, pixels: Tensor) -> tuple[Tensor, ...]:
        return (softmin_distance(torch.sqrt(self.squared(self.describe(pixels), self.settings.attract))),)

    def optimizer(self, lr: float) -> torch.optim.Optimizer:
        trained = [p for p in self.parameters() if p.requires_grad]
        return torch.optim.AdamW(trained, lr=lr, weight_decay=5e-4, amsgrad=True)

    @torch.no_grad()
    def watch(self, pixels: Tensor) -> dict[str, float]:
        """Spread: the descriptor's variance over patches, as a share of what it was before training.

        Inside: the share of a patch's K nearest centres that it has within the radius.
        """
        described = self.describe(pixels)
        squared, _, repulsion = self.terms(described)
        share = float(spread(described) / self.first_spread)
        if not share >= SPREAD_FLOOR:
            raise UserError(
                f"CFA has collapsed: its descriptor keeps {share:.2%} of its variance over normal cloth, and would "
                "soon call all cloth normal; train fewer --steps, or with a lower --lr."
            )
        inside = (squared[:, : self.settings.attract] < self.radius**2).float().mean()
        return {
            "spread": share,
            "radius": float(self.radius),
            "inside": float(inside),
            "repulsion": float(repulsion),
        }


def spread(maps: Tensor) -> Tensor:
    """Variance over all patches of [B, D', h, w], summed over channels; scalar."""
    return as_patches(maps).var(0).sum()
