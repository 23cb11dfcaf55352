"""Weaves and the yarns of cloth that is less even than most."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from runtime.errors import UserError
from runtime.simulator.loom import Loom
from runtime.simulator.noise import slub_table
from runtime.simulator.sensor import SensorModel
from runtime.simulator.styles import STYLES, WEAVES, Style, dyed, find_style

QUIET = SensorModel(prnu=0, read_noise=0, full_well=0)


def longest_float(weave: np.ndarray) -> int:
    """Longest run of equal crossings along the columns of a repeat, the slow way."""
    longest = 0
    for column in np.tile(weave, (3, 1)).T:
        runs = "".join("x" if over else " " for over in column).replace(" x", " |x").replace("x ", "x| ").split("|")
        longest = max(longest, *(len(run) for run in runs[1:-1] or runs))
    return longest


@pytest.mark.parametrize(
    ("name", "shape", "over", "floats"),
    [
        ("plain", (2, 2), 0.5, 1),
        ("twill31", (4, 4), 0.75, 3),
        ("satin8", (8, 8), 0.875, 7),
        ("herringbone", (4, 16), 0.5, 2),
        ("basket22", (4, 4), 0.5, 2),
        ("dobby16", (16, 16), 0.5, 5),
    ],
)
def test_weaves_have_their_repeat_and_floats(name: str, shape: tuple[int, int], over: float, floats: int) -> None:
    weave = WEAVES[name]
    assert (weave.shape, weave.mean()) == (shape, over)
    assert longest_float(weave) <= floats
    assert longest_float(weave) >= min(2, floats)
    assert (weave.mean(axis=0) == over).all()
    assert (weave.mean(axis=1) == over).all()


def test_herringbone_turns_round() -> None:
    weave = WEAVES["herringbone"]
    assert np.array_equal(weave, weave[:, ::-1])
    steps = [np.array_equal(np.roll(weave[:, k], 1), weave[:, k + 1]) for k in range(7)]
    assert all(steps)


def test_dobby_has_no_order() -> None:
    weave = WEAVES["dobby16"]
    assert not any(np.array_equal(np.roll(weave, n, axis=0), weave) for n in (1, 2, 4, 8))
    assert len({column.tobytes() for column in weave.T}) == 16


def cloth(style: Style, **kwargs: object) -> np.ndarray:
    loom = Loom(style, 1200, seed=2, mm_per_px=0.25, margin_mm=0, falloff=0, sensor=QUIET, **kwargs)  # type: ignore[arg-type]
    return loom.lines(0, 1024)[:, 100:-100, 0].astype(float)


def kurtosis(values: np.ndarray) -> float:
    away = values - values.mean()
    return float((away**4).mean() / (away**2).mean() ** 2)


def along_ends(style: Style) -> np.ndarray:
    """Mean grey of each 4 mm of each column against its column's: what changes along the ends."""
    pieces = cloth(style).reshape(64, 16, -1).mean(axis=1)
    return pieces / pieces.mean(axis=0)


def test_streaky_cloth_varies_more_from_end_to_end() -> None:
    even, streaky = (np.log(cloth(find_style(name))).mean(axis=0) for name in ("twill22", "streaky22"))
    window = np.ones(8) / 8
    assert np.convolve(streaky, window, "valid").std() > 1.5 * np.convolve(even, window, "valid").std()


def test_slubs_give_cloth_a_heavier_tail() -> None:
    slubby = find_style("slubby")
    even = dataclasses.replace(slubby, slubs=0.0)
    assert kurtosis(along_ends(slubby)) > kurtosis(along_ends(even)) + 0.2
    assert np.quantile(along_ends(slubby), 0.9999) > np.quantile(along_ends(even), 0.9999) + 0.04


@pytest.mark.parametrize(("field", "value"), [("slubs", 8.0), ("slub_mm", 30.0), ("slub_gain", 0.5)])
def test_each_figure_of_slubs_counts(field: str, value: float) -> None:
    slubby = find_style("slubby")
    stronger = dataclasses.replace(slubby, **{field: value})  # type: ignore[arg-type]
    assert along_ends(stronger).std() > 1.02 * along_ends(slubby).std()


def test_slub_tables_have_humps_of_their_length_and_number() -> None:
    table = slub_table(np.random.default_rng(1), slubs=1e-4, length=80.0, gain=0.2)
    high = table > 0.02
    humps = int((np.diff(high.astype(int)) == 1).sum())
    assert humps == pytest.approx(13, abs=7)
    assert (table >= 0).all()
    assert np.quantile(table, 0.9) < 0.01
    highest = np.roll(table, table.size // 2 - int(table.argmax()))[table.size // 2 - 80 : table.size // 2 + 80]
    assert int((highest > highest.max() / 2).sum()) == pytest.approx(40, abs=4)


def test_dyed_yarns_come_in_their_turn() -> None:
    stripes = ((3, 1.0), (2, 0.5))
    assert dyed(stripes, np.arange(-2, 7, dtype=np.int64)).tolist() == [0.5, 0.5, 1, 1, 1, 0.5, 0.5, 1, 1]
    assert dyed((), np.arange(3, dtype=np.int64)).tolist() == [1, 1, 1]


@pytest.mark.parametrize(("name", "across", "along"), [("striped", 0, 16 / 40), ("checked22", 32 / 72, 26 / 60)])
def test_stripes_repeat_with_their_yarns(name: str, across: float, along: float) -> None:
    style = dataclasses.replace(find_style(name), density_drift=0, between=0, along=0, fibre=0, selvedge_mm=0)
    plain = dataclasses.replace(style, warp_stripes=(), weft_stripes=())
    for axis, inches in ((0, across), (1, along)):
        profile = cloth(style).mean(axis=axis) / cloth(plain).mean(axis=axis)
        swing = np.abs(np.fft.rfft(profile - profile.mean()))
        if not inches:
            assert np.ptp(np.convolve(profile, np.ones(8) / 8, "valid")) < 0.05
            continue
        period = profile.size / int(swing[1 : profile.size // 10].argmax() + 1)
        assert period * 0.25 / 25.4 == pytest.approx(inches, rel=0.08)


def test_unknown_style_is_said_in_a_sentence() -> None:
    with pytest.raises(UserError, match="slubby"):
        find_style("denim")
    assert set(WEAVES) == {style.weave for style in STYLES.values()}


def test_a_lively_style_is_less_sharp_at_the_right_than_at_the_left() -> None:
    even, uneven = (
        Loom(dataclasses.replace(find_style("twill22"), uneven_px=sigma), 600, 3, 0.2) for sigma in (0.0, 2.0)
    )
    sharp, blurred = (loom.light(0, 128) for loom in (even, uneven))
    assert (sharp[:, 0] == blurred[:, 0]).all()
    cloth = slice(int(even.fabric.edges[0]) + 60, int(even.fabric.edges[1]) - 60)
    texture = [np.diff(light[:, cloth], axis=1).std(axis=0) for light in (sharp, blurred)]
    lost = 1 - texture[1] / texture[0]
    assert lost[-50:].mean() > lost[:50].mean() + 0.3
    assert blurred[:, cloth].mean() == pytest.approx(sharp[:, cloth].mean(), rel=0.01)


@pytest.mark.parametrize("name", ["plain", "twill22", "satin5"])
def test_each_lively_style_is_its_own_cloth_with_thick_places(name: str) -> None:
    even, lively = find_style(name), find_style(f"lively_{name}")
    assert (lively.weave, lively.epi, lively.weft_tone) == (even.weave, even.epi, even.weft_tone)
    assert lively.slubs > even.slubs == 0
    assert lively.uneven_px > even.uneven_px == 0
