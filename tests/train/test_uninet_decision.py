from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")

from train.models.decision import weighted_score  # noqa: E402

pytestmark = pytest.mark.torch

Floats = NDArray[np.float64]


def by_hand(maps: list[Floats], inside: Floats) -> tuple[float, int]:
    """One tile's score and its K."""
    peaks = np.array([m.max() for m in maps])
    share = np.exp(peaks) / np.exp(peaks).sum()
    above = peaks[share > share.mean() + 1e-7]
    weight = max((above if len(above) else peaks).mean() * 0.01, 3e-5)
    k = max(1, int(inside.size * weight))
    return float(np.sort(inside.reshape(-1))[-k:].mean()), k


def scored(maps: list[Floats], inside: Floats, border: float = 0.0, ceiling: float = 1.0) -> Floats:
    tensors = tuple(torch.tensor(m, dtype=torch.float32) for m in maps)
    score: Floats = weighted_score(tensors, torch.tensor(inside, dtype=torch.float32), border, ceiling).numpy()
    return score


@pytest.mark.parametrize("ceiling", [1.0, 2.0])
def test_each_tile_is_scored_by_a_k_of_its_own(ceiling: float) -> None:
    rng = np.random.default_rng(0)
    levels = np.array([1.0, 0.5, 0.1, 0.01, 0.0]).reshape(5, 1, 1) * ceiling
    maps = [levels * rng.random((5, side, side)) * rng.random() for side in (64, 32, 16, 64, 32, 16)]
    inside = rng.random((5, 48, 48))
    found = scored(maps, inside, ceiling=ceiling)
    expected = [by_hand([m[b] for m in maps], inside[b]) for b in range(5)]
    assert len({k for _, k in expected}) >= 4
    np.testing.assert_allclose(found, [score for score, _ in expected], rtol=1e-5)
    for b in range(5):
        np.testing.assert_allclose(scored([m[b : b + 1] for m in maps], inside[b : b + 1], ceiling=ceiling), found[b])


@pytest.mark.parametrize(("peak", "k"), [(0.05, 32), (0.1, 65), (0.3, 196), (1.0, 655), (2.0, 1310), (0.0, 1)])
def test_k_on_the_papers_grid(peak: float, k: int) -> None:
    """Of 256 x 256 cells; the score of a ramp tells K."""
    ramp = np.arange(256.0 * 256).reshape(1, 256, 256) / 256**2
    score = scored([np.full((1, 4, 4), peak)] * 6, ramp, ceiling=2.0)
    assert (1 - score[0]) * 2 * 256**2 - 1 == pytest.approx(k, abs=0.1)


def test_maps_that_all_peak_alike_are_averaged() -> None:
    maps = [np.full((2, 8, 8), 0.7)] * 6
    inside = np.random.default_rng(1).random((2, 64, 64))
    found = scored(maps, inside)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, [by_hand([m[b] for m in maps], inside[b])[0] for b in range(2)], rtol=1e-5)


def test_a_peak_in_the_margin_does_not_choose_k() -> None:
    rng = np.random.default_rng(2)
    maps = [rng.random((1, side, side)) * 0.1 for side in (64, 32, 16)] * 2
    inside = rng.random((1, 48, 48))
    calm = scored(maps, inside, border=0.125)
    for m in maps:
        m[:, 0, :], m[:, :, -1] = 1, 1
    np.testing.assert_array_equal(scored(maps, inside, border=0.125), calm)
    assert scored(maps, inside) < calm, "K grew, so that the mean fell"


def test_k_never_passes_what_was_sorted_out() -> None:
    inside = np.random.default_rng(3).random((1, 64, 64))
    most = math.floor(64 * 64 * 0.01)
    expected = np.sort(inside.reshape(-1))[-most:].mean()
    np.testing.assert_allclose(scored([np.full((1, 4, 4), 1.0 + 1e-6)] * 6, inside), [expected], rtol=1e-6)
