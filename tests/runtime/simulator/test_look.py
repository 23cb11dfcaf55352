"""One camera's look at a loom: what moves with the cloth, and what stands still in the camera."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import UserError
from runtime.simulator.defects import Plant
from runtime.simulator.encoder import Encoder
from runtime.simulator.gains import Dust, Gain, LampDrift, LampStep, Leak, LedNodes, Segments, StaleFlatField
from runtime.simulator.geometry import Geometry, Mount
from runtime.simulator.look import Look
from runtime.simulator.loom import Loom
from runtime.simulator.motion import Back, Forward, Motion, Table
from runtime.simulator.sensor import SensorModel
from runtime.simulator.world import Defocus, Disturbance, StuckPixel, World

WIDTH = 500
QUIET = SensorModel(prnu=0, read_noise=0, full_well=0)
TO_AND_FRO = Motion((Forward(60.0), Back(10.0), Forward(100.0)))
ASKEW = Geometry(wander_mm=5.0, width_change=0.01, skew=0.03, bow=0.02)
FULL = World(
    motion=TO_AND_FRO,
    encoder=Encoder(trigger="motion", jitter=0.03, missing=0.001),
    geometry=ASKEW,
    disturbances=(
        Dust(0.02, column=100.0),
        StaleFlatField(0.01, 0.05),
        Leak(0.0, 0.1, period_m=0.02),
        StuckPixel(7, 1.0, from_m=0.03),
        Defocus(2.0, 0.03, 0.05),
    ),
)


def make(**kwargs: object) -> Loom:
    return Loom(**{"style": "twill21", "width": WIDTH, "seed": 5} | kwargs)  # type: ignore[arg-type]


def even(**kwargs: object) -> Loom:
    """Cloth without lamp's falloff or noise, so that only what is asked for changes it."""
    return make(falloff=0.0, sensor=QUIET, **kwargs)


def grey(look: Look, first: int, count: int) -> np.ndarray:
    return look.lines(first, count)[:, :, 0].astype(float)


# --- the same however it is cut -------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole() -> np.ndarray:
    return Look(make(defects_per_100m=3000.0), FULL).lines(0, 800)


@pytest.fixture(scope="module")
def asked_again() -> Look:
    return Look(make(defects_per_100m=3000.0), FULL)


@given(st.integers(0, 799), st.integers(0, 200))
@settings(max_examples=25, deadline=None)
def test_lines_are_the_same_however_they_are_cut(whole: np.ndarray, asked_again: Look, first: int, count: int) -> None:
    count = min(count, 800 - first)
    assert np.array_equal(asked_again.lines(first, count), whole[first : first + count])


def test_nothing_asked_for_is_the_loom_itself() -> None:
    loom = make(defects_per_100m=3000.0, stamp=True)
    assert np.array_equal(Look(loom).lines(30, 500), loom.lines(30, 500))
    assert Look(loom).counts(0, 10) is None
    assert Look(loom).length is None


def test_new_cloth_only_is_the_loom_itself_whatever_the_motion() -> None:
    loom = make()
    look = Look(loom, World(motion=TO_AND_FRO))
    assert look.length == 750
    assert np.array_equal(look.lines(0, 750), loom.lines(0, 750))


