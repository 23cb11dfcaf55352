"""Noise that can be asked for by index: the same number whenever, and in whatever order, it is asked for."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from runtime.types import Float32, Int64

TABLE_BITS = 17
"""Smooth noise is read from a periodic table of 2**TABLE_BITS values, each yarn from a place of its own."""

UInt64 = NDArray[np.uint64]
Float64 = NDArray[np.float64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)


def hash64(seed: int, stream: int, index: Int64) -> UInt64:
    """64 well mixed bits for each index (splitmix64), independent between seeds and streams.

    Args:
        seed: of the whole simulation.
        stream: what the numbers are for; two uses never share one.
        index: int64 of any shape, negative ones too.
    """
    key = np.array([seed & (2**64 - 1), stream], np.uint64)
    start = _mix(_mix(key[:1] * _GOLDEN) + key[1:] * _GOLDEN)
    inner = _mix(index.astype(np.uint64) * _GOLDEN + start)
    return _mix(inner + start)


def _mix(z: UInt64) -> UInt64:
    z = z + _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * _MIX1
    z = (z ^ (z >> np.uint64(27))) * _MIX2
    mixed: UInt64 = z ^ (z >> np.uint64(31))
    return mixed


def uniform(seed: int, stream: int, index: Int64) -> Float64:
    """One number in [0, 1) for each index."""
    values: Float64 = (hash64(seed, stream, index) >> np.uint64(11)).astype(np.float64)
    values *= 2.0**-53
    return values


def normal(seed: int, stream: int, index: Int64) -> Float64:
    """One standard normal number for each index, never beyond 3.5 so that no yarn leaves its place."""
    radius = np.sqrt(-2 * np.log1p(-uniform(seed, stream, index)))
    angle = 2 * np.pi * uniform(seed, stream ^ 0x5A5A, index)
    values: Float64 = np.clip(radius * np.cos(angle), -3.5, 3.5)
    return values


def offsets(seed: int, stream: int, index: Int64, bits: int = TABLE_BITS) -> Int64:
    """A place in a table of 2**bits values for each index."""
    places: Int64 = (hash64(seed, stream, index) >> np.uint64(64 - bits)).astype(np.int64)
    return places


def slub_table(rng: np.random.Generator, slubs: float, length: float, gain: float) -> Float32:
    """A periodic table of the thick places of a yarn: mostly 0, here and there a smooth hump.

    Args:
        slubs: how many in a sample, on average. length: of a hump, in samples. gain: mean height of a hump.

    Returns:
        float32 [2**TABLE_BITS], 0 or more.
    """
    size = 1 << TABLE_BITS
    heights = np.zeros(size)
    places = rng.integers(size, size=rng.poisson(slubs * size))
    np.add.at(heights, places, rng.exponential(gain, places.size))
    # Half as high at a quarter of its length from its middle.
    spread = np.exp(-((np.pi * np.fft.rfftfreq(size) * length / 4) ** 2) / math.log(2))
    humps = np.fft.irfft(np.fft.rfft(heights) * spread, size) * (length / 4 * math.sqrt(math.pi / math.log(2)))
    return np.maximum(0, humps).astype(np.float32)


def smooth_table(rng: np.random.Generator, *parts: tuple[float, float]) -> Float32:
    """A periodic table of noise: the sum of parts (sigma, correlation length in samples).

    Returns:
        float32 [2**TABLE_BITS], mean 0.
    """
    size = 1 << TABLE_BITS
    frequency = np.fft.rfftfreq(size)
    total = np.zeros(size)
    for sigma, length in parts:
        spectrum = np.fft.rfft(rng.standard_normal(size)) * np.exp(-((np.pi * frequency * length) ** 2) / 2)
        spectrum[0] = 0
        values = np.fft.irfft(spectrum, size)
        total += sigma * values / max(float(values.std()), 1e-12)
    return total.astype(np.float32)
