"""ResNet teachers: He et al. 2016, and the wide ones of Zagoruyko and Komodakis 2016.

The form called v1.5: a bottleneck's stride is in its 3x3 convolution. The weights are torchvision's
IMAGENET1K_V1, those that the papers of the models used (its newer V2 weights have quite other features), and
attribute names follow the keys of these files. Taps are the ends of layers 1 to 3, after the ReLU; layer 4
is ``deeper``; the classifier is not built.
"""

from __future__ import annotations

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, hub, nn

from runtime.errors import UserError
from train.teachers.base import ResNetShape, Teacher, TeacherSpec

PUBLISHED = "https://download.pytorch.org/models"
STEM_CHANNELS = 64
PLANES = (64, 128, 256, 512)


def spec(name: str, shape: ResNetShape, sha256: str) -> TeacherSpec:
    """Spec of a variant; all convolutions are centred on the even cell, so cells look at s * i."""
    widths = [planes * shape.expansion for planes in PLANES]
    return TeacherSpec(
        name=name,
        channels=tuple(widths[:3]),
        deeper_channels=widths[3],
        strides=(4, 8, 16),
        centres=(0, 0, 0),
        signed=False,
        # ImageNet's usual 0.485, 0.456, 0.406 and 0.229, 0.224, 0.225 of full scale.
        mean=(0.485 * 255, 0.456 * 255, 0.406 * 255),
        std=(0.229 * 255, 0.224 * 255, 0.225 * 255),
        resnet=shape,
        licence="BSD-3-Clause",
        source=f"torchvision IMAGENET1K_V1, {PUBLISHED}/{name}-{sha256}.pth",
        sha256=sha256,
    )


# The digits are the beginning of the hash, published in the name of the file.
SPECS = {
    s.name: s
    for s in (
        spec("resnet18", ResNetShape("basic", (2, 2, 2, 2)), "f37072fd"),
        spec("resnet34", ResNetShape("basic", (3, 4, 6, 3)), "b627a593"),
        spec("resnet50", ResNetShape("bottleneck", (3, 4, 6, 3)), "0676ba61"),
        spec("wide_resnet50_2", ResNetShape("bottleneck", (3, 4, 6, 3), 128), "95faca4d"),
    )
}


def conv(inside: int, outside: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """Bias-free convolution, padded to be centred on its cell."""
    return nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False)


def shortcut(inside: int, outside: int, stride: int) -> nn.Module:
    """What stands beside a block: nothing, or a 1x1 convolution where the shape changes."""
    if stride == 1 and inside == outside:
        return nn.Identity()
    return nn.Sequential(conv(inside, outside, 1, stride), nn.BatchNorm2d(outside))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, the first with the stride."""

    def __init__(self, inside: int, planes: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(inside, planes, 3, stride), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = conv(planes, planes, 3), nn.BatchNorm2d(planes)
        self.downsample = shortcut(inside, planes, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.downsample(x))


class Bottleneck(nn.Module):
    """1x1 to the inner width, 3x3 with the stride, 1x1 to four times the planes."""

    def __init__(self, inside: int, planes: int, stride: int = 1, base_width: int = 64) -> None:
        super().__init__()
        inner, outside = planes * base_width // 64, 4 * planes
        self.conv1, self.bn1 = conv(inside, inner, 1), nn.BatchNorm2d(inner)
        self.conv2, self.bn2 = conv(inner, inner, 3, stride), nn.BatchNorm2d(inner)
        self.conv3, self.bn3 = conv(inner, outside, 1), nn.BatchNorm2d(outside)
        self.downsample = shortcut(inside, outside, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + self.downsample(x))


def block(shape: ResNetShape, inside: int, planes: int, stride: int = 1) -> nn.Module:
    """One residual block of a ResNet of that shape."""
    if shape.block == "basic":
        return BasicBlock(inside, planes, stride)
    return Bottleneck(inside, planes, stride, shape.base_width)


def layer(shape: ResNetShape, number: int) -> nn.Sequential:
    """Layer 1 to 4 of a ResNet; all but the first halve the resolution in their first block."""
    planes, stride = PLANES[number - 1], 1 if number == 1 else 2
    inside = STEM_CHANNELS if number == 1 else planes // 2 * shape.expansion
    further = (block(shape, planes * shape.expansion, planes) for _ in range(shape.depths[number - 1] - 1))
    return nn.Sequential(block(shape, inside, planes, stride), *further)


class ResNet(Teacher):
    """Stem and layers 1 to 4 of a variant."""

    def __init__(self, name: str) -> None:
        super().__init__(SPECS[name])
        shape = SPECS[name].resnet
        assert shape is not None
        self.conv1, self.bn1 = conv(3, STEM_CHANNELS, 7, 2), nn.BatchNorm2d(STEM_CHANNELS)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1, self.layer2, self.layer3, self.deeper = (layer(shape, number) for number in (1, 2, 3, 4))

    def taps(self, image: Tensor) -> tuple[Tensor, ...]:
        fine = self.layer1(self.maxpool(F.relu(self.bn1(self.conv1(image)))))
        middle = self.layer2(fine)
        return fine, middle, self.layer3(middle)

    def own_key(self, key: str) -> str | None:
        return None if key.startswith("fc.") else key.replace("layer4.", "deeper.", 1)

    def released_file(self) -> Path:
        """In torch hub's folder of checkpoints, downloaded to it where it is not there yet."""
        file = f"{self.spec.name}-{self.spec.sha256}.pth"
        path, url = Path(hub.get_dir()) / "checkpoints" / file, f"{PUBLISHED}/{file}"
        if path.exists():
            return path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Checks the hash and renames last, so that no half file is left under that name.
            hub.download_url_to_file(url, str(path), self.spec.sha256)
        except (OSError, RuntimeError) as error:
            raise UserError(
                f"Teacher {self.spec.name} needs the weight file {file}, which could not be downloaded ({error}): "
                f"fetch it from {url} on another machine and name it with --weights."
            ) from error
        return path
