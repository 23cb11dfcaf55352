from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.aitex import Strip
from benchmarks.boxes import Box
from benchmarks.replay import Seen, read_mask, replay
from runtime.errors import UserError
from tests.benchmarks.analytic_bundle import bright_means_defect
from tests.benchmarks.masks import mask, write_cloth, write_mask


def test_each_strip_has_its_own_map_and_boxes(tmp_path: Path) -> None:
    judged = bright_means_defect(tmp_path, opens=0.7, keeps=0.6)
    strips = []
    for number, place in enumerate([(300, 100), (120, 60)]):
        write_cloth(tmp_path / f"{number}.png", 250, 638, place, seed=number)
        strips.append(Strip(tmp_path / f"{number}.png", "01", None, 0, None, "test"))
    for seen, (x, line) in zip(replay(judged, strips), [(300, 100), (120, 60)], strict=True):
        assert seen.shape == (250, 638)
        assert seen.values.shape == (63, 160)
        row, column = np.unravel_index(np.nanargmax(seen.values), seen.values.shape)
        assert abs(row * 4 - line - 12) <= 16
        assert abs(column * 4 - x - 12) <= 16
        (box,) = seen.boxes
        assert box.meets(Box(x, x + 24, line, line + 24))


def test_a_strip_that_cannot_be_read_ends_the_measurement(tmp_path: Path) -> None:
    judged = bright_means_defect(tmp_path, opens=0.7, keeps=0.6)
    write_cloth(tmp_path / "normal.png", 256, 640)
    (tmp_path / "found.png").write_bytes(b"no image")
    strips = [Strip(tmp_path / name, "01", None, 0, None, "test") for name in ("normal.png", "found.png")]
    with pytest.raises(UserError, match=r"found\.png"):
        replay(judged, strips)


def test_a_mask_counts_on_the_cloth_and_must_fit_its_strip(tmp_path: Path) -> None:
    write_mask(tmp_path / "m.png", mask(20, 40, (5, 15, 3, 4)))
    strip = Strip(tmp_path / "a.png", "01", "knot", 10, tmp_path / "m.png", "test")
    assert np.array_equal(read_mask(strip, (20, 40)), mask(20, 40, (10, 15, 3, 4)))
    with pytest.raises(UserError, match="correct the data folder"):
        read_mask(strip, (20, 41))
    assert read_mask(Strip(tmp_path / "a.png", "01", "knot", 10, None, "test"), (20, 40)) is None
    assert not read_mask(Strip(tmp_path / "a.png", "01", None, 10, None, "test"), (20, 40)).any()


def test_events_left_of_the_cloth_do_not_count() -> None:
    strip = Strip(Path("a.png"), "01", None, 100, None, "test")
    seen = Seen(strip, np.zeros((5, 50), np.float32), 4, (20, 200), [Box(80, 100, 0, 50), Box(90, 160, 0, 50)])
    assert seen.events == [Box(100, 160, 0, 50)]
