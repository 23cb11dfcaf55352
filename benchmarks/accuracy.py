"""Real defects through the whole runtime: what it finds on the test strips of one AITEX fabric.

    python -m benchmarks.accuracy --data aitex --fabric 01 --bundle bundles/aitex01 --json accuracy01.json

Each strip is replayed as a piece of its own, with the cloth finder on, as 'python -m runtime.stream --camera
replay:...' does. Only cloth from the strip's cloth_x0 rightwards counts; events left of it are told apart.
No pixel size is stated for these images: the bundle's is taken.

strips found       defect strips where an event's box meets a mask pixel (any event, where there is no mask)
pieces found       connected pieces of the masks met by an event's box
false events       on normal strips all; on defect strips those that meet no mask grown by 16 px
tile AUROC         highest map value of each 256 px tile; tiles only near a mask are left out
pixel AUROC        the map's values, one every map_stride pixels

See benchmarks/scores.py for the exact definitions and benchmarks/aitex.py for the data.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.aitex import Strip, read_manifest, select
from benchmarks.boxes import Box
from benchmarks.host import facts, write_report
from benchmarks.inspection import Judged, inspect
from benchmarks.scores import Scored, box_meets, cell_scores, components_found, false_boxes, tile_scores
from runtime.bundle import Bundle
from runtime.cameras.config import roll_uri
from runtime.cameras.images import UnreadableImage, read_image
from runtime.command import parser, run
from runtime.engines import add_engine_options, load_engine
from runtime.errors import UserError
from runtime.events import DefectEvent
from runtime.stream import make_view
from runtime.types import Bool, Float32, LineBlock, ScoreMap


@dataclass(frozen=True)
class StripResult:
    """One strip's share of the measures; None where the strip has no mask to tell.

    Attributes:
        strip: file name. defect: its name, None for normal cloth.
        events: on the cloth. events_off_cloth: left of cloth_x0.
        found: of a defect strip, an event met its mask.
        pieces, pieces_found: of the mask. false_events: see the module.
    """

    strip: str
    defect: str | None
    events: int
    events_off_cloth: int
    found: bool | None
    pieces: int | None
    pieces_found: int | None
    false_events: int | None


class StripMaps:
    """Puts the stitched strips of the stream together, one map per file; the pipeline's ``on_strip``."""

    def __init__(self) -> None:
        self.starts: dict[int, int] = {}
        self.shapes: dict[int, tuple[int, int]] = {}
        self._parts: dict[int, list[ScoreMap]] = {}

    def __call__(self, item: LineBlock | ScoreMap) -> None:
        if isinstance(item, ScoreMap):
            self._parts.setdefault(item.segment, []).append(item)
            return
        start = self.starts.setdefault(item.segment, item.first_line)
        self.shapes[item.segment] = (item.end_line - start, item.width)

    def whole(self, segment: int, stride: int) -> Float32:
        """A file's map, float32 [ceil(lines / stride), ceil(width / stride)], NaN where nothing was judged."""
        lines, width = self.shapes[segment]
        values = np.full((-(-lines // stride), -(-width // stride)), np.nan, np.float32)
        for part in self._parts.get(segment, []):
            row, column = (part.first_line - self.starts[segment]) // stride, part.x0 // stride
            values[row : row + part.values.shape[0], column : column + part.values.shape[1]] = part.values
        return values


def measure(judged: Judged, strips: Sequence[Strip]) -> dict[str, Any]:
    """Replay the strips and score them.

    Raises:
        UserError: a strip or its mask cannot be read.
    """
    maps, stride = StripMaps(), judged.bundle.recipe.geometry.map_stride
    with tempfile.TemporaryDirectory() as folder:
        rolls = Path(folder) / "strips.txt"
        rolls.write_text("".join(f"{strip.path}\n" for strip in strips), encoding="utf-8")
        view = make_view(roll_uri(str(rolls), judged.bundle.recipe.mm_per_px), {}, stride)
        told = inspect(judged, view, maps)
    missing = [strip.path.name for segment, strip in enumerate(strips) if segment not in maps.starts]
    if missing:
        raise UserError(f"{len(missing)} strip(s) cannot be read, the first is '{missing[0]}': repair the data folder.")
    results: list[StripResult] = []
    tiles: list[Scored] = []
    cells: list[Scored] = []
    for segment, strip in enumerate(strips):
        shape = maps.shapes[segment]
        mask = read_mask(strip, shape)
        results.append(judge_strip(strip, mask, boxes_of(told.defects, maps.starts[segment], shape[0])))
        if mask is not None:
            values = maps.whole(segment, stride)
            tiles.append(tile_scores(values, stride, mask, strip.cloth_x0))
            cells.append(cell_scores(values, stride, mask, strip.cloth_x0))
    camera = told.summary.cameras[0]
    return {
        **totals(results),
        "tile_auroc": Scored.joined(tiles).auroc,
        "pixel_auroc": Scored.joined(cells).auroc,
        "lines": camera.lines_in,
        "lines_not_inspected": sum(camera.lines_not_inspected.values()),
        "seconds": told.summary.seconds,
        "strips": [asdict(result) for result in results],
    }


def boxes_of(defects: Sequence[DefectEvent], start: int, lines: int) -> list[Box]:
    """Boxes of the events of one strip, in its own lines: no event crosses a strip's end."""
    return [
        Box(event.x0_px, event.x1_px, event.first_line - start, event.end_line - start)
        for event in defects
        if start <= event.first_line < start + lines
    ]


def judge_strip(strip: Strip, mask: Bool | None, boxes: Sequence[Box]) -> StripResult:
    """Compare a strip's events with its mask (all False for normal cloth, None where a defect has none)."""
    cloth = [box for box in boxes if box.x1 > strip.cloth_x0]
    pieces_found, pieces = components_found(cloth, mask) if mask is not None else (None, None)
    found = None
    if strip.defect is not None:
        found = bool(cloth) if mask is None else any(box_meets(box, mask) for box in cloth)
    return StripResult(
        strip=strip.path.name,
        defect=strip.defect,
        events=len(cloth),
        events_off_cloth=len(boxes) - len(cloth),
        found=found,
        pieces=pieces,
        pieces_found=pieces_found,
        false_events=None if mask is None else false_boxes(cloth, mask),
    )


def totals(results: Sequence[StripResult]) -> dict[str, Any]:
    """Sums over strips; ``missed`` names the defect strips that were not found."""
    normal = [result for result in results if result.defect is None]
    defective = [result for result in results if result.defect is not None]
    return {
        "defect_strips": len(defective),
        "defect_strips_found": sum(bool(result.found) for result in defective),
        "pieces": sum(result.pieces or 0 for result in defective),
        "pieces_found": sum(result.pieces_found or 0 for result in defective),
        "defect_strip_false_events": sum(result.false_events or 0 for result in defective),
        "normal_strips": len(normal),
        "normal_strip_false_events": sum(result.events for result in normal),
        "normal_strips_with_events": sum(result.events > 0 for result in normal),
        "events_off_cloth": sum(result.events_off_cloth for result in results),
        "missed": [f"{result.strip} ({result.defect})" for result in defective if not result.found],
    }


def read_mask(strip: Strip, shape: tuple[int, int]) -> Bool | None:
    """The mask from cloth_x0 rightwards, Bool [lines, width]; all False for normal cloth, None if there is none.

    Raises:
        UserError: it cannot be read, or is of another size than its strip.
    """
    if strip.mask is None:
        return None if strip.defect is not None else np.zeros(shape, np.bool_)
    try:
        image = read_image(strip.mask, channels=1)[:, :, 0]
    except UnreadableImage as error:
        raise UserError(f"The mask '{strip.mask}' cannot be read: {error}.") from error
    if image.shape != shape:
        raise UserError(
            f"The mask '{strip.mask}' is {image.shape}, its strip {shape} (lines, px): correct manifest.csv."
        )
    mask: Bool = image > 127
    mask[:, : strip.cloth_x0] = False
    return mask


def table(fabric: str, report: dict[str, Any]) -> str:
    """The measures in words."""
    r = report
    per_normal = r["normal_strip_false_events"] / r["normal_strips"] if r["normal_strips"] else 0.0
    rows = [
        ("strips found", f"{r['defect_strips_found']} of {r['defect_strips']}"),
        ("pieces found", f"{r['pieces_found']} of {r['pieces']}"),
        ("false events on defect strips", f"{r['defect_strip_false_events']}"),
        (
            "false events on normal strips",
            f"{r['normal_strip_false_events']} on {r['normal_strips']} ({per_normal:.2f})",
        ),
        ("events left of the cloth", f"{r['events_off_cloth']}"),
        ("tile AUROC", _share(r["tile_auroc"])),
        ("pixel AUROC", _share(r["pixel_auroc"])),
        ("lines not inspected", f"{r['lines_not_inspected']} of {r['lines']}"),
        ("missed", ", ".join(r["missed"]) or "none"),
    ]
    return "\n".join([f"AITEX fabric {fabric}", *(f"  {name:32}{value}" for name, value in rows)])


def _share(value: float | None) -> str:
    return "cannot be told: one kind is absent" if value is None else f"{value:.3f}"


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    options = _options(arguments)
    strips = select(read_manifest(options.data), options.fabric, "test")
    bundle = Bundle(options.bundle)
    engine = load_engine(bundle, options.engine, options.precision, options.device)
    try:
        key = f"{options.engine}-{options.precision}"
        report = measure(Judged(bundle, engine, key), strips)
        head = {
            "fabric": options.fabric,
            "bundle": bundle.id,
            "thresholds": bundle.thresholds(key).model_dump(mode="json"),
            "host": facts(engine),
        }
    finally:
        engine.close()
    print(table(options.fabric, report))
    if options.json:
        write_report(options.json, {**head, **report})
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    made = parser("benchmarks.accuracy", __doc__)
    made.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with manifest.csv")
    made.add_argument("--fabric", required=True, metavar="NN", help="as in the manifest: 01")
    made.add_argument("--bundle", type=Path, required=True, metavar="DIR")
    made.add_argument("--json", type=Path, metavar="OUT", help="write the report to this file, strip by strip")
    add_engine_options(made)
    return made.parse_args(arguments)


if __name__ == "__main__":
    run(main)
