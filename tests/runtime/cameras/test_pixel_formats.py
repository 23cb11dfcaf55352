"""Bytes on the wire and the pixels they stand for, by hand from the layouts of the standards."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.cameras.pixel_formats import PIXEL_FORMATS
from runtime.fake_gige.pixels import WIRE_FORMATS

LAYOUTS = {
    "Mono8": ("01 ff", [0x01, 0xFF]),
    "Mono10": ("23 01 ff 03", [0x123, 0x3FF]),
    "Mono12": ("23 0a ff 0f", [0xA23, 0xFFF]),
    "Mono16": ("23 f1 00 80", [0xF123, 0x8000]),
    "Mono12p": ("23 1a bc", [0xA23, 0xBC1]),  # PFNC: the lowest bits first
    "Mono12Packed": ("a2 13 bc", [0xA23, 0xBC1]),  # GigE Vision: upper, both lower, upper
    "Mono10Packed": ("48 13 ff", [0x123, 0x3FD]),
    "Mono10p": ("23 fd 0c 00 80", [0x123, 0x33F, 0x000, 0x200]),
    "RGB8": ("01 02 03", [[0x01, 0x02, 0x03]]),
}


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_pixels_from_bytes(name: str) -> None:
    wire, pixels = LAYOUTS[name]
    line = np.frombuffer(bytes.fromhex(wire), np.uint8)[None]
    decoded = PIXEL_FORMATS[name].decoded(np.repeat(line, 3, axis=0))
    want = np.array(pixels).reshape(1, -1, PIXEL_FORMATS[name].channels)
    assert decoded.dtype == (np.uint8 if PIXEL_FORMATS[name].bits == 8 else np.uint16)
    np.testing.assert_array_equal(decoded, np.repeat(want, 3, axis=0))


@pytest.mark.parametrize("name", list(PIXEL_FORMATS))
def test_the_simulated_camera_sends_as_many_bytes_as_the_format_says(name: str) -> None:
    format = PIXEL_FORMATS[name]
    cloth = np.arange(2 * 32 * format.channels, dtype=np.uint8).reshape(2, 32, format.channels)
    wire = WIRE_FORMATS[name].wire(cloth)
    assert wire.shape == (2, format.line_bytes(32)) == (2, WIRE_FORMATS[name].line_bytes(32))
    if format.cell_lines == 1:
        lines = format.lines(wire.reshape(-1), format.line_bytes(32))
        np.testing.assert_array_equal(format.decoded(lines) >> (format.bits - 8), cloth)


def test_a_line_of_planes_lacks_all_colours_where_it_lacks_one() -> None:
    planar = PIXEL_FORMATS["RGB8_Planar"]  # 4 lines of 10 px: red is bytes 0 to 39, green to 79, blue to 119
    assert planar.lines(np.arange(120, dtype=np.uint8), 30)[1, :6].tolist() == [10, 50, 90, 11, 51, 91]
    assert planar.holes_in_lines([(35, 45), (90, 95), (118, 130)], 120) == [(0, 15), (30, 45), (105, 120), (114, 120)]


@pytest.mark.parametrize(
    ("name", "width", "fits"),
    [("Mono10p", 18, False), ("Mono10p", 20, True), ("Mono12p", 3, False), ("BayerRG8", 17, False)],
)
def test_a_line_must_end_with_a_byte(name: str, width: int, fits: bool) -> None:
    assert PIXEL_FORMATS[name].fits(width) is fits


BAYER = {"BayerRG8": "RGGB", "BayerGR8": "GRBG", "BayerGB8": "GBRG", "BayerBG8": "BGGR"}


@pytest.mark.parametrize("name", list(BAYER))
@pytest.mark.parametrize("rows", [4, 5])
def test_the_colours_of_a_cell_by_hand(name: str, rows: int) -> None:
    """Every colour of a pixel: as it lies in the cell, else the mean of those to its left and right."""
    mosaic = np.random.default_rng(3).integers(0, 256, (rows, 8), dtype=np.uint8)
    decoded = PIXEL_FORMATS[name].decoded(mosaic)
    for row in range(rows):
        pair = [row - row % 2, row - row % 2 + 1]
        if pair[1] == rows:
            pair[1] = rows - 2
        for column in range(8):
            for channel, colour in enumerate("RGB"):

                def lies(at: int, colour: str = colour, pair: list[int] = pair) -> list[int]:
                    cell = (BAYER[name][at % 2], BAYER[name][2 + at % 2])
                    return [int(mosaic[pair[line], at]) for line in (0, 1) if cell[line] == colour]

                near = [at for at in (column - 1, column + 1) if 0 <= at < 8]
                values = lies(column) or [value for at in near for value in lies(at)]
                assert decoded[row, column, channel] == (sum(values) + len(values) // 2) // len(values)


@pytest.mark.parametrize("name", list(BAYER))
def test_one_colour_is_that_colour_everywhere(name: str) -> None:
    cloth = np.broadcast_to(np.array([200, 90, 30], np.uint8), (6, 16, 3))
    np.testing.assert_array_equal(PIXEL_FORMATS[name].decoded(WIRE_FORMATS[name].wire(cloth)), cloth)
