"""UniNet's weighted decision: the score of a tile as the mean of its K highest values, K by how far the tile is off."""

from __future__ import annotations

import math

import torch
from torch import Tensor

ALPHA, FLOOR = 0.01, 3e-5
"""Share of the cells that counts, per unit of distance, and the least of it (released code)."""


def weighted_score(distances: tuple[Tensor, ...], inside: Tensor, border: float, ceiling: float) -> Tensor:
    """Mean of the K highest cells inside the margins, K by tile; float32 [B].

    With m_j the highest distance of map j, the m_j that stand above average in softmax(m) are averaged, and
    K = floor(cells * max(ALPHA * average, FLOOR)), at least 1 (weighted decision mechanism of Wei et al., CVPR 2025).
    The paper's cells are pixels; here they are those of ``inside``, so K is the same share of the area. If all m_j are
    alike, all are averaged: the released code divides by none of them.

    The graph is static: the highest cells are sorted out for the greatest K there can be, and those beyond K weigh 0.

    Args:
        distances: of all maps, float32 [B, h, w] each.
        inside: float32 [B, cells, cells], their sum on the map's grid, without the margins.
        border: the margin's share of a tile's side; m_j does not look there either.
        ceiling: the highest distance there can be: 1 for taps that end in a ReLU, 2 for signed ones.
    """
    peaks = torch.stack([_without(d, border).amax((1, 2)) for d in distances], 1)
    share = torch.softmax(peaks, 1)
    chosen = (share > share.mean(1, keepdim=True)).to(torch.float32)
    count = chosen.sum(1)
    average = torch.where(count > 0, (peaks * chosen).sum(1) / count.clamp(min=1), peaks.mean(1))
    cells = int(inside.shape[1]) * int(inside.shape[2])
    most = max(1, math.floor(cells * ALPHA * ceiling))
    wanted = torch.floor(cells * (average * ALPHA).clamp(min=FLOOR)).clamp(min=1, max=most)
    highest = torch.topk(inside.flatten(1), most, dim=1).values
    counts = (torch.arange(most, device=inside.device)[None] < wanted[:, None]).to(torch.float32)
    return (highest * counts).sum(1) / wanted


def _without(distance: Tensor, border: float) -> Tensor:
    """A level's map without its margins; a cell that the margin cuts is kept."""
    cut = int(border * int(distance.shape[1]))
    return distance[:, cut : int(distance.shape[1]) - cut, cut : int(distance.shape[2]) - cut]
