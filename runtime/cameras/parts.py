"""Buffers of several parts (GigE Vision 2.1, USB3 Vision 1.1, GenTL 1.5): which of their bytes are the lines.

No camera or simulator here sends any: what libraries say of parts is taken from their documentation.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from runtime.errors import UserError
from runtime.types import UInt8

_IMAGES = (1, 3)
"""Parts that are lines, an image or one plane of three: GenTL 1.5, PARTDATATYPE_IDS; Aravis numbers them alike."""
_IN_PARTS = 10
"""GenTL's PAYLOAD_TYPE_MULTI_PART."""


def image_of(images: Sequence[UInt8], where: str) -> UInt8:
    """The bytes of a buffer's lines, uint8 [n].

    Args:
        images: the parts that are images, in their order.
        where: the camera, for people.

    Returns:
        The only image; or of three of one size, a colour each, one after the other, as ``RGB8_Planar`` has them.

    Raises:
        UserError: there are other images.
    """
    if len(images) == 1:
        return images[0]
    if len(images) == 3 and len({len(image) for image in images}) == 1:
        return np.concatenate(images)
    sizes = ", ".join(str(len(image)) for image in images) or "none"
    raise UserError(
        f"{where} sends buffers of parts with {len(images)} images ({sizes} bytes), and one is understood here, or "
        "three of one size, a colour each (RGB8_Planar): switch the others off under 'features' (ComponentSelector, "
        "ComponentEnable)"
    )


def aravis_images(buffer: Any) -> list[UInt8]:
    """The parts of a whole buffer of Aravis' that are images, copied."""
    numbers = [n for n in range(buffer.get_n_parts()) if int(buffer.get_part_data_type(n)) in _IMAGES]
    return [np.frombuffer(bytes(buffer.get_part_data(number)), np.uint8) for number in numbers]


def gentl_images(raw: Any, errors: tuple[type[Exception], ...] = ()) -> list[UInt8] | None:
    """The parts of a GenTL buffer that are images, where they lie in its memory; None where it has no parts.

    Args:
        errors: what the library raises where a producer leaves unsaid what is asked: then there are none.
    """
    payload = 0
    with contextlib.suppress(AttributeError, *errors):
        payload = int(raw.payload_type)
    if payload != _IN_PARTS:
        return None
    memory = np.frombuffer(raw.raw_buffer, np.uint8)
    images = [part for part in raw.parts if int(part.data_type) in _IMAGES]
    return [memory[part.data_offset : part.data_offset + part.data_size] for part in images]
