"""The AITEX fabric images as lists of strips that ``--rolls`` and ``replay:`` take.

python -m benchmarks.aitex lists --data aitex --out lists

The data set is Silvestre-Blanes, Albero-Albero, Miralles, Pérez-Llorens, Moreno: "A Public Fabric Database
for Defect Detection Methods and Results", AUTEX Research Journal 19(4), 2019: line-scan strips of woven
cloth, 4096 x 256 px, 8-bit grey, with masks. It is for research only and no part of this project: get it
from its authors and describe your copy in a manifest.csv beside the images, one row a strip:

    path        strip, relative to the folder
    fabric      number of the cloth: 01, 02, ...
    kind        normal or defect
    defect      the defect's name; empty for normal strips
    cloth_x0    first column that is surely cloth; strips are scored from here to the right edge
    mask        0/255 image of the defect, relative to the folder; empty where there is none
    split       train, calibration or test; all defects are test

Other columns are ignored.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from runtime.command import parser, run
from runtime.errors import UserError

COLUMNS = ("path", "fabric", "kind", "defect", "cloth_x0", "mask", "split")
SPLITS = ("train", "calibration", "test")
KINDS = ("normal", "defect")


@dataclass(frozen=True)
class Strip:
    """One row of the manifest, paths absolute.

    Attributes:
        path: the image. fabric: number of the cloth. defect: the defect's name, None for normal cloth.
        cloth_x0: first column to score. mask: the defect's mask, if there is one. split: one of SPLITS.
        contrast: of painted defects, one of calibration.painting.CONTRASTS; None for real ones.
    """

    path: Path
    fabric: str
    defect: str | None
    cloth_x0: int
    mask: Path | None
    split: str
    contrast: str | None = None


def read_manifest(data: Path) -> list[Strip]:
    """All strips of a data folder, in the manifest's order.

    Raises:
        UserError: no manifest there, or a row that does not say what it must.
    """
    manifest = data / "manifest.csv"
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise UserError(f"'{manifest}' lacks the column(s) {', '.join(missing)}: see benchmarks/aitex.py.")
            return [_strip(row, data.resolve(), f"'{manifest}', line {reader.line_num}") for row in reader]
    except OSError as error:
        raise UserError(
            f"Cannot read '{manifest}' ({error.strerror}): name the folder that holds strips and their manifest.csv."
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"'{manifest}' is not UTF-8 text: save it as UTF-8.") from error


def select(strips: list[Strip], fabric: str, split: str) -> list[Strip]:
    """The strips of one cloth and split.

    Raises:
        UserError: there are none.
    """
    found = [strip for strip in strips if strip.fabric == fabric and strip.split == split]
    if not found:
        known = ", ".join(sorted({strip.fabric for strip in strips})) or "none"
        raise UserError(f"The manifest has no {split} strips of fabric '{fabric}'; its fabrics are: {known}.")
    return found


def write_lists(strips: list[Strip], out: Path) -> list[Path]:
    """One list a fabric and use: NN-train.txt, NN-calibration.txt, NN-test-normal.txt, NN-test-defect.txt.

    A list that would be empty is not written.

    Raises:
        UserError: the folder cannot be written.
    """
    lists: dict[str, list[Path]] = {}
    for strip in strips:
        use = f"test-{'defect' if strip.defect is not None else 'normal'}" if strip.split == "test" else strip.split
        lists.setdefault(f"{strip.fabric}-{use}.txt", []).append(strip.path)
    written = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, paths in sorted(lists.items()):
            (out / name).write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")
            written.append(out / name)
    except OSError as error:
        raise UserError(f"Cannot write lists to '{out}': {error.strerror}.") from error
    return written


def write_manifest(strips: list[Strip], folder: Path) -> None:
    """manifest.csv for strips that lie in a folder or elsewhere; ``read_manifest`` gives them back.

    Raises:
        UserError: it cannot be written.
    """
    try:
        with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            for s in strips:
                place = {"path": s.path.resolve(), "mask": s.mask.resolve() if s.mask else "", "split": s.split}
                what = {"kind": "normal" if s.defect is None else "defect", "defect": s.defect or ""}
                writer.writerow({**place, **what, "fabric": s.fabric, "cloth_x0": s.cloth_x0})
    except OSError as error:
        raise UserError(f"Cannot write a manifest to '{folder}': {error.strerror}.") from error


def _strip(row: dict[str, str], data: Path, place: str) -> Strip:
    if row["split"] not in SPLITS or row["kind"] not in KINDS:
        raise UserError(
            f"{place}: split must be one of {', '.join(SPLITS)} and kind one of {', '.join(KINDS)}, "
            f"not '{row['split']}' and '{row['kind']}'."
        )
    if row["kind"] == "defect" and row["split"] != "test":
        raise UserError(f"{place}: a defect strip is for the test alone, not for '{row['split']}'.")
    try:
        cloth_x0 = int(row["cloth_x0"])
    except ValueError as error:
        raise UserError(f"{place}: cloth_x0 must be a whole number, not '{row['cloth_x0']}'.") from error
    return Strip(
        path=data / row["path"],
        fabric=row["fabric"],
        defect=row["defect"] if row["kind"] == "defect" else None,
        cloth_x0=cloth_x0,
        mask=data / row["mask"] if row["mask"] else None,
        split=row["split"],
    )


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    made = parser("benchmarks.aitex", __doc__)
    verbs = made.add_subparsers(dest="verb", required=True)
    lists = verbs.add_parser("lists", help="write the lists of strips, one a fabric and use")
    lists.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with manifest.csv")
    lists.add_argument("--out", type=Path, required=True, metavar="DIR")
    options = made.parse_args(arguments)
    for path in write_lists(read_manifest(options.data), options.out):
        print(f"{path}: {len(path.read_text(encoding='utf-8').splitlines())} strips")
    return 0


if __name__ == "__main__":
    run(main)
