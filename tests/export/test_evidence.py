"""What the filters answer on simulated cloth, through the layer of the graph that holds them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from export.filters import OCTAVES, SHAPES  # noqa: E402
from export.graph import FilterEvidence, tails  # noqa: E402
from runtime.geometry import TileGeometry  # noqa: E402
from runtime.types import Float32, UInt8  # noqa: E402
from train.rolls import Tiles, read_rolls  # noqa: E402

pytestmark = pytest.mark.torch

GEOMETRY = TileGeometry()
INSIDE = slice(GEOMETRY.margin // 4, GEOMETRY.cells - GEOMETRY.margin // 4)
SPOTS = [(octave, list(SHAPES).index("spot") + place * len(SHAPES)) for place, octave in enumerate(OCTAVES)]
"""Octave, and its channel for spots."""
PHASES = [(y, x) for y in (100, 101, 102, 103) for x in (140, 141, 142, 143)]
"""All places of a pixel in a cell of the map."""


@cache
def cloth() -> Tiles:
    return Tiles(read_rolls(["sim:twill22?width=1024&seed=3"], GEOMETRY, 0.2, 1500).training, GEOMETRY)


@cache
def learnt() -> UInt8:
    """The tiles that the filters are made from."""
    return cloth().sample(np.random.default_rng(0), 24)


@cache
def filters(geometry: TileGeometry = GEOMETRY) -> FilterEvidence:
    return FilterEvidence(learnt(), geometry)


def answers(tiles: UInt8, geometry: TileGeometry = GEOMETRY) -> Float32:
    found: Float32 = filters(geometry)(torch.from_numpy(np.ascontiguousarray(tiles))).numpy()
    return found


def measured(tiles: UInt8) -> Float32:
    """Answers against the tails of the cloth that was learnt, as the graph's map has them."""
    middle, spread = tails(answers(learnt())[:, :, INSIDE, INSIDE].max(axis=(2, 3)))
    return (answers(tiles) - middle[:, None, None]) / spread[:, None, None]


def dotted(tile: UInt8, octave: int, y: int, x: int) -> UInt8:
    """A bright dot, as wide as the octave's spot, whose middle is 1.5 deviations of the cloth."""
    rows, columns = np.indices(tile.shape[:2])
    deviation = SHAPES["spot"][0] * octave
    dot = 1.5 * learnt().std() * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * deviation**2))
    return np.clip(tile + dot[:, :, None], 0, 255).round().astype(np.uint8)


@pytest.mark.parametrize(("octave", "channel"), SPOTS)
def test_a_dot_peaks_on_its_own_cell_and_far_above_the_cloth(octave: int, channel: int) -> None:
    other = cloth().sample(np.random.default_rng(1), len(PHASES))
    found = measured(np.stack([dotted(t, octave, *at) for t, at in zip(other, PHASES, strict=True)]))
    usual = measured(other)[:, channel, INSIDE, INSIDE].max(axis=(1, 2))
    highest = found[:, channel, INSIDE, INSIDE].max(axis=(1, 2))
    assert np.median(highest) > 3 * usual.max()
    assert highest.min() > usual.max()
    for answer, (y, x) in zip(found[:, channel], PHASES, strict=True):
        inside = answer[INSIDE, INSIDE]
        row, column = np.unravel_index(inside.argmax(), inside.shape)
        assert abs(row + INSIDE.start - y // 4) <= 1
        assert abs(column + INSIDE.start - x // 4) <= 1


def test_a_dark_dot_is_answered_as_a_bright_one() -> None:
    even = np.full((256, 256, 1), 120, np.uint8)
    bright = dotted(even, 2, 100, 140)
    np.testing.assert_allclose(answers(bright[None]), answers(240 - bright[None]), atol=1e-3)


def test_even_light_is_not_answered() -> None:
    tiles = cloth().sample(np.random.default_rng(1), 4)
    assert tiles.max() <= 235
    np.testing.assert_allclose(answers(tiles + np.uint8(20)), answers(tiles), atol=1e-3)
    np.testing.assert_allclose(answers(np.full_like(tiles, 255)), 0, atol=1e-3)


@pytest.mark.parametrize(("octave", "reach"), [(2, 20), (4, 28)])
def test_the_tiles_end_is_seen_no_deeper_than_the_margin(octave: int, reach: int) -> None:
    larger = cloth().pieces[0].pixels[None, 100:612, 200:712]
    whole = answers(larger, replace(GEOMETRY, tile=512))[:, :, 32:96, 32:96]
    part = answers(larger[:, 128:384, 128:384])
    first = OCTAVES.index(octave) * len(SHAPES)
    differs = np.abs(whole - part)[0, first : first + len(SHAPES)].max(axis=0) > 1e-3
    untouched = slice(reach // 4, GEOMETRY.cells - reach // 4)
    assert not differs[untouched, untouched].any()
    assert differs[reach // 4 - 1].any(), "mirrored cloth is other cloth"
    assert reach <= GEOMETRY.margin
