"""Dark and white references: what is found wrong with them, and what is taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runtime.errors import UserError
from runtime.preprocess.flatfield import FlatField, Origin
from runtime.preprocess.references import DarkReference, LineStatistics, white_field
from runtime.types import Pixels
from tests.runtime.preprocess.captures import WIDTH, lines

FALLING = 0.7 - 0.25 * np.linspace(-1, 1, WIDTH) ** 2
"""A usual lamp: 0.64 at the ends of what it is in the middle."""


def origin(bits: int = 8) -> Origin:
    return Origin("left", "SN-17", 80.0, 3.0, bits, 200, "")


def statistics(pixels: Pixels, bits: int = 8, block: int = 50) -> LineStatistics:
    seen = LineStatistics(bits)
    for top in range(0, len(pixels), block):
        seen.add(pixels[top : top + block])
    return seen


def dark(pixels: Pixels | None = None, bits: int = 8, channels: int = 1) -> DarkReference:
    pixels = lines(0.0, bits=bits, channels=channels) if pixels is None else pixels
    return DarkReference.of(statistics(pixels, bits), origin(bits))


def white(pixels: Pixels, bits: int = 8, channels: int = 1, covered: DarkReference | None = None) -> FlatField:
    return white_field(statistics(pixels, bits), covered or dark(bits=bits, channels=channels), origin(bits))


@pytest.mark.parametrize(("bits", "channels"), [(8, 1), (8, 3), (12, 1), (16, 1)])
def test_a_good_pair_makes_white_one_level(bits: int, channels: int) -> None:
    flat = white(lines(FALLING, bits=bits, channels=channels), bits, channels)
    assert (flat.bad, flat.origin) == ((), origin(bits))
    other = lines(FALLING, bits=bits, channels=channels, seed=5)
    level = flat.correct(other).mean(axis=0)
    assert np.abs(level - 200).max() < 1.5
    assert np.ptp(other.mean(axis=0)) / other.mean() > 0.3


def with_columns(pixels: Pixels, columns: list[int], value: int) -> Pixels:
    pixels = pixels.copy()
    pixels[:, columns] = value
    return pixels


@pytest.mark.parametrize(
    ("pixels", "sentence"),
    [
        (lines(1.2), r"600 columns are saturated, the first is 0: shorten the exposure"),
        (np.where(np.arange(WIDTH)[None, :, None] < 50, 255, lines(0.7)).astype(np.uint8), "50 columns are saturated"),
        (lines(0.2), "white is 20% of full scale above dark, less than 30%: lengthen the exposure"),
        (lines(0.7, cloth=0.08), r"texture in the light, \d\.\d% along the lines and .*take the cloth away"),
        (lines(0.7 * (1 + 0.15 * np.sin(np.arange(WIDTH) * 2.1))), r"texture in the light, .*and \d+\.\d% across"),
        (lines(0.7, flicker=0.04), r"the light flickers by \d\.\d% from line to line: feed the lamp"),
        (lines(np.linspace(0.15, 0.8, WIDTH)), r"the light falls off to 2\d% at column 0: move the lamp"),
        (with_columns(lines(FALLING), [9, *range(200, 205)], 5), "6 columns, up to 5 side by side from column 200"),
        (with_columns(lines(FALLING), list(range(5, 500, 60)), 5), "9 columns, up to 1 side by side .*are dead or hot"),
    ],
)  # fmt: skip
def test_a_white_reference_with_a_fault_is_not_stored(pixels: Pixels, sentence: str) -> None:
    with pytest.raises(UserError, match=f"The white reference is not stored: .*{sentence}"):
        white(pixels)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(UserError, match=r"less than 30%.*; the light flickers.*; there is texture"):
        white(lines(0.2, cloth=0.08, flicker=0.05))


@pytest.mark.parametrize(
    ("pixels", "sentence"),
    [
        (lines(0.3), "the lines are not dark, 32% of full scale: cover the lens"),
        (
            with_columns(lines(0.0), list(range(100, 110)), 90),
            "10 columns, up to 10 side by side from column 100, glow",
        ),
    ],
)
def test_a_dark_reference_with_a_fault_is_not_stored(pixels: Pixels, sentence: str) -> None:
    with pytest.raises(UserError, match=f"The dark reference is not stored: .*{sentence}"):
        dark(pixels)


def test_dead_and_hot_columns_are_found_and_bridged() -> None:
    covered = dark(with_columns(lines(0.0), [77], 120))
    assert covered.hot == (77,)
    seen = with_columns(with_columns(lines(FALLING), [300, 301], 4), [77], 255)
    flat = white(seen, covered=covered)
    assert flat.bad == (77, 300, 301)
    assert np.abs(flat.correct(seen).mean(axis=0) - 200).max() < 1.5


def test_the_dark_reference_waits_in_the_file_for_the_white_one(tmp_path: Path) -> None:
    path = tmp_path / "left.npz"
    dark().save(path)
    with pytest.raises(UserError, match=r"has no white reference yet: python -m runtime.flatfield capture --white"):
        FlatField.load(path)
    for _ in range(2):  # the white one can be captured again
        covered = DarkReference.load(path)
        np.testing.assert_array_equal(covered.level, dark().level)
        white(lines(FALLING), covered=covered).save(path)
    assert FlatField.load(path).origin == origin()


def test_no_dark_reference_no_white_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no dark reference .*capture --dark first"):
        DarkReference.load(tmp_path / "absent.npz")


def test_references_of_two_widths_do_not_go_together() -> None:
    with pytest.raises(UserError, match="is for lines of 600 px x 1, these have 500 x 1: capture --dark again"):
        white(lines(FALLING)[:, :500])
