from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from train.losses import cosine_distance, flattened, position  # noqa: E402

pytestmark = pytest.mark.torch


def test_both_forms_against_torch() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(3, 5, 4, 4), torch.randn(3, 5, 4, 4)
    cos = torch.nn.functional.cosine_similarity
    torch.testing.assert_close(flattened([a, a], [b, a]), (1 - cos(a.flatten(1), b.flatten(1))).mean())
    torch.testing.assert_close(position([a, a], [b, a]), (1 - cos(a, b)).mean())


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
