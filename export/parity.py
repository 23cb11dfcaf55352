"""Do the exported forms of a graph say the same as the trained model? Without torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from runtime.engines.openvino import compile_model
from runtime.errors import UserError
from runtime.types import Float32, UInt8

LIMIT = 1e-4
"""Largest difference of a map value, as a share of the range of maps of normal cloth."""
NORMAL_TILES = 64
RANGE = 0.1, 99.9
"""Percentiles of map values on normal cloth that their range is taken between."""
STRANGE = ("black", "white", "noise", "checkerboard")
"""What a camera gives when the light or the cloth is gone, and the finest pattern it can see."""


@dataclass(frozen=True)
class Outputs:
    """Maps float32 [N, cells, cells] and scores float32 [N] of N tiles."""

    maps: Float32
    scores: Float32


@dataclass(frozen=True)
class Parity:
    """Largest differences of one form from the reference.

    Attributes:
        form: what was compared.
        map_error, score_error: largest absolute differences.
        relative: the larger of both as a share of the range of the reference's maps of normal cloth.
    """

    form: str
    map_error: float
    score_error: float
    relative: float


def probe_tiles(normal: UInt8) -> UInt8:
    """At most NORMAL_TILES normal tiles, then one of each of STRANGE."""
    shape = (1, *normal.shape[1:])
    picked = np.linspace(0, len(normal) - 1, min(NORMAL_TILES, len(normal))).round().astype(int)
    rows, columns = np.indices(shape[1:3])
    checkers = np.where((rows + columns) % 2, 255, 0).astype(np.uint8)
    strange = {
        "black": np.zeros(shape, np.uint8),
        "white": np.full(shape, 255, np.uint8),
        "noise": np.random.default_rng(0).integers(0, 256, shape, np.uint8),
        "checkerboard": np.broadcast_to(checkers[None, :, :, None], shape),
    }
    return np.concatenate([normal[picked], *(strange[name] for name in STRANGE)])


def run_onnx(graph: Path, tiles: UInt8) -> Outputs:
    """Run the graph on onnxruntime's CPU, in calls of its own batch size."""
    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    found = [session.run(["map", "score"], {entry.name: part}) for part in batches(tiles, entry.shape[0])]
    return join([(maps, scores) for maps, scores in found], len(tiles))


def run_openvino(model: Path, tiles: UInt8) -> Outputs:
    """Run the graph on OpenVINO's CPU in FP32, as the runtime compiles it."""
    compiled = compile_model(model, "fp32", "CPU")
    batch = compiled.input(0).shape[0]
    found = [compiled([part]) for part in batches(tiles, batch)]
    return join([(result["map"], result["score"]) for result in found], len(tiles))


def batches(tiles: UInt8, size: int) -> list[UInt8]:
    """Tiles in parts of ``size``, the last filled up with its last tile."""
    short = -len(tiles) % size
    full = np.concatenate([tiles, np.repeat(tiles[-1:], short, axis=0)])
    return [full[first : first + size] for first in range(0, len(full), size)]


def join(parts: list[tuple[Float32, Float32]], count: int) -> Outputs:
    """Outputs of all calls, without what filled the last one up."""
    return Outputs(
        np.concatenate([maps for maps, _ in parts])[:count], np.concatenate([scores for _, scores in parts])[:count]
    )


def compare(form: str, reference: Outputs, found: Outputs) -> Parity:
    """How far a form is from the reference on ``probe_tiles``; not-a-number counts as infinitely far."""
    low, high = np.percentile(reference.maps[: -len(STRANGE)], RANGE)
    span = float(high - low)
    map_error = worst(found.maps - reference.maps)
    score_error = worst(found.scores - reference.scores)
    return Parity(form, map_error, score_error, max(map_error, score_error) / span)


def worst(difference: Float32) -> float:
    """Largest absolute value; infinity if any is not finite."""
    return float(np.abs(difference).max()) if np.isfinite(difference).all() else float("inf")


def table(parities: list[Parity]) -> str:
    """Parities as lines for people."""
    rows = [f"{'form':<24}{'max|map|':>12}{'max|score|':>12}{'of range':>12}"]
    rows += [f"{p.form:<24}{p.map_error:>12.2e}{p.score_error:>12.2e}{p.relative:>12.2e}" for p in parities]
    return "\n".join(rows)


def require(parities: list[Parity], limit: float) -> None:
    """Raise UserError if a form is further from the trained model than ``limit``."""
    for parity in parities:
        if not parity.relative <= limit:
            raise UserError(
                f"{parity.form} differs from the trained model by {parity.relative:.1e} of the range of normal maps, "
                f"above {limit:.0e}: nothing was written; train again, or report it with your libraries' versions."
            )
