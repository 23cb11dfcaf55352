"""Closed loop: the camera waits for the engine. The bare engine and the whole stream take turns."""

from __future__ import annotations

import statistics
import threading
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.inspection import Judged, run_whole
from benchmarks.memory_cloth import MemoryCloth, TileRows
from runtime.cameras.simulated import SimulatedCamera
from runtime.engines.rate import tiles_per_s
from runtime.events import CameraSummary, SummaryEvent
from runtime.pipeline import Pipeline, View
from runtime.preprocess.cloth import ClothFinder
from runtime.types import Scale, TileBatch

LEAST_TILES = 32
"""A batch for the bare engine has at least so many tiles, that no device waits for the next."""
WARM_UP_S = 2.0


@dataclass(frozen=True)
class ClosedLoop:
    """Slices of both, in turn; rates a second.

    Attributes:
        engine_tiles_s, stream_tiles_s, stream_lines_s: one value a slice.
        region: columns of cloth.
    """

    engine_tiles_s: list[float]
    stream_tiles_s: list[float]
    stream_lines_s: list[float]
    region: tuple[int, int]

    @property
    def ratio(self) -> float:
        """Median of the stream's tiles/s over the bare engine's, each slice beside its neighbour."""
        return statistics.median(s / e for s, e in zip(self.stream_tiles_s, self.engine_tiles_s, strict=True))


def measure_closed_loop(judged: Judged, cloth: MemoryCloth, slices: int, slice_s: float) -> ClosedLoop:
    """Run ``slices`` slices of each, after a warm-up of both.

    Raises:
        UserError: no cloth is found in the lines.
    """
    geometry = judged.bundle.recipe.tiles
    batch = repeated(TileRows(cloth, geometry, geometry.max_step).cut())
    engine_tiles, stream_tiles, stream_lines = [], [], []
    tiles_per_s(judged.engine, batch, WARM_UP_S)
    stream_rate(judged, cloth, WARM_UP_S)
    for _ in range(slices):
        engine_tiles.append(tiles_per_s(judged.engine, batch, slice_s))
        done, seconds = stream_rate(judged, cloth, slice_s)
        stream_tiles.append(done.tiles / seconds)
        stream_lines.append(done.lines_inspected / seconds)
    return ClosedLoop(engine_tiles, stream_tiles, stream_lines, batch.region)


def repeated(row: TileBatch) -> TileBatch:
    """The row again and again until there are LEAST_TILES tiles."""
    times = -(-LEAST_TILES // len(row.x))
    return replace(row, x=row.x * times, pixels=np.concatenate([row.pixels] * times))


def stream_rate(judged: Judged, cloth: MemoryCloth, seconds: float) -> tuple[CameraSummary, float]:
    """What the whole stream did with a camera that waits, and in how many seconds."""
    pipeline = Pipeline(judged.bundle, judged.engine, judged.key, [memory_view(judged, cloth, None)], [])
    summary = run_for(pipeline, seconds)
    return summary.cameras[0], summary.seconds


def memory_view(judged: Judged, cloth: MemoryCloth, line_rate_hz: float | None) -> View:
    """A camera over cloth in memory, prepared as the runtime does; live if it has a line rate."""
    recipe = judged.bundle.recipe
    camera = SimulatedCamera("memory", cloth, Scale(recipe.mm_per_px, recipe.mm_per_px), line_rate_hz=line_rate_hz)
    return View(camera, cloth=ClothFinder(grid=recipe.geometry.map_stride))


def run_for(pipeline: Pipeline, seconds: float) -> SummaryEvent:
    """Run a pipeline and stop it after a time, giving up what waits; raises as run_whole does."""
    timer = threading.Timer(seconds, pipeline.stop)
    timer.daemon = True
    timer.start()
    try:
        return run_whole(pipeline)
    finally:
        timer.cancel()
