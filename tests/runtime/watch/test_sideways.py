"""How far cloth moved sideways: right for every weave, and nothing said where it cannot be told."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.simulator.geometry import Geometry
from runtime.simulator.styles import STYLES
from runtime.types import UInt8
from runtime.watch.sideways import LOST_STRETCHES, STRETCH_SLABS, Sideways, Stretch
from runtime.watch.slabs import SLAB_LINES, Slabs
from tests.runtime.watch.cloth import blocks, cloth, wandering

STRETCH = STRETCH_SLABS * SLAB_LINES
WIDTH, LINES = 768, 3072
REGION = (128, 640)
WANDER = Geometry(wander_mm=3, wander_period_m=2.4)


def stretches(pixels: UInt8, regions: tuple[tuple[int, int], ...] = (REGION,)) -> list[Stretch]:
    """Of all lines; the regions follow each other, each for an equal part of the lines."""
    slabs, sideways, found = Slabs(1024), Sideways(), []
    for block in blocks(pixels):
        region = regions[block.first_line * len(regions) // len(pixels)]
        found += [stretch for slab in slabs.add(block) if (stretch := sideways.add(slab, region))]
    return found


def errors(found: list[Stretch], geometry: Geometry, column: int = 384) -> np.ndarray:
    """Px between the shifts that were found and the true ones."""
    metres = np.array([(one.first_line + STRETCH / 2) * 0.2e-3 for one in found])
    shift_mm, stretch = geometry.across(metres)
    true = shift_mm / 0.2 + (stretch - 1) * (column - WIDTH / 2)
    return np.array([one.shift_at(column) for one in found]) - (true - true[0])


@pytest.mark.parametrize("geometry", [Geometry(), WANDER], ids=["still", "wanders"])
@pytest.mark.parametrize("style", sorted(STYLES.keys() - {"leno"}))
def test_every_weave_is_followed(style: str, geometry: Geometry) -> None:
    found = stretches(wandering(geometry, style, LINES))
    off = errors(found, geometry)
    assert {one.chain for one in found} == {1}
    assert np.isfinite(off).mean() > 0.9
    assert np.nanmax(np.abs(off)) < 0.6


def test_open_cloth_whose_ends_are_too_much_alike_is_lost_and_not_mistaken() -> None:
    found = stretches(wandering(WANDER, "leno", LINES))
    off, chains = errors(found, WANDER), np.array([one.chain for one in found])
    assert chains[-1] > 1
    for chain in set(chains):
        assert np.nanmax(off[chains == chain]) - np.nanmin(off[chains == chain]) < 0.6


def test_cloth_that_changes_its_width_moves_differently_here_and_there() -> None:
    geometry = Geometry(width_change=0.01, width_period_m=2.4)
    found = stretches(wandering(geometry, lines=LINES, width=WIDTH), ((64, 704),))
    for column in (192, 448):
        assert np.nanmax(np.abs(errors(found, geometry, column))) < 1.0


def test_other_columns_that_are_cloth_begin_no_new_chain() -> None:
    found = stretches(wandering(WANDER, lines=LINES), (REGION, (200, 712), (140, 400)))
    assert {one.chain for one in found} == {1}
    assert np.nanmax(np.abs(errors(found, WANDER, 330))) < 0.6


def test_another_piece_of_cloth_begins_a_new_chain_and_in_between_nothing_is_known() -> None:
    found = stretches(np.concatenate([cloth(lines=1536), cloth(lines=1536, seed=9)]), ((128, 384),))
    chains = [one.chain for one in found]
    assert chains == [1] * (12 + LOST_STRETCHES) + [2] * (12 - LOST_STRETCHES)
    assert all(np.isnan(one.shift_at(256)) for one in found[12 : 12 + LOST_STRETCHES])


def test_nothing_is_known_where_no_weave_is_seen_or_no_piece_is_near() -> None:
    noise = np.random.default_rng(0).normal(100, 5, (1024, WIDTH)).astype(np.uint8)
    assert all(np.isnan(one.shift_at(384)) for one in stretches(noise)[1:5])
    still = stretches(wandering(Geometry(), lines=LINES))[-1]
    assert abs(still.shift_at(384)) < 0.6
    assert np.isnan(still.shift_at(2000))


def test_a_gap_leaves_out_the_lines_that_fill_no_stretch() -> None:
    slabs, sideways, found = Slabs(1024), Sideways(), []
    pixels = wandering(Geometry(), lines=LINES)
    for first, end in ((0, 320), (400, 912)):
        for block in blocks(pixels[first:end], first_line=first):
            found += [stretch for slab in slabs.add(block) if (stretch := sideways.add(slab, REGION))]
    assert [(one.first_line, one.chain) for one in found] == [(0, 1), (128, 1), (400, 1), (528, 1), (656, 1), (784, 1)]
