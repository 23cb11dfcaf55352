"""Pictures of every fault and nuisance of the simulated loom, as a page.

python -m runtime.simulator.picture_book --out docs/picture-book
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from runtime.command import parser, run
from runtime.simulator.faults import FAULTS, Fault, Placed
from runtime.simulator.faults.base import Class
from runtime.simulator.loom import Loom
from runtime.simulator.nuisances import NUISANCES, Nuisance
from runtime.simulator.snr import Oracle
from runtime.simulator.truth import TruthEntry, entry_of
from runtime.types import UInt8

STYLES = ("plain", "twill22", "satin5")
"""Weaves from left to right."""
SEVERITIES = (0.1, 0.5, 1.0)
"""Severities from left to right."""
WIDTH_PX, MIDDLE_MM, Y_M = 1536, 154.0, 0.06
NOISE_DN = 1.5
"""Of the sensor, at the cloth's grey."""
VIEW_PX = 224
"""Side of a picture."""
MARGIN_PX = 14
"""Cloth that is shown around a box."""
LEVELS = 20
"""Grey levels of the pictures: textures do not compress."""
MOST_REDUCED = 5
"""A large fault is shown reduced by at most this much."""


INTRODUCTION = """# Picture book of the simulated loom

Made by `python -m runtime.simulator.picture_book`; 0.2 mm a pixel under an even lamp. Brackets mark the box of the
ground truth; a fault that is longer than the picture is shown where it begins. SNR is that of an ideal filter
(`runtime/simulator/snr.py`), of the first 1024 lines. [How it differs from real cloth](real-cloth.md).
"""


@dataclass(frozen=True)
class View:
    """A square of cloth around one fault: ``size`` px and lines from (x0, first) on."""

    x0: int
    first: int
    size: int

    @property
    def scale(self) -> float:
        """Pixels of the picture for each of the cloth."""
        return VIEW_PX / self.size


@dataclass(frozen=True)
class Row:
    """One class: its pictures, and what an oracle says of each."""

    cls: str
    pictures: list[UInt8]
    truth: list[TruthEntry]


def view_of(placed: Placed, width: int) -> View:
    """The whole fault where it fits, reduced or magnified if need be; else its beginning."""
    spans = placed.x1_px - placed.x0_px, placed.end_line - placed.first_line
    # What is long and thin would vanish if it were reduced.
    shown = min(spans) if max(spans) > 4 * min(spans) else max(spans)
    fitting = math.ceil((shown + 2 * MARGIN_PX) / VIEW_PX)
    size = VIEW_PX // 2 if max(spans) + 2 * MARGIN_PX <= VIEW_PX // 2 else VIEW_PX * min(MOST_REDUCED, fitting)
    x0, first = (
        start - MARGIN_PX * size // VIEW_PX if span + 2 * MARGIN_PX > size else start + span // 2 - size // 2
        for start, span in zip((placed.x0_px, placed.first_line), spans, strict=True)
    )
    return View(min(max(0, x0), width - size), max(0, first), size)


