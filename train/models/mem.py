"""UniNet's embedding (MEM, Wei et al., CVPR 2025): residual blocks of two branches, each on half of the channels.

The paper gives the second branch 7x7 convolutions. The released code replaces them by 3x3 ones, with biases, before it
trains, and has its results with these. Both can be had.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train.models.blocks import Residual, activated, initialise

DEPTH = 3


class Mem(nn.Module):
    """Three blocks; the first halves the grid.

    Args:
        inside: channels of its input, even.
        channels: of its output, even.
        width: of both branches together, even.
        kernel: of the second branch, odd.
        pad_left: 0 where a cell looks right of the even cell of what it halves, 1 where at it (as in ``trunk.py``).
    """

    def __init__(self, inside: int, channels: int, width: int, kernel: int, pad_left: int) -> None:
        super().__init__()
        self.channels = channels
        # Where cells look between two of the finer grid, the shortcut takes both.
        reach = 2 - pad_left
        shortcut = nn.Conv2d(inside, channels, reach, 2, bias=False)
        blocks = [Residual(body(inside, channels, width, kernel, 2, pad_left), shortcut, channels)]
        blocks += [Residual(body(channels, channels, width, kernel), None, channels) for _ in range(DEPTH - 1)]
        self.blocks = nn.Sequential(*blocks)
        initialise(self)
        for part in self.modules():
            if isinstance(part, nn.Conv2d) and part.bias is not None:
                nn.init.zeros_(part.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[B, inside, h, w] -> [B, channels, h / 2, w / 2]."""
        embedded: Tensor = self.blocks(x)
        return embedded


class Branches(nn.Module):
    """The first half of the channels through one branch, the second through another; concatenated."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x: Tensor) -> Tensor:
        half = int(x.shape[1]) // 2
        return torch.cat([self.first(x[:, :half]), self.second(x[:, half:])], 1)


class Padded(nn.Conv2d):
    """Convolution of an odd kernel whose pad at the left and top is its own: ``pad_left`` as in ``Mem``."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int, pad_left: int, bias: bool) -> None:
        super().__init__(inside, outside, kernel, stride, bias=bias)
        before, after = kernel // 2 - 1 + pad_left, kernel // 2
        self.pads = (before, after, before, after)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, self.pads), self.weight, self.bias, self.stride)


def body(inside: int, channels: int, width: int, kernel: int, stride: int = 1, pad_left: int = 1) -> nn.Sequential:
    """What a block adds to its input: two branches, joined by a 1x1 convolution."""
    part = width // 2

    def branch(size: int, bias: bool) -> nn.Sequential:
        return nn.Sequential(
            activated(Padded(inside // 2, part, size, stride, pad_left, bias), part),
            Padded(part, part, size, 1, 1, bias),
            nn.BatchNorm2d(part),
        )

    return nn.Sequential(
        Branches(branch(3, False), branch(kernel, True)),
        nn.Conv2d(width, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    )
