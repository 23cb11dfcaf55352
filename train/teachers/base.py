"""What a teacher is: a frozen pretrained encoder with taps of known place, width and sign."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class ResNetShape:
    """What is needed to build blocks like a ResNet teacher's own.

    Attributes:
        block: kind of residual block.
        depths: blocks of layer1 to layer4.
        base_width: inner channels of a bottleneck for every 64 planes (128 in a wide ResNet).
    """

    block: Literal["basic", "bottleneck"]
    depths: tuple[int, int, int, int]
    base_width: int = 64

    @property
    def expansion(self) -> int:
        """Channels that a block gives for each of its planes."""
        return 1 if self.block == "basic" else 4


@dataclass(frozen=True)
class TeacherSpec:
    """The feature contract that models and the exported graph rely on.

    Attributes:
        name: as given to ``--teacher``.
        channels: width of each tap, finest first.
        deeper_channels: width of the stage after the coarsest tap, at twice its stride.
        strides: px per cell of each tap, of the image that the encoder is shown.
        centres: px, per tap: cell i of a tap of stride s looks at pixel ``s * i + centre`` (0-based).
        signed: taps may be negative, so a student must not end them in a ReLU.
        mean, std: normalisation of 8-bit pixels, in grey levels, for red, green and blue.
        resnet: its blocks, where the teacher is a ResNet.
        licence, source: of the weights.
        sha256: of the weight file, or the digits of it that are published; all of it once the file was read.
    """

    name: str
    channels: tuple[int, ...]
    deeper_channels: int
    strides: tuple[int, ...]
    centres: tuple[int, ...]
    signed: bool
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resnet: ResNetShape | None
    licence: str
    source: str
    sha256: str


class Teacher(nn.Module):
    """A frozen encoder: no gradient, and in evaluation mode whatever is asked of the module around it.

    Subclasses implement ``taps``, ``own_key`` and ``released_file`` and build ``deeper``. Batch statistics of a
    teacher that follows a ``train()`` call would drift with the cloth although its weights are frozen; once it
    is frozen, ``train`` therefore does nothing.

    Attributes:
        spec: what it promises, and where its weights are from.
        scale: 1, or 0.5: it is shown the tiles at half their size.
        deeper: the next pretrained stage. Given the coarsest tap [B, channels[-1], h, w], it makes
            [B, deeper_channels, h/2, w/2] of it. ``forward`` does without it.
    """

    deeper: nn.Module
    mean: Tensor
    std: Tensor

    def __init__(self, spec: TeacherSpec) -> None:
        super().__init__()
        self.spec = spec
        self.scale = 1.0
        self.frozen = False
        # Where the colours are normalised alike, grey stays one channel; else the colours are laid out here.
        colours = 1 if len(set(spec.mean)) == len(set(spec.std)) == 1 else 3
        for name, levels in (("mean", spec.mean), ("std", spec.std)):
            self.register_buffer(name, torch.tensor(levels[:colours]).reshape(1, colours, 1, 1), persistent=False)

    def freeze(self) -> None:
        """Call once, with the weights loaded."""
        self.requires_grad_(False)
        super().train(False)
        self.frozen = True

    def train(self, mode: bool = True) -> Teacher:
        """Stays in evaluation mode, unless it is a trainable copy."""
        return self if self.frozen else super().train(mode)

    def trainable_copy(self) -> Teacher:
        """A copy without ``deeper`` whose parameters take gradient and whose batch norms learn, in train mode."""
        twin = copy.deepcopy(self)
        del twin.deeper
        twin.frozen = False
        return twin.requires_grad_(True).train()

    def taps(self, image: Tensor) -> tuple[Tensor, ...]:
        """Features of a normalised image, float [B, C, T, T] -> [B, channels, T/stride, T/stride] a tap.

        C is 3, or 1 for grey where ``spec.mean`` and ``spec.std`` are the same for all colours; it must give
        what the same grey in all three colours gives.
        """
        raise NotImplementedError

    def own_key(self, key: str) -> str | None:
        """Name in ``state_dict`` of an entry of the released weight file; None: of a part that is not built."""
        raise NotImplementedError

    def released_file(self) -> Path:
        """Where the released weights lie on this machine.

        Raises:
            UserError: they are absent, and how to get them.
        """
        raise NotImplementedError

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Features of raw tiles, uint8 [B, T, T, C] with C 1 (grey) or 3 (RGB): [B, channels, cells, cells] a tap.

        To float before all else: TensorRT does nothing with uint8 but convert it.
        """
        image = (pixels.to(torch.float32).permute(0, 3, 1, 2) - self.mean) / self.std
        # Half the size by a pool, a layer like those of the net: quantizers find the net by what its nodes do.
        return self.taps(image if self.scale == 1 else F.avg_pool2d(image, 2))

    @property
    def cells(self) -> tuple[tuple[int, float], ...]:
        """Per tap, stride and centre in px of the tile: cell i looks at pixel ``stride * i + centre`` (0-based)."""
        spec, scale = self.spec, self.scale
        pairs = zip(spec.strides, spec.centres, strict=True)
        return tuple((round(stride / scale), (centre + 0.5) / scale - 0.5) for stride, centre in pairs)

    def check_contract(self) -> None:
        """Raise AssertionError unless a forward pass gives what the spec promises."""
        spec, side = self.spec, 4 * max(self.spec.strides)
        pixels = torch.arange(side * side).remainder(251).to(torch.uint8).reshape(1, side, side, 1)
        with torch.no_grad():
            taps = self(pixels)
            shapes = [tuple(t.shape[1:]) for t in (*taps, self.deeper(taps[-1]))]
        widths, strides = (*spec.channels, spec.deeper_channels), (*spec.strides, 2 * spec.strides[-1])
        promised = [(c, side // s, side // s) for c, s in zip(widths, strides, strict=True)]
        assert shapes == promised, f"teacher {spec.name}: taps {shapes}, promised {promised}"
        negative = any(bool((t < 0).any()) for t in taps)
        assert negative == spec.signed, f"teacher {spec.name}: signed is {spec.signed}"
