"""Measures of a few strips whose maps and events are written down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.aitex import Strip
from benchmarks.bootstrap import ROUNDS, Estimate
from benchmarks.boxes import Box
from benchmarks.measures import StripResult, by_contrast, estimates, judge, mean_over, measure
from benchmarks.page import MOST, caption_of, heat_map, worst
from benchmarks.replay import Seen
from tests.benchmarks.masks import mask, write_mask

LINES, WIDTH, STRIDE = 256, 512, 4
OPENING = 2.0


def strip(name: str, place: tuple[int, int, int, int] | None, folder: Path, contrast: str | None = None) -> Strip:
    if place is None:
        return Strip(folder / f"{name}.png", "01", None, 0, None, "test")
    write_mask(folder / f"{name}_mask.png", mask(LINES, WIDTH, place))
    return Strip(folder / f"{name}.png", "01", "knot", 0, folder / f"{name}_mask.png", "test", contrast)


def result(one: Strip, peaks: dict[tuple[int, int], float], *boxes: Box) -> StripResult:
    """A flat map of 0 but for some cells."""
    values = np.zeros((LINES // STRIDE, WIDTH // STRIDE), np.float32)
    for cell, value in peaks.items():
        values[cell] = value
    return judge(Seen(one, values, STRIDE, (LINES, WIDTH), list(boxes)), OPENING, "max")


def test_measures_by_hand(tmp_path: Path) -> None:
    results = [
        result(strip("a", (100, 108, 40, 48), tmp_path), {(10, 25): 3.0}, Box(96, 112, 36, 52)),
        result(strip("b", (400, 404, 40, 44), tmp_path), {(0, 0): 1.0}),
        result(strip("c", None, tmp_path), {(5, 5): 2.0, (5, 6): 1.5}, Box(20, 24, 20, 24)),
        result(strip("d", None, tmp_path), {}),
    ]
    rounds = measure(results, seed=0)
    assert {values.shape for values in rounds.values()} == {(1 + ROUNDS,)}
    found = {name: values[0] for name, values in rounds.items()}
    # Defective tiles: 3, 0. Good tiles: 0 and 1 on the defect strips, 2, 0, 0, 0.
    assert found["tile_auroc"] == pytest.approx((6 + 4 * 0.5) / 12)
    assert found["tile_ap"] == pytest.approx((1 + 2 / 8) / 2)
    assert found["strip_auroc"] == pytest.approx((2 + 1) / 4)  # 3, 1 against 2, 0
    assert found["event_recall"] == 0.5
    assert found["false_events_per_10mpx"] == pytest.approx(1 / (2 * LINES * WIDTH / 1e7))
    assert found["alarmed_share"] == pytest.approx(1 / (2 * 64 * 128))
    told = estimates(rounds)["event_recall"]
    assert told is not None
    assert (told.low, told.high) == (0, 1)
    assert np.array_equal(measure(results, seed=0)["pro"], rounds["pro"])


def test_a_strip_without_a_mask_counts_as_a_whole_only(tmp_path: Path) -> None:
    unmasked = Strip(tmp_path / "u.png", "01", "slub", 0, None, "test")
    results = [result(unmasked, {(3, 3): 5.0}, Box(8, 16, 8, 16)), result(strip("n", None, tmp_path), {})]
    found = estimates(measure(results, seed=0))
    assert found["strip_auroc"] == Estimate(1, 1, 1)
    assert [found[name] for name in ("tile_auroc", "tile_ap", "pixel_auroc", "pro", "event_recall")] == [None] * 5
    assert found["false_events_per_10mpx"] == Estimate(0, 0, 0)


def test_normal_cloth_alone_tells_only_of_false_alarms(tmp_path: Path) -> None:
    found = estimates(measure([result(strip("n", None, tmp_path), {})], seed=0))
    assert [name for name, one in found.items() if one] == ["false_events_per_10mpx", "alarmed_share", "unjudged_share"]


def test_what_was_not_judged_is_told_and_raises_no_alarm(tmp_path: Path) -> None:
    half = {(row, column): np.nan for row in range(32) for column in range(128)}
    found = measure([result(strip("n", None, tmp_path), half), result(strip("o", None, tmp_path), {})], seed=0)
    assert (found["unjudged_share"][0], found["alarmed_share"][0]) == (0.25, 0)


def test_the_mean_is_over_the_fabrics_that_can_tell() -> None:
    one, two = np.array([0.5, 0.4, 0.6]), np.array([0.7, 0.8, 0.6])
    none = np.full(3, np.nan)
    means = mean_over([{"a": one, "b": none}, {"a": two, "b": none}, {"a": none, "b": none}])
    assert means["a"] == pytest.approx([0.6, 0.6, 0.6])
    assert np.isnan(means["b"]).all()


def test_contrasts_are_told_apart(tmp_path: Path) -> None:
    results = [
        result(strip("n", None, tmp_path), {}),
        result(strip("w", (100, 108, 40, 48), tmp_path, "weak"), {}),
        result(strip("s", (100, 108, 40, 48), tmp_path, "strong"), {(10, 25): 3.0}, Box(96, 112, 36, 52)),
    ]
    recalls = {name: found["event_recall"][0] for name, found in by_contrast(results, seed=0).items()}
    assert recalls == {"weak": 0, "strong": 1}


def test_the_worst_come_first_and_not_too_many(tmp_path: Path) -> None:
    missed = strip("m", (100, 108, 40, 48), tmp_path)
    results = [result(strip(str(i), None, tmp_path), {}) for i in range(20)]
    results[15] = result(missed, {})
    results[9] = result(strip("9", None, tmp_path), {}, Box(0, 9, 0, 9), Box(50, 60, 50, 60))
    order = worst(results)
    assert order[:2] == [15, 9]
    assert len(order) == len(set(order)) == MOST
    assert caption_of(results[15]) == "m.png (knot): 0 of 1 defects found, 0 false events"


def test_the_opening_threshold_is_half_way_up() -> None:
    values = np.array([[-1, -1, -1], [1, 5, np.nan]], np.float32)
    heat = heat_map(values, opening=1.0)
    assert heat[:, :, 0].tolist()[0] == [0, 0, 0]
    assert heat[1, :2, 0].tolist() == [127, 255]
    assert heat[1, 2, 0] != heat[1, 2, 2]  # blue
