"""Image files in place of a camera."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from runtime.cameras.replay import ReplayCamera
from runtime.errors import UserError
from runtime.types import LineBlock, NotInspected, Reason, Scale
from tests.runtime.cameras.strips import texture, write_png

SCALE = Scale(0.2, 0.2)


def items(path: Path, **kwargs: object) -> list[LineBlock | NotInspected]:
    camera = ReplayCamera("r", path, SCALE, **kwargs)  # type: ignore[arg-type]
    camera.open()
    return list(camera.items())


def blocks(path: Path, **kwargs: object) -> list[LineBlock]:
    got = items(path, **kwargs)
    assert all(isinstance(item, LineBlock) for item in got)
    return got  # type: ignore[return-value]


def pixels(got: list[LineBlock]) -> np.ndarray:
    return np.concatenate([block.pixels for block in got])[:, :, 0]


def test_folder_is_a_segment_a_file_by_name_and_line_numbers_go_on(tmp_path: Path) -> None:
    for name, height, width in (("b.png", 20, 50), ("a.png", 300, 40), ("c.PNG", 7, 30)):
        write_png(tmp_path / name, texture(height, width, seed=height))
    (tmp_path / "notes.csv").write_text("not a strip")
    (tmp_path / "inner.png").mkdir()
    got = blocks(tmp_path)
    assert [(b.segment, b.first_line, b.rows, b.width) for b in got] == [
        (0, 0, 128, 40), (0, 128, 128, 40), (0, 256, 44, 40), (1, 300, 20, 50), (2, 320, 7, 30),
    ]  # fmt: skip
    assert np.array_equal(pixels(got[:3]), texture(300, 40, seed=300))
    assert np.array_equal(pixels(got[3:4]), texture(20, 50, seed=20))


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "pgm"])
def test_lossless_formats_come_out_as_they_went_in(tmp_path: Path, suffix: str) -> None:
    cv2.imwrite(str(tmp_path / f"strip.{suffix}"), texture(60, 33))
    assert np.array_equal(pixels(blocks(tmp_path / f"strip.{suffix}", block_lines=25)), texture(60, 33))


def test_jpeg_is_read(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "strip.jpg"), np.full((40, 64), 77, np.uint8))
    assert np.abs(pixels(blocks(tmp_path)).astype(int) - 77).max() <= 1


def test_grey_with_alpha_keeps_its_grey(tmp_path: Path) -> None:
    grey, alpha = texture(30, 20, seed=1), texture(30, 20, seed=2)
    write_png(tmp_path / "la.png", np.dstack([grey, alpha]))
    assert np.array_equal(pixels(blocks(tmp_path)), grey)


def test_sixteen_bits_stay_sixteen_bits(tmp_path: Path) -> None:
    image = texture(30, 20, dtype=np.uint16)
    write_png(tmp_path / "deep.png", image)
    (block,) = blocks(tmp_path)
    assert (block.pixels.dtype, block.bits) == (np.uint16, 16)
    assert np.array_equal(block.pixels[:, :, 0], image)
    assert ReplayCamera("r", tmp_path, SCALE).open().bits == 16


def test_colour_is_red_green_blue_or_grey_as_asked(tmp_path: Path) -> None:
    colour = np.random.default_rng(3).integers(0, 256, (30, 20, 3)).astype(np.uint8)
    write_png(tmp_path / "rgb.png", colour)
    (block,) = blocks(tmp_path, channels=3)
    assert np.array_equal(block.pixels, colour)
    (block,) = blocks(tmp_path, channels=1)
    assert np.abs(block.pixels[:, :, 0] - colour @ np.array([0.299, 0.587, 0.114])).max() < 1


def test_grey_file_fills_three_channels(tmp_path: Path) -> None:
    write_png(tmp_path / "l.png", texture(9, 20))
    (block,) = blocks(tmp_path, channels=3)
    assert np.array_equal(block.pixels, np.repeat(texture(9, 20)[:, :, None], 3, axis=2))


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_truncated_png_is_a_gap_of_known_length(tmp_path: Path, kept: float) -> None:
    for i in range(3):
        write_png(tmp_path / f"{i}.png", texture(40, 30, seed=i))
    data = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(data[: int(len(data) * kept)])
    before, gap, after = items(tmp_path)
    assert isinstance(before, LineBlock)
    assert isinstance(gap, NotInspected)
    assert isinstance(after, LineBlock)
    assert (gap.reason, gap.first_line, gap.end_line) == (Reason.UNREADABLE_FILE, 40, 80)
    assert "1.png" in gap.detail
    assert (after.first_line, after.segment) == (80, 2)
    assert np.array_equal(after.pixels[:, :, 0], texture(40, 30, seed=2))


def test_damaged_png_is_a_gap(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", texture(40, 30))
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "a.png").write_bytes(data)
    (gap,) = items(tmp_path)
    assert isinstance(gap, NotInspected)
    assert (gap.first_line, gap.end_line) == (0, 40)


@pytest.mark.parametrize("name", ["1.jpg", "1.tif", "1.bmp"])
def test_other_truncated_files_are_gaps(tmp_path: Path, name: str) -> None:
    write_png(tmp_path / "0.png", texture(40, 30))
    cv2.imwrite(str(tmp_path / name), texture(64, 50))
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    write_png(tmp_path / "2.png", texture(40, 30))
    first, gap, last = items(tmp_path)
    assert isinstance(gap, NotInspected)
    assert name in gap.detail
    assert isinstance(first, LineBlock)
    assert isinstance(last, LineBlock)
    assert last.first_line == first.end_line + gap.lines


@pytest.mark.parametrize("content", [b"", b"no image at all", b"\x89PNG\r\n\x1a\n"])
def test_file_that_tells_nothing_is_a_gap_of_unknown_length(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "0.png").write_bytes(content)
    write_png(tmp_path / "1.png", texture(10, 30))
    gap, block = items(tmp_path)
    assert isinstance(gap, NotInspected)
    assert (gap.first_line, gap.end_line) == (None, None)
    assert isinstance(block, LineBlock)
    assert (block.first_line, block.segment) == (0, 1)


def test_list_names_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    write_png(tmp_path / "far" / "x.png", texture(5, 10, seed=1))
    write_png(tmp_path / "a.png", texture(6, 10, seed=2))
    (tmp_path / "roll.txt").write_text("# a roll\nfar/x.png\n\n  a.png  \nfar/x.png\n")
    got = blocks(tmp_path / "roll.txt")
    assert [(b.segment, b.rows) for b in got] == [(0, 5), (1, 6), (2, 5)]


def test_tall_image_is_sliced_not_copied(tmp_path: Path) -> None:
    write_png(tmp_path / "tall.png", texture(3000, 16))
    got = blocks(tmp_path / "tall.png")
    assert np.array_equal(pixels(got), texture(3000, 16))
    assert all(np.may_share_memory(got[0].pixels, b.pixels.base) for b in got)


def test_info(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", texture(4, 10))
    info = ReplayCamera("r", tmp_path / "a.png", SCALE).open()
    assert (info.width, info.live, info.line_rate_hz, info.bits) == (10, False, None, 8)
    write_png(tmp_path / "b.png", texture(4, 12))
    info = ReplayCamera("r", tmp_path, SCALE, channels=3, line_rate_hz=9.0).open()
    assert (info.width, info.live, info.line_rate_hz, info.channels) == (None, True, 9.0, 3)


def test_pace_holds_lines_back_and_close_ends_the_wait(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", texture(100, 10))
    started = time.monotonic()
    assert sum(b.rows for b in blocks(tmp_path, line_rate_hz=500.0)) == 100
    assert time.monotonic() - started >= 0.2
    camera = ReplayCamera("r", tmp_path, SCALE, line_rate_hz=0.001)
    camera.open()
    threading.Timer(0.05, camera.close).start()
    assert list(camera.items()) == []


def make_list(folder: Path, text: str) -> Path:
    (folder / "l.txt").write_text(text)
    return folder / "l.txt"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder, "no image in the folder"),
        (lambda folder: folder / "gone", "no file or folder"),
        (lambda folder: make_list(folder, "# nothing\n"), "names no image"),
        (lambda folder: make_list(folder, "gone.png\n"), r"1 missing file\(s\), the first is .*gone\.png"),
        (lambda folder: Path(__file__), "neither a folder"),
    ],
)
def test_nothing_to_replay_is_said_in_a_sentence(tmp_path: Path, make: object, words: str) -> None:
    with pytest.raises(UserError, match=words):
        ReplayCamera("r", make(tmp_path), SCALE).open()  # type: ignore[operator]


@pytest.mark.parametrize("bad", [{"block_lines": 0}, {"channels": 2}, {"line_rate_hz": -1.0}])
def test_bad_arguments_are_said_in_a_sentence(tmp_path: Path, bad: dict[str, float]) -> None:
    with pytest.raises(UserError, match="not"):
        ReplayCamera("r", tmp_path, SCALE, **bad)  # type: ignore[arg-type]
