"""Tiles for calibration: as the runtime cuts them, even over the cloth, the same every time."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from calibration.sampling import Place, Sample, choose, sample
from runtime.bundle import Bundle
from runtime.errors import UserError
from tests.runtime.bundles import MM_PER_PX, make_bundle
from tests.runtime.cameras.strips import write_png

LINES = 1200


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_bundle(tmp_path_factory.mktemp("bundles") / "bundle")


def cloth(seed: int) -> str:
    return f"sim:twill22?width=600&mm_per_px={MM_PER_PX}&seed={seed}"


def taken(
    bundle: Bundle, tiles: int = 40, seed: int = 0, rolls: tuple[int, ...] = (1, 2), lines: int = LINES
) -> Sample:
    return sample(bundle, [cloth(number) for number in rolls], lines, tiles, 6, seed)


def test_the_same_rolls_and_seed_give_the_same_tiles(bundle: Bundle) -> None:
    first, again, other = taken(bundle), taken(bundle), taken(bundle, seed=1)
    assert first.sha256 == again.sha256
    np.testing.assert_array_equal(first.calibrated, again.calibrated)
    assert other.sha256 != first.sha256
    assert first.calibrated.shape == (40, 64, 64, 1)
    assert first.held_out.shape == (6, 64, 64, 1)
    assert first.calibrated.dtype == np.uint8


def test_strata_give_alike_many(bundle: Bundle) -> None:
    found = taken(bundle)
    assert sum(found.strata.values()) == 40
    assert {name.split(",")[0] for name in found.strata} == {"roll 0", "roll 1"}
    assert {name.split(",")[1] for name in found.strata} == {" across low", " across middle", " across high"}
    assert max(found.strata.values()) - min(found.strata.values()) <= 1
    assert found.told() == {"tiles": 40, "held_out": 6, "sha256": found.sha256, "strata": found.strata}


def test_simulated_lines_bound_the_cloth(bundle: Bundle) -> None:
    assert len(taken(bundle, tiles=9999, lines=400).calibrated) < len(taken(bundle, tiles=9999).calibrated)


def test_what_is_measured_on_lies_at_the_end_and_is_not_calibrated_on(bundle: Bundle, tmp_path: Path) -> None:
    """Each line's grey level tells where a tile was cut."""
    rows = np.arange(1000)[:, None] // 5
    yarns = np.where(np.arange(400) // 2 % 2, 20, -20)
    write_png(tmp_path / "roll.png", np.clip(rows + yarns + 25, 0, 255).astype(np.uint8))
    found = sample(bundle, [str(tmp_path / "roll.png")], 0, 9999, 9999, 0)
    assert found.held_out.mean(axis=(1, 2, 3)).min() > found.calibrated.mean(axis=(1, 2, 3)).max()
    assert 0.15 < len(found.held_out) / (len(found.held_out) + len(found.calibrated)) < 0.25


def test_many_short_strips_are_cloth_enough(bundle: Bundle, tmp_path: Path) -> None:
    """Each gives two rows of tiles: one to calibrate on and one to measure."""
    yarns = np.where(np.arange(400) // 2 % 2, 120, 80)
    for number in range(3):
        write_png(tmp_path / f"{number}.png", np.broadcast_to(yarns, (70, 400)).astype(np.uint8))
    found = sample(bundle, [str(tmp_path / f"{number}.png") for number in range(3)], 0, 9999, 9999, 0)
    assert {name.split(",")[0] for name in found.strata} == {"roll 0", "roll 1", "roll 2"}
    assert len(found.held_out) > 0


def test_too_little_cloth_is_said(bundle: Bundle, tmp_path: Path) -> None:
    write_png(tmp_path / "bare.png", np.full((300, 400), 30, np.uint8))
    with pytest.raises(UserError, match=r"too little cloth in .*bare.png to calibrate on: give longer rolls"):
        sample(bundle, [str(tmp_path / "bare.png")], 0, 10, 5, 0)


def test_a_roll_of_another_pixel_size_is_refused(bundle: Bundle) -> None:
    with pytest.raises(UserError, match=f"made for {MM_PER_PX} mm per px"):
        sample(bundle, ["sim:plain?width=600&mm_per_px=0.2"], 400, 10, 5, 0)


def test_rare_strata_count_as_much_as_common_ones() -> None:
    places = [Place(0, row, 0, 1, 100.0) for row in range(50)] + [Place(0, row, 9, 2, 250.0) for row in range(5)]
    chosen = choose(places, [90.0, 200.0], 10, np.random.default_rng(0))
    assert Counter(place.across for place in chosen) == {1: 5, 2: 5}
    assert chosen == sorted(chosen, key=lambda place: (place.row, place.column))
    assert len(choose(places, [90.0, 200.0], 999, np.random.default_rng(0))) == 55
