"""A small bundle whose net can be written down: the map is the brightness of each cell, 0 to 1.

It needs neither torch nor a training, and its engine is a real OpenVINO graph.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset8 as ops

from runtime.bundle import Bundle, GeometrySection, Recipe, create
from runtime.geometry import TileGeometry
from runtime.settings import Policy, Thresholds
from runtime.types import Kind, UInt8

GEOMETRY = TileGeometry(tile=64, margin=8, blend=8, map_stride=4)
MM_PER_PX = 0.5
OPEN, KEEP = 0.8, 0.6
CLOTH, SPOT = 100, 250
"""Grey levels: 0.39 of the map is cloth, 0.98 a spot."""


def brightness_model(tile: int, stride: int, batch: int = 1) -> ov.Model:
    """uint8 [batch, tile, tile, 1] -> mean / 255 of each cell, float32 [batch, cells, cells], and its maximum."""
    pixels = ops.parameter([batch, tile, tile, 1], np.uint8, name="pixels")
    planes = ops.reshape(
        ops.divide(ops.convert(pixels, "f32"), np.float32(255)), np.array([batch, 1, tile, tile]), False
    )
    pooled = ops.avg_pool(planes, [stride, stride], [0, 0], [0, 0], [stride, stride], True, "floor", "explicit")
    maps = ops.squeeze(pooled, np.array([1]))
    return ov.Model([maps, ops.reduce_max(maps, np.array([1, 2]))], [pixels], "brightness")


def cell_brightness(pixels: UInt8, stride: int = GEOMETRY.map_stride) -> np.ndarray:
    """What the engine says of tiles: uint8 [n, tile, tile, 1] -> float64 [n, cells, cells]."""
    n, tile = pixels.shape[:2]
    return pixels.reshape(n, tile // stride, stride, tile // stride, stride).mean(axis=(2, 4)) / 255


def make_bundle(
    path: Path,
    geometry: TileGeometry = GEOMETRY,
    policy: Policy | None = None,
    calibrated: bool = True,
    batch: int = 1,
    trained: dict[str, Any] | None = None,
) -> Bundle:
    """A new bundle at ``path`` with an OpenVINO engine of ``batch`` tiles a call; ``trained`` goes into its recipe."""
    recipe = Recipe(
        name="brightness",
        model="none",
        teacher="none",
        geometry=GeometrySection(
            tile=geometry.tile, margin=geometry.margin, blend=geometry.blend, map_stride=geometry.map_stride
        ),
        channels=1,
        mm_per_px=MM_PER_PX,
        trained=trained or {},
        licence="none needed",
        intended_use="tests",
    )
    with tempfile.TemporaryDirectory() as made:
        graph, model = Path(made) / "graph.onnx", Path(made) / "model.xml"
        graph.write_bytes(b"stands for a graph")
        ov.save_model(brightness_model(geometry.tile, geometry.map_stride, batch), model, compress_to_fp16=False)
        bundle = create(path, recipe, graph, notice="Nothing in it is anybody's.\n")
        bundle.add_engine(
            engine="openvino",
            precision="fp32",
            device="CPU",
            files={"model.xml": model, "model.bin": model.with_suffix(".bin")},
            versions={"openvino": ov.get_version()},
            parity={},
        )
    found = {"openvino-fp32": Thresholds(open=dict.fromkeys(Kind, OPEN), keep=KEEP)} if calibrated else {}
    settings = bundle.settings()
    bundle.write_settings(
        settings.model_copy(update={"thresholds": found, "policy": policy or Policy(stride_lines=32, flush_s=30.0)})
    )
    return bundle
