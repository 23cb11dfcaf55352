from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402

from runtime.errors import UserError  # noqa: E402
from tests.train.fixed import fill, pixels  # noqa: E402
from train.models import build_model  # noqa: E402
from train.models.rd4ad import Rd4ad  # noqa: E402
from train.teachers import build_teacher  # noqa: E402

pytestmark = pytest.mark.torch

FORMS = [
    pytest.param(teacher, {"student": student, "bottleneck": bottleneck}, id=f"{teacher}-{student}-{bottleneck}")
    for teacher, student in (("efficientnet_lite0", "auto"), ("resnet18", "slim"), ("resnet18", "mirror"))
    for bottleneck in ("oce+mff", "oce", "pretrained")
]


def model_for(teacher: str, **settings: Any) -> Rd4ad:
    """On random weights: neither shapes nor steps depend on them."""
    torch.manual_seed(0)
    model = build_model("rd4ad", build_teacher(teacher, "seeded:0"), {"width": 16, **settings})
    assert isinstance(model, Rd4ad)
    return model


@pytest.mark.parametrize(("teacher", "settings"), FORMS)
@pytest.mark.parametrize("side", [64, 128])
def test_the_student_answers_each_tap_in_its_shape_and_sign(teacher: str, settings: dict[str, str], side: int) -> None:
    model = model_for(teacher, **settings).eval()
    tiles = pixels((2, side, side, 1), 0)
    taught, decoded = model.both(tiles)
    assert [t.shape for t in taught] == [s.shape for s in decoded]
    signed = model.teacher.spec.signed
    assert all(bool((s < 0).any()) == signed for s in decoded), "signed taps cannot be answered through a ReLU"
    assert [d.shape for d in model.distances(tiles)] == [(2, side // s, side // s) for s in (4, 8, 16)]


@pytest.mark.parametrize(("teacher", "settings"), FORMS)
def test_a_step_changes_all_that_learns_and_nothing_of_the_teacher(teacher: str, settings: dict[str, str]) -> None:
    model = model_for(teacher, **settings)
    frozen = {k: v.clone() for k, v in model.teacher.state_dict().items()}
    learnt = {k: v.clone() for k, v in model.learnt().items()}
    optimizer = model.optimizer(1e-3)
    model.train()
    model.loss(pixels((2, 64, 64, 1), 0)).backward()
    optimizer.step()
    assert all(torch.equal(v, frozen[k]) for k, v in model.teacher.state_dict().items())
    assert [k for k, v in model.learnt().items() if torch.equal(v, learnt[k])] == []


def test_batch_norms_learn_in_training_only() -> None:
    model = model_for("resnet18").eval()
    learnt = {k: v.clone() for k, v in model.learnt().items()}
    model.loss(pixels((2, 64, 64, 3), 0))
    assert all(torch.equal(v, learnt[k]) for k, v in model.learnt().items())


@pytest.mark.parametrize(("teacher", "settings"), FORMS)
def test_learnt_state_is_without_the_teacher_and_comes_back(teacher: str, settings: dict[str, str]) -> None:
    one, other = (model_for(teacher, **settings).eval() for _ in "ab")
    fill(one.student, 5)
    assert not any(key.startswith("teacher") for key in one.learnt())
    tiles = pixels((1, 64, 64, 1), 0)
    assert not torch.equal(one.distances(tiles)[0], other.distances(tiles)[0])
    other.restore(one.learnt())
    assert all(torch.equal(a, b) for a, b in zip(one.distances(tiles), other.distances(tiles), strict=True))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize(
    ("teacher", "bottleneck"), [("efficientnet_lite0", "oce"), ("resnet18", "oce+mff"), ("resnet18", "pretrained")]
)
def test_a_trace_holds_for_other_tiles(teacher: str, bottleneck: str) -> None:
    model = model_for(teacher, bottleneck=bottleneck).eval()
    traced = torch.jit.trace_module(model, {"distances": pixels((2, 64, 64, 1), 0)})
    tiles = torch.zeros(2, 64, 64, 1, dtype=torch.uint8)
    for found, wanted in zip(traced.distances(tiles), model.distances(tiles), strict=True):
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("loss", ["flattened", "position"])
@pytest.mark.parametrize("teacher", ["efficientnet_lite0", "resnet18"])
def test_under_autocast_convolutions_are_bfloat16_and_the_loss_is_float32(teacher: str, loss: str) -> None:
    model = model_for(teacher, loss=loss).eval()
    tiles = pixels((2, 64, 64, 1), 0)
    exact = model.loss(tiles).item()
    with torch.autocast("cpu", torch.bfloat16):
        _, decoded = model.both(tiles)
        lowered = model.loss(tiles)
    assert decoded[0].dtype == torch.bfloat16
    assert lowered.dtype == torch.float32
    assert lowered.item() == pytest.approx(exact, rel=0.02)


def test_the_papers_form_learns_at_its_rate_with_its_optimiser() -> None:
    paper, slim = model_for("resnet18"), model_for("resnet18", student="slim")
    assert (paper.mirrors, paper.default_lr, slim.mirrors) == (True, 5e-3, False)
    (group,) = paper.optimizer(paper.default_lr).param_groups
    assert (group["betas"], group["weight_decay"], group["lr"]) == ((0.5, 0.999), 0, 5e-3)


@pytest.mark.parametrize(
    ("teacher", "settings", "tiles", "sentence"),
    [
        ("efficientnet_lite0", {"student": "mirror"}, (2, 64, 64, 1), "efficientnet_lite0 is no ResNet"),
        ("resnet18", {"bottleneck": "none"}, (2, 64, 64, 1), "--set bottleneck"),
        ("resnet18", {}, (1, 32, 32, 1), "--batch 2"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    teacher: str, settings: dict[str, str], tiles: tuple[int, ...], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        model_for(teacher, **settings).train().loss(pixels(tiles, 0))


def test_unknown_model_lists_the_known() -> None:
    with pytest.raises(UserError, match="rd4ad"):
        build_model("nothing", build_teacher("resnet18", "seeded:0"))


# Of the published code (hq-deng/RD4AD, commit 6554076): its encoder, bottleneck and decoder with the weights of
# ``published_weights`` copied into them by order, on the pixels below divided by 255 and normalised as its
# dataset.py does. Per tensor its mean, and its mean after its values were weighed by (index modulo 97) / 97.
PUBLISHED = {
    "resnet18": {
        "taps": [(2.384740, 1.182151), (2.474888, 1.232090), (2.422710, 1.171473)],
        "embedding": [(1.547946, 0.736876)],
        "decoded": [(0.754871, 0.375723), (0.905857, 0.450512), (1.126391, 0.555684)],
        "distances": [(0.517032, 0.246757), (0.585544, 0.240378), (0.616884, 0.098863)],
        "loss": 1.742478,
        "learning": [1.740980, 1.455897],
    },
    "resnet50": {
        "taps": [(1.600054, 0.791812), (2.099402, 1.036749), (3.078762, 1.498963)],
        "embedding": [(1.751617, 0.869282)],
        "decoded": [(1.233621, 0.612174), (1.067864, 0.536916), (1.262546, 0.629397)],
        "distances": [(0.542283, 0.258162), (0.547063, 0.226123), (0.548198, 0.087435)],
        "loss": 1.650902,
        "learning": [1.641564, 1.593393],
    },
}


def published_weights(model: Rd4ad) -> None:
    """The weights that the published figures were taken with."""
    for seed, part in enumerate((model.teacher, model.fusion, model.embedding, model.student)):
        assert part is not None
        fill(part, seed)


def sums(tensors: tuple[Tensor, ...]) -> list[float]:
    """As in PUBLISHED, in one list."""
    found = []
    for tensor in tensors:
        flat = tensor.detach().double().flatten()
        found += [float(flat.mean()), float((flat * (torch.arange(flat.numel()) % 97 / 97)).mean())]
    return found


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_figures_of_the_published_code(name: str) -> None:
    """Taps, embedding, decoded taps, distances, the loss, and the loss of two training steps on the same tiles.

    The wanted figures were given by the authors' code. The second step's loss is held less closely: Adam's first step
    is lr times the sign of each gradient, and some gradients are no more than rounding.
    """
    wanted = PUBLISHED[name]
    model = model_for(name).eval()
    published_weights(model)
    tiles = pixels((2, 64, 64, 3), 4)
    with torch.no_grad():
        taught, decoded = model.both(tiles)
        found = {
            "taps": taught,
            "embedding": (model.embed(taught),),
            "decoded": decoded,
            "distances": model.distances(tiles),
        }
        for key, tensors in found.items():
            assert sums(tensors) == pytest.approx([v for pair in wanted[key] for v in pair], rel=1e-4), key
        assert model.loss(tiles).item() == pytest.approx(wanted["loss"], abs=1e-5)
    optimizer = model.optimizer(model.default_lr)
    model.train()
    for step_loss, within in zip(wanted["learning"], (1e-5, 1e-2), strict=True):
        loss = model.loss(tiles)
        assert loss.item() == pytest.approx(step_loss, abs=within)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
