from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from train.losses import cosine_distance, flattened, position  # noqa: E402

pytestmark = pytest.mark.torch


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """1 - cos of two vectors."""
    return 1 - float(a @ b) / float(np.linalg.norm(a) * np.linalg.norm(b))


def test_the_forms_against_numpy_one_vector_at_a_time() -> None:
    rng = np.random.default_rng(0)
    teacher = [rng.normal(size=(3, 5, 4, 2)), rng.normal(size=(3, 7, 2, 1))]
    student = [rng.normal(size=level.shape) for level in teacher]
    maps, wholes = [], []
    for t, s in zip(teacher, student, strict=True):
        batch, _, rows, columns = t.shape
        maps.append(np.empty((batch, rows, columns)))
        for b, i, j in np.ndindex(batch, rows, columns):
            maps[-1][b, i, j] = distance(t[b, :, i, j], s[b, :, i, j])
        wholes.append(np.mean([distance(t[b].ravel(), s[b].ravel()) for b in range(batch)]))
    given = [torch.from_numpy(t) for t in teacher], [torch.from_numpy(s) for s in student]
    for t, s, wanted in zip(*given, maps, strict=True):
        np.testing.assert_allclose(cosine_distance(t, s).numpy(), wanted, rtol=1e-5)
    assert float(flattened(*given)) == pytest.approx(sum(wholes), rel=1e-5)
    assert float(position(*given)) == pytest.approx(sum(m.mean() for m in maps), rel=1e-5)


def test_flattened_weighs_strong_positions_more() -> None:
    teacher = torch.zeros(1, 2, 1, 2)
    teacher[0, :, 0, 0], teacher[0, :, 0, 1] = torch.tensor([10.0, 0.0]), torch.tensor([0.1, 0.0])
    student = teacher.clone()
    student[0, :, 0, 1] = torch.tensor([0.0, 0.1])  # wrong, where features are weak
    assert flattened([teacher], [student]) < 0.001
    assert position([teacher], [student]) == pytest.approx(0.5)


def test_half_precision_does_not_overflow_and_dead_positions_are_no_nan() -> None:
    strong = torch.full((1, 1024, 1, 1), 100.0, dtype=torch.float16)
    assert float(cosine_distance(strong, strong)) == pytest.approx(0, abs=1e-6)
    assert float(cosine_distance(strong, -strong)) == pytest.approx(2)
    dead = torch.zeros(1, 8, 1, 1)
    assert float(cosine_distance(dead, dead)) == 1


def test_a_dead_position_gives_a_gradient_that_is_a_number() -> None:
    teacher, student = torch.rand(1, 8, 2, 2), torch.zeros(1, 8, 2, 2, requires_grad=True)
    for loss in (flattened, position):
        (gradient,) = torch.autograd.grad(loss([teacher], [student]), student)
        assert bool(torch.isfinite(gradient).all())
