"""Buffers of several parts (GigE Vision 2.1, USB3 Vision 1.1, GenTL 1.5): which of their bytes are the lines.

No camera or simulator here sends any: what libraries say of parts is taken from their documentation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from runtime.errors import UserError
from runtime.types import UInt8

_IMAGE, _PLANE_OF_THREE = 1, 3
"""What of a part's data is lines: GenTL 1.5, PARTDATATYPE_IDS; GigE Vision and Aravis number them alike."""
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


def aravis_images(buffer: Any) -> Iterator[UInt8]:
    """The parts of a whole buffer of Aravis' that are images, copied."""
    for number in range(buffer.get_n_parts()):
        if int(buffer.get_part_data_type(number)) in (_IMAGE, _PLANE_OF_THREE):
            yield np.frombuffer(bytes(buffer.get_part_data(number)), np.uint8)


def gentl_images(raw: Any) -> list[UInt8] | None:
    """The parts of a GenTL buffer that are images, where they lie in its memory; None where it has no parts."""
    if int(getattr(raw, "payload_type", 0)) != _IN_PARTS:
        return None
    memory = np.frombuffer(raw.raw_buffer, np.uint8)
    images = [part for part in raw.parts if int(part.data_type) in (_IMAGE, _PLANE_OF_THREE)]
    return [memory[part.data_offset : part.data_offset + part.data_size] for part in images]
