"""An engine whose map can be written down: each cell is the mean of the pixels around it, 0 to 1."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

from runtime.engines.base import EngineSession, EngineSpec
from runtime.geometry import TileGeometry
from runtime.types import Float32, TileBatch, TileMaps

CONTEXT_PX = 8


def cell_means(image: np.ndarray, stride: int) -> Float32:
    """Mean / 255 over a cell and CONTEXT_PX around it; float64 inside. [h, w] -> float32 [h / stride, w / stride]."""
    side = stride + 2 * CONTEXT_PX
    box = cv2.boxFilter(
        image.astype(np.float64) / 255, -1, (side, side), anchor=(0, 0), borderType=cv2.BORDER_REFLECT_101
    )
    rows = np.clip(np.arange(0, image.shape[0], stride) - CONTEXT_PX, 0, None)
    columns = np.clip(np.arange(0, image.shape[1], stride) - CONTEXT_PX, 0, None)
    return box[np.ix_(rows, columns)].astype(np.float32)


class AnalyticEngine:
    """See runtime.engines.base.Engine."""

    name = "analytic"

    def __init__(self, geometry: TileGeometry, channels: int = 1, max_in_flight: int = 2) -> None:
        self.spec = EngineSpec(geometry.tile, channels, geometry.map_stride, geometry.margin, max_in_flight)

    def stream(self, camera: str) -> EngineSession:
        return _Session(self.spec)

    def close(self) -> None:
        pass


class _Session:
    def __init__(self, spec: EngineSpec) -> None:
        self._spec = spec
        self._jobs: deque[TileBatch] = deque()

    @property
    def in_flight(self) -> int:
        return len(self._jobs)

    def submit(self, batch: TileBatch) -> None:
        if self.in_flight >= self._spec.max_in_flight:
            raise ValueError("full")
        self._jobs.append(batch)

    def collect(self, timeout_s: float = 0.0) -> TileMaps | None:
        if not self._jobs:
            return None
        batch = self._jobs.popleft()
        maps = np.stack([cell_means(tile[..., 0], self._spec.map_stride) for tile in batch.pixels])
        return TileMaps(batch, maps)

    def reset(self) -> None:
        pass

    def close(self) -> None:
        self._jobs.clear()
