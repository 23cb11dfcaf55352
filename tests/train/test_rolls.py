from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from runtime.ends import find_ends
from runtime.errors import UserError
from runtime.geometry import TileGeometry
from runtime.preprocess.flatfield import FlatField
from tests.train.strips import weave, write_strips
from train.rolls import Piece, Place, Tiles, geometry_for, hold_out, read_rolls

GEOMETRY = TileGeometry(tile=64, margin=8, blend=4)


def piece(rows: int, width: int = 320, region: tuple[int, int] | None = None) -> Piece:
    return Piece(weave(rows, width, 0), region or (0, width))


def test_many_strips_hold_out_the_last_whole() -> None:
    pieces = [piece(100) for _ in range(16)]
    training, held_out = hold_out(pieces, GEOMETRY, "roll")
    assert (len(training), len(held_out)) == (14, 2)
    assert held_out[-1] is pieces[-1]


def test_one_long_piece_holds_out_its_last_lines() -> None:
    whole = piece(800)
    (training,), (held_out,) = hold_out([whole], GEOMETRY, "roll")
    assert (training.rows, held_out.rows) == (700, 100)
    np.testing.assert_array_equal(np.concatenate([training.pixels, held_out.pixels]), whole.pixels)


def test_a_roll_too_short_to_hold_out_is_refused() -> None:
    with pytest.raises(UserError, match="at least 96"):
        hold_out([piece(90)], GEOMETRY, "roll")


def test_a_strip_as_high_as_the_tile_still_gives_many_offsets() -> None:
    tiles = Tiles([piece(64)], GEOMETRY)
    tops = {tile.tobytes() for tile in tiles.sample(np.random.default_rng(0), 40)}
    assert len(tops) == 40
    upper = tiles.cut(Place(0, -8, 0))
    lag = find_ends(tiles.pieces[0].pixels, GEOMETRY).before
    assert lag >= 8
    np.testing.assert_array_equal(upper[:8], upper[lag : lag + 8])


def test_only_the_margin_sees_what_lies_beside_the_cloth() -> None:
    pixels = weave(100, 320, 0)
    pixels[:, :100] = 0
    tiles = Tiles([Piece(pixels, (100, 320))], GEOMETRY)
    inside = slice(GEOMETRY.margin, -GEOMETRY.margin)
    laid = tiles.grid(100)
    assert laid[:, :, inside].min() > 0
    assert laid.min() == 0


def test_sampling_follows_the_generator_alone() -> None:
    tiles = Tiles([piece(100), piece(300)], GEOMETRY)
    a, b, c = (tiles.sample(np.random.default_rng(s), 6) for s in (1, 1, 2))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_a_folder_of_strips(tmp_path: Path) -> None:
    split = read_rolls([str(write_strips(tmp_path / "roll", 9))], GEOMETRY, 0.2, 0)
    assert [len(split.training), len(split.held_out)] == [8, 1]
    assert split.training[0].pixels.shape == (100, 320, 1)


def test_a_simulated_roll_has_the_asked_lines() -> None:
    split = read_rolls(["sim:twill22?width=1024&seed=3"], GEOMETRY, 0.2, 600)
    assert sum(p.rows for p in split.training + split.held_out) == 600


def test_no_cloth_is_refused(tmp_path: Path) -> None:
    (tmp_path / "roll").mkdir()
    cv2.imwrite(str(tmp_path / "roll" / "table.png"), np.full((200, 400), 90, np.uint8))
    with pytest.raises(UserError, match="no cloth"):
        read_rolls([str(tmp_path / "roll")], GEOMETRY, 0.2, 0)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        read_rolls([str(tmp_path)], GEOMETRY, 0.2, 0)


def test_a_tile_that_the_strides_do_not_divide_is_refused() -> None:
    assert geometry_for(256) == TileGeometry()
    with pytest.raises(UserError, match="multiple of 64"):
        geometry_for(100)


def test_a_roll_with_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    folder = write_strips(tmp_path / "roll", 3)
    (folder / "strip_01.png").write_bytes(b"no image")
    with pytest.raises(UserError, match="cannot be read whole"):
        read_rolls([str(folder)], GEOMETRY, 0.2, 0)


def test_sixteen_bit_strips_are_learnt_from_as_eight(tmp_path: Path) -> None:
    pixels = weave(800, 320, 0)
    cv2.imwrite(str(tmp_path / "deep.png"), pixels.astype(np.uint16) * 257)
    split = read_rolls([str(tmp_path / "deep.png")], GEOMETRY, 0.2, 0)
    np.testing.assert_array_equal(np.concatenate([p.pixels for p in split.training + split.held_out]), pixels)


def test_a_flat_field_that_the_roll_names_is_applied(tmp_path: Path) -> None:
    write_strips(tmp_path / "roll", 9)
    plain = read_rolls([str(tmp_path / "roll")], geometry_for(64), 0.2, 0).training[0].pixels
    width = plain.shape[1]
    dark, white = np.zeros((8, width, 1), np.uint8), np.full((8, width, 1), 200, np.uint8)
    white[:, : width // 2] = 100  # the lamp gives half as much there
    FlatField.from_lines(dark, white).save(tmp_path / "flat.npz")
    roll = f"replay:{tmp_path / 'roll'}?flat_field={tmp_path / 'flat.npz'}&cloth=all"
    lit = read_rolls([roll], geometry_for(64), 0.2, 0).training[0].pixels
    left, right = lit[:, : width // 2].mean(), lit[:, width // 2 :].mean()
    assert left / plain[:, : width // 2].mean() == pytest.approx(2, rel=0.1)
    assert right / plain[:, width // 2 :].mean() == pytest.approx(1, rel=0.02)


def test_grey_and_colour_rolls_do_not_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = {"grey": weave(800, 320, 0), "colour": np.repeat(weave(800, 320, 1), 3, axis=2)}
    monkeypatch.setattr("train.rolls.read_segments", lambda roll, *_: [lines[roll]])
    with pytest.raises(UserError, match="grey and colour"):
        read_rolls(["grey", "colour"], GEOMETRY, 0.2, 0)


def test_a_roll_of_another_pixel_size_is_refused(tmp_path: Path) -> None:
    folder = write_strips(tmp_path / "roll", 2)
    with pytest.raises(UserError, match="mm-per-px"):
        read_rolls([f"replay:{folder}?mm_per_px=0.1"], GEOMETRY, 0.2, 0)
