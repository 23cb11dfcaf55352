from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from runtime.errors import UserError  # noqa: E402
from tests.train.fixed import pixels  # noqa: E402
from tests.train.strips import weave  # noqa: E402
from train.models import AnomalyModel, build_model  # noqa: E402
from train.models.base import Level  # noqa: E402
from train.models.cfa import (  # noqa: E402
    Cfa,
    CfaSettings,
    hypersphere_losses,
    location_mean,
    one_each,
    paper_ema,
    softmin_distance,
)
from train.teachers import BUILDERS, build_teacher  # noqa: E402

pytestmark = pytest.mark.torch

RELEASED: dict[str, Any] = {"coord": True, "bank": "location_mean", "gamma_c": 1, "gamma_d": 1, "unit_spread": False}
FORMS = [
    pytest.param("efficientnet_lite0", {}, id="default"),
    pytest.param("efficientnet_lite0", {"gamma_d": 1, "attract": 2, "repel": 4}, id="uneven"),
    pytest.param("resnet18", RELEASED, id="released"),
    pytest.param("resnet18", {"bank": "location_mean", "coord": True, "gamma_c": 4}, id="compressed"),
    pytest.param("resnet18", {"bank": "paper_ema"}, id="paper_ema"),
]


def prepared(teacher: str, name: str = "cfa", **settings: Any) -> AnomalyModel:
    torch.manual_seed(0)
    model = build_model(name, build_teacher(teacher, "seeded:0"), settings)
    model.prepare([pixels((2, 64, 64, 1), 1), pixels((1, 64, 64, 1), 2)])
    return model.eval()


def cfa(teacher: str = "efficientnet_lite0", **settings: Any) -> Cfa:
    model = prepared(teacher, **settings)
    assert isinstance(model, Cfa)
    return model


def plain_descriptor(model: Cfa, tiles: Tensor) -> NDArray[np.float64]:
    """The paper's order: pool, lay all taps on one grid, join, add coordinates, then one convolution; [B, D', P]."""
    spec, pad = model.teacher.spec, model.settings.bank == "location_mean"
    joined = []
    for tap, stride, centre in zip(model.teacher(tiles), spec.strides, spec.centres, strict=True):
        mean = F.avg_pool2d(tap.double(), 3, 1, 1, count_include_pad=pad).numpy()
        side, cells = mean.shape[-1], 64 // spec.strides[0]
        at = (np.arange(cells) * spec.strides[0] + spec.centres[0] - centre) / stride
        up = np.stack([np.interp(at, np.arange(side), unit) for unit in np.eye(side)], axis=1)
        joined.append(np.einsum("ip,bcpq,jq->bcij", up, mean, up))
    features = np.concatenate(joined, axis=1)
    if model.settings.coord:
        scale = 2 * np.arange(cells) / (cells - 1) - 1
        places = np.broadcast_to(np.stack(np.meshgrid(scale, scale, indexing="ij")), (len(tiles), 2, cells, cells))
        features = np.concatenate([features, places], axis=1)
    weight = model.descriptor.project.weight.detach().double().numpy()[:, :, 0, 0]
    bias = model.descriptor.bias.detach().double().numpy()
    flat = features.reshape(*features.shape[:2], -1)
    return float(model.descriptor.gain) * np.einsum("dc,bcp->bdp", weight, flat) + bias[:, None]


def plain_distances(model: Cfa, tiles: Tensor) -> NDArray[np.float64]:
    """Squared, from every patch to every centre, ascending; [B, N, P]."""
    described, bank = plain_descriptor(model, tiles), model.bank.entries.double().numpy()
    return np.sort(((described[:, None] - bank[None, :, :, None]) ** 2).sum(2), axis=1)


