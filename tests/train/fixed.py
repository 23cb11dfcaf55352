"""Weights and pixels that follow from a number alone, whatever torch's own generators do.

Only ``Generator.random`` is drawn from: its stream is pinned by NumPy's bit generator.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


def fill(module: nn.Module, seed: int) -> None:
    """Overwrite all weights and batch statistics, in the order of the state's keys."""
    rng = np.random.default_rng(seed)
    for name, value in module.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        drawn = rng.random(tuple(value.shape))
        if value.ndim > 1:
            drawn = (drawn - 0.5) * math.sqrt(12 / value[0].numel())
        elif name.endswith(("running_var", "weight")):
            drawn = drawn + 0.5
        else:
            drawn = (drawn - 0.5) / 4
        value.copy_(torch.from_numpy(drawn))


def pixels(shape: tuple[int, ...], seed: int) -> Tensor:
    """Noise, uint8."""
    noise: NDArray[np.uint8] = (np.random.default_rng(seed).random(shape) * 256).astype(np.uint8)
    return torch.from_numpy(noise)
