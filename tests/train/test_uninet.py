from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from runtime.errors import UserError  # noqa: E402
from tests.train.fixed import fill, pixels  # noqa: E402
from train.models import build_model  # noqa: E402
from train.models.base import Level  # noqa: E402
from train.models.uninet import Uninet, at_cells  # noqa: E402
from train.teachers import build_teacher  # noqa: E402

pytestmark = pytest.mark.torch

FORMS = [
    pytest.param("efficientnet_lite0", {}, id="signed"),
    pytest.param("resnet18", {}, id="mirror"),
    pytest.param("resnet18", {"student": "slim"}, id="slim"),
]
WAYS = {
    "plain": {},
    "released": {"target_bn": "train", "distil": "all"},
    "recontrast": {"hard_mining": True, "stop_gradient": True, "eps": 1e-10, "dfs": False},
    "paper": {"mem_kernel": "7x7", "temperature": 0.1, "rows": 20},
}


def model_for(teacher: str, **settings: Any) -> Uninet:
    """On random weights: neither shapes nor steps depend on them."""
    torch.manual_seed(0)
    model = build_model("uninet", build_teacher(teacher, "seeded:0"), {"width": 16, **settings})
    assert isinstance(model, Uninet)
    return model


def state(module: nn.Module) -> dict[str, Tensor]:
    return {k: v.clone() for k, v in module.state_dict().items()}


