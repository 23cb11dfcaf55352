"""Flat field: columns brought to one response, 10 to 16 bits to 8."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from runtime.cameras.base import Device
from runtime.errors import UserError
from runtime.preprocess.flatfield import FlatField, Origin, to_8_bit


def references(bits: int, channels: int = 1) -> tuple[FlatField, np.ndarray, np.ndarray]:
    """References from noisy captures; the true dark and full response of each column."""
    rng = np.random.default_rng(1)
    top = 2**bits
    dark = rng.uniform(0.01, 0.04, (120, channels)) * top
    response = np.linspace(0.5, 0.9, 120)[:, None] * top * rng.uniform(0.95, 1.05, (120, channels))
    dtype = np.uint8 if bits == 8 else np.uint16
    lines = [
        np.rint(level + rng.normal(0, 0.5, (400, 120, channels))).astype(dtype) for level in (dark, dark + response)
    ]
    return FlatField.from_lines(*lines), dark, response


@pytest.mark.parametrize(("bits", "channels"), [(8, 1), (8, 3), (12, 1)])
def test_a_plain_grey_target_becomes_one_level_over_all_columns(bits: int, channels: int) -> None:
    flat, dark, response = references(bits, channels)
    dtype = np.uint8 if bits == 8 else np.uint16
    grey = np.rint(np.broadcast_to(dark + 0.6 * response, (4, 120, channels))).astype(dtype)
    corrected = flat.correct(grey)
    assert corrected.dtype == np.uint8
    assert np.abs(corrected.astype(int) - 120).max() <= 2
    assert grey.astype(float).std() > 5 * corrected.astype(float).std()


def test_dark_is_black_white_the_target_and_nothing_wraps_around() -> None:
    flat = FlatField(np.full((3, 1), 16, np.float32), np.full((3, 1), 2, np.float32))
    pixels = np.array([0, 16, 255], np.uint8).reshape(1, 3, 1)
    assert flat.correct(pixels).ravel().tolist() == [0, 0, 255]


def test_a_bad_white_reference_is_refused_with_what_to_do() -> None:
    dark, white = np.full((10, 50, 1), 10, np.uint8), np.full((10, 50, 1), 180, np.uint8)
    white[:, 17] = 10
    with pytest.raises(UserError, match="no brighter than the dark one at column 17"):
        FlatField.from_lines(dark, white)
    with pytest.raises(UserError, match="saturated: shorten the exposure"):
        FlatField.from_lines(dark, np.full((10, 50, 1), 255, np.uint8))


def test_stored_and_read_again(tmp_path: Path) -> None:
    flat, _, _ = references(8)
    flat.save(tmp_path / "left.npz")
    read = FlatField.load(tmp_path / "left.npz")
    np.testing.assert_array_equal(read.dark, flat.dark)
    np.testing.assert_array_equal(read.gain, flat.gain)


def test_what_is_known_of_the_camera_is_stored_with_the_references(tmp_path: Path) -> None:
    origin = Origin("left", "SN-17", 80.0, 3.0, bits=8, lines=2000, captured="2026-01-02T03:04:05+00:00")
    flat, _, _ = references(8)
    replace(flat, bad=(3, 9), origin=origin).save(tmp_path / "left.npz")
    read = FlatField.load(tmp_path / "left.npz")
    assert (read.bad, read.origin) == ((3, 9), origin)


def test_dead_and_hot_columns_are_drawn_between_their_neighbours() -> None:
    ones = np.ones((10, 1), np.float32)
    flat = FlatField(0 * ones, ones, bad=(0, 4, 5, 9))
    row = np.array([0, 20, 20, 50, 255, 0, 80, 20, 60, 255], np.uint8)
    assert flat.correct(row.reshape(1, 10, 1)).ravel().tolist() == [20, 20, 20, 50, 60, 70, 80, 20, 60, 60]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("rows", [1, 16, 37])
def test_the_correction_is_the_formula_rounded(dtype: type, channels: int, rows: int) -> None:
    rng = np.random.default_rng(rows)
    top = np.iinfo(dtype).max
    dark = rng.uniform(0, 0.1 * top, (61, channels)).astype(np.float32)
    gain = (rng.uniform(0.5, 3, (61, channels)) * 255 / top).astype(np.float32)
    pixels = rng.integers(0, top + 1, (rows, 61, channels)).astype(dtype)
    want = np.clip((pixels - dark.astype(np.float64)) * gain, 0, 255)
    assert np.abs(FlatField(dark, gain).correct(pixels) - want).max() <= 0.501
    apart = pixels[::-1, ::-1]  # memory that does not lie in one piece
    np.testing.assert_array_equal(
        FlatField(dark[::-1], gain[::-1]).correct(apart), FlatField(dark, gain).correct(pixels)[::-1, ::-1]
    )


DEVICE = Device("maker", "line", "SN-17", "1", "Mono8", exposure_us=80.0, gain_db=3.0)


@pytest.mark.parametrize(
    ("bits", "device", "refused", "warned"),
    [
        (8, DEVICE, "", ""),
        (8, None, "", ""),
        (8, replace(DEVICE, serial=""), "", ""),
        (8, replace(DEVICE, exposure_us=80.5, gain_db=3.05), "", ""),
        (8, replace(DEVICE, exposure_us=None, gain_db=None), "", ""),
        (12, DEVICE, "'loom' was taken at 8 bits, its lines have 12", ""),
        (8, replace(DEVICE, serial="SN-18"), r"with serial SN-17 \('left'\), this camera is SN-18: capture", ""),
        (8, replace(DEVICE, exposure_us=120.0), "", "taken at ExposureTime 80, the camera has 120: capture it again"),
        (8, replace(DEVICE, gain_db=6.0), "", "taken at Gain 3, the camera has 6"),
        (8, replace(DEVICE, own_flat_field=""), "", ""),
        (8, replace(DEVICE, own_flat_field="FFCEnable"), "", "FFCEnable is on), and its flat field does not say"),
    ],
)
def test_references_of_another_camera_are_refused_and_other_settings_warned_of(
    bits: int, device: Device | None, refused: str, warned: str, caplog: pytest.LogCaptureFixture
) -> None:
    origin = Origin("left", "SN-17", 80.0, 3.0, bits=8, lines=2000, captured="")
    flat = replace(references(8)[0], origin=origin)
    if refused:
        with pytest.raises(UserError, match=refused):
            flat.check_camera("loom", bits, device)
    else:
        flat.check_camera("loom", bits, device)
    assert (warned in caplog.text) if warned else not caplog.text
    replace(flat, origin=None).check_camera("loom", bits, device)


def test_what_is_no_stored_flat_field_is_refused(tmp_path: Path) -> None:
    flat, _, _ = references(8)
    flat.save(tmp_path / "whole.npz")
    whole = (tmp_path / "whole.npz").read_bytes()
    contents = {"text.npz": b"hello", "empty.npz": b"", "cut.npz": whole[: len(whole) // 2]}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    np.savez(tmp_path / "other.npz", light=np.zeros(3))
    np.save(tmp_path / "array.npy", np.zeros(3))
    np.savez(tmp_path / "shapes.npz", dark=flat.dark, gain=flat.gain[:7])
    np.savez(tmp_path / "types.npz", dark=flat.dark, gain=flat.gain.astype(np.float64))
    for name in [*contents, "other.npz", "array.npy", "shapes.npz", "types.npz", "absent.npz"]:
        with pytest.raises(UserError, match=f"{name}' is not a stored flat field"):
            FlatField.load(tmp_path / name)


def test_references_of_another_width_are_refused() -> None:
    flat, _, _ = references(8)
    flat.check_width(120, 1, "left")
    for width, channels in [(121, 1), (120, 3)]:
        with pytest.raises(UserError, match=f"'left' is for 120 px x 1, its lines have {width} px x {channels}"):
            flat.check_width(width, channels, "left")


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_the_upper_eight_bits_of_the_significant_ones(bits: int) -> None:
    pixels = (np.arange(256, dtype=np.uint16) << (bits - 8)).reshape(1, 256, 1)
    low = np.uint16(2 ** (bits - 8) - 1)
    for exact in (pixels, pixels | low):
        np.testing.assert_array_equal(to_8_bit(exact, bits).ravel(), np.arange(256))


def test_eight_bits_pass_without_a_copy() -> None:
    pixels = np.zeros((2, 3, 1), np.uint8)
    assert np.shares_memory(to_8_bit(pixels, 8), pixels)
