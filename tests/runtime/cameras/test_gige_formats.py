"""Every pixel format over the wire: each bit that the camera sends arrives, also beside lines that were lost."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.cameras.pixel_formats import PIXEL_FORMATS
from runtime.fake_gige.pixels import WIRE_FORMATS
from runtime.fake_gige.stamped import Stamped
from runtime.preprocess.flatfield import to_8_bit
from runtime.types import Pixels
from tests.runtime.cameras.gige_clients import CLIENTS, MakeCamera, blocks, maker, needs_aravis, spans, take
from tests.runtime.fake_gige.process import CameraProcess

pytestmark = pytest.mark.net
SLOW = ("--line-rate", "2000")


@pytest.fixture(params=CLIENTS)
def camera(request: pytest.FixtureRequest) -> MakeCamera:
    return maker(request.param)


def shown(first: int, rows: int, name: str) -> Pixels:
    """Stamped lines in a format's depth: the upper bits are repeated below."""
    format = PIXEL_FORMATS[name]
    lines = Stamped(64, channels=format.channels).lines(first, rows)
    if format.bits == 8:
        return lines
    repeated = lines.astype(np.uint16) * 0x101
    return repeated >> (16 - format.bits)


@pytest.mark.parametrize("name", [name for name, format in PIXEL_FORMATS.items() if format.cell_lines == 1])
def test_every_bit_arrives_and_the_upper_eight_are_the_cloth(camera: MakeCamera, name: str) -> None:
    format = PIXEL_FORMATS[name]
    with CameraProcess(*SLOW, source=f"64*{format.channels}"):
        loom = camera(pixel_format=name, block_lines=32)
        info = loom.open()
        items = take(loom.items(), lambda so_far: len(so_far) >= 3)
        loom.close()
    assert (info.channels, info.bits) == (format.channels, format.bits)
    for block in blocks(items):
        assert block.bits == format.bits
        np.testing.assert_array_equal(block.pixels, shown(block.first_line, block.rows, name))
        cloth = Stamped(64, channels=format.channels).lines(block.first_line, block.rows)
        np.testing.assert_array_equal(to_8_bit(block.pixels, block.bits), cloth)


@needs_aravis
def test_the_lines_beside_a_lost_packet_keep_their_bits() -> None:
    with CameraProcess("--line-rate", "5000", "--loss", "0.01", "--kept-frames", "0", source="2048"):
        loom = maker("aravis")(pixel_format="Mono12p", packet_bytes=1500)
        loom.open()
        items = take(loom.items(), lambda so_far: len(spans(so_far)) >= 5)
        loom.close()
    for block in blocks(items):
        number = int.from_bytes(to_8_bit(block.pixels[0, :8, 0], 12).tobytes(), "big")
        cloth = Stamped(2048).lines(number, block.rows)
        np.testing.assert_array_equal(to_8_bit(block.pixels, 12), cloth)


@pytest.mark.parametrize("name", ["BayerRG8", "BayerGB8"])
def test_a_mosaic_arrives_in_colours(camera: MakeCamera, name: str) -> None:
    with CameraProcess(*SLOW, source="64*3"):
        loom = camera(pixel_format=name, block_lines=32)
        info = loom.open()
        items = take(loom.items(), lambda so_far: len(so_far) >= 3)
        loom.close()
    assert (info.channels, info.bits) == (3, 8)
    for block in blocks(items):
        sent = WIRE_FORMATS[name].wire(Stamped(64, channels=3).lines(block.first_line, block.rows))
        np.testing.assert_array_equal(block.pixels, PIXEL_FORMATS[name].decoded(sent))


@needs_aravis
def test_two_lines_of_a_mosaic_are_lost_together() -> None:
    with CameraProcess("--line-rate", "5000", "--loss", "0.01", "--kept-frames", "0", source="2048*3"):
        loom = maker("aravis")(pixel_format="BayerGR8", packet_bytes=1500)
        loom.open()
        items = take(loom.items(), lambda so_far: len(spans(so_far)) >= 5)
        loom.close()
    assert all(item.first_line is not None and item.first_line % 2 == 0 for item in items)
    assert min(span.lines or 0 for span in spans(items)) == 2