@pytest.mark.parametrize(("teacher", "settings"), FORMS)
def test_loss_and_map_are_those_of_the_plain_form(teacher: str, settings: dict[str, Any]) -> None:
    model, tiles = cfa(teacher, **settings), pixels((2, 64, 64, 1), 5)
    squared = plain_distances(model, tiles)
    k, j = model.settings.attract, model.settings.repel
    radius = float(np.sqrt(np.median(squared[:, k : k + j]) + model.settings.alpha))
    with torch.no_grad():
        model.radius.fill_(radius)
    attraction = np.maximum(0, squared[:, :k] - radius**2).mean()
    repulsion = np.maximum(0, radius**2 - squared[:, k : k + j] - 0.1).mean()
    assert repulsion > 0
    assert float(model.loss(tiles).detach()) == pytest.approx((attraction + repulsion) * 1000, rel=1e-3)

    nearest = np.sqrt(squared[:, :k])
    softmin = np.exp(-nearest[:, 0]) / np.exp(-nearest).sum(1)
    with torch.no_grad():
        (found,) = model.distances(tiles)
    assert found.shape == (2, 16, 16)
    np.testing.assert_allclose(found.flatten(1), softmin * nearest[:, 0], rtol=1e-4, atol=1e-5)
    assert model.levels == (Level(4, model.teacher.spec.centres[0]),)


def test_neighbours_are_sliced_after_the_kth() -> None:
    squared = torch.tensor([1.0, 2.0, 3.0, 4.0, 50.0]).reshape(1, 5, 1, 1)
    attraction, repulsion = hypersphere_losses(squared, torch.tensor(2.5), attract=1, repel=3, alpha=0.25)
    assert float(attraction) == 0
    assert float(repulsion) == pytest.approx((4 + 3 + 2) / 3)  # 6.25 - 0.25 less 2, 3 and 4
    attraction, repulsion = hypersphere_losses(squared, torch.tensor(1.0), attract=3, repel=2, alpha=0.25)
    assert (float(attraction), float(repulsion)) == (pytest.approx((0 + 1 + 2) / 3), 0)


@pytest.mark.parametrize(("radius", "squared", "repels"), [(1e-5, 0, False), (0.31, 0, False), (0.32, 0, True)])
def test_nothing_is_repelled_before_the_radius_passes_alpha(radius: float, squared: float, repels: bool) -> None:
    distances = torch.full((1, 6, 2, 2), float(squared))
    _, repulsion = hypersphere_losses(distances, torch.tensor(radius), 3, 3, 0.1)
    assert bool(repulsion > 0) == repels
    _, further = hypersphere_losses(distances + 1, torch.tensor(radius), 3, 3, 0.1)
    assert float(further) == 0


def test_softmin_of_large_equal_and_zero_distances() -> None:
    given = torch.tensor([[0, 0, 0], [2, 2, 2], [1, 2, 4], [1e4, 2e4, 2e4]]).t().reshape(1, 3, 4, 1)
    found = softmin_distance(given.double())[0, :, 0]
    np.testing.assert_allclose(found, [0, 2 / 3, 1 / (1 + np.exp(-1) + np.exp(-3)), 1e4])


def test_location_mean_is_the_running_mean_of_batches() -> None:
    rng = np.random.default_rng(0)
    batches = [rng.normal(size=(n, 3, 2, 4)) for n in (3, 3, 1)]
    bank = location_mean([torch.from_numpy(b) for b in batches], 8, CfaSettings())
    expected = np.mean([b.mean(0) for b in batches], axis=0)
    np.testing.assert_allclose(bank, expected.reshape(3, 8).T, atol=1e-6)


