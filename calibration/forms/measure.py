"""What a graph says of tiles, and how far that is from what another says."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from calibration.forms.ranges import open_session
from calibration.verdict.numbers import Noise
from runtime.engines.openvino import compile_model
from runtime.types import Float32, UInt8


def maps(model: onnx.ModelProto, tiles: UInt8) -> Float32:
    """Maps of tiles, float32 [N, cells, cells], the same on any machine: data are rounded to 8 bits, sums are exact.

    A CPU without VNNI adds products of 8 bits in 16 that saturate; what that costs is measured where an engine is made
    (export/openvino.py), and is no fault of the form.

    Args:
        model: takes uint8 [1, T, T, C] and gives the map first. tiles: uint8 [N, T, T, C].
    """
    session = open_session(model)
    entry = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {entry: tile[None]})[0] for tile in tiles])


def compiled_model(model: onnx.ModelProto) -> Any:
    """The model on OpenVINO's CPU, as the runtime compiles it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.onnx"
        onnx.save(model, str(path))
        return compile_model(path, "int8", "CPU")


def sqnr_db(reference: Float32, found: Float32) -> float:
    """Signal to noise of maps, dB; see calibration.verdict.numbers.Noise."""
    noise = Noise()
    noise.add(reference.ravel(), found.ravel())
    return noise.sqnr_db


def seconds_per_tile(models: list[onnx.ModelProto], tiles: UInt8) -> list[float]:
    """Median time of each model for one tile, s; models take turns, since a machine's speed drifts."""
    compiled = [compiled_model(model) for model in models]
    times = np.empty((len(tiles), len(models)))
    for turn, tile in enumerate(tiles):
        for place, one in enumerate(compiled):
            started = time.perf_counter()
            one([tile[None]])
            times[turn, place] = time.perf_counter() - started
    return [float(value) for value in np.median(times, axis=0)]
