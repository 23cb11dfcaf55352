from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from tests.train.fixed import fill  # noqa: E402
from train.models.blocks import initialise  # noqa: E402
from train.models.mirror import Decoder, Embedding, Fusion, doubling_block  # noqa: E402
from train.teachers import ResNetShape  # noqa: E402
from train.teachers.resnet import SPECS  # noqa: E402

pytestmark = pytest.mark.torch

# Parameters of fusion, embedding and decoder in the published code of RD4AD (hq-deng/RD4AD, commit 6554076), less its
# conv4 and bn4, which it never calls.
PUBLISHED_PARAMETERS = {
    "resnet18": (664_832, 11_015_168, 3_703_168),
    "resnet34": (664_832, 15_735_808, 5_770_624),
    "resnet50": (10_621_952, 20_207_616, 15_821_824),
    "wide_resnet50_2": (10_621_952, 48_263_168, 24_917_504),
}
DEPTHS = {
    "resnet18": [2, 2, 2],
    "resnet34": [3, 4, 6],
    "resnet50": [3, 4, 6],
    "wide_resnet50_2": [3, 4, 6],
}


def parts(name: str, device: str = "meta") -> tuple[Fusion, Embedding, Decoder]:
    """Bottleneck and student for a teacher; on torch's meta device shapes are all there is."""
    with torch.device(device):
        fusion = Fusion(SPECS[name])
        return fusion, Embedding(SPECS[name], fusion.channels), Decoder(SPECS[name])


@pytest.mark.parametrize("name", sorted(PUBLISHED_PARAMETERS))
def test_the_parts_are_as_large_and_as_deep_as_the_published_ones(name: str) -> None:
    found = parts(name)
    assert tuple(sum(p.numel() for p in part.parameters()) for part in found) == PUBLISHED_PARAMETERS[name]
    assert [len(stage) for stage in found[2].stages] == DEPTHS[name]


@pytest.mark.parametrize("name", sorted(PUBLISHED_PARAMETERS))
@pytest.mark.parametrize("tile", [224, 256])
def test_shapes_at_the_papers_sizes(name: str, tile: int) -> None:
    expansion = 1 if name in ("resnet18", "resnet34") else 4
    shapes = [(3, planes * expansion, tile // s, tile // s) for planes, s in ((64, 4), (128, 8), (256, 16))]
    fusion, embedding, decoder = parts(name)
    fused = fusion(tuple(torch.empty(shape, device="meta") for shape in shapes))
    assert fused.shape == (3, 768 * expansion, tile // 16, tile // 16)
    embedded = embedding(fused)
    assert embedded.shape == (3, 512 * expansion, tile // 32, tile // 32)
    assert [tuple(tap.shape) for tap in decoder(embedded)] == shapes


def test_what_is_fused_stands_finest_first_and_the_coarsest_as_it_is() -> None:
    fusion = parts("resnet18", "cpu")[0].eval()
    taps = [torch.rand(1, c, side, side) for c, side in ((64, 8), (128, 4), (256, 2))]
    fused = fusion(tuple(taps))
    assert torch.equal(fused[:, 512:], taps[2])
    for first, changed in ((0, 0), (256, 1)):
        other = [torch.zeros_like(tap) if level == changed else tap for level, tap in enumerate(taps)]
        differs = [bool(d) for d in (fusion(tuple(other)) != fused)[0].flatten(1).any(1)]
        assert any(differs[first : first + 256])
        assert not any(differs[:first] + differs[first + 256 : 512])


def as_numpy(state: dict[str, Tensor]) -> dict[str, np.ndarray]:
    return {key: value.numpy().astype(np.float64) for key, value in state.items()}


def normalised(x: np.ndarray, state: dict[str, np.ndarray], key: str) -> np.ndarray:
    """Batch norm with running statistics, of [C, h, w]."""
    mean, var, weight, bias = (state[f"{key}.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
    scale = weight / np.sqrt(var + 1e-5)
    return x * scale[:, None, None] + (bias - mean * scale)[:, None, None]


def doubled(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """2x2 transposed convolution of stride 2: cell (i, j) becomes the four (2 i + k, 2 j + l)."""
    spread = np.einsum("ihw,iokl->ohkwl", x, weight)
    return spread.reshape(weight.shape[1], 2 * x.shape[1], 2 * x.shape[2])


def test_a_doubling_bottleneck_against_numpy() -> None:
    """1x1, then doubled, then 1x1, each normalised, and a doubled shortcut: of a wide bottleneck."""
    block = doubling_block(ResNetShape("bottleneck", (1, 1, 1, 1), 128), 6, 4).eval()
    fill(block, 0)
    state = as_numpy(block.state_dict())
    x = np.random.default_rng(1).random((6, 3, 2))
    assert state["body.0.0.weight"].shape == (8, 6, 1, 1), "4 planes of a wide net are 8 channels inside"
    y = np.einsum("ihw,oi->ohw", x, state["body.0.0.weight"][..., 0, 0])
    y = np.maximum(normalised(y, state, "body.0.1"), 0)
    y = np.maximum(normalised(doubled(y, state["body.1.0.weight"]), state, "body.1.1"), 0)
    y = normalised(np.einsum("ihw,oi->ohw", y, state["body.2.weight"][..., 0, 0]), state, "body.3")
    wanted = np.maximum(y + normalised(doubled(x, state["shortcut.0.weight"]), state, "shortcut.1"), 0)
    with torch.no_grad():
        found = block(torch.from_numpy(x[None]).float())[0]
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_every_transposed_convolution_can_be_folded_at_export(name: str) -> None:
    decoder = parts(name)[2]
    transposed = [m for m in decoder.modules() if isinstance(m, nn.ConvTranspose2d)]
    pairs = [
        pair for m in decoder.modules() if isinstance(m, nn.Sequential) for pair in zip(m, list(m)[1:], strict=False)
    ]
    folded = [a for a, b in pairs if isinstance(a, nn.ConvTranspose2d) and isinstance(b, nn.BatchNorm2d)]
    assert len(transposed) == 6
    assert set(folded) == set(transposed)


def test_convolutions_start_as_kaiming_has_it_and_transposed_ones_as_torch_has_it() -> None:
    torch.manual_seed(0)
    decoder = Decoder(SPECS["resnet18"])
    before = {name: p.clone() for name, p in decoder.named_parameters()}
    initialise(decoder)
    for name, part in decoder.named_modules():
        if isinstance(part, nn.ConvTranspose2d):
            assert torch.equal(part.weight, before[f"{name}.weight"])
        elif isinstance(part, nn.Conv2d):
            fan_out = part.weight[:, 0].numel()
            assert float(part.weight.detach().std()) == pytest.approx((2 / fan_out) ** 0.5, rel=0.05)