@pytest.mark.parametrize(("teacher", "settings"), FORMS)
def test_six_maps_lie_where_the_levels_say(teacher: str, settings: dict[str, str]) -> None:
    model = model_for(teacher, **settings).eval()
    taught, decoded = model.pairs(pixels((2, 64, 64, 1), 0))
    assert [t.shape for t in taught] == [s.shape for s in decoded]
    assert all(bool((s < 0).any()) == model.teacher.spec.signed for s in decoded)
    distances = model.distances(pixels((2, 64, 64, 1), 0))
    assert [d.shape for d in distances] == [(2, 64 // level.stride, 64 // level.stride) for level in model.levels]
    assert len(distances) == 6
    assert [level.centre for level in model.levels] == [*model.teacher.spec.centres] * 2


@pytest.mark.parametrize(("teacher", "settings"), FORMS)
def test_the_pairs_are_crossed(teacher: str, settings: dict[str, str]) -> None:
    """A change of the target teacher reaches the answers to the source's taps, and no answer to its own."""
    model = model_for(teacher, **settings).eval()
    tiles = pixels((2, 64, 64, 1), 0)
    with torch.no_grad():
        taught, decoded = model.pairs(tiles)
        for weight in model.target.parameters():
            weight.mul_(1.1)
        taught_after, decoded_after = model.pairs(tiles)
    same = [torch.equal(a, b) for a, b in zip(taught, taught_after, strict=True)]
    assert same == [True, True, True, False, False, False]
    same = [torch.equal(a, b) for a, b in zip(decoded, decoded_after, strict=True)]
    assert same == [False, False, False, True, True, True]


@pytest.mark.parametrize("form", sorted(WAYS))
@pytest.mark.parametrize("masked", [False, True])
def test_a_step_changes_the_target_and_nothing_of_the_source(form: str, masked: bool) -> None:
    model = model_for("efficientnet_lite0", **WAYS[form])
    source, learnt = state(model.teacher), model.learnt()
    learnt = {k: v.clone() for k, v in learnt.items()}
    masks = torch.zeros(2, 64, 64, dtype=torch.bool)
    masks[0, 16:48, 16:48] = True
    optimizer = model.optimizer(5e-3)
    model.train()
    model.progress = 0.05
    loss = model.loss(pixels((2, 64, 64, 1), 0), masks if masked else None)
    loss.backward()
    optimizer.step()
    assert bool(torch.isfinite(loss))
    assert all(torch.equal(v, source[k]) for k, v in model.teacher.state_dict().items())
    kept = [k for k, v in model.learnt().items() if torch.equal(v, learnt[k])]
    follows = model.settings.target_bn == "train"
    assert all(k.startswith("target.") and ("running" in k or "num_batches" in k) for k in kept), kept
    assert bool(kept) != follows


def test_the_target_learns_at_a_rate_of_its_own() -> None:
    model = model_for("efficientnet_lite0", target_lr=3e-6)
    rest, target = model.optimizer(5e-3).param_groups
    assert (rest["lr"], target["lr"]) == (5e-3, 3e-6)
    assert {id(p) for p in target["params"]} == {id(p) for p in model.target.parameters()}
    learning = [p for p in model.parameters() if p.requires_grad]
    assert len(rest["params"]) + len(target["params"]) == len(learning)


@pytest.mark.parametrize("stop", [False, True])
def test_a_target_is_moved_towards_the_student_unless_that_is_stopped(stop: bool) -> None:
    """The last pair compares the target's coarsest tap with an answer made of the source's."""
    model = model_for("resnet18", stop_gradient=stop).eval()
    taught, decoded = model.pairs(pixels((2, 64, 64, 1), 0))
    for number, reaches in ((2, True), (5, not stop)):
        loss = model._pair_loss(number, taught[number], decoded[number], None)
        (gradient,) = torch.autograd.grad(loss, model.target.conv1.weight, retain_graph=True)
        assert bool((gradient != 0).any()) == reaches, number


def test_defects_that_are_labelled_do_not_teach() -> None:
    """With soft contrast, a tile that is all defect adds no gradient of its own; as released, it is distilled."""
    tiles, masks = pixels((2, 64, 64, 1), 0), torch.zeros(2, 64, 64, dtype=torch.bool)
    masks[1] = True
    model = model_for("efficientnet_lite0").eval()
    alone = model.loss(tiles[:1])
    torch.testing.assert_close(model.loss(tiles, masks), alone)
    released = model_for("efficientnet_lite0", distil="all").eval()
    assert not torch.isclose(released.loss(tiles, masks), alone)


def test_a_mask_is_read_where_the_cells_look() -> None:
    masks = torch.zeros(1, 32, 32, dtype=torch.bool)
    masks[0, 7 + 8, 7 + 16] = True
    cells = at_cells(masks, Level(8, 7.0))
    assert cells.shape == (1, 4, 4)
    assert cells.nonzero().tolist() == [[0, 1, 2]]
    assert not at_cells(masks, Level(8, 0.0)).any()


def test_rows_differ_from_step_to_step_and_come_back_when_resumed() -> None:
    model = model_for("efficientnet_lite0", rows=20)
    device = torch.device("cpu")
    drawn = []
    for model.progress in (0.1, 0.1, 0.2):
        rows = model._rows(256, device)
        assert rows is not None
        drawn.append(rows.tolist())
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) == 20
    assert model._rows(16, device) is None, "a level with fewer positions gives them all"
    before = model.eval()._rows(256, device)
    model.progress = 0.3
    assert torch.equal(before, model._rows(256, device)), "held-out losses are of the same rows"


@pytest.mark.parametrize("teacher", ["efficientnet_lite0", "resnet18"])
def test_under_bfloat16_the_loss_is_float32_and_gradients_are_finite(teacher: str) -> None:
    model = model_for(teacher, temperature=0.1, hard_mining=True)
    with torch.autocast("cpu", torch.bfloat16):
        loss = model.loss(pixels((2, 64, 64, 1), 0))
    loss.backward()
    assert loss.dtype == torch.float32
    assert all(bool(torch.isfinite(p.grad).all()) for p in model.parameters() if p.grad is not None)


def test_learnt_state_comes_back_with_the_target() -> None:
    one, other = model_for("efficientnet_lite0"), model_for("efficientnet_lite0")
    fill(one, 3)
    one.teacher.load_state_dict(other.teacher.state_dict())
    assert not any(key.startswith("teacher.") for key in one.learnt())
    assert any(key.startswith("target.") for key in one.learnt())
    other.restore(one.learnt())
    tiles = pixels((1, 64, 64, 1), 0)
    for a, b in zip(one.eval().distances(tiles), other.eval().distances(tiles), strict=True):
        assert torch.equal(a, b)


def test_a_target_that_has_collapsed_is_refused() -> None:
    model = model_for("resnet18").eval()
    tiles = pixels((2, 64, 64, 1), 0)
    assert model.watch(tiles)["target_spread"] == pytest.approx(1)
    with torch.no_grad():
        for block in model.target.layer3:
            block.bn2.weight.zero_()
            block.bn2.bias.fill_(1e3)
    with pytest.raises(UserError, match="stop_gradient"):
        model.watch(tiles)


class Scored(nn.Module):
    """What export takes of the model; the first map stands for their sum."""

    def __init__(self, model: Uninet) -> None:
        super().__init__()
        self.model = model

    def forward(self, tiles: Tensor) -> tuple[Tensor, ...]:
        distances = self.model.distances(tiles)
        return (*distances, self.model.score(distances, distances[0], distances[0][:, 1:-1, 1:-1]))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize(("teacher", "settings"), FORMS)
@pytest.mark.parametrize("batch", [1, 4])
def test_exported_it_says_the_same_of_each_tile(
    teacher: str, settings: dict[str, str], batch: int, tmp_path: Path
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    model = model_for(teacher, **settings)
    fill(model.target, 1)
    graph = Scored(model).eval()
    board = (torch.arange(64)[:, None] // 4 + torch.arange(64) // 4) % 2 * 255
    tiles = torch.stack([torch.zeros(64, 64), torch.full((64, 64), 255.0), board, pixels((64, 64), 5)])
    tiles = tiles.to(torch.uint8)[..., None]
    path = tmp_path / "uninet.onnx"
    torch.onnx.export(graph, (tiles[:batch],), str(path), input_names=["pixels"], opset_version=17, dynamo=False)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    order = [2, 0, 3, 1]
    with torch.no_grad():
        expected = graph(tiles)
    for first in range(0, 4, batch):
        part = order[first : first + batch]
        for eager, exported in zip(expected, session.run(None, {"pixels": tiles[part].numpy()}), strict=True):
            np.testing.assert_allclose(exported, eager[part].numpy(), atol=1e-4)


def test_the_score_is_the_highest_cell_where_asked() -> None:
    model = model_for("efficientnet_lite0", decision="max").eval()
    inside = torch.rand(2, 12, 12)
    assert torch.equal(model.score((), torch.zeros(2, 16, 16), inside), inside.amax(dim=(1, 2)))
