"""The stitched map of a tiled roll is the map of the whole image."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from runtime.ends import Ends, continued, find_edges, find_ends
from runtime.geometry import TileGeometry
from runtime.stitching import Stitcher
from runtime.tiler import Tiler
from runtime.types import LineBlock, NotInspected, ScoreMap
from tests.runtime.analytic import CONTEXT_PX, AnalyticEngine, cell_means
from tests.runtime.cloths import SCALE

GEOMETRY = TileGeometry(tile=128, margin=16, blend=8, map_stride=4)


def whole_map(
    image: np.ndarray, stride: int, geometry: TileGeometry = GEOMETRY, first: int | None = None
) -> np.ndarray:
    """Map of an image continued outwards, as the runtime continues it.

    Args:
        first: how many lines were there when the first row of tiles was cut; None: enough.
    """
    height, width = image.shape
    pad = 64
    seen = image[:first, :, None]
    ends = Ends(find_ends(seen, geometry).before, find_ends(image[:, :, None], geometry).after)
    rows = continued(-pad, height + pad, 0, height, ends)
    columns = continued(-pad, width + pad, 0, width, find_edges(seen, geometry))
    cells = cell_means(image[np.ix_(rows, columns)], stride)
    inside = pad // stride
    return cells[inside : inside - (-height // stride), inside : inside - (-width // stride)]


def run(
    image: np.ndarray, first_line: int, stride: int, blocks: list[int], flush_after: int | None = None
) -> list[ScoreMap]:
    tiler = Tiler("c", GEOMETRY, stride, channels=1, scale=SCALE)
    session = AnalyticEngine(GEOMETRY).stream("c")
    stitcher = Stitcher(GEOMETRY)
    strips = []

    def feed(batches) -> None:
        for batch in batches:
            assert not isinstance(batch, NotInspected)
            session.submit(batch)
            strips.append(stitcher.add(session.collect()))

    at = 0
    for number, rows in enumerate(blocks):
        feed(tiler.push(LineBlock("c", 0, first_line + at, image[at : at + rows, :, None])))
        at += rows
        if number == flush_after:
            feed(tiler.flush(whole_cells=True))
    assert at == len(image)
    feed(tiler.flush())
    return strips


def cut(rng: np.random.Generator, total: int) -> list[int]:
    blocks = []
    while total:
        blocks.append(min(total, int(rng.integers(1, 200))))
        total -= blocks[-1]
    return blocks


@pytest.mark.parametrize("seed", range(50))
def test_stitched_map_is_the_whole_images_map(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = int(rng.integers(9, 700)), int(rng.integers(20, 700))
    stride = int(rng.choice(range(32, GEOMETRY.max_step + 1, 4)))
    first_line = int(rng.integers(0, 10**12))
    image = rng.integers(0, 256, (height, width), dtype=np.uint8)
    strips = run(image, first_line, stride, cut(rng, height))
    line = first_line
    for strip in strips:
        assert strip.first_line == line
        line = strip.end_line
    assert line == first_line + height
    stitched = np.concatenate([strip.values for strip in strips])
    expected = whole_map(image, GEOMETRY.map_stride)
    assert stitched.shape == expected.shape
    np.testing.assert_allclose(stitched, expected, rtol=0, atol=1e-6)


def test_a_standing_loom_is_flushed_and_goes_on_without_a_hole() -> None:
    rng = np.random.default_rng(7)
    image = rng.integers(0, 256, (600, 300), dtype=np.uint8)
    strips = run(image, 5, 64, [150, 131, 319], flush_after=1)
    covered = [(strip.first_line, strip.end_line) for strip in strips]
    assert covered[0][0] == 5
    assert covered[-1][1] == 605
    assert all(a[1] == b[0] for a, b in pairwise(covered))
    assert 5 + 280 in [end for _, end in covered], "whole cells of the 281 lines are final while the loom stands"
    stitched = np.concatenate([strip.values for strip in strips])
    expected = whole_map(image, 4)
    near_stop = (280 - CONTEXT_PX - 4) // 4
    np.testing.assert_allclose(stitched[:near_stop], expected[:near_stop], rtol=0, atol=1e-6)
    np.testing.assert_allclose(stitched[70:], expected[70:], rtol=0, atol=1e-6)


def test_an_alarm_waits_no_longer_than_stride_blend_and_margin() -> None:
    stride = 32
    tiler = Tiler("c", GEOMETRY, stride, channels=1, scale=SCALE)
    line = np.zeros((1, 200, 1), np.uint8)
    longest = 0
    for number in range(1000):
        list(tiler.push(LineBlock("c", 0, number, line)))
        if number > GEOMETRY.tile:
            longest = max(longest, tiler.waiting)
    assert longest <= stride + GEOMETRY.blend + GEOMETRY.margin


def test_maps_of_another_size_are_refused() -> None:
    tiler = Tiler("c", GEOMETRY, 32, channels=1, scale=SCALE)
    list(tiler.push(LineBlock("c", 0, 0, np.zeros((64, 200, 1), np.uint8))))
    session = AnalyticEngine(TileGeometry(tile=128, margin=16, blend=8, map_stride=8)).stream("c")
    session.submit(next(iter(tiler.flush())))
    with pytest.raises(ValueError, match="32 x 32 cells"):
        Stitcher(GEOMETRY).add(session.collect())
