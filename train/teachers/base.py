"""What a teacher is: a frozen pretrained encoder with taps of known place, width and sign."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from runtime.errors import UserError


@dataclass(frozen=True)
class TeacherSpec:
    """The feature contract that models and the exported graph rely on.

    Attributes:
        name: as given to ``--teacher``.
        channels: width of each tap, finest first.
        strides: px per cell of each tap.
        centres: px, per tap: cell i of a tap of stride s looks at pixel ``s * i + centre`` (0-based).
        signed: taps may be negative, so a student must not end them in a ReLU.
        mean, std: normalisation of 8-bit pixels, in grey levels, the same for all colours.
        licence, source: of the weights.
        sha256: of the weight file.
    """

    name: str
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    centres: tuple[int, ...]
    signed: bool
    mean: float
    std: float
    licence: str
    source: str
    sha256: str


class Teacher(nn.Module):
    """A frozen encoder: no gradient, and in evaluation mode whatever is asked of the module around it.

    Subclasses implement ``taps``. Batch statistics of a teacher that follows a ``train()`` call would
    drift with the cloth although its weights are frozen; ``train`` therefore does nothing here.
    """

    spec: TeacherSpec

    def freeze(self) -> None:
        """Call once, with the weights loaded."""
        self.requires_grad_(False)
        super().train(False)

    def train(self, mode: bool = True) -> Teacher:
        """Stays in evaluation mode."""
        return self

    def taps(self, image: Tensor) -> tuple[Tensor, ...]:
        """Features of a normalised image, float [B, 1 or 3, T, T] -> [B, channels, T/stride, T/stride] a tap.

        Grey must give what the same grey in all three colours gives.
        """
        raise NotImplementedError

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Features of raw tiles, uint8 [B, T, T, C] with C 1 (grey) or 3 (RGB)."""
        return self.taps((pixels.permute(0, 3, 1, 2).to(torch.float32) - self.spec.mean) / self.spec.std)

    def check_contract(self) -> None:
        """Raise AssertionError unless a forward pass gives what the spec promises."""
        side = 4 * max(self.spec.strides)
        pixels = torch.arange(side * side).remainder(251).to(torch.uint8).reshape(1, side, side, 1)
        with torch.no_grad():
            taps = self(pixels)
        shapes = [tuple(t.shape[1:]) for t in taps]
        promised = [(c, side // s, side // s) for c, s in zip(self.spec.channels, self.spec.strides, strict=True)]
        assert shapes == promised, f"teacher {self.spec.name}: taps {shapes}, promised {promised}"
        negative = any(bool((t < 0).any()) for t in taps)
        assert negative == self.spec.signed, f"teacher {self.spec.name}: signed is {self.spec.signed}"


def load_weights(path: Path, sha256: str) -> dict[str, Tensor]:
    """Tensors of a weight file whose hash is known.

    Raises:
        UserError: the file is another one than the teacher was described with.
    """
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise UserError(
            f"Weight file '{path}' has sha256 {found[:16]}..., expected {sha256[:16]}...: "
            "install the released package again."
        )
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights
