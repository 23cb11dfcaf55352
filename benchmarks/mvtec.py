"""Folders laid out as MVTec AD is, read as the strips of a manifest; and which of the two a folder is.

    carpet/train/good/000.png        normal: the last tenth by name is for thresholds, the others for training
    carpet/test/good/000.png         normal, for the test
    carpet/test/cut/000.png          a defect, with its mask in carpet/ground_truth/cut/000_mask.png

Bergmann, Batzner, Fauser, Sattlegger, Steger: "The MVTec Anomaly Detection Dataset", IJCV 129, 2021. Each image
is a piece of cloth of its own, cloth from its first column on.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.aitex import Strip, read_manifest
from runtime.cameras.images import find_images

CALIBRATION_SHARE = 0.1


def read_strips(data: Path) -> list[Strip]:
    """All strips of a data folder: those of its manifest.csv, else of the classes that it holds.

    Raises:
        UserError: neither a manifest nor a class is there, or one that cannot be read.
    """
    classes = sorted(good.parent.parent.name for good in data.glob("*/train/good") if good.is_dir())
    if (data / "manifest.csv").exists() or not classes:
        return read_manifest(data)
    return [strip for name in classes for strip in _class(data.resolve() / name)]


def _class(folder: Path) -> list[Strip]:
    good = find_images(folder / "train" / "good")
    kept = max(1, round(len(good) * CALIBRATION_SHARE))
    uses = ["train"] * (len(good) - kept) + ["calibration"] * kept
    strips = [Strip(path, folder.name, None, 0, None, use) for path, use in zip(good, uses, strict=True)]
    for kind in sorted(path for path in (folder / "test").glob("*") if path.is_dir()):
        for path in find_images(kind):
            mask = folder / "ground_truth" / kind.name / f"{path.stem}_mask.png"
            defect = None if kind.name == "good" else kind.name
            strips.append(Strip(path, folder.name, defect, 0, mask if mask.exists() and defect else None, "test"))
    return strips
