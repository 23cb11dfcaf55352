from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from runtime.errors import UserError  # noqa: E402
from train.models import build_model  # noqa: E402
from train.teachers import BUILDERS, build_teacher  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("name", sorted(BUILDERS))
@pytest.mark.parametrize("side", [64, 128])
def test_the_student_answers_each_tap_in_its_shape(name: str, side: int) -> None:
    model = build_model("rd4ad", build_teacher(name), 16, "flattened").eval()
    pixels = torch.randint(0, 256, (2, side, side, 1), dtype=torch.uint8)
    taught, decoded = model.both(pixels)
    assert [t.shape for t in taught] == [s.shape for s in decoded]
    assert all(bool((s < 0).any()) for s in decoded), "signed taps cannot be answered through a ReLU"
    assert [d.shape for d in model.distances(pixels)] == [(2, side // s, side // s) for s in (4, 8, 16)]


def test_a_step_changes_the_student_and_nothing_of_the_teacher() -> None:
    torch.manual_seed(0)
    model = build_model("rd4ad", build_teacher("efficientnet_lite0"), 16, "flattened")
    teacher = {k: v.clone() for k, v in model.teacher.state_dict().items()}
    learnt = {k: v.clone() for k, v in model.learnt().items()}
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 1e-3)
    model.train()
    model.loss(torch.randint(0, 256, (2, 64, 64, 1), dtype=torch.uint8)).backward()
    optimizer.step()
    assert all(torch.equal(v, teacher[k]) for k, v in model.teacher.state_dict().items())
    assert not any(torch.equal(v, learnt[k]) for k, v in model.learnt().items())


def test_learnt_state_is_without_the_teacher_and_comes_back() -> None:
    torch.manual_seed(0)
    one, other = (build_model("rd4ad", build_teacher("efficientnet_lite0"), 16, "flattened").eval() for _ in "ab")
    assert not any(key.startswith("teacher") for key in one.learnt())
    other.restore(one.learnt())
    pixels = torch.randint(0, 256, (1, 64, 64, 1), dtype=torch.uint8)
    assert all(torch.equal(a, b) for a, b in zip(one.distances(pixels), other.distances(pixels), strict=True))


def test_unknown_model_lists_the_known() -> None:
    with pytest.raises(UserError, match="rd4ad"):
        build_model("cfa", build_teacher("efficientnet_lite0"), 16, "flattened")
