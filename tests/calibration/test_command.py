"""``python -m calibration threshold`` from normal cloth to settings.yaml."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calibration.__main__ import main
from runtime.bundle import Bundle
from runtime.errors import UserError
from runtime.types import Kind
from tests.runtime.bundles import CLOTH, MM_PER_PX, SPOT, make_bundle
from tests.runtime.cameras.strips import write_png


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return make_bundle(tmp_path / "bundle", calibrated=False)


def threshold(bundle: Bundle, *options: str) -> int:
    return main(["threshold", "--bundle", str(bundle.path), *options])


def weave(rows: int, width: int) -> np.ndarray:
    """Yarns of CLOTH on average over each cell of the map."""
    yarns = np.where(np.arange(width) // 2 % 2, CLOTH + 40, CLOTH - 40)
    return np.broadcast_to(yarns, (rows, width)).astype(np.uint8)


def test_simulated_cloth_end_to_end(bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    rolls = [f"sim:twill22?width=600&seed={seed}" for seed in (1, 2)]
    assert threshold(bundle, "--rolls", *rolls, "--sim-lines", "1500") == 0
    settings = bundle.settings()
    assert settings.revision == 2
    found = settings.thresholds["openvino-fp32"]
    assert set(found.open) == set(Kind)
    assert 0 < found.keep <= found.open[Kind.LOCAL] < 1
    assert found.calibrated["rolls"] == rolls
    assert found.calibrated["quantile"] == 0.999
    assert found.calibrated["median"] <= found.open[Kind.LOCAL] <= found.calibrated["highest"]
    printed = capsys.readouterr().out
    assert "Written to" in printed
    assert "revision 2" in printed
    assert "wants 1000 blocks of cloth" in printed, "few blocks are said to be few"
    assert Bundle(bundle.path).id == bundle.id


def test_the_thresholds_are_those_of_the_cloths_blocks(bundle: Bundle, tmp_path: Path) -> None:
    """Two strips of two blocks of 256 px each; one block has a bright cell."""
    for number in range(2):
        strip = weave(256, 512)
        if number:
            strip[100:104, 300:304] = SPOT
        write_png(tmp_path / f"{number}.png", strip)
    files = [str(tmp_path / f"{number}.png") for number in range(2)]
    assert threshold(bundle, "--rolls", *files, "--quantile", "1") == 0
    found = bundle.settings().thresholds["openvino-fp32"]
    assert found.open[Kind.WARP] == pytest.approx(SPOT / 255, abs=1e-4)
    assert found.calibrated["blocks"] == 4
    assert found.calibrated["median"] == pytest.approx(CLOTH / 255, abs=1e-4)
    assert found.keep < found.open[Kind.WARP]


def test_calibrating_again_replaces_and_counts_up(bundle: Bundle, tmp_path: Path) -> None:
    write_png(tmp_path / "roll.png", weave(300, 400))
    for revision in (2, 3):
        assert threshold(bundle, "--rolls", str(tmp_path / "roll.png")) == 0
        assert bundle.settings().revision == revision
    assert list(bundle.settings().thresholds) == ["openvino-fp32"]


def test_what_cannot_be_measured_is_refused_and_nothing_is_written(bundle: Bundle, tmp_path: Path) -> None:
    before = (bundle.path / "settings.yaml").read_text()
    write_png(tmp_path / "bare.png", np.full((300, 400), 30, np.uint8))
    write_png(tmp_path / "colour.png", weave(300, 400))
    write_png(tmp_path / "cut.png", weave(300, 400))
    whole = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    cases = {
        "bare.png": "No cloth was found in",
        "cut.png": r"cannot be read whole \(cut.png: cut short\): repair it or leave it out",
        "nowhere": "there is no file or folder",
    }
    for roll, message in cases.items():
        with pytest.raises(UserError, match=message):
            threshold(bundle, "--rolls", str(tmp_path / roll))
    with pytest.raises(UserError, match="gives 3 channels, the bundle takes 1"):
        threshold(bundle, "--rolls", f"replay:{tmp_path / 'colour.png'}?channels=3")
    with pytest.raises(UserError, match="has no engine openvino-int8-CPU"):
        threshold(bundle, "--rolls", str(tmp_path / "bare.png"), "--precision", "int8")
    assert (bundle.path / "settings.yaml").read_text() == before


def test_a_roll_of_another_pixel_size_is_refused(bundle: Bundle) -> None:
    with pytest.raises(UserError, match=f"made for {MM_PER_PX} mm per px, camera '.*' has 0.2"):
        threshold(bundle, "--rolls", "sim:plain?width=600&mm_per_px=0.2")


@pytest.mark.parametrize("quantile", ["0.4", "1.1", "nan", "many"])
def test_quantiles_that_cannot_be_are_refused(bundle: Bundle, quantile: str) -> None:
    with pytest.raises(SystemExit) as left:
        threshold(bundle, "--rolls", "sim:plain", "--quantile", quantile)
    assert left.value.code == 2


def test_a_promise_in_place_of_a_quantile(bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    rolls = ["--rolls", *(f"sim:twill22?width=1500&seed={seed}" for seed in (1, 2)), "--sim-lines", "1100"]
    assert threshold(bundle, *rolls, "--false-alarms-per-100m", "5") == 0
    assert bundle.settings().thresholds["openvino-fp32"].calibrated["promised_per_100m"] == 5
    with pytest.raises(UserError, match="--plot shows the tail behind a promise"):
        threshold(bundle, *rolls, "--plot", "tail.html")
    with pytest.raises(SystemExit):
        threshold(bundle, *rolls, "--quantile", "0.99", "--false-alarms-per-100m", "5")
    assert "not allowed with argument" in capsys.readouterr().err
    assert bundle.settings().revision == 2
