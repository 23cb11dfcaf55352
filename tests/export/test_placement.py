from __future__ import annotations

import numpy as np
import pytest

from export.placement import gaussian, placement, upsample
from runtime.geometry import TileGeometry

GEOMETRY = TileGeometry(tile=64, margin=8, blend=4)


def test_blur_is_a_direct_convolution_with_symmetric_ends() -> None:
    signal = np.random.default_rng(0).uniform(size=64)
    offsets = np.arange(-16, 17)
    kernel = np.exp(-(offsets**2) / 32.0)
    padded = np.pad(signal, 16, mode="symmetric")
    direct = np.convolve(padded, kernel / kernel.sum(), mode="valid")
    np.testing.assert_allclose(gaussian(64, 4.0) @ signal, direct, atol=1e-13)


def test_blur_wider_than_the_tile_keeps_the_mean() -> None:
    np.testing.assert_allclose(gaussian(8, 30.0).sum(axis=1), 1)


@pytest.mark.parametrize(("stride", "centre"), [(4, 3), (8, 7), (16, 15), (8, 0)])
def test_upsampling_meets_the_cells_at_their_centres(stride: int, centre: int) -> None:
    cells = np.random.default_rng(0).uniform(size=64 // stride)
    pixels = upsample(64, stride, centre) @ cells
    np.testing.assert_allclose(pixels[centre::stride], cells)
    np.testing.assert_allclose(pixels[: centre + 1], cells[0])


@pytest.mark.parametrize("sigma", [0.0, 4.0])
def test_a_flat_level_stays_flat(sigma: float) -> None:
    for stride, centre in ((4, 3), (8, 7), (16, 15)):
        matrix = placement(GEOMETRY, stride, centre, sigma)
        assert matrix.shape == (16, 64 // stride)
        np.testing.assert_allclose(matrix.sum(axis=1), 1)


def test_the_map_is_the_average_of_its_pixels() -> None:
    pixels = gaussian(64, 4.0) @ upsample(64, 8, 7) @ np.arange(8.0)
    np.testing.assert_allclose(placement(GEOMETRY, 8, 7, 4.0) @ np.arange(8.0), pixels.reshape(16, 4).mean(axis=1))
