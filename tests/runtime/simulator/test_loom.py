"""The simulated loom: the same cloth however it is cut, and a truth that holds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import UserError
from runtime.simulator.defects import DEFECTS, Plant
from runtime.simulator.loom import Loom
from runtime.simulator.sensor import SensorModel
from runtime.simulator.styles import STYLES
from runtime.types import Kind

WIDTH = 400
SPAN = 700
SIZES_MM = {"missing_pick": 20.0, "broken_end": 20.0, "slub": 12.0, "hole": 6.0, "oil_stain": 12.0}
QUIET = SensorModel(prnu=0, read_noise=0, full_well=0)


def make(**kwargs: object) -> Loom:
    return Loom(**{"style": "twill21", "width": WIDTH, "seed": 5, "defects_per_100m": 3000.0} | kwargs)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def whole() -> np.ndarray:
    return make().lines(0, SPAN)


@pytest.fixture(scope="module")
def asked_again() -> Loom:
    """One loom for all questions: what it was asked before must not show."""
    return make()


@given(st.integers(0, SPAN - 1), st.integers(0, 300))
@settings(max_examples=60, deadline=None)
def test_lines_are_the_same_however_they_are_cut(whole: np.ndarray, asked_again: Loom, first: int, count: int) -> None:
    count = min(count, SPAN - first)
    assert np.array_equal(asked_again.lines(first, count), whole[first : first + count])


def test_lines_far_down_the_roll_are_the_same_after_a_walk() -> None:
    far = 3_000_000_007
    direct = make().lines(far, 100)
    walked = make()
    walked.lines(0, 50)
    for start in range(far - 300, far, 100):
        walked.lines(start, 100)
    assert np.array_equal(walked.lines(far, 100), direct)


def test_seed_changes_the_cloth() -> None:
    assert not np.array_equal(make(seed=1).lines(0, 64), make(seed=2).lines(0, 64))


def test_no_two_lines_are_alike() -> None:
    pixels = make(defects_per_100m=0).lines(0, 2000)[:, :, 0]
    assert len({row.tobytes() for row in pixels}) == 2000


def test_negative_line_is_refused() -> None:
    with pytest.raises(ValueError, match="line 0"):
        make().lines(-1, 10)


def test_stamp_proves_that_no_row_is_stale() -> None:
    first = 2**40 + 37
    pixels = make(stamp=True).lines(first, 500)
    numbers = pixels[:, :8, 0].copy().view(">i8")[:, 0]
    assert np.array_equal(numbers, first + np.arange(500))
    assert np.array_equal(pixels[:, 8:], make().lines(first, 500)[:, 8:])


@pytest.mark.parametrize("style", STYLES)
def test_cloth_has_the_grey_of_its_style_and_a_texture(style: str) -> None:
    middle = Loom(style, width=1200, seed=2).lines(500, 256)[:, 500:700, 0]
    assert abs(middle.mean() - STYLES[style].grey) < 5
    assert 12 < middle.std() < 32


@pytest.mark.parametrize("style", STYLES)
def test_weave_repeats_where_nothing_is_random(style: str) -> None:
    """Four px per end and four lines per pick: the picture repeats with the weave, and not sooner."""
    plain = dataclasses.replace(
        STYLES[style], epi=25.4, ppi=25.4, diameter_cv=0, between=0, along=0, fibre=0,
        end_jitter=0, pick_jitter=0, density_drift=0, dent_gap=0, selvedge_mm=0, slubs=0, warp_stripes=(),
        weft_stripes=(),
    )  # fmt: skip
    loom = Loom(plain, 800, mm_per_px=0.25, margin_mm=0, falloff=0, sensor=QUIET)
    picks, ends = plain.matrix().shape
    pixels = loom.lines(4 * picks * 5, 256)[:, 200:600, 0].astype(int)
    assert np.abs(pixels[4 * picks :] - pixels[: -4 * picks]).max() <= 1
    assert np.abs(pixels[:, 4 * ends :] - pixels[:, : -4 * ends]).max() <= 1
    assert np.abs(pixels[4:] - pixels[:-4]).max() > 10
    assert np.abs(pixels[:, 4:] - pixels[:, :-4]).max() > 10
    # Where the warp lies on top and the weft is darker, the middle of the crossing is brighter.
    over = plain.matrix()
    crossings = (pixels[1::4, 1::4] + pixels[2::4, 2::4])[:picks, :ends]
    if plain.weft_tone < 1:
        tops = np.array([np.roll(over, shift, axis=1) for shift in range(ends)])
        assert any(crossings[top].min() > crossings[~top].max() for top in tops)


def test_background_and_selvedge_lie_at_both_sides() -> None:
    pixels = Loom("twill22", 1000, margin_mm=10, background=30, falloff=0).lines(0, 256)[:, :, 0].astype(float)
    columns = pixels.mean(axis=0)
    assert columns[:48].max() < 40
    assert columns[-48:].max() < 40
    assert columns[53:-53].min() > 50
    body, selvedge = pixels[:, 450:490], pixels[:, 55:95]
    twill = np.abs(np.fft.fft2(body - body.mean())).argmax() != np.abs(np.fft.fft2(selvedge - selvedge.mean())).argmax()
    assert twill


def test_lamp_falls_off_to_the_sides() -> None:
    loom = Loom("plain", 1000, falloff=0.4, margin_mm=0)
    columns = loom.lines(0, 512)[:, :, 0].mean(axis=0)
    assert columns[60:140].mean() < 0.82 * columns[460:540].mean()


@pytest.mark.parametrize("cls", DEFECTS)
@pytest.mark.parametrize("style", ["plain", "satin8"])
def test_defect_changes_its_box_and_nothing_else(cls: str, style: str) -> None:
    plant = Plant(cls, x_mm=41.0, y_m=0.021, size_mm=SIZES_MM.get(cls))
    clean = Loom(style, WIDTH, seed=4)
    loom = Loom(style, WIDTH, seed=4, defects=[plant])
    (truth,) = loom.truth(0, 1000)
    before, after = (source.lines(0, 512)[:, :, 0].astype(float) for source in (clean, loom))
    change = after - before
    box = (slice(truth.first_line, truth.end_line), slice(truth.x0_px, truth.x1_px))
    outside = np.ones(change.shape, bool)
    outside[box] = False
    assert not change[outside].any()
    mask = truth.mask(truth.first_line, truth.end_line - truth.first_line)
    assert mask.max() > 0.6
    assert mask.min() >= 0
    # The box is no wider than the defect.
    assert mask[[0, -1]].any(axis=1).all()
    assert mask[:, [0, -1]].any(axis=0).all()
    level = before[:, 150:250].mean()
    contrast = (change[box] * mask).sum() / (level * mask**2).sum()
    assert contrast == pytest.approx(truth.contrast, abs=0.1)


def test_asked_contrast_and_size_are_given() -> None:
    plant = Plant("oil_stain", x_mm=40.0, y_m=0.02, size_mm=20.0, contrast=-0.4)
    (truth,) = Loom("plain", WIDTH, defects=[plant]).truth(0, 10_000)
    assert truth.contrast == -0.4
    assert (truth.kind, truth.cls) == (Kind.AREA, "oil_stain")
    assert (truth.x0_mm, truth.x1_mm) == (pytest.approx(30, abs=2.5), pytest.approx(50, abs=2.5))
    assert (truth.y0_m, truth.y1_m) == (pytest.approx(0.02, abs=2.5e-3), pytest.approx(0.04, abs=2.5e-3))


def test_yarn_faults_are_one_yarn_thick() -> None:
    plants = [Plant("missing_pick", 40.0, 0.03, 20.0), Plant("broken_end", 40.0, 0.05, 30.0)]
    pick, end = Loom("plain", WIDTH, defects=plants).truth(0, 1000)
    assert 3 <= pick.end_line - pick.first_line <= 5
    assert pick.x1_px - pick.x0_px == pytest.approx(100, abs=1)
    assert 2 <= end.x1_px - end.x0_px <= 4
    assert end.end_line - end.first_line == pytest.approx(150, abs=1)


def test_full_width_pick_ends_at_the_cloths_edges() -> None:
    (truth,) = Loom("plain", WIDTH, margin_mm=8, defects=[Plant("missing_pick", 40.0, 0.03, 4000.0)]).truth(0, 500)
    assert (truth.x0_px, truth.x1_px) == (40, WIDTH - 40)


def test_truth_is_the_same_however_it_is_asked() -> None:
    loom, again = make(defects_per_100m=500), make(defects_per_100m=500)
    all_of_it = {d.id: d for d in loom.truth(0, 200_000)}
    assert len(all_of_it) == pytest.approx(200, abs=45)
    assert {d.cls for d in all_of_it.values()} == set(DEFECTS)
    by_parts = [d for first in range(199_000, -1, -1000) for d in again.truth(first, first + 1000)]
    assert {d.id: d for d in by_parts} == all_of_it
    assert any(d.end_line // 25_000 > d.first_line // 25_000 for d in all_of_it.values())


def test_every_random_change_is_in_the_truth() -> None:
    loom, clean = make(), make(defects_per_100m=0)
    explained = np.zeros((2000, WIDTH), bool)
    for defect in loom.truth(10_000, 12_000):
        rows = slice(max(0, defect.first_line - 10_000), max(0, defect.end_line - 10_000))
        explained[rows, defect.x0_px : defect.x1_px] = True
    changed = (loom.lines(10_000, 2000) != clean.lines(10_000, 2000))[:, :, 0]
    assert changed.sum() > 500
    assert not (changed & ~explained).any()


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"style": "denim"}, "twill22"),
        ({"width": 100}, "no room"),
        ({"mm_per_px": 0.0}, "mm_per_px"),
        ({"defects_per_100m": -1.0}, "defects_per_100m"),
        ({"falloff": 1.0}, "falloff"),
        ({"defects": [Plant("moth", 40, 0)]}, "broken_end"),
        ({"defects": [Plant("nep", 400, 0)]}, "not on the cloth"),
        ({"defects": [Plant("nep", 40, 0, size_mm=0.01)]}, "too small"),
    ],
)
def test_bad_arguments_are_said_in_a_sentence(kwargs: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        make(**kwargs)
