"""The handwritten digits that scikit-learn brings along, as folders of images.

python -m benchmarks.digits --out digits

1,797 digits of 8 x 8 px in 17 grey levels, the test part of Alpaydin and Kaynak's "Optical Recognition of
Handwritten Digits" (UCI, 1998): a set that needs no download. Two thirds are for training, drawn by a fixed seed;
which of its writers wrote which digit is not told, so a writer may be on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.image_sets import Picture, write_folders
from runtime.command import parser, run
from runtime.errors import MissingExtra

SEED = 0
TRAIN_SHARE = 2 / 3
HIGHEST = 16
"""Grey level of ink at its blackest; here 255."""


def read_digits() -> Iterator[Picture]:
    """All digits, bright on black, in the order of the set; uint8 [8, 8, 1].

    Raises:
        MissingExtra: scikit-learn is not installed; once the first is asked for.
    """
    try:
        from sklearn import datasets
    except ModuleNotFoundError as error:
        if error.name != "sklearn":
            raise
        raise MissingExtra("scikit-learn", "benchmarks", "Reading the digits") from error
    found = datasets.load_digits()
    images = np.round(found.images * (255 / HIGHEST)).astype(np.uint8)
    place = np.random.default_rng(SEED).permutation(len(images))
    for pixels, label, at in zip(images, found.target, place, strict=True):
        use = "train" if at < TRAIN_SHARE * len(images) else "test"
        yield Picture(use, str(label), pixels[:, :, None])


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    made = parser("benchmarks.digits", __doc__)
    made.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    out = made.parse_args(arguments).out
    write_folders(read_digits(), out)
    print(f"Digits written to {out}. Next: python -m benchmarks.novelty --data {out} --normal all")
    return 0


if __name__ == "__main__":
    run(main)
