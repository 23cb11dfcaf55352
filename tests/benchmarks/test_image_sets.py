"""Sets of images in each of the forms, written here byte by byte as their descriptions say."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.digits import read_digits
from benchmarks.image_sets import Picture, read_set, write_folders
from runtime.errors import MissingExtra, UserError
from runtime.types import UInt8

IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
LABELS = np.array([7, 0, 7], np.uint8)


def idx(values: UInt8) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return bytes((0, 0, 8, values.ndim)) + sizes + values.tobytes()


def mnist(folder: Path, packed: bool) -> Path:
    """Three images of 4 x 5 px for training, the first of them for test."""
    folder.mkdir(exist_ok=True)
    for start, count in (("train", 3), ("t10k", 1)):
        for name, values in (("images-idx3-ubyte", IMAGES), ("labels-idx1-ubyte", LABELS)):
            data = idx(values[:count])
            path = folder / f"{start}-{name}{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(data) if packed else data)
    return folder


def record(*labels: int, colour: tuple[int, int, int] = (0, 0, 0)) -> bytes:
    """A CIFAR record of one colour, but for its first line's second pixel, which is white."""
    planes = np.repeat(np.array(colour, np.uint8), 32 * 32).reshape(3, 32, 32)
    planes[:, 0, 1] = 255
    return bytes(labels) + planes.tobytes()


def cifar10(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "batches.meta.txt").write_text("airplane\nautomobile\n\n")
    for number in range(1, 6):
        (folder / f"data_batch_{number}.bin").write_bytes(record(number % 2, colour=(number, 20, 30)))
    (folder / "test_batch.bin").write_bytes(record(1) + record(0))
    return folder


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_are_read_packed_or_not(tmp_path: Path, packed: bool) -> None:
    found = list(read_set(mnist(tmp_path, packed)))
    assert [(one.use, one.label) for one in found] == [("train", "7"), ("train", "0"), ("train", "7"), ("test", "7")]
    assert np.array_equal(np.stack([one.pixels for one in found[:3]]), IMAGES[..., None])


def test_records_of_cifar_10_are_planes_of_red_green_blue(tmp_path: Path) -> None:
    found = list(read_set(cifar10(tmp_path)))
    assert [one.label for one in found if one.use == "train"] == ["automobile", "airplane"] * 2 + ["automobile"]
    assert [one.label for one in found if one.use == "test"] == ["automobile", "airplane"]
    third = found[2].pixels
    assert (third.shape, third[5, 5].tolist()) == ((32, 32, 3), [3, 20, 30])
    assert (third[0, 1].tolist(), third[1, 0].tolist()) == ([255, 255, 255], [3, 20, 30])


def test_cifar_100_goes_by_its_fine_classes(tmp_path: Path) -> None:
    (tmp_path / "fine_label_names.txt").write_text("apple\nbee\nclock\n")
    (tmp_path / "train.bin").write_bytes(record(9, 2, colour=(1, 2, 3)))
    (tmp_path / "test.bin").write_bytes(record(9, 1))
    first, second = read_set(tmp_path)
    assert (first.label, first.pixels[5, 5].tolist(), second.label) == ("clock", [1, 2, 3], "bee")


def test_folders_come_back_as_they_were_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    grey, colour = (rng.integers(0, 255, (6, 9, channels), np.uint8) for channels in (1, 3))
    written = [Picture("train", "cat", grey), Picture("train", "cat", colour), Picture("test", "dog", grey)]
    write_folders(written, tmp_path / "set")
    assert sorted(str(path.relative_to(tmp_path / "set")) for path in tmp_path.rglob("*.png")) == [
        "test/dog/00000.png",
        "train/cat/00000.png",
        "train/cat/00001.png",
    ]
    found = list(read_set(tmp_path / "set"))
    assert [(one.use, one.label) for one in found] == [(one.use, one.label) for one in written]
    for one, wanted in zip(found, written, strict=True):
        assert np.array_equal(one.pixels, wanted.pixels)
    with pytest.raises(UserError, match="exists already"):
        write_folders(written, tmp_path / "set")


def test_an_image_of_16_bits_loses_its_lower_eight(tmp_path: Path) -> None:
    for use in ("train", "test"):
        (tmp_path / use / "a").mkdir(parents=True)
        cv2.imwrite(str(tmp_path / use / "a" / "one.png"), np.full((4, 4), 0x12FF, np.uint16))
    assert next(read_set(tmp_path)).pixels.tolist() == np.full((4, 4, 1), 0x12).tolist()


@pytest.mark.parametrize(
    ("make", "name", "content", "says"),
    [
        (lambda folder: mnist(folder, False), "train-images-idx3-ubyte", idx(IMAGES)[:-1], "whole idx file of 3 axes"),
        (lambda folder: mnist(folder, False), "train-images-idx3-ubyte", idx(LABELS), "whole idx file of 3 axes"),
        (lambda folder: mnist(folder, False), "train-labels-idx1-ubyte", b"\0\0", "whole idx file of 1 axes"),
        (lambda folder: mnist(folder, False), "t10k-labels-idx1-ubyte", idx(LABELS), "1 images for test but 3 labels"),
        (lambda folder: mnist(folder, True), "t10k-labels-idx1-ubyte.gz", gzip.compress(b"x" * 99)[:-9], "Cannot read"),
        (lambda folder: mnist(folder, True), "t10k-labels-idx1-ubyte.gz", b"not packed", "Cannot read"),
        (lambda folder: mnist(folder, True), "t10k-labels-idx1-ubyte.gz", None, "Cannot read"),
        (cifar10, "data_batch_5.bin", None, r"data_batch_5\.bin"),
        (cifar10, "data_batch_1.bin", record(1)[:-1], "not whole records"),
        (cifar10, "data_batch_1.bin", record(1) + record(2), "not whole records"),
    ],
)
def test_a_damaged_set_is_refused(tmp_path: Path, make, name: str, content: bytes | None, says: str) -> None:
    make(tmp_path)
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=says):
        list(read_set(tmp_path))


@pytest.mark.parametrize("name", [".", "nowhere"])
def test_a_folder_without_images_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="holds no set of images"):
        read_set(tmp_path / name)


def test_an_image_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    write_folders([Picture(use, "a", IMAGES[0][:, :, None]) for use in ("train", "test")], tmp_path / "set")
    (tmp_path / "set/train/a/00000.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"00000\.png"):
        list(read_set(tmp_path / "set"))


def test_the_digits_are_split_by_a_fixed_seed() -> None:
    pytest.importorskip("sklearn")
    found = list(read_digits())
    assert [sum(one.use == use for one in found) for use in ("train", "test")] == [1198, 599]
    assert {one.label for one in found if one.use == "test"} == {str(digit) for digit in range(10)}
    assert (found[0].pixels.shape, found[0].pixels.max()) == ((8, 8, 1), 239)  # the first zero reaches 15 of 16
    assert [one.use for one in found] == [one.use for one in read_digits()]


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtra, match=r"weftwatch\[benchmarks\]"):
        next(read_digits())
