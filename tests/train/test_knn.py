from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from runtime.errors import UserError  # noqa: E402
from tests.train.fixed import pixels  # noqa: E402
from train.models import build_model  # noqa: E402
from train.models.bank import Bank, kmeans, on_finest_grid, pooled, resampling, sample_patches  # noqa: E402
from train.models.base import Level  # noqa: E402
from train.models.knn import Knn  # noqa: E402
from train.teachers import build_teacher  # noqa: E402

pytestmark = pytest.mark.torch

TEACHERS = ["efficientnet_lite0", "resnet18"]


def prepared(teacher: str, **settings: int) -> Knn:
    model = build_model("knn", build_teacher(teacher, "seeded:0"), {"count": 100, **settings})
    model.prepare([pixels((2, 64, 64, 1), 1), pixels((1, 64, 64, 1), 2)])
    assert isinstance(model, Knn)
    return model.eval()


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        (Level(8, 7), [0.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]),
        (Level(8, 3), [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.0]),
    ],
)
def test_a_coarser_cell_is_laid_where_it_looks(level: Level, seen: list[float]) -> None:
    """Cells numbered 0, 1, 2, 3; finer ones look at 4 i + 3: between them, their numbers are read off."""
    matrix = resampling(level, 4, Level(4, 3), 8)
    np.testing.assert_allclose(matrix.numpy() @ np.arange(4), seen, atol=1e-6)
    np.testing.assert_allclose(matrix.numpy().sum(1), 1, atol=1e-6)


def test_levels_are_resampled_along_both_axes() -> None:
    rows = torch.arange(2.0)[:, None].expand(2, 3)
    columns = torch.arange(3.0).expand(2, 3)
    fine = torch.zeros(1, 2, 4, 6)
    _, laid = on_finest_grid([fine, torch.stack([rows, columns])[None]], [Level(4, 3), Level(8, 3)])
    np.testing.assert_allclose(laid[0, 0, :, 0], [0, 0.5, 1, 1])
    np.testing.assert_allclose(laid[0, 1, 0], [0, 0.5, 1, 1.5, 2, 2])


@pytest.mark.parametrize(("counted", "corner", "edge"), [(True, 4 / 9, 6 / 9), (False, 1, 1)])
def test_what_pooling_makes_of_the_border(counted: bool, corner: float, edge: float) -> None:
    means = pooled(torch.ones(1, 1, 4, 4, dtype=torch.float16), counted)
    assert means.dtype == torch.float32
    np.testing.assert_allclose(means[0, 0, 0], [corner, edge, edge, corner], rtol=1e-6)
    np.testing.assert_allclose(means[0, 0, 1:3, 1:3], 1)


def test_the_nearest_of_a_bank_far_from_zero() -> None:
    """Features with a common mean of 1000: without moving it, float32 would lose distances of this size."""
    rng = np.random.default_rng(0)
    entries, x = 1000 + rng.normal(0, 0.1, (50, 8)), 1000 + rng.normal(0, 0.1, (2, 8, 3, 4))
    bank = Bank(8)
    bank.fill(torch.from_numpy(entries))
    found = bank.nearest(torch.from_numpy(x.astype(np.float32)), 5)
    entries, x = entries.astype(np.float32).astype(np.float64), x.astype(np.float32).astype(np.float64)
    direct = ((x[:, None] - entries[None, :, :, None, None]) ** 2).sum(2)
    np.testing.assert_allclose(found, np.sort(direct, axis=1)[:, :5], rtol=1e-3)
    assert float(bank.nearest(bank.entries.t()[None, :, None], 1).max()) < 1e-6, "an entry is at 0 from itself"