def test_threads_may_share_a_loom() -> None:
    loom = make(defects_per_100m=3000.0)
    alone = Look(make(defects_per_100m=3000.0), World(geometry=ASKEW)).lines(0, 640)
    got: dict[int, np.ndarray] = {}

    def read(name: int) -> None:
        got[name] = Look(loom, World(geometry=ASKEW)).lines(0, 640)

    threads = [threading.Thread(target=read, args=(name,)) for name in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 3
    assert all(np.array_equal(one, alone) for one in got.values())


# --- what moves with the cloth --------------------------------------------------------------------


def test_cloth_that_runs_back_is_seen_again_upside_down() -> None:
    look = Look(even(), World(motion=TO_AND_FRO, encoder=Encoder(trigger="motion")))
    pixels = grey(look, 0, 850)
    assert np.array_equal(pixels[300:350], pixels[250:300][::-1])
    assert np.array_equal(pixels[350:400], pixels[250:300])
    counts = look.counts(0, 850)
    assert counts is not None
    assert counts[349] == round(250 * 0.2 * 21.2)
    assert (counts[299], counts[300]) == (counts[300], counts[299])


def test_noise_is_the_cameras_own_when_cloth_is_seen_again() -> None:
    pixels = grey(Look(make(), World(motion=TO_AND_FRO, encoder=Encoder(trigger="motion"))), 0, 400)
    again = pixels[250:300] - pixels[350:400]
    assert 1 < again.std() < 8


def middle_of_dark(pixels: np.ndarray) -> tuple[float, float]:
    """Row and column of the middle of a hole of black in brighter cloth."""
    rows, columns = np.nonzero(pixels < 20)
    return float(rows.mean()), float(columns.mean())


HOLE = Plant("hole", x_mm=70.0, y_m=0.4, size_mm=8.0, contrast=-1.0)


@pytest.mark.parametrize(
    ("geometry", "rows", "columns"),
    [
        # The hole lies 20 mm right of the loom's middle, 0.4 m along: at row 2,020, column 350.
        (Geometry(wander_mm=5.0, wander_period_m=1.616), 0, 25),
        (Geometry(width_change=0.1, width_period_m=1.616), 0, 10),
        (Geometry(skew=0.1), -10, 0),
        (Geometry(bow=0.1), -50 * (1 - 0.4**2), 0),
    ],
)
def test_cloth_lies_where_its_geometry_says(geometry: Geometry, rows: float, columns: float) -> None:
    loom = even(defects=[HOLE], margin_mm=0.0)
    (truth,) = loom.truth(0, 4000)
    plain = middle_of_dark(grey(Look(loom), 1900, 200))
    look = Look(loom, World(geometry=geometry))
    moved = middle_of_dark(grey(look, 1900, 200))
    assert moved[0] - plain[0] == pytest.approx(rows, abs=0.7)
    assert moved[1] - plain[1] == pytest.approx(columns, abs=0.7)
    # What the truth says of it is where it is seen.
    seen = look.seen(truth)
    assert (seen.x0_mm + seen.x1_mm) / 2 / 0.2 == pytest.approx(moved[1] + 0.5, abs=1.5)
    assert (seen.y0_m + seen.y1_m) / 2 / 0.0002 == pytest.approx(1900 + moved[0] + 0.5, abs=2.5)


def test_truth_is_told_in_counted_metres() -> None:
    loom = even(defects=[HOLE])
    (truth,) = loom.truth(0, 4000)
    look = Look(loom, World(motion=Table(), encoder=Encoder(slip=0.01)))
    seen = look.seen(truth)
    assert seen.y0_m == pytest.approx(truth.y0_m / 1.01)
    assert middle_of_dark(grey(look, 1900, 200))[0] == pytest.approx((2020 / 1.01) - 1900, abs=1.5)


def test_interpolated_cloth_keeps_its_texture() -> None:
    loom = even(margin_mm=0.0)
    plain = grey(Look(loom), 0, 256)[:, 100:400]
    bent = grey(Look(loom, World(geometry=ASKEW)), 0, 256)[:, 100:400]
    assert 0.75 * plain.std() < bent.std() < 1.1 * plain.std()


# --- what stands still in the camera --------------------------------------------------------------


def ratio(disturbance: Disturbance, first: int = 0, count: int = 512, loom: Loom | None = None) -> np.ndarray:
    """Mean grey of each line and column with a disturbance over that without, float64 [count], [width]."""
    loom = loom or even(margin_mm=0.0, background=100.0)
    plain, seen = Look(loom), Look(loom, World(disturbances=(disturbance,), bits=12))
    before, after = grey(plain, first, count) * 4095 / 255, grey(seen, first, count)
    return np.stack([np.resize(after.mean(axis=axis) / before.mean(axis=axis), max(WIDTH, count)) for axis in (0, 1)])


LINES_M = 0.0002


@pytest.mark.parametrize(
    ("disturbance", "before", "after"),
    [
        (Dust(256 * LINES_M, column=250.0, width_px=200, loss=0.5), 1.0, 0.801),
        (LampStep(256 * LINES_M, share=-0.1), 1.0, 0.9),
        (LampStep(0.0, 256 * LINES_M, share=0.1), 1.1, 1.0),
        (LampDrift(0.0, 512 * LINES_M, share=0.2), 1.05, 1.15),
        (Leak(0.0, share=0.1, period_m=512 * LINES_M), 1.0375, 1.0375),
        (Leak(0.0, 256 * LINES_M, share=0.1, period_m=512 * LINES_M), 1.0375, 1.0),
    ],
)
def test_light_changes_when_it_should(disturbance: Gain, before: float, after: float) -> None:
    lines = ratio(disturbance)[1]
    assert lines[:256].mean() == pytest.approx(before, abs=0.012)
    assert lines[256:512].mean() == pytest.approx(after, abs=0.012)


@pytest.mark.parametrize("width_px", [1.0, 4.0, 12.0])
def test_dust_darkens_its_columns_softly_and_no_others(width_px: float) -> None:
    columns = ratio(Dust(column=250.5, width_px=width_px, loss=0.08))[0]
    assert columns[250] == pytest.approx(0.92, abs=0.004)
    dark = np.flatnonzero(columns < 1 - 0.04)
    assert dark.size == pytest.approx(width_px, abs=1.01)
    assert np.abs(columns[: 250 - round(width_px)] - 1).max() < 0.003
    assert np.abs(columns[251 + round(width_px) : WIDTH] - 1).max() < 0.003


def test_dust_does_not_move_with_the_cloth() -> None:
    world = World(geometry=Geometry(wander_mm=5.0, wander_period_m=0.2))
    dusty = dataclasses.replace(world, disturbances=(Dust(column=250.5, width_px=3, loss=0.5),))
    plain, seen = (grey(Look(even(margin_mm=0.0), one), 0, 1000) for one in (world, dusty))
    darkest = (seen / np.maximum(plain, 1)).reshape(10, 100, WIDTH).mean(axis=1).argmin(axis=1)
    assert set(darkest.tolist()) == {250}


@pytest.mark.parametrize("count", [2, 8])
def test_segments_have_a_gain_each(count: int) -> None:
    columns = ratio(Segments(count=count, step=0.05))[0][:WIDTH]
    edges = np.flatnonzero(np.abs(np.diff(columns)) > 0.04) + 1
    assert edges.tolist() == [-(-WIDTH * k // count) for k in range(1, count)]
    assert len(set(Segments(count=count).pattern(WIDTH).tolist())) == count


@pytest.mark.parametrize(
    ("disturbance", "largest"),
    [(StaleFlatField(0.0, 512 * LINES_M, drift=0.1), 0.05), (LedNodes(share=0.04, pitch_px=50.0), 0.04)],
)
def test_patterns_over_the_columns(disturbance: Gain, largest: float) -> None:
    columns = ratio(disturbance)[0][:WIDTH] - 1
    assert np.abs(columns).max() == pytest.approx(largest, abs=0.006)
    assert columns.min() < 0 < columns.max()


def test_led_nodes_repeat_with_their_pitch_and_stale_fields_with_their_seed() -> None:
    nodes = LedNodes(share=0.04, pitch_px=50.0).pattern(WIDTH)
    assert np.abs(nodes[50:] - nodes[:-50]).max() < 1e-5
    assert not np.array_equal(*(StaleFlatField(0, 1, seed=seed).pattern(WIDTH) for seed in (1, 2)))
    assert not np.array_equal(*(Segments(seed=seed).pattern(WIDTH) for seed in (1, 2)))
    leak = Leak(share=0.1).pattern(WIDTH)
    assert (leak[0], leak[-1]) == (pytest.approx(0.1), pytest.approx(0.05))


def test_stuck_pixels_say_the_same_while_they_are_stuck() -> None:
    pixels = (StuckPixel(100), StuckPixel(200, 1.0, from_m=0.02, to_m=0.04))
    for bits, most in ((8, 255), (12, 4095)):
        seen = grey(Look(make(), World(disturbances=pixels, bits=bits)), 0, 300)
        assert not seen[:, 100].any()
        assert (seen[:, 200] == most).tolist() == [100 <= line < 200 for line in range(300)]


def test_defocus_blurs_both_ways_for_its_time() -> None:
    look = Look(even(), World(disturbances=(Defocus(1.5, from_m=0.02, to_m=0.06),)))
    plain, seen = grey(Look(even()), 0, 400), grey(look, 0, 400)
    assert np.array_equal(seen[:100], plain[:100])
    assert np.array_equal(seen[300:], plain[300:])
    body = (slice(110, 290), slice(100, 400))
    for axis in (0, 1):
        assert np.diff(seen[body], axis=axis).std() < 0.35 * np.diff(plain[body], axis=axis).std()
    assert seen[body].mean() == pytest.approx(plain[body].mean(), abs=0.6)
    stronger = grey(Look(even(), World(disturbances=(Defocus(3.0, 0.02, 0.06),))), 0, 400)
    assert stronger[body].std() < 0.8 * seen[body].std()


@pytest.mark.parametrize("bits", [10, 12])
def test_more_bits_are_the_same_picture_finer(bits: int) -> None:
    look = Look(make(), World(bits=bits))
    deep, plain = look.lines(0, 128), Look(make()).lines(0, 128)
    assert (deep.dtype, plain.dtype) == (np.uint16, np.uint8)
    assert deep.max() < 1 << bits
    assert np.abs(deep * (255 / ((1 << bits) - 1)) - plain).max() <= 0.51 + 255 / (2 << bits)
    assert len(np.unique(deep)) > 2 * len(np.unique(plain))


# --- the mount ------------------------------------------------------------------------------------


def test_a_mount_chooses_columns_and_lines() -> None:
    loom = even()
    pixels = loom.lines(0, 300)
    part = Look(loom, mount=Mount(x_mm=20.0, lines=3, width=200)).lines(0, 250)
    assert np.array_equal(part, pixels[3:253, 100:300])
    between = Look(loom, mount=Mount(x_mm=20.1, width=200)).lines(0, 250)[:, 1:-1].astype(float)
    neighbours = (pixels[:250, 101:299].astype(float) + pixels[:250, 102:300]) / 2
    assert np.abs(between - neighbours).mean() < 0.4 * np.abs(between - pixels[:250, 101:299]).mean()
    bright = Look(loom, mount=Mount(gain=1.1, width=WIDTH)).lines(0, 100)[:, 100:400].mean()
    assert bright == pytest.approx(1.1 * pixels[:100, 100:400].mean(), rel=0.01)


def test_a_turned_camera_sees_one_side_earlier() -> None:
    look = Look(even(defects=[HOLE], margin_mm=0.0), mount=Mount(angle_deg=2.0))
    plain = middle_of_dark(grey(Look(look.loom), 1900, 200))
    turned = middle_of_dark(grey(look, 1900, 200))
    assert turned[0] - plain[0] == pytest.approx(-100 * np.sin(np.radians(2)), abs=0.7)


def test_each_sensor_has_noise_of_its_own() -> None:
    first, second = (Look(make(), mount=Mount(seed=seed)).lines(0, 64) for seed in (0, 7919))
    assert 0.5 < (first.astype(float) - second).std() < 8


@pytest.mark.parametrize(
    ("make_it", "words"),
    [
        (lambda: Look(make(cached=True), World(geometry=ASKEW)), "cached"),
        (lambda: Look(make(), World(disturbances=(StuckPixel(WIDTH),))), "500 columns"),
        (lambda: World(bits=9), "not 9"),
        (lambda: World(line_rate_hz=0), "line_rate_hz"),
        (lambda: Geometry(skew=3.0), "relative"),
        (lambda: Geometry(wander_period_m=0.0), "period"),
        (lambda: Defocus(0.0), "sigma"),
        (lambda: StuckPixel(-1), "column"),
        (lambda: Dust(2.0, 1.0), "before it begins"),
        (lambda: Look(make(), World(disturbances=(LampDrift(),))).lines(0, 1), "give it an end"),
    ],
)
def test_bad_arguments_are_said_in_a_sentence(make_it, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match=words):
        make_it()


def test_lines_beyond_a_motions_end_are_refused() -> None:
    with pytest.raises(ValueError, match="750 lines"):
        Look(make(), World(motion=TO_AND_FRO)).lines(700, 51)
