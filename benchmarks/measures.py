"""What each strip contributes to the measures of accuracy, and the measures from many strips, with intervals.

tile_auroc, tile_ap        of tiles of 256 px: defective with at least 8 px of mask, left out with 1 to 7
strip_auroc                of whole strips, by their highest tile; the one measure for strips without a mask
pixel_auroc, pro           of map cells; PRO over false-positive rates up to 0.3, of the whole data set at once
event_recall               defects that an event found, see benchmarks/recall.py
false_events_per_10mpx     events on normal strips, by their area from cloth_x0 on
alarmed_share              of the normal strips' cells, those at or above the opening threshold
unjudged_share             of all cells, those that the runtime did not look at: they score lowest
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.aitex import Strip
from benchmarks.bootstrap import Estimate, drawn
from benchmarks.boxes import Box
from benchmarks.curves import Floats, Tally, average_precision, roc_area
from benchmarks.recall import Component, components, false_events
from benchmarks.replay import Seen
from benchmarks.scores import Cells, Scored, Tiles, cell_scores, tile_scores
from runtime.types import Bool

PRO_UP_TO = 0.3
MPX = 1e6


@dataclass(frozen=True)
class StripResult:
    """One strip's share of the measures.

    Attributes:
        tiles, cells: with the scores; their masks say nothing where ``masked`` is False.
        masked: there is a mask to compare with; so it is with all normal cloth.
        events: boxes on the cloth. defects: of the mask, in px; found: which of them an event found.
        false_events: events that meet no defect. cloth_px: pixels from cloth_x0 on.
        alarmed, unjudged: shares of the cells: at or above the opening threshold, and not looked at.
    """

    strip: Strip
    tiles: Tiles
    cells: Cells
    masked: bool
    events: list[Box]
    defects: list[Component]
    found: list[bool]
    false_events: int
    cloth_px: int
    alarmed: float
    unjudged: float

    @property
    def missed(self) -> int:
        return self.found.count(False)

    def row(self) -> dict[str, Any]:
        """For the report."""
        return {
            "strip": self.strip.path.name,
            "defect": self.strip.defect,
            "contrast": self.strip.contrast,
            "score": None if np.isnan(self.tiles.highest) else self.tiles.highest,
            "events": len(self.events),
            "defects": len(self.defects) if self.masked else None,
            "defects_found": self.found.count(True) if self.masked else None,
            "false_events": self.false_events if self.masked else None,
            "unjudged_share": self.unjudged,
        }


def judge(seen: Seen, opening: float, score: str) -> StripResult:
    """Compare what was seen of a strip with its mask.

    Args:
        opening: the threshold at which a defect opens, in the map's values. score: one of scores.SCORES.

    Raises:
        UserError: see Seen.mask.
    """
    mask, x0 = seen.mask(), seen.strip.cloth_x0
    drawn_mask = np.zeros(seen.shape, np.bool_) if mask is None else mask
    cells = cell_scores(seen.values, seen.stride, drawn_mask, x0)
    defects, events = components(drawn_mask), seen.events
    return StripResult(
        strip=seen.strip,
        tiles=tile_scores(seen.values, seen.stride, drawn_mask, x0, score),
        cells=cells,
        masked=mask is not None,
        events=events,
        defects=defects,
        found=[any(defect.found_by(event) for event in events) for defect in defects],
        false_events=false_events(events, defects),
        cloth_px=seen.shape[0] * max(0, seen.shape[1] - x0),
        alarmed=_share(cells.scores >= opening),
        unjudged=_share(np.isnan(cells.scores)),
    )


def _share(cells: Bool) -> float:
    return float(cells.mean()) if cells.size else 0.0


def measure(results: Sequence[StripResult], seed: int) -> dict[str, Floats]:
    """Every measure, first as it is, then in each bootstrap round.

    Returns:
        float64 [1 + ROUNDS] by name, NaN where the measure cannot be told.
    """
    defective = [result.strip.defect is not None for result in results]
    times = drawn(defective, seed)
    masked = [number for number, result in enumerate(results) if result.masked]
    normal = [number for number, one in enumerate(defective) if not one]
    highest = [np.array([result.tiles.highest], np.float32) for result in results]
    whole = [Scored(score, np.array([one])) for score, one in zip(highest, defective, strict=True)]
    return {
        **_map_measures([results[i] for i in masked], times[:, masked]),
        "strip_auroc": roc_area(Tally.of(whole).weighed(times)),
        **_event_measures([results[i] for i in masked], times[:, masked]),
        **_alarm_measures([results[i] for i in normal], times[:, normal]),
        "unjudged_share": _ratio(
            times, [one.unjudged * one.cloth_px for one in results], [r.cloth_px for r in results]
        ),
    }


def _map_measures(masked: Sequence[StripResult], times: Floats) -> dict[str, Floats]:
    """What the map is worth, whatever the threshold."""
    tiles = Tally.of([result.tiles.clear for result in masked]).weighed(times)
    cells = [result.cells.scored for result in masked]
    pieces = Tally.of(cells, [result.cells.share_of_piece for result in masked])
    return {
        "tile_auroc": roc_area(tiles),
        "tile_ap": average_precision(tiles),
        "pixel_auroc": roc_area(Tally.of(cells).weighed(times)),
        "pro": roc_area(pieces.weighed(times), PRO_UP_TO),
    }


def _event_measures(masked: Sequence[StripResult], times: Floats) -> dict[str, Floats]:
    """What was found at the thresholds."""
    found = [result.found.count(True) for result in masked]
    return {"event_recall": _ratio(times, found, [len(result.defects) for result in masked])}


def _alarm_measures(normal: Sequence[StripResult], times: Floats) -> dict[str, Floats]:
    """What was raised at the thresholds where nothing is."""
    areas = [result.cloth_px for result in normal]
    alarmed = [result.alarmed * result.cloth_px for result in normal]
    return {
        "false_events_per_10mpx": _ratio(times, [len(one.events) for one in normal], [a / (10 * MPX) for a in areas]),
        "alarmed_share": _ratio(times, alarmed, areas),
    }


def _ratio(times: Floats, above: Sequence[float], below: Sequence[float]) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((times @ np.array(above, float)) / (times @ np.array(below, float)))


def estimates(rounds: dict[str, Floats]) -> dict[str, Estimate | None]:
    """The measures with their intervals; None for one that cannot be told."""
    return {name: Estimate.of(values) for name, values in rounds.items()}


def mean_over(fabrics: Sequence[dict[str, Floats]]) -> dict[str, Floats]:
    """Each measure's mean over the fabrics that can tell it, round by round."""
    means = {}
    for name in fabrics[0]:
        told = [fabric[name] for fabric in fabrics if not np.isnan(fabric[name][0])]
        means[name] = np.mean(told, axis=0) if told else np.full_like(fabrics[0][name], np.nan)
    return means


def by_contrast(results: Sequence[StripResult], seed: int) -> dict[str, dict[str, Floats]]:
    """The measures over painted defects of one contrast at a time, with all normal strips."""
    contrasts = dict.fromkeys(result.strip.contrast for result in results if result.strip.contrast is not None)
    return {
        contrast: measure([one for one in results if one.strip.defect is None or one.strip.contrast == contrast], seed)
        for contrast in contrasts
    }
