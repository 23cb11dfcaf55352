"""Filters that answer to a spot, a pick or an end, and as little as can be to a given cloth.

A net that strides over four pixels at its finest tap sees little of a knot of ten. A matched filter is the best
linear detector of a known shape in noise of a known spectrum (Turin, IRE Transactions on Information Theory 6(3),
1960): in frequencies, the shape over the power spectrum. Here the noise is the cloth itself, weave included, so the
filter suppresses whatever the weave repeats; it is learnt from normal tiles alone.

Shapes are sought at a half and a quarter of the resolution: a spot of 2 px deviation there is 4 and 8 px on the
cloth. At full resolution they found no more planted defects, at four times the work.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from export.placement import Float64
from runtime.geometry import TileGeometry, mirrored
from runtime.types import UInt8

OCTAVES = (2, 4)
"""Pixels that are averaged into one, along each axis."""
SHAPES = {"spot": (1.75, 1.75), "blot": (2.5, 2.5), "pick": (1.2, 12.0), "end": (12.0, 1.2)}
"""Gaussians: deviation along the lines' direction of motion and across, in averaged pixels."""
REACH = 10
"""Half a kernel's side, averaged pixels, where the tile's margin allows it: about a repeat of a coarse weave."""
BLOCK = 2
"""Side of the blocks of pixels that a kernel answers for at once, see ``over_blocks``."""
WINDOW = 64
"""Side of the windows that the spectrum is averaged over."""
FLOOR = 0.01
"""Share of the mean power that is added to it: frequencies that a cloth lacks are not trusted without bound."""


def spectrum(tiles: UInt8, octave: int) -> Float64:
    """Mean power of normal tiles, [WINDOW, WINDOW], frequencies as numpy.fft lays them (Welch's method).

    Args:
        tiles: uint8 [N, T, T, C]; colours are averaged.
        octave: pixels averaged into one.
    """
    side = tiles.shape[1] // octave
    window = min(WINDOW, side)
    small = tiles.mean(axis=3).reshape(len(tiles), side, octave, side, octave).mean(axis=(2, 4))
    taper = np.outer(np.hanning(window), np.hanning(window))
    power = np.zeros((window, window))
    starts = range(0, side - window + 1, max(1, window // 2))
    for top in starts:
        for left in starts:
            part = small[:, top : top + window, left : left + window]
            part = (part - part.mean(axis=(1, 2), keepdims=True)) * taper
            power += (np.abs(np.fft.fft2(part)) ** 2).mean(axis=0)
    return np.asarray(power / len(starts) ** 2 / (taper**2).sum())


def matched_filter(power: Float64, shape: tuple[float, float], reach: int) -> Float64:
    """Kernel for a Gaussian of the given deviations in noise of the given spectrum; [2 reach + 1] squared, sum 0.

    Its scale is arbitrary: answers are measured against normal cloth.
    """
    side = len(power)
    at = np.arange(side) - side // 2
    wanted = np.outer(np.exp(-0.5 * (at / shape[0]) ** 2), np.exp(-0.5 * (at / shape[1]) ** 2))
    ideal = np.fft.fft2(np.fft.ifftshift(wanted)) / (power + FLOOR * power.mean())
    whole = np.fft.fftshift(np.fft.ifft2(ideal).real)
    size = 2 * reach + 1
    cut = slice(side // 2 - reach, side // 2 + reach + 1)
    taper = np.sqrt(np.outer(np.hanning(size + 2)[1:-1], np.hanning(size + 2)[1:-1]))
    kernel = whole[cut, cut] * taper
    kernel -= kernel.sum() * taper / taper.sum()  # even light says nothing
    return np.asarray(kernel / np.abs(kernel).sum())


def kernels(tiles: UInt8, octave: int, geometry: TileGeometry) -> Float64:
    """A kernel for each of SHAPES; [shapes, size, size].

    None reaches further than the tile's margin: what is kept of a tile does not depend on where the tile ends.
    """
    power, reach = spectrum(tiles, octave), min(REACH, geometry.margin // octave)
    return np.stack([matched_filter(power, shape, reach) for shape in SHAPES.values()])


def over_blocks(bank: Float64) -> Float64:
    """Kernels for convolutions that stride over blocks, one for each pixel of a block.

    A large kernel that makes few channels of one leaves most of a vector unit idle. These make BLOCK ** 2 times as many
    channels, with as many products of weights that are not zero.

    Args:
        bank: [shapes, size, size].

    Returns:
        [shapes * BLOCK ** 2, size + BLOCK - 1, size + BLOCK - 1]; torch's pixel_shuffle lays the answers out.
    """
    shapes, side, _ = bank.shape
    shifted = np.zeros((shapes, BLOCK, BLOCK, side + BLOCK - 1, side + BLOCK - 1))
    for row, column in np.ndindex(BLOCK, BLOCK):
        shifted[:, row, column, row : row + side, column : column + side] = bank
    return shifted.reshape(-1, *shifted.shape[-2:])


def averaging(geometry: TileGeometry, octave: int, reach: int) -> NDArray[np.float64]:
    """Matrix along one axis that averages ``octave`` pixels into one and mirrors ``reach`` of those at both ends.

    Returns:
        float64 [tile / octave + 2 * reach, tile].
    """
    side = geometry.tile // octave
    average = np.kron(np.eye(side), np.full((1, octave), 1 / octave))
    return np.asarray(average[mirrored(-reach, side + reach, 0, side)])
