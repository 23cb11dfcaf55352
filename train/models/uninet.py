"""UniNet: two teachers, one frozen and one that follows the cloth, and a student between them (Wei et al., CVPR 2025).

Taps of both teachers go through one bottleneck and one student. What the student makes of the target teacher's taps is
compared with the source teacher's, and the other way round, so that no path returns its own input: six maps of
distances. Bottleneck and student mirror a ResNet teacher as in the released code, or are slim (``trunk.py``).

What follows the paper, its code, ReContrast (Guo et al., NeurIPS 2023), or none of them is in ``train/FIDELITY.md``.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from runtime.errors import UserError
from train.losses import cosine_distance
from train.models.base import AnomalyModel, Level, Settings
from train.models.blocks import initialise
from train.models.contrast import pair_loss, unit
from train.models.decision import weighted_score
from train.models.mem import Mem
from train.models.mirror import Decoder, Fusion
from train.models.selection import Selection, only_hard
from train.models.trunk import SlimDecoder, SlimFusion, pad_left
from train.teachers import Teacher

BETAS, WEIGHT_DECAY = (0.9, 0.999), 1e-5
SPREAD_FLOOR = 0.05
"""Variance of the target's taps over positions, against the source's, below which they say nothing any more."""

Pairs = tuple[tuple[Tensor, ...], tuple[Tensor, ...]]


class UninetSettings(Settings):
    """Settings of UniNet."""

    student: Literal["auto", "slim"] = Field(
        default="auto", description="auto: the mirror of a ResNet teacher (the paper), slim for others; or slim"
    )
    width: int = Field(default=64, ge=4, description="trunk channels at the second level of a slim student")
    mem_kernel: Literal["3x3", "7x7"] = Field(
        default="3x3", description="second branch of the embedding: as the released code runs, or as the paper says"
    )
    target_bn: Literal["eval", "train"] = Field(
        default="eval", description="batch norms of the target teacher in training: train as released"
    )
    target_lr: float = Field(default=1e-6, ge=0, description="highest learning rate of the target teacher")
    eps: float = Field(default=1e-8, gt=0, description="of AdamW; ReContrast's stable form takes 1e-10")
    dfs: bool = Field(default=True, description="weigh the student by the teacher in training")
    temperature: float = Field(default=2.0, gt=0, description="of the contrast; 0.1 for some classes of the paper")
    rows: int = Field(
        default=256, ge=0, description="positions a tap that the contrast takes, drawn anew each step; 0: all of them"
    )
    distil: Literal["normal", "all"] = Field(
        default="normal", description="where defects are labelled: learn normal positions, or all as released"
    )
    hard_mining: bool = Field(default=False, description="no gradient from positions that are learnt (ReContrast)")
    stop_gradient: bool = Field(default=False, description="teachers are not moved towards the student (ReContrast)")
    decision: Literal["weighted", "max"] = Field(default="weighted", description="how a tile's score is taken")


class Uninet(AnomalyModel):
    """Source teacher (``teacher``), target teacher, bottleneck and student.

    Attributes:
        target: a copy of the teacher that learns.
        selection: weighs the student in training; None without ``dfs``.
    """

    Settings = UninetSettings
    settings: UninetSettings
    default_lr = 5e-3
    default_steps = 400
    uses_labels = True

    def __init__(self, teacher: Teacher, settings: UninetSettings) -> None:
        super().__init__(teacher, settings)
        spec, kernel = teacher.spec, int(settings.mem_kernel[0])
        self.target = teacher.trainable_copy()
        if spec.resnet is not None and settings.student == "auto":
            width = spec.deeper_channels // spec.resnet.expansion * spec.resnet.base_width // 64
            self.fusion: nn.Module = Fusion(spec)
            self.embedding = Mem(self.fusion.channels, spec.deeper_channels, width, kernel, pad_left(spec))
            self.student: nn.Module = Decoder(spec)
        else:
            self.fusion = SlimFusion(spec, settings.width)
            # Twice the fused channels, and branches half as wide, as MEM has them in a WideResNet50-2.
            fused = self.fusion.channels
            self.embedding = Mem(fused, 2 * fused, fused, kernel, pad_left(spec))
            self.student = SlimDecoder(spec, settings.width, 2 * fused)
        initialise(self.fusion, self.student)
        self.selection = Selection(spec.channels) if settings.dfs else None
        self.train()

    @property
    def levels(self) -> tuple[Level, ...]:
        """Of the pairs with the source teacher's taps, then of those with the target's."""
        return super().levels * 2

    def train(self, mode: bool = True) -> Uninet:
        """As in torch, but the target's batch norms follow only where ``target_bn`` says so."""
        super().train(mode)
        self.target.train(mode and self.settings.target_bn == "train")
        return self

    def pairs(self, pixels: Tensor) -> Pairs:
        """Teacher taps and the student's answers, six and six: source finest first, then target.

        The student runs once, on both teachers' taps as one batch, so that its batch norms see both.
        """
        batch = int(pixels.shape[0])
        with torch.no_grad():
            source = self.teacher(pixels)
        target = self.target(pixels)
        taps = tuple(torch.cat([t, s]) for t, s in zip(target, source, strict=True))
        decoded = self.student(self.embedding(self.fusion(taps)))
        # Crossed: what came from the target's taps answers the source's, and the other way round.
        return (*source, *target), (*(d[:batch] for d in decoded), *(d[batch:] for d in decoded))

    def loss(self, pixels: Tensor, masks: Tensor | None = None) -> Tensor:
        taught, decoded = self.pairs(pixels)
        return torch.stack(
            [self._pair_loss(n, t, s, masks) for n, (t, s) in enumerate(zip(taught, decoded, strict=True))]
        ).sum()

    def distances(self, pixels: Tensor) -> tuple[Tensor, ...]:
        return tuple(cosine_distance(t, s) for t, s in zip(*self.pairs(pixels), strict=True))

    def score(self, distances: tuple[Tensor, ...], total: Tensor, inside: Tensor) -> Tensor:
        if self.settings.decision == "max":
            return super().score(distances, total, inside)
        border = (int(total.shape[1]) - int(inside.shape[1])) / 2 / int(total.shape[1])
        return weighted_score(distances, inside, border, 2.0 if self.teacher.spec.signed else 1.0)

    def optimizer(self, lr: float) -> torch.optim.Optimizer:
        """AdamW; ``lr`` is that of bottleneck, student and selection: the target keeps its own."""
        target = list(self.target.parameters())
        taken = {id(p) for p in target}
        rest = [p for p in self.parameters() if p.requires_grad and id(p) not in taken]
        groups = [{"params": rest, "lr": lr}, {"params": target, "lr": self.settings.target_lr}]
        return torch.optim.AdamW(groups, lr, betas=BETAS, eps=self.settings.eps, weight_decay=WEIGHT_DECAY)

    @torch.no_grad()
    def watch(self, pixels: Tensor) -> dict[str, float]:
        """Mean distance to either teacher, and how varied the target's taps still are against the source's.

        Raises:
            UserError: the target teacher has collapsed: its taps are alike everywhere, and easy to answer.
        """
        taught, decoded = self.pairs(pixels)
        distances = [float(cosine_distance(t, s).mean()) for t, s in zip(taught, decoded, strict=True)]
        count = len(distances) // 2
        spreads = [_spread(t) for t in taught]
        spread = min(t / max(s, 1e-9) for s, t in zip(spreads[:count], spreads[count:], strict=True))
        if spread < SPREAD_FLOOR:
            raise UserError(
                f"UniNet's target teacher has collapsed (spread {spread:.3f} of the source's): "
                "train with --set stop_gradient=true or a lower target_lr."
            )
        return {
            "source_distance": sum(distances[:count]) / count,
            "target_distance": sum(distances[count:]) / count,
            "target_spread": spread,
        }

    def _pair_loss(self, number: int, teacher: Tensor, student: Tensor, masks: Tensor | None) -> Tensor:
        """Loss of one of the six pairs."""
        settings, level = self.settings, self.levels[number]
        if settings.stop_gradient:
            teacher = teacher.detach()
        if self.selection is not None:
            student = self.selection(student, teacher, number % len(self.teacher.spec.channels))
        if settings.hard_mining:
            student = only_hard(student, teacher, self.progress)
        normal = None if masks is None else ~at_cells(masks, level).flatten(1)
        rows = self._rows(teacher.shape[2] * teacher.shape[3], teacher.device)
        return pair_loss(student, teacher, settings.temperature, normal, settings.distil == "all", rows)

    def _rows(self, positions: int, device: torch.device) -> Tensor | None:
        """Positions for the contrast: others at each step of a training, which a resumed one repeats; else the same."""
        if not 0 < self.settings.rows < positions:
            return None
        seed = round(self.progress * 2**31) if self.training else 0
        order = torch.randperm(positions, generator=torch.Generator().manual_seed(seed))
        return order[: self.settings.rows].to(device)


def at_cells(masks: Tensor, level: Level) -> Tensor:
    """The mask's pixel that each cell of a level looks at; bool [B, T, T] -> [B, T / stride, T / stride]."""
    first = round(level.centre)
    return masks[:, first :: level.stride, first :: level.stride]


def _spread(tap: Tensor) -> float:
    """Variance of a tap's unit vectors over all positions of the batch, 0 to 1."""
    vectors = unit(tap).flatten(0, 1)
    return float(1 - vectors.mean(0).square().sum() / vectors.square().sum(1).mean().clamp(min=1e-9))
