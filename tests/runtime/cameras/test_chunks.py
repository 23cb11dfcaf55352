"""Chunk data behind an image."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from runtime.cameras import chunks


def chunk(chunk_id: int, data: bytes) -> bytes:
    return data + struct.pack(">II", chunk_id, len(data))


IMAGE = bytes(range(64)) * 4
COUNTS = np.array([-5, 0, 5, 2**33], np.int64)


@pytest.mark.parametrize("image", [IMAGE, chunk(1, IMAGE)])
def test_the_image_may_be_a_chunk_itself_or_not(image: bytes) -> None:
    encoder = COUNTS.astype(">i8").tobytes()
    end, found = chunks.split(image + chunk(0xE0, encoder), 64)
    assert end == len(IMAGE)
    assert found == {0xE0: encoder}
    np.testing.assert_array_equal(chunks.line_values(found, 4, None), COUNTS)


def test_dark_pixels_that_read_like_a_tag_are_pixels() -> None:
    dark = bytes(60) + b"\0\0\0\1" + bytes(60) + b"\0\0\0\x20"
    end, found = chunks.split(dark + chunk(2, b"abcdefgh"), 64)
    assert (end, found) == (128, {2: b"abcdefgh"})


@pytest.mark.parametrize("payload", [IMAGE, b"", IMAGE + b"\0\0\0\1\0\0\0\0", chunk(1, IMAGE[:-1])])
def test_what_is_not_lines_and_chunks_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="no lines of 64 bytes"):
        chunks.split(payload, 64)


def test_a_32_bit_counter_goes_on_when_it_wraps_up_and_down() -> None:
    rising = np.array([2**31 - 2, 2**31 - 1, -(2**31), -(2**31) + 1]).astype(">i4").tobytes()
    np.testing.assert_array_equal(chunks.line_values({1: rising}, 4, None), 2**31 - 2 + np.arange(4))
    back = np.frombuffer(rising, ">i4")[::-1].astype(">i4").tobytes()
    np.testing.assert_array_equal(chunks.line_values({1: back}, 4, 2**31 + 2), 2**31 + 1 - np.arange(4))


@pytest.mark.parametrize("found", [{}, {1: bytes(31)}, {1: bytes(16), 2: bytes(32)}])
def test_no_or_several_values_a_line_are_refused(found: dict[int, bytes]) -> None:
    with pytest.raises(ValueError, match="no single chunk holds one value for each of 4 lines"):
        chunks.line_values(found, 4, None)
