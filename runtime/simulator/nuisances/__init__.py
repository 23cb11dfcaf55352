"""What lies on good cloth and must not be told as a fault: seams, labels, chalk, hands, stripes, no cloth at all."""

from __future__ import annotations

from runtime.simulator.faults.base import Class, Cloth, Placed, lay
from runtime.simulator.nuisances.base import EXPECT, Nuisance
from runtime.simulator.nuisances.changes import CHANGES
from runtime.simulator.nuisances.coverings import COVERINGS
from runtime.simulator.nuisances.patterns import PATTERNS

__all__ = ["EXPECT", "NUISANCES", "Nuisance", "lay_nuisance"]

NUISANCES: dict[str, Class] = {**CHANGES, **COVERINGS, **PATTERNS}


def lay_nuisance(nuisance: Nuisance, cloth: Cloth, name: str) -> Placed:
    """A nuisance where it was asked for; errors as in ``faults.base.lay``."""
    return lay(nuisance, NUISANCES, cloth, name)
