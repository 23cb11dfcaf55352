"""Engines that are wrong in a known way: a real one whose maps are changed before anybody sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from calibration.verdict.side import Side
from runtime.bundle import Bundle
from runtime.engines.base import Engine, EngineSession
from runtime.engines.openvino import OpenVinoEngine
from runtime.settings import Thresholds
from runtime.types import Float32, Kind, TileMaps
from tests.runtime.bundles import make_bundle

OPEN, KEEP = 0.6, 0.55
"""Of the map, which is brightness: well above the cloth that ``cloth`` weaves."""

Change = Callable[[Float32], Float32]


class Distorted:
    """See runtime.engines.base.Engine."""

    def __init__(self, engine: Engine, change: Change) -> None:
        self.spec, self.name = engine.spec, "distorted"
        self._engine, self._change = engine, change

    def stream(self, camera: str) -> EngineSession:
        return DistortedSession(self._engine.stream(camera), self._change)

    def close(self) -> None:
        self._engine.close()


class DistortedSession:
    """See runtime.engines.base.EngineSession."""

    def __init__(self, session: EngineSession, change: Change) -> None:
        self._session, self._change = session, change
        self.submit, self.reset, self.close = session.submit, session.reset, session.close

    @property
    def in_flight(self) -> int:
        return self._session.in_flight

    def collect(self, timeout_s: float = 0.0) -> TileMaps | None:
        found = self._session.collect(timeout_s)
        return found and replace(found, maps=self._change(found.maps).astype(np.float32))


def two_engines(path: Path, opening: float = OPEN) -> Bundle:
    """A bundle with an FP32 engine and one that calls itself INT8, which opens at ``opening``; both the same."""
    bundle = make_bundle(path)
    folder, manifest = bundle.engine("openvino", "fp32", "CPU")
    files = {name: folder / name for name in manifest.files}
    bundle.add_engine("openvino", "int8", "CPU", files, {"openvino": "1"}, {"sqnr_db": 33.0}, form="int8-unsigned")
    bundle.add_form("int8-unsigned", bundle.graph, {"onnx": "1"}, {"kept_float": [{"layer": "<head>", "db": 2.5}]})
    settings = bundle.settings()
    thresholds = {
        "openvino-fp32": Thresholds(open=dict.fromkeys(Kind, OPEN), keep=KEEP, calibrated={"rolls": ["first-roll"]}),
        "openvino-int8": Thresholds(open=dict.fromkeys(Kind, opening), keep=min(KEEP, opening)),
    }
    bundle.write_settings(settings.model_copy(update={"thresholds": thresholds}))
    return bundle


def sides(bundle: Bundle, change: Change) -> tuple[Side, Side]:
    """The FP32 engine, and the same engine under the name INT8 with its maps changed."""
    engine = OpenVinoEngine(bundle)
    made = []
    for precision, one in (("fp32", engine), ("int8", Distorted(engine, change))):
        _, manifest = bundle.engine("openvino", precision, "CPU")
        made.append(Side(one, manifest, bundle.thresholds(f"openvino-{precision}")))
    return made[0], made[1]


def cloth(lines: int, width: int, *spots: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Noise of 120 +- 20 grey levels, with spots of 16 px and 230 at (column, line); uint8 [lines, width]."""
    made = np.random.default_rng(seed).normal(120, 20, (lines, width))
    for x, y in spots:
        made[y : y + 16, x : x + 16] = 230
    return np.clip(made, 0, 255).astype(np.uint8)


def same(maps: Float32) -> Float32:
    """No change."""
    return maps
