from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.aitex import Strip
from benchmarks.painted import COPIES, painted_strips
from calibration.painting import CONTRASTS, LINES
from runtime.cameras.images import read_image
from runtime.errors import UserError
from tests.benchmarks.masks import write_cloth

X0 = 40


def normal(path: Path, seed: int) -> Strip:
    write_cloth(path, 256, X0 + 8 * 256, seed=seed)
    return Strip(path, "01", None, X0, None, "calibration")


def test_each_strip_is_painted_at_each_contrast(tmp_path: Path) -> None:
    strips = [normal(tmp_path / f"{i}.png", i) for i in range(2)]
    clean, made = (both := painted_strips(strips, tmp_path / "work"))[:2], both[2:]
    assert [(strip.path, strip.defect, strip.contrast) for strip in clean] == [(s.path, None, None) for s in strips]
    assert len(made) == len(CONTRASTS) * (2 * COPIES + len(LINES))
    assert {strip.contrast for strip in made} == set(CONTRASTS)
    assert sorted(strip.defect for strip in made if "missing_pick" in str(strip.path)) == ["missing_pick"] * 3
    assert len({strip.path for strip in made} | {strip.mask for strip in made}) == 2 * len(made)
    for strip in made:
        assert strip.path.parent == tmp_path / "work"
        source = read_image(tmp_path / f"{strip.path.name.partition('-')[0]}.png", 1)
        changed = (read_image(strip.path, 1) != source)[:, :, 0]
        where = read_image(strip.mask, 1)[:, :, 0] > 127
        assert not changed[:, :X0].any()
        assert where.any()
        assert changed[where].mean() > 0.6  # 0.3 of a weak contrast is a few grey levels
    stems = [path.name for path in (tmp_path / "work").iterdir()]
    assert len(stems) == 2 * len(made)


def test_painting_again_gives_the_same(tmp_path: Path) -> None:
    strips = [normal(tmp_path / "a.png", 1)]
    first, second = painted_strips(strips, tmp_path / "one"), painted_strips(strips, tmp_path / "two")
    for a, b in zip(first, second, strict=True):
        assert a.path.read_bytes() == b.path.read_bytes()


def test_colour_stays_colour(tmp_path: Path) -> None:
    strip = normal(tmp_path / "a.png", 1)
    grey = read_image(strip.path, 1)
    cv2.imwrite(str(strip.path), np.concatenate([grey, grey // 2, grey // 3], axis=2))
    for made in painted_strips([strip], tmp_path / "work")[1:]:
        pixels, source = read_image(made.path, 3), read_image(strip.path, 3)
        change = pixels.astype(int) - source
        inside = (pixels > 0) & (pixels < 255)
        unclipped = inside.all(axis=2)
        assert (change[unclipped] == change[unclipped][:, :1]).all()
        assert (change != 0).any()


def test_a_strip_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        painted_strips([Strip(tmp_path / "absent.png", "01", None, 0, None, "calibration")], tmp_path / "work")
