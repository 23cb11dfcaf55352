"""Sets of images in classes, for training and for test: folders, MNIST's files and CIFAR's.

Read are, by what a folder holds:

    train/<class>/*.png, test/<class>/*.png     any size and kind that runtime.cameras.images reads
    train-images-idx3-ubyte, ... (or .gz)       MNIST, and sets in its form such as Fashion-MNIST
    data_batch_1.bin, ... batches.meta.txt      CIFAR-10 in its binary version
    train.bin, test.bin, fine_label_names.txt   CIFAR-100 in its binary version, by its 100 fine classes

CIFAR's version for Python is pickled, and reading a pickle runs what it holds: it is not read, take the binary one.
The forms are described at http://yann.lecun.com/exdb/mnist and https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.pictures import is_grey, read_picture
from runtime.cameras.images import find_images
from runtime.errors import UserError
from runtime.types import UInt8

USES = ("train", "test")
MNIST = {"train": "train", "test": "t10k"}
"""How the names of MNIST's files begin."""
IDX_OF_BYTES = 8
CIFAR_SHAPE = (3, 32, 32)
"""Of a CIFAR record: its pixels are all reds, all greens, all blues, line by line."""


@dataclass(frozen=True)
class Picture:
    """One image of a set.

    Attributes:
        use: one of USES. label: name of its class.
        pixels: uint8 [height, width, 1 or 3], 3 for red, green, blue.
    """

    use: str
    label: str
    pixels: UInt8


@dataclass(frozen=True)
class Cifar:
    """One of the two CIFAR sets: its files by use, and labels a record, the last of which ``names`` lists."""

    files: dict[str, tuple[str, ...]]
    names: str
    labels: int


CIFARS = (
    Cifar(
        {"train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)), "test": ("test_batch.bin",)},
        names="batches.meta.txt",
        labels=1,
    ),
    Cifar({"train": ("train.bin",), "test": ("test.bin",)}, names="fine_label_names.txt", labels=2),
)


def read_set(data: Path) -> Iterator[Picture]:
    """All images of a set, in the order of its files.

    Raises:
        UserError: none of the forms is there; while the images are taken: a file is missing or damaged.
    """
    if all((data / use).is_dir() for use in USES):
        return _folders(data)
    if any((data / f"{MNIST['train']}-images-idx3-ubyte{end}").is_file() for end in ("", ".gz")):
        return _mnist(data)
    for cifar in CIFARS:
        if (data / cifar.names).is_file():
            return _cifar(data, cifar)
    raise UserError(
        f"'{data}' holds no set of images: give a folder with train/CLASS/ and test/CLASS/, with MNIST's idx files, "
        "or with CIFAR's binary version."
    )


def write_folders(pictures: Iterable[Picture], folder: Path) -> int:
    """Write images as a set of folders, ``folder``/<use>/<class>/00000.png, each class counted from 0.

    Returns:
        Channels to read them with: 3 where there is one in colour, else 1.

    Raises:
        UserError: the folder is there already, or cannot be written.
    """
    if folder.exists():
        raise UserError(f"'{folder}' exists already: name another folder, or remove this one.")
    counts: Counter[Path] = Counter()
    channels = 1
    for picture in pictures:
        place = folder / picture.use / picture.label
        try:
            place.mkdir(parents=True, exist_ok=True)
            _, png = cv2.imencode(".png", picture.pixels[:, :, ::-1])
            (place / f"{counts[place]:05}.png").write_bytes(png.tobytes())
        except OSError as error:
            raise UserError(f"Cannot write images to '{place}': {error.strerror}.") from error
        counts[place] += 1
        channels = max(channels, picture.pixels.shape[2])
    return channels


def _folders(data: Path) -> Iterator[Picture]:
    for use in USES:
        for folder in sorted(path for path in (data / use).iterdir() if path.is_dir()):
            for path in find_images(folder):
                yield Picture(use, folder.name, _stored(path))


def _stored(path: Path) -> UInt8:
    """An image in 8 bits, one channel where its colours are all the same grey."""
    pixels = read_picture(path, 3, "image")
    return pixels[:, :, :1] if is_grey(pixels) else pixels


def _mnist(data: Path) -> Iterator[Picture]:
    for use, start in MNIST.items():
        images = _idx(data / f"{start}-images-idx3-ubyte", 3)
        labels = _idx(data / f"{start}-labels-idx1-ubyte", 1)
        if len(images) != len(labels):
            raise UserError(f"'{data}' has {len(images)} images for {use} but {len(labels)} labels: get it again.")
        for pixels, label in zip(images, labels, strict=True):
            yield Picture(use, str(label), pixels[:, :, None])


def _idx(path: Path, axes: int) -> UInt8:
    """An idx file of bytes, or that file with .gz: its sizes as big-endian int32, one an axis, then the bytes."""
    data = _bytes(path if path.is_file() else path.with_name(f"{path.name}.gz"))
    head = 4 + 4 * axes
    shape = tuple(np.frombuffer(data[4:head], ">i4").tolist()) if len(data) >= head else ()
    if data[:4] != bytes((0, 0, IDX_OF_BYTES, axes)) or len(data) != head + math.prod(shape):
        raise UserError(f"'{path}' is not a whole idx file of {axes} axes of bytes: get it again.")
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)


def _cifar(data: Path, cifar: Cifar) -> Iterator[Picture]:
    names = _bytes(data / cifar.names).decode(errors="replace").split()
    size = cifar.labels + math.prod(CIFAR_SHAPE)
    for use, files in cifar.files.items():
        for path in (data / name for name in files):
            records = np.frombuffer(_bytes(path), np.uint8)
            if records.size % size or (records[cifar.labels - 1 :: size] >= len(names)).any():
                raise UserError(f"'{path}' is not whole records of CIFAR's binary version: get it again.")
            for record in records.reshape(-1, size):
                pixels = record[cifar.labels :].reshape(CIFAR_SHAPE).transpose(1, 2, 0)
                yield Picture(use, names[record[cifar.labels - 1]], pixels)


def _bytes(path: Path) -> bytes:
    """All of a file, unpacked if its name ends in .gz."""
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"Cannot read '{path}' ({error}): get the set of images again.") from error
