"""Figures that the published code of UniNet gave (github.com/pangdatangtt/UniNet, MIT), on the same weights and tiles.

Its ResNet50 teachers, bottleneck, student, losses and weighted decision were run beside these with weights and noise
of ``fixed.py``; its theta is 1. The Gaussian blur before its decision was left out: here, the map is blurred already.
"""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.train.fixed import fill, pixels  # noqa: E402
from train.models import build_model  # noqa: E402
from train.models.decision import weighted_score  # noqa: E402
from train.models.uninet import Uninet  # noqa: E402
from train.teachers import build_teacher  # noqa: E402

pytestmark = pytest.mark.torch

TILES = (2, 64, 64, 3)
MEANS = (0.542727, 0.551056, 0.569195, 0.545124, 0.543463, 0.573579)
PEAKS = (0.613302, 0.618414, 0.620582, 0.638635, 0.594698, 0.593712)
LOSSES = {2.0: (15.335119, 15.333339, 15.141816), 0.1: (12.593365, 12.558792, 10.232064)}
"""By temperature: in evaluation mode, the same with the second tile labelled a defect, in training mode."""


@pytest.fixture(scope="module")
def model() -> Uninet:
    released = {"target_bn": "train", "distil": "all"}
    built = build_model("uninet", build_teacher("resnet50", "seeded:0"), released)
    assert isinstance(built, Uninet)
    fill(built, 1)
    with torch.no_grad():
        for raw in built.selection.raw:
            raw.zero_()
    return built


def test_maps(model: Uninet) -> None:
    model.eval()
    with torch.no_grad():
        maps = model.distances(pixels(TILES, 2))
    np.testing.assert_allclose([m.mean() for m in maps], MEANS, atol=1e-5)
    np.testing.assert_allclose([m.max() for m in maps], PEAKS, atol=1e-5)


@pytest.mark.parametrize("temperature", sorted(LOSSES))
def test_losses(model: Uninet, temperature: float) -> None:
    model.settings = model.settings.model_copy(update={"temperature": temperature})
    tiles, labels = pixels(TILES, 2), torch.zeros(TILES[:3], dtype=torch.bool)
    labels[1] = True
    statistics = {k: v.clone() for k, v in model.state_dict().items()}
    with torch.no_grad():
        model.eval()
        found = [model.loss(tiles).item(), model.loss(tiles, labels).item()]
        model.train()
        found.append(model.loss(tiles).item())
    model.load_state_dict(statistics)
    np.testing.assert_allclose(found, LOSSES[temperature], rtol=1e-4)


def test_weighted_decision() -> None:
    rng = np.random.default_rng(3)
    shares = np.array([1.0, 0.4], np.float32).reshape(2, 1, 1)
    maps = [(rng.random((2, 64, 64)) ** 4 * s).astype(np.float32) * shares for s in (0.9, 0.3, 0.5, 0.8, 0.2, 1.0)]
    tensors = tuple(torch.from_numpy(m) for m in maps)
    score = weighted_score(tensors, torch.stack(tensors).sum(0), 0.0, 1.0)
    np.testing.assert_allclose(score, [2.196756, 0.963934], rtol=1e-5)
