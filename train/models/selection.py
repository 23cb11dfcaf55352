"""What of the student a loss looks at: channels and positions that are strong in the teacher, positions that are hard.

Both act in training alone: inference compares the taps as they are.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from train.losses import cosine_distance

RAMP = 0.1
"""Share of the training over which hard mining goes from all positions to the hardest."""
FROM, TO = -3.0, 1.0


class Selection(nn.Module):
    """Domain-related feature selection (DFS) of UniNet (Wei et al., CVPR 2025): weighs the student by the teacher.

    Channel c of the student is multiplied, position by position, by softmax(t_c) over positions times
    (theta_c + mean t_c), theta = min(1, sigmoid(p) + 0.5) with p learnt from 0. Both are taken of ``|t|``, which is t
    itself for taps that end in a ReLU; with signed taps a negative factor would have the student learn the opposite
    sign, and inference does not select. The softmax is scaled to a mean of 1: no cosine sees it, and the weights of a
    fine grid do not sink below what a norm can be taken of.

    Args:
        channels: of each tap. One theta a channel serves all teachers.
    """

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.raw = nn.ParameterList(nn.Parameter(torch.zeros(1, count, 1, 1)) for count in channels)

    def theta(self, level: int) -> Tensor:
        """float32 [1, C, 1, 1], 0.5 to 1."""
        return torch.clamp(torch.sigmoid(self.raw[level]) + 0.5, max=1)

    def forward(self, student: Tensor, teacher: Tensor, level: int) -> Tensor:
        """The student's tap of a level weighed by the teacher's, float32 [B, C, h, w] as both of them."""
        strength = teacher.to(torch.float32).abs()
        weights = torch.softmax(strength.flatten(2), 2).view(strength.shape) * (strength.shape[2] * strength.shape[3])
        return student.to(torch.float32) * weights * (self.theta(level) + strength.mean((2, 3), keepdim=True))


def only_hard(student: Tensor, teacher: Tensor, progress: float) -> Tensor:
    """The student's tap, without gradient where it is close to the teacher's already, float32 [B, C, h, w].

    Hard mining of ReContrast (Guo et al., NeurIPS 2023): positions closer than the mean distance plus k standard
    deviations of the batch are easy; k goes from -3 to 1 over the first tenth of the training.

    Args:
        student, teacher: [B, C, h, w].
        progress: share of the training that is done.
    """
    k = FROM + (TO - FROM) * min(1.0, progress / RAMP)
    distance = cosine_distance(student.detach(), teacher.detach())
    hard = distance >= distance.mean() + k * distance.std(correction=0)
    return torch.where(hard[:, None], student.to(torch.float32), student.detach().to(torch.float32))
