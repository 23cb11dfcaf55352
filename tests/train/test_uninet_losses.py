from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")

from train.models import contrast  # noqa: E402
from train.models.contrast import log_match, pair_loss, unit  # noqa: E402
from train.models.selection import Selection, only_hard  # noqa: E402

pytestmark = pytest.mark.torch

Floats = NDArray[np.float64]
SHAPE = (3, 5, 4, 6)


def drawn(seed: int, shape: tuple[int, ...] = SHAPE) -> Floats:
    return np.random.default_rng(seed).normal(size=shape)


def tensor(values: Floats, learnt: bool = False) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32, requires_grad=learnt)


def vectors(tap: Floats) -> Floats:
    """[B, C, h, w] -> unit vectors [B, N, C]."""
    flat = tap.reshape(*tap.shape[:2], -1).transpose(0, 2, 1)
    return flat / np.linalg.norm(flat, axis=2, keepdims=True)


def formulas(
    student: Floats, teacher: Floats, temperature: float, normal: NDArray[np.bool_], everywhere: bool
) -> float:
    """The loss position by position, as the paper writes it."""
    s, t = vectors(student), vectors(teacher)
    distance, contrasted, kept, lost = [], [], [], []
    for b, n in np.ndindex(s.shape[0], s.shape[1]):
        likeness = np.exp(t[b] @ s[b, n] / temperature)
        p = likeness[n] / likeness.sum()
        if normal[b, n] or everywhere:
            distance.append(1 - s[b, n] @ t[b, n])
        if normal[b, n]:
            contrasted.append(-math.log(p))
            kept.append(max(0.0, 1 - p))
        else:
            lost.append(max(0.0, p - 0.5))
    parts = [sum(part) / max(1, len(part)) for part in (distance, contrasted, kept, lost)]
    return 0.7 * parts[0] + 0.3 * parts[1] + parts[2] + parts[3]


@pytest.mark.parametrize("temperature", [2.0, 0.1, 0.02])
@pytest.mark.parametrize("labels", ["none", "some", "all"])
@pytest.mark.parametrize("everywhere", [False, True])
def test_the_loss_is_the_formula(temperature: float, labels: str, everywhere: bool) -> None:
    student = drawn(1)
    teacher = student + 0.3 * drawn(2)
    share = {"none": 0.0, "some": 0.4, "all": 1.0}[labels]
    normal = np.random.default_rng(3).random((3, 24)) >= share
    expected = formulas(student, teacher, temperature, normal, everywhere)
    given = None if labels == "none" else torch.from_numpy(normal)
    found = pair_loss(tensor(student), tensor(teacher), temperature, given, everywhere)
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_blocks_of_rows_give_what_the_whole_table_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values and gradients, with a last block that is not full."""
    found = []
    for block in (7, 1000):
        monkeypatch.setattr(contrast, "BLOCK", block)
        student, teacher = tensor(drawn(1), True), tensor(drawn(2), True)
        log_p = log_match(unit(student), unit(teacher), 0.1)
        (log_p * tensor(drawn(3, (3, 24)))).sum().backward()
        found.append((log_p.detach(), student.grad, teacher.grad))
    for blocked, whole in zip(*found, strict=True):
        torch.testing.assert_close(blocked, whole, rtol=1e-5, atol=1e-5)


def test_some_rows_are_rows_of_all() -> None:
    student, teacher = unit(tensor(drawn(1))), unit(tensor(drawn(2)))
    rows = torch.tensor([20, 3, 7])
    torch.testing.assert_close(log_match(student, teacher, 0.1, rows), log_match(student, teacher, 0.1)[:, rows])


def test_positions_without_features_cost_but_break_nothing() -> None:
    student, teacher = tensor(0 * drawn(1), True), tensor(0 * drawn(1))
    loss = pair_loss(student, teacher, 0.1)
    loss.backward()
    assert loss.item() == pytest.approx(0.7 + 0.3 * math.log(24) + 1 - 1 / 24, rel=1e-5)
    assert bool(torch.isfinite(student.grad).all())


@pytest.mark.parametrize("signed", [False, True])
def test_selection_is_the_formula(signed: bool) -> None:
    """The factor that makes the softmax's mean 1 is taken out again before the comparison."""
    student, teacher = drawn(1), drawn(2) * 2
    strength = np.abs(teacher)
    selection = Selection((5, 5))
    with torch.no_grad():
        selection.raw[1][0, :, 0, 0] = torch.tensor([0.0, -1.0, -9.0, 1.0, 9.0])
    theta = np.array([1.0, 1 / (1 + math.e) + 0.5, 1 / (1 + math.exp(9)) + 0.5, 1.0, 1.0])
    expected = np.empty_like(student)
    for b, c in np.ndindex(3, 5):
        weights = np.exp(strength[b, c]) / np.exp(strength[b, c]).sum()
        expected[b, c] = student[b, c] * weights * (theta[c] + strength[b, c].mean())
    found = selection(tensor(student), tensor(teacher if signed else strength), 1) / 24
    torch.testing.assert_close(found, tensor(expected), rtol=1e-4, atol=1e-6)


def test_theta_starts_at_one_and_learns() -> None:
    selection = Selection((5,))
    assert bool((selection.theta(0) == 1).all())
    student, teacher = tensor(drawn(1)), tensor(np.abs(drawn(2)))
    pair_loss(selection(student, teacher, 0), teacher, 2.0).backward()
    assert bool((selection.raw[0].grad != 0).all())


@pytest.mark.parametrize(("progress", "k"), [(0.0, -3.0), (0.05, -1.0), (0.1, 1.0), (0.7, 1.0)])
def test_only_hard_positions_teach_the_student(progress: float, k: float) -> None:
    student, teacher = drawn(1), drawn(1) + 0.5 * drawn(2)
    distance = 1 - (vectors(student) * vectors(teacher)).sum(2)
    easy = (distance < distance.mean() + k * distance.std()).reshape(3, 4, 6)
    learnt, taught = tensor(student, True), tensor(teacher, True)
    mined = only_hard(learnt, taught, progress)
    assert torch.equal(mined, learnt)
    pair_loss(mined, taught, 0.1).backward()
    still = (learnt.grad == 0).all(dim=1).numpy()
    assert np.array_equal(still, easy)
    assert progress < 0.1 or 0.5 < easy.mean() < 1
    assert bool((taught.grad != 0).any(dim=1).all()), "the teacher's side is not masked"
