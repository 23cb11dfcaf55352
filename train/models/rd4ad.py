"""RD4AD: reverse distillation (Deng and Li, CVPR 2022).

The teacher's taps are embedded at twice the coarsest one's stride, and a student decodes the taps back from the
embedding. It learns to do so for normal cloth alone; where it fails, the cloth is not as learnt.

Bottleneck and student mirror a ResNet teacher as in the released code (``mirror.py``), or are slim (``trunk.py``).
What follows the paper, its code, or neither is in ``train/FIDELITY.md``.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from runtime.errors import UserError
from train.losses import LOSSES, cosine_distance
from train.models.base import AnomalyModel, Settings
from train.models.blocks import initialise
from train.models.mirror import Decoder, Embedding, Fusion
from train.models.trunk import SlimDecoder, SlimEmbedding, SlimFusion
from train.teachers import Teacher, TeacherSpec

BETAS = (0.5, 0.999)


class Rd4adSettings(Settings):
    """Settings of RD4AD."""

    student: Literal["auto", "slim", "mirror"] = Field(
        default="auto", description="mirror of a ResNet teacher (the paper), or slim; auto: mirror where it can be"
    )
    bottleneck: Literal["oce+mff", "oce", "pretrained"] = Field(
        default="oce+mff", description="what is embedded: all levels, the coarsest, or the teacher's own next stage"
    )
    loss: Literal["flattened", "position"] = Field(default="flattened", description="see train/losses.py")
    width: int = Field(default=64, ge=4, description="trunk channels at the second level of a slim student")


class Rd4ad(AnomalyModel):
    """Teacher, bottleneck and student.

    Attributes:
        mirrors: the student mirrors the teacher; otherwise it is slim.
        fusion, embedding: of the bottleneck; None where it is without.
        student: decodes the embedding into taps.

    Raises:
        UserError: a student that mirrors is asked of a teacher that is no ResNet.
    """

    Settings = Rd4adSettings
    settings: Rd4adSettings

    def __init__(self, teacher: Teacher, settings: Rd4adSettings) -> None:
        super().__init__(teacher, settings)
        spec = teacher.spec
        if settings.student == "mirror" and spec.resnet is None:
            raise UserError(
                f"--set student=mirror: teacher {spec.name} is no ResNet; take student=slim, or a ResNet teacher."
            )
        self.mirrors = spec.resnet is not None and settings.student != "slim"
        parts = mirrored(spec, settings) if self.mirrors else slim(spec, settings)
        self.fusion, self.embedding, self.student = parts
        self.compare = LOSSES[settings.loss]
        initialise(*(part for part in parts if part is not None))

    @property
    def default_lr(self) -> float:
        """The paper's for its own form, twice that for a slim student."""
        return 5e-3 if self.mirrors else 1e-2

    def embed(self, taps: tuple[Tensor, ...]) -> Tensor:
        """What the student decodes, of the teacher's taps: [B, channels, T / 32, T / 32] of taps at 4, 8, 16."""
        embedding = self.teacher.deeper if self.embedding is None else self.embedding
        embedded: Tensor = embedding(taps[-1] if self.fusion is None else self.fusion(taps))
        return embedded

    def both(self, pixels: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Taps of teacher and student, finest first, of raw tiles."""
        with torch.no_grad():
            taught = self.teacher(pixels)
        return taught, self.student(self.embed(taught))

    def loss(self, pixels: Tensor, masks: Tensor | None = None) -> Tensor:
        """See ``AnomalyModel``; masks are not looked at.

        Raises:
            UserError: one tile so small that its embedding is a single cell, whose variance is nothing to train on.
        """
        batch, tile = pixels.shape[0], pixels.shape[1]
        if self.training and batch == 1 and tile <= 2 * self.teacher.cells[-1][0]:
            raise UserError(f"One tile of {tile} px is too little for batch norms: train with --batch 2 or more.")
        return self.compare(*self.both(pixels))

    def distances(self, pixels: Tensor) -> tuple[Tensor, ...]:
        taught, decoded = self.both(pixels)
        return tuple(cosine_distance(t, s) for t, s in zip(taught, decoded, strict=True))

    def optimizer(self, lr: float) -> torch.optim.Optimizer:
        return torch.optim.Adam([p for p in self.parameters() if p.requires_grad], lr=lr, betas=BETAS)


Parts = tuple[nn.Module | None, nn.Module | None, nn.Module]
"""Fusion, embedding and student; None for what a bottleneck is without."""


def mirrored(spec: TeacherSpec, settings: Rd4adSettings) -> Parts:
    """Parts of the teacher's own blocks and widths."""
    fusion = Fusion(spec) if settings.bottleneck == "oce+mff" else None
    inside = spec.channels[-1] if fusion is None else fusion.channels
    embedding = None if settings.bottleneck == "pretrained" else Embedding(spec, inside)
    return fusion, embedding, Decoder(spec)


def slim(spec: TeacherSpec, settings: Rd4adSettings) -> Parts:
    """Parts as wide as the settings say."""
    fusion = SlimFusion(spec, settings.width) if settings.bottleneck == "oce+mff" else None
    inside = spec.channels[-1] if fusion is None else fusion.channels
    embedding = None if settings.bottleneck == "pretrained" else SlimEmbedding(spec, settings.width, inside)
    embedded = spec.deeper_channels if embedding is None else embedding.channels
    return fusion, embedding, SlimDecoder(spec, settings.width, embedded)
