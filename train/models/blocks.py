"""What students are built of: residual blocks, the convolutions that double a grid, and how weights start."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


def activated(conv: nn.Module, channels: int) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(conv, nn.BatchNorm2d(channels), nn.ReLU())


def doubling(inside: int, outside: int) -> nn.ConvTranspose2d:
    """2x2 transposed convolution of stride 2: each cell becomes four."""
    return nn.ConvTranspose2d(inside, outside, 2, 2, bias=False)


class Residual(nn.Module):
    """``body`` and a shortcut beside it, added; then ReLU.

    Args:
        body: ends in a batch norm of ``channels``.
        shortcut: bias-free convolution that changes shape as the body does, normalised here; None: the input itself.
        channels: of the output.
    """

    def __init__(self, body: nn.Sequential, shortcut: nn.Module | None, channels: int) -> None:
        super().__init__()
        self.body = body
        self.shortcut = nn.Identity() if shortcut is None else nn.Sequential(shortcut, nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


def basic(first: nn.Module, shortcut: nn.Module | None, channels: int) -> Residual:
    """Basic residual block: ``first`` may change shape, a 3x3 convolution refines."""
    body = nn.Sequential(
        activated(first, channels),
        nn.Conv2d(channels, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
    )
    return Residual(body, shortcut, channels)


def initialise(*modules: nn.Module) -> None:
    """Kaiming normal weights (fan out, ReLU) for convolutions; transposed ones start as torch has it (RD4AD's code)."""
    for module in modules:
        for part in module.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
