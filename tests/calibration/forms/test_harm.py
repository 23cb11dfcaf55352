"""What INT8 harms most is found and left in floats, and no more than is needed."""

from __future__ import annotations

import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from calibration.forms import harm  # noqa: E402
from calibration.forms.calibrate import calibrate  # noqa: E402
from calibration.forms.harm import Chosen, choose, together_db  # noqa: E402
from calibration.forms.measure import maps  # noqa: E402
from calibration.forms.prepare import prepared  # noqa: E402
from calibration.forms.quantize import Style  # noqa: E402
from tests.calibration.forms.nets import cloth, net_model  # noqa: E402

pytestmark = pytest.mark.torch


def chosen(style: Style, target_db: float) -> Chosen:
    model, tiles = prepared(net_model()), cloth(4, seed=1)
    return choose(model, calibrate(model, cloth(8)), style, tiles, maps(model, tiles), target_db)


@pytest.mark.parametrize("style", Style)
def test_the_worst_is_left_and_the_target_is_reached(style: Style) -> None:
    found = chosen(style, target_db=25.0)
    assert next(iter(found.left)) == "deep"
    assert found.sqnr_db >= 25
    assert found.quantized + len(found.left) == 8
    assert list(found.left.values()) == sorted(found.left.values())


def test_a_target_that_is_kept_anyway_leaves_nothing() -> None:
    found = chosen(Style.UNSIGNED, target_db=-20.0)
    assert (found.left, found.quantized) == ({}, 8)


def test_a_target_out_of_reach_leaves_no_more_than_the_share(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(chosen(Style.SIGNED, target_db=200.0).left) == 2
    monkeypatch.setattr(harm, "MOST_FLOAT", 0.5)
    assert len(chosen(Style.SIGNED, target_db=200.0).left) == 4


def test_a_prediction_that_does_not_hold_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harm, "together_db", lambda names, alone: 99.0)
    found = chosen(Style.UNSIGNED, target_db=25.0)
    assert list(found.left)[:1] == ["deep"]
    assert found.sqnr_db >= 25


def test_noises_add_up() -> None:
    assert together_db(["a", "b"], {"a": 30.0, "b": 30.0, "c": 0.0}) == pytest.approx(27.0, abs=0.02)
