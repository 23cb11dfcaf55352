"""What training asks of a model, and what the exported graph takes from it."""

from __future__ import annotations

from torch import Tensor, nn

from train.teachers import Teacher


class AnomalyModel(nn.Module):
    """A net that learns normal cloth and says, a feature level at a time, how far a tile is from it.

    Attributes:
        teacher: frozen encoder; its spec tells the levels' strides and centres.
    """

    def __init__(self, teacher: Teacher) -> None:
        super().__init__()
        self.teacher = teacher

    def loss(self, pixels: Tensor) -> Tensor:
        """What training lowers: scalar float32 of tiles uint8 [B, T, T, C]."""
        raise NotImplementedError

    def distances(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Per teacher level, float32 [B, T/stride, T/stride] in [0, 2], 0 where the cloth is as learnt."""
        raise NotImplementedError

    def learnt(self) -> dict[str, Tensor]:
        """State without the teacher, which is pinned by the hash of its weight file."""
        return {k: v for k, v in self.state_dict().items() if not k.startswith("teacher.")}

    def restore(self, learnt: dict[str, Tensor]) -> None:
        """Take over a state given by ``learnt``.

        Raises:
            RuntimeError: it is the state of another model or width.
        """
        teacher = {f"teacher.{k}": v for k, v in self.teacher.state_dict().items()}
        self.load_state_dict({**teacher, **learnt})
