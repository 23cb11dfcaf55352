from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402

from tests.train.fixed import fill  # noqa: E402
from train.average import DECAY, WeightAverage  # noqa: E402
from train.models import AnomalyModel, build_model  # noqa: E402
from train.teachers import build_teacher  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture
def model() -> AnomalyModel:
    torch.manual_seed(0)
    return build_model("rd4ad", build_teacher("efficientnet_lite0", "seeded:0"), {"width": 8})


def copied(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in state.items()}


def test_it_moves_a_little_towards_each_step_and_takes_counters_as_they_are(model: AnomalyModel) -> None:
    average = WeightAverage(model)
    states = [copied(model.learnt())]
    for seed in (1, 2):
        with torch.no_grad():
            fill(model, seed)
            for name, value in model.named_buffers():
                if name.endswith("num_batches_tracked"):
                    value.fill_(seed)
        states.append(copied(model.learnt()))
        average.add(model)
    shares = (DECAY**2, DECAY * (1 - DECAY), 1 - DECAY)
    for name, value in average.state.items():
        if value.is_floating_point():
            expected = sum(share * state[name].double() for share, state in zip(shares, states, strict=True))
            torch.testing.assert_close(value.double(), expected, rtol=1e-6, atol=1e-6)
        else:
            assert int(value) == 2
    assert any(name.endswith("running_var") for name in average.state), "statistics of batch norms are averaged too"
    assert not any(name.startswith("teacher.") for name in average.state)


def test_the_trained_weights_come_back_whatever_happens_meanwhile(model: AnomalyModel) -> None:
    average = WeightAverage(model)
    first = copied(model.learnt())
    with torch.no_grad():
        fill(model, 1)
    trained = copied(model.learnt())
    within = {}

    def cut_off() -> None:
        with average.applied(model):
            within.update(copied(model.learnt()))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut_off()
    torch.testing.assert_close(within, first, rtol=0, atol=0)
    torch.testing.assert_close(model.learnt(), trained, rtol=0, atol=0)
    torch.testing.assert_close(average.state, first, rtol=0, atol=0)
