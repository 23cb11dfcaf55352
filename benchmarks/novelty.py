"""Does a model that learnt one class of images tell the other classes from it?

    python -m benchmarks.novelty --data cifar-10-batches-bin --normal all --teacher wide_resnet50_2 --size 256
    python -m benchmarks.novelty --data digits --normal 0 --teacher efficientnet_lite0 --steps 100

One-class novelty detection after section 4.2 of Deng and Li, "Anomaly Detection via Reverse Distillation from
One-Class Embedding" (CVPR 2022): the training images of one class are normal; the test images of all classes are
scored by the sum of the anomaly map, and the AUROC is that of the others against the normal class. The paper
does so on MNIST, Fashion-MNIST and CIFAR-10. For the sets that are read see benchmarks/image_sets.py; ``digits``
are scikit-learn's (benchmarks/digits.py).

Images are stretched to squares of --size px (bilinear), then trained on and exported by the commands of a user:
levels added up, no filters beside the net. A test image is one tile, its border included, on the bundle's OpenVINO
engine. What differs from the paper: cloth is cut at any offset, so training tiles are shifted by up to the margin
(about a ninth of --size) and continued there; the last eighth of the training images is held out to choose the
checkpoint; and the summed map is shifted and scaled by the exporter, which changes no order and so no AUROC.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from benchmarks.curves import Tally, roc_area
from benchmarks.digits import read_digits
from benchmarks.host import write_report
from benchmarks.image_sets import Picture, read_set, write_folders
from benchmarks.replay import roll_of
from benchmarks.scores import SCORES, Scored
from benchmarks.styles import Study, given, train_and_export
from runtime.bundle import Bundle
from runtime.cameras.images import find_images, read_image
from runtime.command import parser, run
from runtime.engines.openvino import compile_model
from runtime.errors import UserError
from runtime.types import Float32
from train.rolls import geometry_for

ALL = "all"
DIGITS = "digits"
EXPORT = ("--join", "sum", "--taps", "123", "--channels", "net")
"""The map of the paper: the levels' maps added up."""


@dataclass(frozen=True)
class Squares:
    """A set's images as square files of one size, read with ``channels`` 1 (all are grey) or 3."""

    folder: Path
    channels: int

    def classes(self, use: str) -> dict[str, list[Path]]:
        """Files of each class, by name."""
        return {path.name: find_images(path) for path in sorted((self.folder / use).glob("*"))}


@dataclass(frozen=True)
class Told:
    """How well the others are told from one class: AUROC of all of them, and of each."""

    bundle: str
    auroc: float
    against: dict[str, float]


def prepare(data: str, size: int, work: Path) -> Squares:
    """Write a set's images as squares into the work folder, unless they are there already.

    Raises:
        UserError: the set cannot be read, or the folder holds another one.
    """
    folder, note = work / f"images-{size}", work / f"images-{size}.json"
    source = data if data == DIGITS else str(Path(data).resolve())
    if not note.exists():
        shutil.rmtree(folder, ignore_errors=True)  # of a call that was cut off
        pictures = read_digits() if data == DIGITS else read_set(Path(data))
        channels = write_folders((_square(picture, size) for picture in pictures), folder)
        note.write_text(json.dumps({"data": source, "channels": channels}), encoding="utf-8")
    held = json.loads(note.read_text(encoding="utf-8"))
    if held["data"] != source:
        raise UserError(f"'{folder}' holds the images of '{held['data']}': name another --work.")
    return Squares(folder, held["channels"])


def _square(picture: Picture, size: int) -> Picture:
    """An image stretched to size x size px."""
    square = cv2.resize(picture.pixels, (size, size), interpolation=cv2.INTER_LINEAR)
    return replace(picture, pixels=np.asarray(square, np.uint8).reshape(size, size, -1))


def make_bundle(study: Study, images: Squares, normal: str, place: Path) -> Bundle:
    """Train on one class and export, unless ``place`` holds that already; a training that was cut off goes on.

    Raises:
        UserError: a command failed.
    """
    place.mkdir(parents=True, exist_ok=True)
    roll = roll_of(images.classes("train")[normal], place / "train.txt", images.channels) + "&cloth=all"
    return Bundle(train_and_export(study, [roll], place, normal)[0])


def tell_apart(bundle: Bundle, normal: str, test: Mapping[str, Sequence[Path]], score: str) -> Told:
    """Score all test images and compare the others with the normal class.

    Args:
        test: images of the tile's size by class. score: name in SCORES.
    """
    scores = {name: image_scores(bundle, paths, score) for name, paths in test.items()}
    others = {name: found for name, found in scores.items() if name != normal}
    return Told(
        bundle=bundle.id,
        auroc=auroc(np.concatenate(list(others.values())), scores[normal]),
        against={name: auroc(found, scores[normal]) for name, found in others.items()},
    )


