"""Buffers of several parts. What the libraries hand out is stood in for: no producer here sends any."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from runtime.cameras.parts import aravis_images, gentl_images, image_of
from runtime.errors import UserError

CHUNK = 10
RED, GREEN, BLUE = (np.full(6, colour, np.uint8) for colour in (1, 2, 3))


class AravisBuffer:
    """As Aravis.Buffer: parts of a type each, which it copies."""

    def __init__(self, *parts: tuple[int, np.ndarray]) -> None:
        self._parts = parts

    def get_n_parts(self) -> int:
        return len(self._parts)

    def get_part_data_type(self, number: int) -> int:
        return self._parts[number][0]

    def get_part_data(self, number: int) -> bytes:
        return self._parts[number][1].tobytes()


def gentl_buffer(*parts: tuple[int, np.ndarray], payload_type: int = 10) -> SimpleNamespace:
    """As genicam.gentl.Buffer: all parts in one memory, one byte between them."""
    memory, places = b"", []
    for data_type, pixels in parts:
        memory += b"\0"
        places.append(SimpleNamespace(data_type=data_type, data_offset=len(memory), data_size=pixels.size))
        memory += pixels.tobytes()
    return SimpleNamespace(payload_type=payload_type, raw_buffer=memory, parts=places)


def test_three_planes_become_one_image_and_chunks_are_no_image() -> None:
    parts = ((3, RED), (3, GREEN), (CHUNK, BLUE), (3, BLUE))
    wanted = [1] * 6 + [2] * 6 + [3] * 6
    assert image_of(list(aravis_images(AravisBuffer(*parts))), "c").tolist() == wanted
    assert image_of(gentl_images(gentl_buffer(*parts)) or [], "c").tolist() == wanted


def test_the_only_image_is_taken() -> None:
    assert image_of(list(aravis_images(AravisBuffer((CHUNK, RED), (1, GREEN)))), "c").tolist() == [2] * 6
    assert image_of(gentl_images(gentl_buffer((1, BLUE))) or [], "c").tolist() == [3] * 6


def test_a_buffer_without_parts_is_left_to_others() -> None:
    assert gentl_images(gentl_buffer((1, RED), payload_type=1)) is None
    assert gentl_images(SimpleNamespace(raw_buffer=b"")) is None


def test_a_producer_that_does_not_say_whether_there_are_parts_has_none() -> None:
    class Silent:
        @property
        def payload_type(self) -> int:
            raise RuntimeError("not implemented")

    assert gentl_images(Silent(), (RuntimeError,)) is None


@pytest.mark.parametrize("images", [[], [RED, GREEN], [RED, GREEN, BLUE[:4]], [RED] * 4])
def test_what_cannot_be_told_apart_is_refused_by_name(images: list[np.ndarray]) -> None:
    with pytest.raises(UserError, match=rf"camera 'c' sends buffers of parts with {len(images)} images .*Component"):
        image_of(images, "camera 'c'")