def test_algorithm_1_on_two_tiles_by_hand() -> None:
    """Centres 0 and 10. Both are nearest to the patch at 4; the first takes it, the second must take 90."""
    tiles = torch.tensor([[0.0, 10.0], [4.0, 90.0]]).reshape(2, 1, 1, 2)
    assert one_each(torch.tensor([[0.0], [10.0]]), torch.tensor([[4.0], [90.0]])).tolist() == [0, 1]
    assert one_each(torch.tensor([[10.0], [0.0]]), torch.tensor([[90.0], [4.0]])).tolist() == [1, 0]
    bank = paper_ema([tiles], 2, CfaSettings(beta=0.25))
    np.testing.assert_allclose(bank[:, 0], [0.75 * 0 + 0.25 * 4, 0.75 * 10 + 0.25 * 90])
    torch.testing.assert_close(paper_ema([tiles[:1], tiles[1:]], 2, CfaSettings(beta=0.25)), bank)


@pytest.mark.parametrize(
    ("settings", "centres"), [({}, 32), ({"gamma_c": 4}, 64), ({"bank": "location_mean", "gamma_c": 1}, 256)]
)
def test_the_bank_has_a_centre_for_every_gamma_c_cells(settings: dict[str, Any], centres: int) -> None:
    one, same = cfa(**settings), cfa(**settings)
    assert one.bank.entries.shape == (centres, (24 + 40 + 112) // 2)
    assert torch.equal(one.bank.entries, same.bank.entries)


def test_variance_is_one_before_training_unless_as_released() -> None:
    tiles = pixels((2, 64, 64, 1), 1)
    scaled, plain = cfa(), cfa(unit_spread=False)
    for model in (scaled, plain):
        model.prepare([tiles])  # again: what was found before must not matter
    described, unscaled = (model.describe(tiles).detach() for model in (scaled, plain))
    assert float(described.permute(0, 2, 3, 1).flatten(0, 2).var(0).sum()) == pytest.approx(1, rel=1e-4)
    assert float(plain.descriptor.gain) == 1
    ratio = float(scaled.descriptor.gain) ** 2
    torch.testing.assert_close(scaled.squared(described, 3), ratio * plain.squared(unscaled, 3), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("teacher", sorted(BUILDERS))
def test_every_teacher(teacher: str) -> None:
    model = cfa(teacher, gamma_d=8)
    assert model.distances(pixels((1, 64, 64, 1), 0))[0].shape == (1, 16, 16)


def test_gradient_reaches_descriptor_and_radius_alone() -> None:
    model = cfa().train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    optimizer = model.optimizer(1e-3)
    model.loss(pixels((2, 64, 64, 1), 3)).backward()
    optimizer.step()
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert changed == {"descriptor.project.weight", "descriptor.project.bias", "radius"}
    (group,) = optimizer.param_groups
    assert (type(optimizer), group["weight_decay"], group["amsgrad"]) == (torch.optim.AdamW, 5e-4, True)


def test_a_radius_that_is_not_learnt_stays() -> None:
    model = cfa(learn_radius=False)
    assert [name for name, p in model.named_parameters() if p.requires_grad and "descriptor" not in name] == []
    assert float(model.radius) == pytest.approx(1e-5)


def test_only_the_teacher_is_run_in_halves_under_autocast() -> None:
    model, tiles = cfa(), pixels((2, 64, 64, 1), 3)
    with torch.autocast("cpu", torch.bfloat16):
        taps, described, loss = model.teacher(tiles), model.describe(tiles), model.loss(tiles)
    assert taps[0].dtype == torch.bfloat16
    assert torch.equal(described, model.descriptor(taps))
    assert loss.dtype == torch.float32


def cloth(count: int) -> Tensor:
    return torch.from_numpy(np.stack([weave(64, 64, seed) for seed in range(count)]))


def train(model: AnomalyModel, tiles: Tensor, steps: int, lr: float) -> None:
    """As many steps, watched after each."""
    optimizer = model.optimizer(lr)
    for _ in range(steps):
        optimizer.zero_grad()
        model.loss(tiles).backward()
        optimizer.step()
        model.watch(tiles)


def test_training_is_watched() -> None:
    tiles = cloth(4)
    model = build_model("cfa", build_teacher("efficientnet_lite0", "seeded:0"))
    model.prepare([tiles])
    before, loss = model.watch(tiles), float(model.loss(tiles).detach())
    assert before["spread"] == pytest.approx(1, abs=0.01)
    assert (before["inside"], before["repulsion"]) == (0, 0)
    train(model, tiles, 20, 1e-3)
    after = model.watch(tiles)
    assert float(model.loss(tiles).detach()) < loss
    assert 0.3 < after["spread"] < 1
    assert after["radius"] > 0.01


def test_a_collapse_is_refused() -> None:
    """Where all centres are one, attraction alone has its minimum at a descriptor that answers nothing else."""
    torch.manual_seed(0)
    tiles = cloth(2)
    model = build_model("cfa", build_teacher("efficientnet_lite0", "seeded:0"), {"learn_radius": False})
    model.prepare([tiles])
    assert isinstance(model, Cfa)
    model.bank.fill(model.bank.entries.mean(0).expand_as(model.bank.entries))
    with pytest.raises(UserError, match=r"collapsed.*--lr"):
        train(model, tiles, 400, 1e-2)


def test_learnt_state_comes_back_whatever_the_size_of_the_bank() -> None:
    one, tiles = cfa("resnet18", gamma_c=2), pixels((1, 64, 64, 1), 7)
    other = build_model("cfa", build_teacher("resnet18", "seeded:0"), {"gamma_c": 2}).eval()
    other.restore(one.learnt())
    assert torch.equal(one.distances(tiles)[0], other.distances(tiles)[0])
    assert not any(key.startswith("teacher") for key in one.learnt())
    with pytest.raises(RuntimeError):
        cfa("resnet18", gamma_d=4).restore(one.learnt())
    with pytest.raises(RuntimeError):
        other.restore({"weight": torch.zeros(1)})


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"gamma_c": 64}, "gamma_c leaves the bank 4 centres"), ({"gamma_d": 1000}, "176 channels in all")],
)
def test_settings_that_leave_nothing_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        cfa(**settings)