def picture(loom: Loom, placed: Placed) -> UInt8:
    """uint8 [VIEW_PX, VIEW_PX], with the corners of the truth's box."""
    view = view_of(placed, loom.width)
    pixels = loom.lines(view.first, view.size)[:, view.x0 : view.x0 + view.size, 0]
    how = cv2.INTER_AREA if view.scale <= 1 else cv2.INTER_NEAREST
    shown = np.ascontiguousarray(cv2.resize(pixels, (VIEW_PX, VIEW_PX), interpolation=how))
    shown = np.rint(shown / (255 / LEVELS)).astype(np.uint8) * (255 // LEVELS)
    low, high = (placed.x0_px, placed.first_line), (placed.x1_px, min(placed.end_line, view.first + 2 * view.size))
    x0, y0 = (int((at - begin) * view.scale) - 2 for at, begin in zip(low, (view.x0, view.first), strict=True))
    x1, y1 = (int((at - begin) * view.scale) + 1 for at, begin in zip(high, (view.x0, view.first), strict=True))
    arm = max(2, min(8, (x1 - x0) // 3, (y1 - y0) // 3))
    for x, to_x in ((x0, arm), (x1, -arm)):
        for y, to_y in ((y0, arm), (y1, -arm)):
            cv2.line(shown, (x, y), (x + to_x, y), 255)
            cv2.line(shown, (x, y), (x, y + to_y), 255)
    return np.asarray(shown, np.uint8)


def sheet(pictures: list[UInt8]) -> UInt8:
    """Pictures side by side with white between them."""
    gap = np.full((VIEW_PX, 6), 255, np.uint8)
    joined = [part for one in pictures for part in (one, gap)][:-1]
    return np.hstack(joined)


class Book:
    """Draws the rows; keeps what the oracles know of the weaves."""

    def __init__(self) -> None:
        self._oracles: dict[str, Oracle] = {}

    def faults(self) -> Iterator[Row]:
        """Each fault in three severities, on three weaves."""
        for number, cls in enumerate(FAULTS):
            asked = [Fault(cls, MIDDLE_MM, Y_M, severity, seed=number) for severity in SEVERITIES]
            yield self._row(
                cls,
                [Loom(style, WIDTH_PX, defects=[one], falloff=0.0) for style, one in zip(STYLES, asked, strict=True)],
            )

    def nuisances(self) -> Iterator[Row]:
        """Each nuisance on three weaves."""
        for number, cls in enumerate(NUISANCES):
            following = (*STYLES[1:], STYLES[0]) if cls == "style_change" else (None,) * 3
            asked = [Nuisance(cls, MIDDLE_MM, Y_M, 0.5, seed=number, style=next_) for next_ in following]
            yield self._row(
                cls, [Loom(s, WIDTH_PX, nuisances=[one], falloff=0.0) for s, one in zip(STYLES, asked, strict=True)]
            )

    def _row(self, cls: str, looms: list[Loom]) -> Row:
        row = Row(cls, [], [])
        for loom in looms:
            (placed,) = (one for one in loom.things(0, 1 << 40) if isinstance(one, Placed))
            oracle = self._oracles.setdefault(loom.style.name, Oracle.of(loom.fabric, NOISE_DN))
            row.pictures.append(picture(loom, placed))
            row.truth.append(entry_of(placed, loom.fabric, oracle))
        return row


def write_page(out: Path, chapters: Mapping[str, Iterable[Row]], classes: Mapping[str, Class]) -> None:
    """Write the pictures and the page that shows them."""
    out.mkdir(parents=True, exist_ok=True)
    text = [INTRODUCTION]
    for title, rows in chapters.items():
        text.append(f"## {title}\n")
        for row in rows:
            cv2.imwrite(str(out / f"{row.cls}.png"), sheet(row.pictures), [cv2.IMWRITE_PNG_COMPRESSION, 9])
            entry = classes[row.cls]
            kind = entry.kind.value if entry.kind else f"expected: `{entry.expect}`"
            seen = ", ".join(f"{one.snr:.0f}" for one in row.truth)
            text.append(f"**`{row.cls}`**, {entry.words} ({kind}; SNR {seen})\n\n![{row.cls}]({row.cls}.png)\n")
    (out / "README.md").write_text("\n".join(text))


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    made = parser("runtime.simulator.picture_book", __doc__)
    made.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write into")
    options = made.parse_args(arguments)
    book = Book()
    severities = ", ".join(f"{severity:g}" for severity in SEVERITIES)
    chapters = {
        f"Faults, in severities {severities} on {', '.join(STYLES)}": book.faults(),
        f"Nuisances, on {', '.join(STYLES)}": book.nuisances(),
    }
    write_page(options.out, chapters, {**FAULTS, **NUISANCES})
    print(f"{len(FAULTS)} faults and {len(NUISANCES)} nuisances: {options.out / 'README.md'}")
    return 0


if __name__ == "__main__":
    run(main)
