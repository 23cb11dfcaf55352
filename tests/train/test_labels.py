from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from runtime.errors import UserError
from runtime.geometry import TileGeometry
from tests.train.labelled import SPOT, write_pair
from tests.train.strips import write_strips
from train.labels import read_labelled

GEOMETRY = TileGeometry(tile=64, margin=8, blend=4)
INSIDE = slice(GEOMETRY.margin, GEOMETRY.tile - GEOMETRY.margin)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("spot", [(0, 0), (70, 100), (146, 194)], ids=["corner", "middle", "far corner"])
def test_each_tile_has_a_defect_inside_its_margins(tmp_path: Path, spot: tuple[int, int], channels: int) -> None:
    write_pair(tmp_path, "knot", spot)
    tiles, masks = read_labelled(str(tmp_path), GEOMETRY, channels).sample(np.random.default_rng(0), 40)
    assert (tiles.shape, tiles.dtype) == ((40, 64, 64, channels), np.uint8)
    assert (masks.shape, masks.dtype) == ((40, 64, 64), np.bool_)
    assert masks[:, INSIDE, INSIDE].any(axis=(1, 2)).all()
    for channel in range(channels):
        np.testing.assert_array_equal(masks, tiles[..., channel] == SPOT)
    assert len({mask.tobytes() for mask in masks}) > 30, "at many places"


def test_a_tile_follows_from_the_generator_and_all_images_are_drawn(tmp_path: Path) -> None:
    write_pair(tmp_path, "high", (70, 100))
    write_pair(tmp_path, "low", (10, 100), rows=20)
    labelled = read_labelled(str(tmp_path), GEOMETRY, 1)
    a, b, c = (labelled.sample(np.random.default_rng(seed), 8) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a[0], b[0])
    np.testing.assert_array_equal(a[1], b[1])
    assert not np.array_equal(a[0], c[0])
    many = labelled.sample(np.random.default_rng(0), 60)[1]
    mirrored = (many.sum(axis=(1, 2)) > 24).mean()
    assert 0.2 < mirrored < 0.8, "an image lower than a tile is mirrored, and shows its spot more than once"


def test_images_without_a_defect_or_a_mask_are_left_out(tmp_path: Path) -> None:
    write_pair(tmp_path, "good", None)
    write_pair(tmp_path, "knot", (50, 50))
    write_strips(tmp_path, 2)
    _, masks = read_labelled(str(tmp_path), GEOMETRY, 1).sample(np.random.default_rng(0), 20)
    assert masks.any(axis=(1, 2)).all()


def test_sixteen_bits_are_taken_as_eight(tmp_path: Path) -> None:
    write_pair(tmp_path, "knot", (50, 50))
    eight = read_labelled(str(tmp_path), GEOMETRY, 1).sample(np.random.default_rng(0), 4)
    path = str(tmp_path / "knot.png")
    cv2.imwrite(path, cv2.imread(path, cv2.IMREAD_UNCHANGED).astype(np.uint16) * 257)
    sixteen = read_labelled(str(tmp_path), GEOMETRY, 1).sample(np.random.default_rng(0), 4)
    np.testing.assert_array_equal(eight[0], sixteen[0])


def empty(folder: Path) -> None:
    folder.mkdir()


def without_defects(folder: Path) -> None:
    write_pair(folder, "good", None)


def without_image(folder: Path) -> None:
    write_pair(folder, "knot", (50, 50))
    (folder / "knot.png").unlink()


def of_two_sizes(folder: Path) -> None:
    write_pair(folder, "knot", (50, 50))
    cv2.imwrite(str(folder / "knot.mask.png"), np.full((150, 100), SPOT, np.uint8))


def damaged(folder: Path) -> None:
    write_pair(folder, "knot", (50, 50))
    (folder / "knot.mask.png").write_bytes((folder / "knot.mask.png").read_bytes()[:60])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: None, "holds no image x.png with a defect in a mask x.mask.png"),
        (empty, "holds no image x.png with a defect in a mask x.mask.png"),
        (without_defects, "holds no image x.png with a defect in a mask x.mask.png"),
        (without_image, "knot.png' and its mask cannot be read: knot.png: No such file"),
        (of_two_sizes, r"knot.png' is \(150, 200\), its mask \(150, 100\)"),
        (damaged, "cannot be read: knot.mask.png: cut short"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(tmp_path: Path, make: object, said: str) -> None:
    make(tmp_path / "labels")  # type: ignore[operator]
    with pytest.raises(UserError, match=said):
        read_labelled(str(tmp_path / "labels"), GEOMETRY, 1)