def image_scores(bundle: Bundle, paths: Sequence[Path], score: str) -> Float32:
    """A score an image from the whole map of the image as one tile, float32 [n].

    Raises:
        UserError: the bundle's engine cannot be loaded.
    """
    engine, _ = bundle.engine("openvino", "fp32", "CPU")
    compiled = compile_model(engine / "model.xml", "fp32", "CPU")
    tiles = (read_image(path, bundle.recipe.channels)[None] for path in paths)
    return np.array([SCORES[score](compiled([tile])[0].ravel()) for tile in tiles], np.float32)


def auroc(novel: Float32, normal: Float32) -> float:
    """How often a novel image scores above a normal one; see benchmarks/curves.py for how exact it is."""
    positive = np.arange(novel.size + normal.size) < novel.size
    return float(roc_area(Tally.of([Scored(np.concatenate([novel, normal]), positive)]))[0])


def table(found: Mapping[str, Told], classes: Sequence[str]) -> str:
    """AUROCs, a row a normal class: of all others, then of each."""
    width = max(len("all others"), *(len(name) for name in classes)) + 2
    rows = [["normal", "all others", *classes]]
    for normal, told in found.items():
        each = (f"{told.against[name]:.3f}" if name != normal else "-" for name in classes)
        rows.append([normal, f"{told.auroc:.3f}", *each])
    if len(found) > 1:
        rows.append(["mean", f"{mean(found):.3f}"])
    return "\n".join("".join(cell.ljust(width) for cell in row).rstrip() for row in rows)


def mean(found: Mapping[str, Told]) -> float:
    """Mean AUROC over the normal classes."""
    return float(np.mean([told.auroc for told in found.values()]))


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    options = _options(arguments)
    geometry_for(options.size)  # refuses a size that training would refuse after all images were written
    flags = given({"--tile": options.size, "--steps": options.steps, "--weights": options.weights})
    training = (*flags, *(["--set", *options.set] if options.set else []))
    study = Study(options.model, options.teacher, options.seed, training, EXPORT)
    with ExitStack() as stack:
        work = (options.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))).resolve()
        work.mkdir(parents=True, exist_ok=True)
        images = prepare(options.data, options.size, work)
        test = images.classes("test")
        found = {}
        for normal in normal_classes(options.normal, images):
            bundle = make_bundle(study, images, normal, work / study.folder(normal))
            found[normal] = tell_apart(bundle, normal, test, options.score)
            print(f"{normal}: AUROC {found[normal].auroc:.3f}", flush=True)
    print(table(found, list(test)))
    if options.json:
        head = {"data": options.data, "size": options.size, "score": options.score, **asdict(study)}
        classes = {normal: asdict(told) for normal, told in found.items()}
        write_report(options.json, {**head, "classes": classes, "mean": mean(found)})
    return 0


def normal_classes(asked: str, images: Squares) -> list[str]:
    """The class that was asked for, or all of them.

    Raises:
        UserError: the set has no such class, or no other one, for training and for test.
    """
    known = sorted(set(images.classes("train")) & set(images.classes("test")))
    if len(images.classes("test")) < 2 or not known:
        raise UserError("The set of images needs at least two classes for test, one of them also for training.")
    if asked not in (ALL, *known):
        raise UserError(f"--normal {asked}: choose {ALL} or one of {', '.join(known)}.")
    return known if asked == ALL else [asked]


def _options(arguments: list[str] | None) -> argparse.Namespace:
    made = parser("benchmarks.novelty", __doc__)
    made.add_argument("--data", required=True, metavar="DIR", help="folder with a set of images, or digits")
    made.add_argument("--normal", required=True, metavar="CLASS", help="class to learn, or all: each in turn")
    made.add_argument("--model", default="rd4ad", help="(default %(default)s)")
    made.add_argument("--teacher", default="efficientnet_lite2", help="(default %(default)s)")
    made.add_argument("--weights", metavar="FILE", help="of the teacher, as in python -m train")
    made.add_argument("--size", type=int, default=64, metavar="N", help="side of the tile, px (default %(default)s)")
    made.add_argument("--steps", type=int, metavar="N", help="of training (default: the model's)")
    made.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="settings of the model")
    made.add_argument("--seed", type=int, default=0, help="of training (default %(default)s)")
    made.add_argument("--score", choices=("sum", "max"), default="sum", help="of the map (default %(default)s)")
    made.add_argument("--work", type=Path, metavar="DIR", help="keep what is made here, and use what is there already")
    made.add_argument("--json", type=Path, metavar="OUT", help="write the report to this file")
    return made.parse_args(arguments)


if __name__ == "__main__":
    run(main)
