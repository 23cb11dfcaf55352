"""Thresholds by promise, from normal cloth to settings.yaml, and what is said where the cloth is too short."""

from __future__ import annotations

import io
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path

import numpy as np
import pytest

from calibration.by_promise import _rate, add_options, run
from calibration.cloth import NormalCloth
from calibration.promise import KEEP_SHARE, Promise, another_promise, counts, keep_beside, promise, tail_level
from calibration.promise_page import page
from runtime.engines import add_engine_options
from runtime.errors import UserError
from runtime.settings import Policy, Thresholds
from runtime.types import Kind, Scale
from tests.calibration.test_threshold import SIDE, in_strips
from tests.runtime.bundles import make_bundle

PX = Scale(0.2, 0.2)
METRES_OF_BLOCK = 256 * 0.2 / 1000


def exponential_cloth(blocks: int, seed: int = 0, rolls: int = 2, base: float = 1.0) -> NormalCloth:
    """One column of blocks, each with one peak: its excess over ``base`` is exponential of scale 0.5."""
    cloth = NormalCloth(io.BytesIO())
    rng = np.random.default_rng(seed)
    for _ in range(rolls):
        values = np.zeros((blocks // rolls * SIDE, SIDE), np.float32)
        for block in range(blocks // rolls):
            values[block * SIDE + SIDE // 2, SIDE // 2] = base + rng.exponential(0.5)
        cloth.add_roll(in_strips(values, SIDE), PX)
    return cloth


@pytest.mark.parametrize("per_100m", [0.5, 5.0, 50.0])
def test_the_threshold_keeps_the_promise_on_cloth_whose_tail_is_known(per_100m: float) -> None:
    found = promise(exponential_cloth(2000), per_100m, Policy(), ["roll"])
    all_peaks = 100 / METRES_OF_BLOCK
    truth = 1.0 + 0.5 * np.log(all_peaks / per_100m)
    least, most = found.tail.threshold_interval(per_100m)
    assert least < truth < most
    assert found.opening == pytest.approx(truth, rel=0.2)
    assert found.keep == pytest.approx(found.median + KEEP_SHARE * (found.opening - found.median))
    assert found.tail.per_100m(found.opening) == pytest.approx(per_100m)
    low, high = found.tail.rate_interval(found.opening)
    assert low < per_100m < high


def test_fewer_false_events_are_promised_by_a_higher_threshold() -> None:
    cloth = exponential_cloth(600)
    openings = [promise(cloth, rate, Policy(), ["roll"]).opening for rate in (5.0, 0.5, 0.05)]
    assert openings == sorted(openings)
    assert len(set(openings)) == 3


@pytest.mark.parametrize(("blocks", "share"), [(64, 0.5), (100, 0.5), (200, 0.25), (1000, 0.1), (10_000, 0.04)])
def test_where_the_tail_begins(blocks: int, share: float) -> None:
    maxima = np.arange(blocks, dtype=np.float32)
    assert (maxima > tail_level(maxima)).mean() == pytest.approx(share, abs=0.01)


def test_cloth_that_is_too_short_is_said_to_be_in_metres() -> None:
    cloth = exponential_cloth(1000)
    metres = sum(cloth.metres)
    assert metres == pytest.approx(1000 * METRES_OF_BLOCK)
    short = promise(cloth, 0.5, Policy(), ["roll"])
    assert short.missing_metres == pytest.approx(200 - metres)
    (warning,) = [one for one in short.sentences(cloth.width_mm) if one.startswith("Warning")]
    assert "one event in 200 m" in warning
    assert "149 m are missing" in warning
    enough = promise(cloth, 2.0, Policy(), ["roll"])
    assert enough.missing_metres == 0
    assert not [one for one in enough.sentences(cloth.width_mm) if one.startswith(("Warning", "Note"))]


def test_one_roll_is_said_to_tell_nothing_of_others() -> None:
    one = promise(exponential_cloth(1000, rolls=1), 2.0, Policy(), ["roll"])
    assert [said for said in one.sentences(1.0) if "one roll cannot tell" in said]


def test_rolls_that_differ_by_more_than_chance_are_told_of() -> None:
    def noted(found: Promise) -> list[str]:
        return [said for said in found.sentences(1.0) if "short pieces of more rolls" in said]

    assert not noted(promise(exponential_cloth(1000, rolls=4), 2.0, Policy(), ["roll"]))
    unlike = exponential_cloth(1000, rolls=4)
    values = np.zeros((200 * SIDE, SIDE), np.float32)
    values[SIDE // 2 :: SIDE, SIDE // 2] = 4.0 + np.random.default_rng(9).exponential(0.5, 200)
    unlike.add_roll(in_strips(values, SIDE), PX)
    assert noted(promise(unlike, 2.0, Policy(), ["roll"]))


def test_what_is_stored_says_how_it_was_found() -> None:
    cloth = exponential_cloth(1000)
    found = promise(cloth, 2.0, Policy(), ["a", "b"])
    stored = found.thresholds(["a", "b"])
    assert stored.open == dict.fromkeys(Kind, found.opening)
    assert stored.keep == found.keep
    told = stored.calibrated
    assert (told["rolls"], told["promised_per_100m"], told["metres"]) == (["a", "b"], 2.0, sum(cloth.metres))
    assert (told["level"], told["scale"], told["shape"]) == (found.tail.level, found.tail.scale, found.tail.shape)
    assert told["threshold_95"][0] < found.opening < told["threshold_95"][1]
    assert told["per_100m_95"][0] < 2.0 < told["per_100m_95"][1]
    assert told["told"] == cloth.events(found.opening, found.keep, Policy())


@pytest.mark.parametrize("per_100m", [0.5, 5.0])
def test_another_promise_of_the_same_cloth_is_what_the_cloth_itself_gives(per_100m: float) -> None:
    cloth = exponential_cloth(1000)
    stored = promise(cloth, 2.0, Policy(), ["a"]).thresholds(["a"])
    wanted, found = promise(cloth, per_100m, Policy(), ["a"]), another_promise(stored, per_100m)
    assert found.open == pytest.approx(dict.fromkeys(Kind, wanted.opening))
    assert found.keep == pytest.approx(wanted.keep)
    assert found.calibrated["promised_per_100m"] == per_100m
    with pytest.raises(UserError, match="chance peaks of the cloth are 195 per 100 m"):
        another_promise(stored, 300)
    with pytest.raises(UserError, match="promise nothing"):
        another_promise(Thresholds(open=stored.open, keep=stored.keep), 2.0)


def test_what_cannot_be_promised_is_refused() -> None:
    with pytest.raises(UserError, match=r"No cloth was found in a, b"):
        promise(NormalCloth(io.BytesIO()), 0.5, Policy(), ["a", "b"])
    with pytest.raises(UserError, match=r"1.02 m of cloth have 10 chance peaks, .* at least 2.05 m, or"):
        promise(exponential_cloth(20), 0.5, Policy(), ["a"])
    with pytest.raises(UserError, match="5000 false events per 100 m are more than all chance peaks"):
        promise(exponential_cloth(1000), 5000, Policy(), ["a"])


def test_the_plot_has_what_was_counted_and_what_was_promised() -> None:
    cloth = exponential_cloth(1000)
    found = promise(cloth, 2.0, Policy(), ["roll"])
    counted = counts(cloth, found, Policy())
    assert [count for _, count in counted] == sorted((count for _, count in counted), reverse=True)
    level, events = counted[0]
    assert (level, events) == (found.tail.level, len(found.tail.excesses))
    for threshold, count in counted[1:]:
        assert count == cloth.events(threshold, keep_beside(threshold, found.median), Policy())
    html = page(found.tail, 2.0, counted, "denim <1>, openvino-fp32")
    assert html.count("<circle") == len(counted)
    assert "denim &lt;1&gt;" in html
    assert f"promised 2 at {found.opening:.4f}" in html
    assert "http" not in html


def test_from_cloth_to_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = make_bundle(tmp_path / "bundle", calibrated=False)
    verb = ArgumentParser()
    verb.add_argument("--bundle", type=Path)
    verb.add_argument("--rolls", nargs="+")
    verb.add_argument("--sim-lines", type=int)
    verb.add_argument("--no-lines", action="store_true")
    add_options(verb, verb)
    add_engine_options(verb)
    rolls = [f"sim:twill22?width=1500&seed={seed}" for seed in (1, 2)]
    plot = tmp_path / "tail.html"
    asked = ["--bundle", str(bundle.path), "--rolls", *rolls, "--sim-lines", "1100", "--false-alarms-per-100m", "5"]
    assert run(verb.parse_args([*asked, "--plot", str(plot)])) == 0
    found = bundle.settings().thresholds["openvino-fp32"]
    assert bundle.settings().revision == 2
    assert found.calibrated["rolls"] == rolls
    assert found.calibrated["metres"] == pytest.approx(2 * 1100 * 0.5 / 1000, rel=0.05)
    assert 0 < found.keep < found.open[Kind.LOCAL]
    printed = capsys.readouterr().out
    assert "5 false events per 100 m of this width" in printed
    assert "m are missing" in printed
    assert "<svg" in plot.read_text()
    with pytest.raises(UserError, match="Cannot write the plot to"):
        run(verb.parse_args([*asked, "--plot", str(tmp_path)]))
    assert bundle.settings().revision == 2, "what failed wrote nothing"


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf"])
def test_a_promise_is_a_number_above_0(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        _rate(text)
