"""Cosine losses between a teacher's taps and a student's, computed in FP32.

``flattened`` compares a level's whole vector: each position weighs as much as its features are strong,
and the relative strength of positions is learnt too (the published code of RD4AD, and its results).
``position`` compares each position alone (the paper's formula). Inference is per position in both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

EPS = 1e-6
"""Floor of a squared norm: a dead position then has cosine 0, distance 1, and never NaN."""


def cosine_distance(a: Tensor, b: Tensor) -> Tensor:
    """1 - cos along dimension 1, in [0, 2]; float32 whatever comes in.

    Each side is normalised by itself: the product of two squared norms would overflow in FP16.
    """
    a, b = a.to(torch.float32), b.to(torch.float32)
    a = a * torch.rsqrt(torch.clamp((a * a).sum(1, keepdim=True), min=EPS))
    b = b * torch.rsqrt(torch.clamp((b * b).sum(1, keepdim=True), min=EPS))
    return torch.clamp(1 - (a * b).sum(1), 0, 2)


def flattened(teacher: Sequence[Tensor], student: Sequence[Tensor]) -> Tensor:
    """Sum over levels of the mean distance of whole levels [B, C, h, w]; scalar."""
    return torch.stack(
        [cosine_distance(t.flatten(1), s.flatten(1)).mean() for t, s in zip(teacher, student, strict=True)]
    ).sum()


def position(teacher: Sequence[Tensor], student: Sequence[Tensor]) -> Tensor:
    """Sum over levels of the mean distance of positions; scalar."""
    return torch.stack([cosine_distance(t, s).mean() for t, s in zip(teacher, student, strict=True)]).sum()


LOSSES: dict[str, Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]] = {
    "flattened": flattened,
    "position": position,
}
