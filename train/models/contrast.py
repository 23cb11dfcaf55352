"""UniNet's losses between one teacher tap and its student: distillation, contrast of positions, margin.

Wei et al., "UniNet: A Contrastive Learning-guided Unified Framework with Feature Selection for Anomaly Detection",
CVPR 2025, and its released code. With unit vectors s_n of the student and t_n of the teacher at N positions:

    p_n  = exp(s_n t_n / T) / sum_m exp(s_n t_m / T)
    loss = 0.7 (1 - mean s_n t_n) + 0.3 mean(-log p_n) + mean relu(1 - p_n)

Where defects are labelled, the last two terms look at normal positions alone, and mean relu(p_n - 1/2) over the
defective ones is added. All is float32, whatever autocast says.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

BALANCE, MARGIN = 0.7, 1.0
BLOCK = 256
"""Rows of the table of N x N similarities that exist at a time: all rows of a grid of 64 x 64 would be 67 MB a tile."""


def unit(tap: Tensor) -> Tensor:
    """[B, C, h, w] -> the unit vectors of its positions, float32 [B, h * w, C]; a vector of zeros stays one."""
    return F.normalize(tap.to(torch.float32).flatten(2).transpose(1, 2), dim=2)


def log_match(student: Tensor, teacher: Tensor, temperature: float, rows: Tensor | None = None) -> Tensor:
    """log p_n: how surely a position of the student is told to be the same position of the teacher.

    Memory is that of ``BLOCK`` rows: each block is computed again in the backward pass.

    Args:
        student, teacher: unit vectors, float32 [B, N, C].
        temperature: T of the formula.
        rows: int64 [R], the positions n to look at; None: all. The sum over m always goes over all.

    Returns:
        float32 [B, R].
    """
    asked = (student, teacher) if rows is None else (student[:, rows], teacher[:, rows])
    blocks = zip(*(vectors.split(BLOCK, 1) for vectors in asked), strict=True)
    return torch.cat([checkpoint(_log_match, s, t, teacher, temperature, use_reentrant=False) for s, t in blocks], 1)


def _log_match(student: Tensor, same: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    matched = (student * same).sum(2) / temperature
    return matched - torch.logsumexp(torch.matmul(student, teacher.transpose(1, 2)) / temperature, 2)


def pair_loss(
    student: Tensor,
    teacher: Tensor,
    temperature: float,
    normal: Tensor | None = None,
    distil_all: bool = False,
    rows: Tensor | None = None,
) -> Tensor:
    """Loss of one tap and its student, float32 scalar.

    Args:
        student, teacher: [B, C, h, w].
        temperature: T of the formula.
        normal: bool [B, h * w], False at defects; None: all is normal.
        distil_all: distil defects too, as the released code does.
        rows: int64 [R], positions at which p_n is taken; None: all.
    """
    with torch.autocast(student.device.type, enabled=False):
        s, t = unit(student), unit(teacher)
        kept = torch.ones(s.shape[:2], dtype=torch.bool, device=s.device) if normal is None else normal
        distilled = mean_where(1 - (s * t).sum(2), kept | distil_all)
        log_p = log_match(s, t, temperature, rows)
        p, kept = log_p.exp(), kept if rows is None else kept[:, rows]
        contrast = mean_where(-log_p, kept)
        margin = mean_where(F.relu(MARGIN - p), kept) + mean_where(F.relu(p - MARGIN / 2), ~kept)
        return BALANCE * distilled + (1 - BALANCE) * contrast + margin


def mean_where(values: Tensor, where: Tensor) -> Tensor:
    """Mean of the values at ``where``, 0 if there is none."""
    return (values * where).sum() / where.sum().clamp(min=1)
