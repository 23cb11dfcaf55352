"""Untrained models and tiles of 64 px to make graphs of."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from export.graph import AnomalyGraph
from export.look import Look
from runtime.geometry import TileGeometry
from runtime.types import UInt8
from tests.train.strips import weave
from train.models import AnomalyModel, build_model
from train.teachers import build_teacher

GEOMETRY = TileGeometry(tile=64, margin=8, blend=4)
INSIDE = slice(2, 14)
"""Cells of a tile's map without the margins."""


def cloth(count: int, channels: int = 1, first: int = 0) -> UInt8:
    return np.repeat(np.stack([weave(64, 64, first + seed) for seed in range(count)]), channels, axis=3)


def untrained(
    name: str = "rd4ad", teacher: str = "efficientnet_lite0", scale: float = 1.0, **settings: Any
) -> AnomalyModel:
    """Batch norms have seen some cloth, so that folding them has something to do."""
    torch.manual_seed(0)
    width = {"width": 8} if name in ("rd4ad", "uninet") else {}
    model = build_model(name, build_teacher(teacher, "seeded:0", scale), {**width, **settings})
    model.prepare([torch.from_numpy(cloth(4))])
    model.train()
    with torch.no_grad():
        model.loss(torch.from_numpy(cloth(4)))
    return model


def graph_of(model: AnomalyModel, normal: UInt8 | None = None, **look: Any) -> AnomalyGraph:
    """A graph that keeps all levels, each as a channel, unless something else is asked for."""
    every = {"taps": "123", "join": "strongest", **look}
    return AnomalyGraph(model, GEOMETRY, Look(**every), cloth(6) if normal is None else normal)
