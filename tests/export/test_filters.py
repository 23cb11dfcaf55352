from __future__ import annotations

import numpy as np
import pytest

from export.filters import (
    BLOCK,
    OCTAVES,
    REACH,
    SHAPES,
    WINDOW,
    averaging,
    kernels,
    matched_filter,
    over_blocks,
    spectrum,
)
from runtime.geometry import TileGeometry
from tests.train.strips import weave
from train.rolls import geometry_for

SIZE = 2 * REACH + 1


def noise(count: int, tile: int = 256) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, tile, tile, 1), np.uint8)


def gaussian(shape: tuple[float, float]) -> np.ndarray:
    """[SIZE, SIZE], highest in the middle."""
    at = np.arange(SIZE) - SIZE // 2
    return np.exp(-0.5 * ((at[:, None] / shape[0]) ** 2 + (at[None, :] / shape[1]) ** 2))


@pytest.mark.parametrize("octave", OCTAVES)
def test_the_spectrum_of_white_noise_is_flat_and_its_power_the_variance(octave: int) -> None:
    power = spectrum(noise(24), octave)
    assert power.shape == (WINDOW, WINDOW)
    variance = (256**2 - 1) / 12 / octave**2
    assert power.mean() == pytest.approx(variance, rel=0.05)
    patches = power.reshape(8, 8, 8, 8).mean(axis=(1, 3))
    np.testing.assert_allclose(patches, variance, rtol=0.15)


def test_the_spectrum_of_a_weave_stands_at_its_yarns() -> None:
    """Yarns of 16 px across and 8 px along, averaged two by two: 8 and 16 times in a window of 64."""
    rows, columns = np.mgrid[:256, :256]
    cloth = 120 + 40 * np.sin(2 * np.pi * columns / 16) + 40 * np.sin(2 * np.pi * rows / 8)
    power = spectrum(cloth.round().astype(np.uint8)[None, :, :, None], 2)
    assert {tuple(place) for place in np.argwhere(power > 0.5 * power.max()) if place.min() == 0} == {
        (0, 8),
        (0, WINDOW - 8),
        (16, 0),
        (WINDOW - 16, 0),
    }
    assert power[24, 24] < 1e-3 * power.max()


def test_colours_are_averaged() -> None:
    grey = noise(2, 64)
    coloured = np.repeat(grey.astype(int), 3, axis=3) // 2 + np.array([-20, 0, 20]) + 30
    plain = (grey // 2 + 30).astype(np.uint8)
    np.testing.assert_allclose(spectrum(coloured.astype(np.uint8), 2), spectrum(plain, 2))


@pytest.mark.parametrize("tile", [64, 128, 256])
@pytest.mark.parametrize("octave", OCTAVES)
def test_a_kernel_of_each_shape_that_even_light_does_not_move(tile: int, octave: int) -> None:
    geometry = geometry_for(tile)
    bank = kernels(np.stack([weave(tile, tile, seed) for seed in range(3)]), octave, geometry)
    reach = min(REACH, geometry.margin // octave)
    assert bank.shape == (len(SHAPES), 2 * reach + 1, 2 * reach + 1)
    assert reach * octave <= geometry.margin
    np.testing.assert_allclose(bank.sum(axis=(1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(np.abs(bank).sum(axis=(1, 2)), 1)
    np.testing.assert_allclose(bank, bank[:, ::-1, ::-1], atol=1e-12)
    flat = np.full((1, tile, tile, 1), 90, np.uint8) + noise(1, tile) // 128
    assert np.isfinite(kernels(flat, octave, geometry)).all()


@pytest.mark.parametrize("name", SHAPES)
def test_in_white_noise_the_kernel_is_the_shape_itself(name: str) -> None:
    kernel, shape = matched_filter(np.ones((WINDOW, WINDOW)), SHAPES[name], REACH), gaussian(SHAPES[name])
    # Not quite: the ends are tapered, and the sum is 0.
    assert np.corrcoef(kernel.ravel(), shape.ravel())[0, 1] > 0.9
    assert np.unravel_index(kernel.argmax(), kernel.shape) == np.unravel_index(shape.argmax(), shape.shape)


@pytest.mark.parametrize("name", SHAPES)
def test_in_a_weave_it_sees_the_shape_better_than_the_shape_itself(name: str) -> None:
    """Answer to the shape against the deviation of answers to the weave: what a matched filter makes highest."""
    rows, columns = np.mgrid[:256, :256]
    rng = np.random.default_rng(0)
    cloth = 120 + 30 * np.sin(2 * np.pi * columns / 14) + 30 * np.sin(2 * np.pi * rows / 22)
    tiles = np.clip(cloth + rng.normal(0, 12, (8, 256, 256)), 0, 255).round().astype(np.uint8)[..., None]
    power, shape = spectrum(tiles, 2), gaussian(SHAPES[name])
    plain = shape - shape.mean()
    learnt = matched_filter(power, SHAPES[name], REACH)

    def clearness(kernel: np.ndarray) -> float:
        padded = np.zeros((WINDOW, WINDOW))
        padded[:SIZE, :SIZE] = kernel
        passed = (np.abs(np.fft.fft2(padded)) ** 2 * power).mean()
        return float((kernel * shape).sum() / np.sqrt(passed))

    assert clearness(learnt) > 1.2 * clearness(plain)


@pytest.mark.parametrize("octave", OCTAVES)
def test_averaging_mirrors_what_lies_beyond_the_tile(octave: int) -> None:
    signal = np.random.default_rng(0).uniform(size=64)
    matrix = averaging(TileGeometry(tile=64, margin=8, blend=4), octave, 5)
    expected = np.pad(signal.reshape(-1, octave).mean(axis=1), 5, mode="reflect")
    np.testing.assert_allclose(matrix @ signal, expected)


def test_kernels_over_blocks_answer_as_they_do_pixel_by_pixel() -> None:
    rng = np.random.default_rng(0)
    bank, pixels = rng.normal(0, 1, (3, 5, 5)), rng.normal(0, 1, (12, 14))
    wide = over_blocks(bank).reshape(3, BLOCK, BLOCK, 6, 6)

    def answers(kernel: np.ndarray, step: int) -> np.ndarray:
        windows = np.lib.stride_tricks.sliding_window_view(pixels, kernel.shape)[::step, ::step]
        return np.einsum("rcyx,yx->rc", windows, kernel)

    for kernel, shifted in zip(bank, wide, strict=True):
        one_by_one = answers(kernel, 1)
        for row, column in np.ndindex(BLOCK, BLOCK):
            np.testing.assert_allclose(answers(shifted[row, column], BLOCK), one_by_one[row::BLOCK, column::BLOCK])
