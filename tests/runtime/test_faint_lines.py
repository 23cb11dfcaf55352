"""A line fainter than the threshold, through the whole runtime: found where the settings say what lines count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runtime.cameras.simulated import SimulatedCamera
from runtime.defects.evidence_scale import LineScale
from runtime.engines.openvino import OpenVinoEngine
from runtime.events import DefectEvent
from runtime.pipeline import Pipeline, View
from runtime.types import Kind, LineBlock, ScoreMap, State, UInt8
from tests.runtime.bundles import CLOTH, OPEN, make_bundle
from tests.runtime.cloths import SCALE, Collected, Sheet

LINE = slice(300, 304), slice(100, 500)
FAINT = 30
"""Grey levels: 0.12 of the map."""
COUNTED = LineScale(usual=0.05, map_usual=0.5, strong=0.8, gain=10)


class FaintLine(Sheet):
    """Even grey with one line that is a little brighter."""

    def lines(self, first: int, count: int) -> UInt8:
        pixels = super().lines(first, count)
        pixels[max(0, LINE[0].start - first) : max(0, LINE[0].stop - first), LINE[1]] = CLOTH + FAINT
        return pixels


@pytest.mark.parametrize(("scale", "found"), [(COUNTED, 1), (None, 0)])
def test_a_faint_line_is_found_where_lines_count(tmp_path: Path, scale: LineScale | None, found: int) -> None:
    assert (CLOTH + FAINT) / 255 < OPEN
    bundle = make_bundle(tmp_path / "bundle")
    settings = bundle.settings()
    thresholds = settings.thresholds["openvino-fp32"].model_copy(update={"lines": scale})
    bundle.write_settings(settings.model_copy(update={"thresholds": {"openvino-fp32": thresholds}}))
    camera = SimulatedCamera("c", FaintLine(width=600, length=700), SCALE, block_lines=50)  # type: ignore[arg-type]
    engine, sink, seen = OpenVinoEngine(bundle), Collected(), np.zeros(700, int)

    def count(item: LineBlock | ScoreMap) -> None:
        if isinstance(item, ScoreMap):
            seen[item.first_line : item.end_line] += 1

    summary = Pipeline(bundle, engine, "openvino-fp32", [View(camera)], [sink], on_strip=count).run()
    engine.close()
    told = [event for event in sink.events if isinstance(event, DefectEvent) and event.state is State.CLOSED]
    assert len(told) == found
    for event in told:
        assert event.kind is Kind.WEFT
        assert (event.x0_px, event.x1_px) == (pytest.approx(100, abs=40), pytest.approx(500, abs=40))
        assert (event.first_line, event.end_line) == (pytest.approx(300, abs=12), pytest.approx(304, abs=12))
    assert summary.cameras[0].balanced
    assert (seen == 1).all(), "every line of the map comes out once"
