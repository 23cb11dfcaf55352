"""An exponential moving average of a model's weights, beside the weights that are trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from train.models import AnomalyModel

DECAY = 0.99
"""About the last hundred steps count."""


class WeightAverage:
    """Averages all that is learnt and floating: weights, and the statistics of batch norms.

    Attributes:
        state: the average so far, as ``AnomalyModel.learnt`` gives it.
    """

    def __init__(self, model: AnomalyModel) -> None:
        self.state: dict[str, Tensor] = {k: v.detach().clone() for k, v in model.learnt().items()}

    @torch.no_grad()
    def add(self, model: AnomalyModel) -> None:
        """Move towards the model as it is now; what is not floating (a counter) is taken over."""
        for name, value in model.learnt().items():
            if value.is_floating_point():
                self.state[name].lerp_(value, 1 - DECAY)
            else:
                self.state[name].copy_(value)

    @contextmanager
    def applied(self, model: AnomalyModel) -> Iterator[None]:
        """The model with averaged weights; as it was, afterwards."""
        trained = {k: v.detach().clone() for k, v in model.learnt().items()}
        model.restore(self.state)
        try:
            yield
        finally:
            model.restore(trained)