def test_no_cloth_is_refused() -> None:
    with pytest.raises(UserError, match="no normal tiles"):
        build_model("cfa", build_teacher("resnet18", "seeded:0")).prepare(iter([]))


def test_each_tile_is_judged_by_itself() -> None:
    model, tiles = cfa(), pixels((3, 64, 64, 1), 5)
    (together,) = model.distances(tiles)
    apart = torch.cat([model.distances(tiles[n : n + 1])[0] for n in (2, 0, 1)])
    torch.testing.assert_close(together[[2, 0, 1]], apart, rtol=1e-4, atol=1e-5)


class Distances(nn.Module):
    """What export takes from a model."""

    def __init__(self, model: AnomalyModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, tiles: Tensor) -> tuple[Tensor, ...]:
        return self.model.distances(tiles)


@pytest.mark.parametrize(
    ("name", "teacher", "settings"),
    [
        ("cfa", "efficientnet_lite0", {}),
        ("cfa", "resnet18", {}),
        ("cfa", "resnet18", RELEASED),
        ("knn", "efficientnet_lite0", {"count": 100}),
        ("knn", "resnet18", {"count": 100}),
    ],
)
def test_the_exported_graph_gives_the_same(name: str, teacher: str, settings: dict[str, Any], tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    checkers = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    flat = [np.full((64, 64), grey, np.uint8) for grey in (0, 255)]
    tiles = torch.cat([torch.from_numpy(np.stack([*flat, checkers]))[..., None], pixels((1, 64, 64, 1), 9)])
    graph = Distances(prepared(teacher, name, **settings)).eval()
    path = str(tmp_path / "graph.onnx")
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        (expected,) = graph(tiles)
        torch.onnx.export(graph, (tiles,), path, opset_version=17, dynamo=False, input_names=["pixels"])
    (found,) = onnxruntime.InferenceSession(path).run(None, {"pixels": tiles.numpy()})
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.ptp(expected.numpy()))
