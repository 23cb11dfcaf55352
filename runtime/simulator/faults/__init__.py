"""Faults of weaving, each from a class, a place, a severity and a seed, with their ground truth."""

from __future__ import annotations

from runtime.simulator.faults.base import FOREVER, Class, Cloth, Fault, OnCloth, Placed, lay
from runtime.simulator.faults.edges import EDGES
from runtime.simulator.faults.patches import PATCHES
from runtime.simulator.faults.spots import SPOTS
from runtime.simulator.faults.warp import WARP
from runtime.simulator.faults.weft import WEFT

__all__ = ["FAULTS", "FOREVER", "Cloth", "Fault", "OnCloth", "Placed", "lay_fault"]

FAULTS: dict[str, Class] = {**WEFT, **WARP, **SPOTS, **PATCHES, **EDGES}


def lay_fault(fault: Fault, cloth: Cloth, name: str) -> Placed:
    """A fault where it was asked for; errors as in ``base.lay``."""
    return lay(fault, FAULTS, cloth, name)
