"""Bottleneck and student that mirror a ResNet teacher, as in RD4AD (Deng and Li, CVPR 2022) and its released code.

Taps at strides 4, 8, 16 are fused at stride 16 (MFF), embedded at stride 32 (OCE), and decoded back to the taps.
Widths and depths all follow from the teacher's spec. Tiles are multiples of twice the coarsest stride. Every tap ends
in a ReLU, as a ResNet's taps do.

Where paper and code differ, this is the code: no 1x1 convolution follows the concatenation (the code allocates one and
never calls it), and the decoder's depths are the encoder's in the encoder's order, so the deepest stage is the finest.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from train.models.blocks import Residual, activated, basic, doubling
from train.teachers import ResNetShape, TeacherSpec
from train.teachers.resnet import block, conv


class Fusion(nn.Module):
    """Multi-scale feature fusion (MFF): finer taps brought to the coarsest one's grid, and all concatenated.

    Args:
        spec: of the teacher.

    Attributes:
        channels: of the output, as many times the coarsest tap's as there are taps.
    """

    def __init__(self, spec: TeacherSpec) -> None:
        super().__init__()
        widths = spec.channels
        self.paths = nn.ModuleList()
        for level in range(len(widths)):
            steps = zip(widths[level:], widths[level + 1 :], strict=False)
            self.paths.append(nn.Sequential(*(activated(conv(i, o, 3, 2), o) for i, o in steps)))
        self.channels = len(widths) * widths[-1]

    def forward(self, taps: tuple[Tensor, ...]) -> Tensor:
        """Taps, finest first -> [B, channels, h, w] on the coarsest tap's grid, finest first."""
        return torch.cat([path(tap) for path, tap in zip(self.paths, taps, strict=True)], 1)


class Embedding(nn.Module):
    """One-class embedding (OCE): a stage like the teacher's last, on an input of other width.

    Args:
        spec: of a teacher with ``resnet``.
        inside: channels of its input, on the coarsest tap's grid.
    """

    def __init__(self, spec: TeacherSpec, inside: int) -> None:
        super().__init__()
        shape = resnet_shape(spec)
        planes = spec.deeper_channels // shape.expansion
        self.stage = stage(shape, block(shape, inside, planes, 2), planes, shape.depths[-1])

    def forward(self, x: Tensor) -> Tensor:
        """[B, inside, h, w] -> [B, deeper_channels, h / 2, w / 2]."""
        embedded: Tensor = self.stage(x)
        return embedded


class Decoder(nn.Module):
    """Student: a stage a tap, coarsest first, each twice as fine as the one before.

    Args:
        spec: of a teacher with ``resnet``.
    """

    def __init__(self, spec: TeacherSpec) -> None:
        super().__init__()
        shape, inside = resnet_shape(spec), spec.deeper_channels
        self.stages = nn.ModuleList()
        for channels, depth in zip(reversed(spec.channels), shape.depths[:-1], strict=True):
            planes = channels // shape.expansion
            self.stages.append(stage(shape, doubling_block(shape, inside, planes), planes, depth))
            inside = channels

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """[B, deeper_channels, h, w] -> the teacher's taps, finest first."""
        taps: list[Tensor] = []
        for decode in self.stages:
            x = decode(x)
            taps.insert(0, x)
        return tuple(taps)


def resnet_shape(spec: TeacherSpec) -> ResNetShape:
    """The shape to mirror."""
    assert spec.resnet is not None, f"teacher {spec.name} is no ResNet"
    return spec.resnet


def stage(shape: ResNetShape, first: nn.Module, planes: int, depth: int) -> nn.Sequential:
    """``depth`` residual blocks; the first changes width and grid, the others are the teacher's own."""
    further = (block(shape, planes * shape.expansion, planes) for _ in range(depth - 1))
    return nn.Sequential(first, *further)


def doubling_block(shape: ResNetShape, inside: int, planes: int) -> Residual:
    """The teacher's residual block with a transposed convolution where it would halve, and in its shortcut."""
    outside = planes * shape.expansion
    if shape.block == "basic":
        return basic(doubling(inside, outside), doubling(inside, outside), outside)
    inner = planes * shape.base_width // 64
    body = nn.Sequential(
        activated(conv(inside, inner, 1), inner),
        activated(doubling(inner, inner), inner),
        conv(inner, outside, 1),
        nn.BatchNorm2d(outside),
    )
    return Residual(body, doubling(inside, outside), outside)
