"""A slim bottleneck and student, for a teacher of any widths.

The form is RD4AD's (see ``mirror.py``), cut down: trunk widths follow ``width`` and not the teacher, one block a stage;
a 1x1 convolution narrows the fused levels (as in the paper, not in its code); the taps are 1x1 heads beside the trunk,
without a final ReLU where the teacher's taps are signed; stride-2 convolutions pad as the teacher does, so that cells
of all levels stay over the same cloth.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train.models.blocks import activated, basic, doubling
from train.teachers import TeacherSpec


class Halve(nn.Conv2d):
    """3x3 convolution of stride 2, bias-free; ``pad_left`` 0 looks right of the even cell, 1 is centred on it."""

    def __init__(self, inside: int, outside: int, pad_left: int) -> None:
        super().__init__(inside, outside, 3, 2, bias=False)
        self.pads = (pad_left, 1, pad_left, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, self.pads), self.weight, self.bias, 2)


def pad_left(spec: TeacherSpec) -> int:
    """A teacher whose cells look right of s * i pads nothing at the left of its stride-2 convolutions."""
    return 0 if spec.centres[0] > 0 else 1


class SlimFusion(nn.Module):
    """The taps brought to the coarsest one's grid, concatenated and narrowed by a 1x1 convolution.

    Args:
        spec: of the teacher.
        width: trunk channels at the second tap; doubled a tap coarser.

    Attributes:
        channels: of the output.
    """

    def __init__(self, spec: TeacherSpec, width: int) -> None:
        super().__init__()
        coarsest = len(spec.channels) - 1
        self.paths = nn.ModuleList()
        for level, channels in enumerate(spec.channels):
            path: list[nn.Module] = []
            for step in range(level, coarsest):
                outside = width * 2**step
                path.append(activated(Halve(channels, outside, pad_left(spec)), outside))
                channels = outside
            self.paths.append(nn.Sequential(*path))
        self.channels = width * 2 ** (coarsest - 1)
        fused = self.channels * coarsest + spec.channels[-1]
        self.fuse = activated(nn.Conv2d(fused, self.channels, 1, bias=False), self.channels)

    def forward(self, taps: tuple[Tensor, ...]) -> Tensor:
        """Taps, finest first -> [B, channels, h, w] on the coarsest tap's grid."""
        paths = [path(tap) for path, tap in zip(self.paths, taps, strict=True)]
        fused: Tensor = self.fuse(torch.cat(paths, 1))
        return fused


class SlimEmbedding(nn.Module):
    """One-class embedding: one residual block of stride 2.

    Args:
        spec: of the teacher.
        width: as in ``SlimFusion``.
        inside: channels of its input, on the coarsest tap's grid.

    Attributes:
        channels: of the output.
    """

    def __init__(self, spec: TeacherSpec, width: int, inside: int) -> None:
        super().__init__()
        self.channels = width * 2 ** (len(spec.channels) - 1)
        shortcut = nn.Conv2d(inside, self.channels, 2, 2, bias=False)
        self.embed = basic(Halve(inside, self.channels, pad_left(spec)), shortcut, self.channels)

    def forward(self, x: Tensor) -> Tensor:
        """[B, inside, h, w] -> [B, channels, h / 2, w / 2]."""
        embedded: Tensor = self.embed(x)
        return embedded


class SlimDecoder(nn.Module):
    """Student: a residual block a tap, coarsest first, each twice as fine as the one before, and a head beside it.

    Args:
        spec: of the teacher.
        width: as in ``SlimFusion``.
        inside: channels of the embedding.
    """

    def __init__(self, spec: TeacherSpec, width: int, inside: int) -> None:
        super().__init__()
        self.stages, self.heads = nn.ModuleList(), nn.ModuleList()
        outside = width * 2 ** (len(spec.channels) - 2)
        for channels in reversed(spec.channels):
            self.stages.append(basic(doubling(inside, outside), doubling(inside, outside), outside))
            head = nn.Conv2d(outside, channels, 1)
            self.heads.append(head if spec.signed else nn.Sequential(head, nn.ReLU()))
            inside, outside = outside, outside // 2

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """[B, inside, h, w] -> the teacher's taps, finest first."""
        taps: list[Tensor] = []
        for stage, head in zip(self.stages, self.heads, strict=True):
            x = stage(x)
            taps.insert(0, head(x))
        return tuple(taps)
