"""A bundle for an engine whose map is the cloth's brightness, so that what is found can be worked out."""

from __future__ import annotations

from pathlib import Path

from benchmarks.inspection import Judged
from runtime.bundle import GeometrySection, Recipe, create
from runtime.settings import Policy, Settings, Thresholds
from runtime.types import Kind
from tests.runtime.analytic import AnalyticEngine

KEY = "openvino-fp32"


def bright_means_defect(folder: Path, opens: float, keeps: float, queue_blocks: int = 64) -> Judged:
    """Tiles of 128 px; a defect opens where the mean of 20 x 20 px reaches ``opens`` (0 to 1)."""
    recipe = Recipe(
        name="analytic",
        model="mean",
        teacher="none",
        geometry=GeometrySection(tile=128, margin=16, blend=16, map_stride=4),
        channels=1,
        mm_per_px=0.2,
        licence="none",
        intended_use="tests",
    )
    graph = folder / "graph.onnx"
    graph.write_bytes(b"the analytic engine reads no graph")
    bundle = create(folder / "bundle", recipe, graph, "nothing to notice")
    thresholds = Thresholds(open=dict.fromkeys(Kind, opens), keep=keeps)
    policy = Policy(stride_lines=64, queue_blocks=queue_blocks)
    bundle.write_settings(Settings(thresholds={KEY: thresholds}, policy=policy))
    return Judged(bundle, AnalyticEngine(recipe.tiles), KEY)
