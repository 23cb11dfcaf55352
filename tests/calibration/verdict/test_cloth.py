"""Pieces of a roll and their painted copies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calibration.painting import CONTRASTS, LINES
from calibration.verdict.cloth import PIECE_LINES, Piece, painted, pieces
from runtime.cameras.base import CameraInfo
from runtime.errors import UserError
from runtime.preprocess.flatfield import FlatField
from runtime.stream import make_view
from runtime.types import Scale
from tests.calibration.verdict.distorted import cloth
from tests.runtime.cameras.strips import write_png

INFO = CameraInfo("roll", 700, 1, 8, Scale(0.5, 0.5), False, None, "")


def piece(channels: int = 1) -> Piece:
    grey = cloth(300, 700)
    return Piece("roll", np.stack([grey // (n + 1) for n in range(channels)], axis=2), INFO)


def test_no_piece_crosses_the_end_of_a_file_nor_is_too_long(tmp_path: Path) -> None:
    strips = [cloth(lines, 300, seed=lines) for lines in (300, PIECE_LINES + 200)]
    for number, strip in enumerate(strips):
        write_png(tmp_path / f"{number}.png", strip)
    found = list(pieces(make_view(f"replay:{tmp_path}", {}, 4)))
    assert [len(one.pixels) for one in found] == [300, PIECE_LINES, 200]
    assert [one.name.partition(" from ")[2] for one in found] == ["line 0", "line 300", f"line {300 + PIECE_LINES}"]
    together = np.concatenate([one.pixels[..., 0] for one in found])
    np.testing.assert_array_equal(together, np.concatenate(strips))
    (block,) = found[1].items()
    assert (block.first_line, block.rows) == (0, PIECE_LINES)


def test_no_more_lines_than_asked_for() -> None:
    found = list(pieces(make_view("sim:plain?width=300", {}, 4), lines=1500))
    assert [len(one.pixels) for one in found] == [PIECE_LINES, 512]  # in blocks of 128


def test_pieces_are_corrected_as_the_camera_asks(tmp_path: Path) -> None:
    strip = cloth(300, 300)
    write_png(tmp_path / "a.png", strip)
    flat = FlatField(np.full((300, 1), 20, np.float32), np.full((300, 1), 1.5, np.float32))
    flat.save(tmp_path / "flat.npz")
    (found,) = pieces(make_view(f"replay:{tmp_path / 'a.png'}?flat_field={tmp_path / 'flat.npz'}", {}, 4))
    np.testing.assert_array_equal(found.pixels, flat.correct(strip[..., None]))


def test_a_roll_with_holes_is_refused(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", cloth(300, 300))
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"cannot be read whole \(a.png: cut short\)"):
        list(pieces(make_view(f"replay:{tmp_path}", {}, 4)))


def test_copies_at_every_contrast_and_one_line_at_each_in_turn() -> None:
    turns = []
    for number in range(6):
        *local, line = painted(piece(), number, (0, 700))
        assert [copy.contrast for copy in local] == list(CONTRASTS)
        assert len(line.classes) == 1
        turns.append((line.contrast, *line.classes))
    assert set(turns) == {(contrast, cls) for contrast in CONTRASTS for cls in LINES}


@pytest.mark.parametrize("channels", [1, 3])
def test_only_the_cloth_is_painted_on_where_the_numbers_are_and_in_all_colours(channels: int) -> None:
    before, x0, x1 = piece(channels), 40, 640
    for copy in painted(before, 0, (x0, x1)):
        change = np.abs(copy.piece.pixels.astype(int) - before.pixels)
        assert not change[:, :x0].any()
        assert not change[:, x1:].any()
        assert set(np.unique(copy.number)) <= set(range(len(copy.classes) + 1))
        assert change[copy.number > 0].min(axis=1).mean() > 2
        assert change[copy.number == 0].mean() < 1


def test_the_number_of_the_piece_decides_and_nothing_else() -> None:
    a, b, c = (next(painted(piece(), number, (0, 700))) for number in (1, 1, 2))
    np.testing.assert_array_equal(a.piece.pixels, b.piece.pixels)
    assert not np.array_equal(a.piece.pixels, c.piece.pixels)


def test_a_piece_smaller_than_a_block_is_not_painted() -> None:
    short = Piece("roll", piece().pixels[:255], INFO)
    assert not list(painted(short, 0, (0, 700)))
    assert not list(painted(piece(), 0, (0, 255)))