def test_a_draw_takes_every_patch_alike() -> None:
    """100 of 1000 patches, over many seeds: each of the four batches gets its share, and no patch comes twice."""
    maps = [torch.arange(250.0).reshape(1, 1, 10, 25) + 250 * n for n in range(4)]
    counts = np.zeros(4)
    for seed in range(40):
        drawn = sample_patches(iter(maps), 100, seed)[:, 0].numpy()
        assert len(np.unique(drawn)) == 100
        counts += np.bincount((drawn // 250).astype(int), minlength=4)
    np.testing.assert_allclose(counts, 1000, atol=120)
    assert torch.equal(sample_patches(maps, 100, 3), sample_patches(maps, 100, 3))
    assert not torch.equal(sample_patches(maps, 100, 3), sample_patches(maps, 100, 4))
    assert len(sample_patches(maps, 5000, 0)) == 1000


def test_kmeans_finds_planted_clusters() -> None:
    rng = np.random.default_rng(0)
    planted = rng.normal(0, 10, (12, 5))
    points = torch.from_numpy((planted[rng.integers(0, 12, 600)] + rng.normal(0, 0.1, (600, 5))).astype(np.float32))
    found = kmeans(points, 12, seed=3).numpy()
    nearest = np.sqrt(((planted[:, None] - found[None]) ** 2).sum(2))
    assert nearest.min(1).max() < 0.2
    assert sorted(nearest.argmin(1)) == list(range(12))
    assert torch.equal(kmeans(points, 12, seed=3), kmeans(points, 12, seed=3))


def test_kmeans_ends_at_the_means_of_what_it_owns() -> None:
    points = torch.from_numpy(np.random.default_rng(1).normal(size=(300, 2)).astype(np.float32))
    found = kmeans(points, 3, seed=0)
    owners = ((points[:, None] - found) ** 2).sum(2).argmin(1)
    for number in range(3):
        torch.testing.assert_close(found[number], points[owners == number].mean(0), rtol=1e-4, atol=1e-4)
    alike = kmeans(torch.ones(10, 2), 4, seed=0)
    assert torch.equal(alike, torch.ones(4, 2))


@pytest.mark.parametrize("teacher", TEACHERS)
def test_distances_are_those_of_scaled_features(teacher: str) -> None:
    model = prepared(teacher)
    tiles = pixels((2, 64, 64, 1), 5)
    features, scale = model.describe(tiles).numpy(), model.scale.numpy()
    assert features.shape == (2, sum(model.teacher.spec.channels[:2]), 16, 16)
    scaled, bank = (features * scale[:, None, None]).astype(np.float64), model.bank.entries.numpy().astype(np.float64)
    direct = np.sqrt(((scaled[:, None] - bank[None, :, :, None, None]) ** 2).sum(2)).min(1)
    (found,) = model.distances(tiles)
    np.testing.assert_allclose(found, direct, atol=1e-3)
    assert float(model.loss(tiles)) == pytest.approx(direct.mean(), rel=1e-4)
    (level,) = model.levels
    assert level == Level(4, model.teacher.spec.centres[0])


def test_channels_weigh_alike_and_a_dead_one_nothing() -> None:
    model = prepared("resnet18")
    deviations = model.bank.entries.std(0, correction=0)
    alive = model.scale > 0
    torch.testing.assert_close(deviations[alive], torch.ones_like(deviations[alive]))
    grey = torch.full((1, 64, 64, 1), 128, dtype=torch.uint8)
    model.prepare([grey])
    assert bool(torch.isfinite(model.distances(pixels((1, 64, 64, 1), 0))[0]).all())


def test_cloth_it_has_seen_is_nearer_than_other() -> None:
    model = prepared("efficientnet_lite0", count=1000)
    (known,) = model.distances(pixels((2, 64, 64, 1), 1))
    assert float(known.max()) < 0.02, "all 768 patches are in the bank"
    flat = torch.full((1, 64, 64, 1), 128, dtype=torch.uint8)
    assert float(model.distances(flat)[0].min()) > 1


def test_the_bank_follows_from_the_seed_and_comes_back() -> None:
    one, same, other = prepared("resnet18"), prepared("resnet18"), prepared("resnet18", seed=1)
    assert torch.equal(one.bank.entries, same.bank.entries)
    assert not torch.equal(one.bank.entries, other.bank.entries)
    fresh = build_model("knn", build_teacher("resnet18", "seeded:0")).eval()
    fresh.restore(one.learnt())
    tiles = pixels((1, 64, 64, 1), 7)
    assert torch.equal(fresh.distances(tiles)[0], one.distances(tiles)[0])
    with pytest.raises(RuntimeError):
        prepared("efficientnet_lite0").restore(one.learnt())


def test_nothing_is_trained_and_no_cloth_is_refused() -> None:
    model = build_model("knn", build_teacher("resnet18", "seeded:0"))
    assert model.default_steps == 0
    assert not any(p.requires_grad for p in model.parameters())
    assert model.optimizer(1e-3).param_groups[0]["params"] == []
    with pytest.raises(UserError, match="no normal tiles"):
        model.prepare(iter([]))


def test_each_tile_is_judged_by_itself() -> None:
    model = prepared("efficientnet_lite0")
    tiles = pixels((3, 64, 64, 1), 5)
    (together,) = model.distances(tiles)
    apart = torch.cat([model.distances(tiles[n : n + 1])[0] for n in (2, 0, 1)])
    torch.testing.assert_close(together[[2, 0, 1]], apart, rtol=1e-4, atol=1e-4)
