"""RD4AD: reverse distillation (Deng and Li, CVPR 2022), slim, for a teacher of any widths.

Teacher taps at strides 4, 8, 16 are fused at stride 16, embedded at stride 32 (one-class embedding),
and a student decodes the taps back from the embedding. It learns to do so for normal cloth alone.

Departures, for small teachers: trunk widths follow ``width`` and not the teacher; a 1x1 convolution
fuses the levels (as in the paper, not in its code); the taps are 1x1 heads beside the trunk, without a
final ReLU where the teacher's taps are signed; stride-2 convolutions pad as the teacher does, so that
cells of all levels stay over the same cloth.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train.losses import LOSSES, cosine_distance
from train.models.base import AnomalyModel
from train.teachers import Teacher


class Halve(nn.Conv2d):
    """3x3 convolution of stride 2, bias-free; ``pad_left`` 0 looks right of the even cell, 1 is centred on it."""

    def __init__(self, inside: int, outside: int, pad_left: int) -> None:
        super().__init__(inside, outside, 3, 2, bias=False)
        self.pads = (pad_left, 1, pad_left, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, self.pads), self.weight, self.bias, 2)


def activated(conv: nn.Module, channels: int) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(conv, nn.BatchNorm2d(channels), nn.ReLU())


class Residual(nn.Module):
    """Basic residual block: ``first`` changes shape, a 3x3 refines, a shortcut of the same change is added."""

    def __init__(self, first: nn.Module, shortcut: nn.Module, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            activated(first, channels),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.shortcut = nn.Sequential(shortcut, nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


def doubling(inside: int, outside: int) -> nn.ConvTranspose2d:
    """2x2 transposed convolution of stride 2: each cell becomes four."""
    return nn.ConvTranspose2d(inside, outside, 2, 2, bias=False)


class Embedding(nn.Module):
    """Fusion of the taps at the coarsest one's stride, and the one-class embedding at twice it."""

    def __init__(self, taps: tuple[int, ...], width: int, pad_left: int) -> None:
        super().__init__()
        coarsest = len(taps) - 1
        self.paths = nn.ModuleList()
        for level, channels in enumerate(taps):
            path: list[nn.Module] = []
            for step in range(level + 1, coarsest + 1):
                path.append(activated(Halve(channels, width * 2 ** (step - 1), pad_left), width * 2 ** (step - 1)))
                channels = width * 2 ** (step - 1)
            self.paths.append(nn.Sequential(*path))
        deep = width * 2 ** (coarsest - 1)
        fused = deep * coarsest + taps[-1]
        self.fuse = activated(nn.Conv2d(fused, deep, 1, bias=False), deep)
        shortcut = nn.Conv2d(deep, 2 * deep, 2, 2, bias=False)
        self.embed = Residual(Halve(deep, 2 * deep, pad_left), shortcut, 2 * deep)

    def forward(self, taps: tuple[Tensor, ...]) -> Tensor:
        paths = [path(tap) for path, tap in zip(self.paths, taps, strict=True)]
        embedded: Tensor = self.embed(self.fuse(torch.cat(paths, 1)))
        return embedded


class Student(nn.Module):
    """Decodes the embedding into the teacher's taps, coarsest first; returns them finest first."""

    def __init__(self, taps: tuple[int, ...], width: int, signed: bool) -> None:
        super().__init__()
        self.stages, self.heads = nn.ModuleList(), nn.ModuleList()
        inside = width * 2 ** (len(taps) - 1)
        for channels in reversed(taps):
            outside = inside // 2
            self.stages.append(Residual(doubling(inside, outside), doubling(inside, outside), outside))
            head = nn.Conv2d(outside, channels, 1)
            self.heads.append(head if signed else nn.Sequential(head, nn.ReLU()))
            inside = outside

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        taps: list[Tensor] = []
        for stage, head in zip(self.stages, self.heads, strict=True):
            x = stage(x)
            taps.insert(0, head(x))
        return tuple(taps)


class Rd4ad(AnomalyModel):
    """Teacher, embedding and student.

    Args:
        teacher: frozen encoder.
        width: trunk channels at the second level; halved a level finer, doubled a level coarser.
        loss: name in train.losses.LOSSES.
    """

    def __init__(self, teacher: Teacher, width: int, loss: str) -> None:
        super().__init__(teacher)
        spec = teacher.spec
        # A teacher whose cells look right of s * i pads nothing at the left of its stride-2 convolutions.
        pad_left = 0 if spec.centres[0] > 0 else 1
        self.embedding = Embedding(spec.channels, width, pad_left)
        self.student = Student(spec.channels, width, spec.signed)
        self.compare = LOSSES[loss]
        for module in (*self.embedding.modules(), *self.student.modules()):
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def both(self, pixels: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Taps of teacher and student, finest first."""
        with torch.no_grad():
            taught = self.teacher(pixels)
        return taught, self.student(self.embedding(taught))

    def loss(self, pixels: Tensor) -> Tensor:
        return self.compare(*self.both(pixels))

    def distances(self, pixels: Tensor) -> tuple[Tensor, ...]:
        taught, decoded = self.both(pixels)
        return tuple(cosine_distance(t, s) for t, s in zip(taught, decoded, strict=True))
