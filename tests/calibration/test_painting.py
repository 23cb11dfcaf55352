"""Painted defects: what changes is what the mask says, by as much as asked."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.painting import CONTRASTS, LINES, LOCAL, paint_line, paint_strip
from runtime.types import UInt8

X0, TILE = 40, 256


def cloth(width: int = 1200) -> UInt8:
    return np.clip(np.random.default_rng(0).normal(120, 15, (256, width)), 0, 255).astype(np.uint8)


def test_the_seed_decides_and_what_is_not_cloth_stays() -> None:
    a, b, c = (paint_strip(cloth(), X0, 2.0, TILE, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(a.pixels, b.pixels)
    assert a.classes == b.classes
    assert not np.array_equal(a.pixels, c.pixels)
    assert np.array_equal(a.pixels[:, :X0], cloth()[:, :X0])
    assert not a.mask[:, :X0].any()


@pytest.mark.parametrize("cls", sorted(LOCAL))
def test_each_class_changes_pixels_where_its_mask_is_and_hardly_elsewhere(
    cls: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calibration.painting.LOCAL", {cls: LOCAL[cls]})
    before = cloth().astype(int)
    deviation = float(before[:, X0:].std())
    painted = paint_strip(cloth(), X0, 3.0, TILE, np.random.default_rng(3))
    assert set(painted.classes) == {cls}
    change = np.abs(painted.pixels - before)
    assert change[painted.mask].mean() > 0.3 * deviation
    assert change[~painted.mask].max() <= 0.35 * 3.0 * deviation * len(painted.classes)
    assert 5 < painted.mask.sum() < 0.2 * painted.mask.size


def test_more_contrast_is_more_change_on_the_same_places() -> None:
    change = {}
    for name, contrast in CONTRASTS.items():
        painted = paint_strip(cloth(), X0, contrast, TILE, np.random.default_rng(5))
        change[name] = np.abs(painted.pixels - cloth().astype(int)).sum()
    assert change["weak"] < change["middle"] < change["strong"]
    assert change["strong"] / change["weak"] == pytest.approx(3.0, rel=0.15)


@pytest.mark.parametrize(("cls", "axis"), [("missing_pick", 1), ("missing_end", 0)])
def test_a_line_runs_through(cls: str, axis: int) -> None:
    assert set(LINES) == {"missing_pick", "missing_end"}
    painted = paint_line(cloth(), X0, 3.0, cls, np.random.default_rng(1))
    assert painted.classes == (cls,)
    along = painted.mask.any(axis=1 - axis)
    assert along[X0 if axis else 0 :].mean() > 0.8
    assert painted.mask.any(axis=axis).sum() < 12


def test_each_pixel_of_the_mask_has_the_number_of_its_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calibration.painting.LOCAL", {"nep": LOCAL["nep"]})
    painted = paint_strip(cloth(4000), X0, 3.0, TILE, np.random.default_rng(5))
    assert len(painted.classes) > 3
    assert set(np.unique(painted.number)) == set(range(len(painted.classes) + 1))
    columns = [np.nonzero(painted.number == n + 1)[1].mean() for n in range(len(painted.classes))]
    assert columns == sorted(columns), "numbered in painting order, from left to right"


def test_colours_change_alike() -> None:
    grey = cloth()
    colours = np.stack([grey, grey // 2, np.minimum(grey, 250) + 5], axis=2)
    painted = paint_strip(grey, X0, 2.0, TILE, np.random.default_rng(5))
    changed = painted.onto(colours, grey).astype(int) - colours
    wanted = painted.pixels.astype(int) - grey
    free = (grey // 2 > 60)[..., None] & (colours < 180)  # far from black and white, where it is cut off
    np.testing.assert_array_equal(changed[free], np.broadcast_to(wanted[..., None], changed.shape)[free])
    assert changed[free].any()
