"""Where a scenario's faults and nuisances lie, drawn from a seed: the same for the same cloth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Generic, TypeVar

import numpy as np

from runtime.simulator.faults import FAULTS, Cloth, Fault, Placed, lay_fault
from runtime.simulator.nuisances import NUISANCES, Nuisance, lay_nuisance
from runtime.simulator.scenario import Lay, Scenario
from runtime.simulator.sensor import SensorModel
from runtime.simulator.snr import Oracle
from runtime.simulator.truth import change_of

LEAD_M = 0.3
"""Clean cloth before the first and after the last of those that lie one after the other."""
EDGE_MM = 15.0
"""Places that are drawn lie this far inside the cloth's edges: beyond a selvedge."""
_FAULTS, _NUISANCES = 401, 402
Asked = TypeVar("Asked", Fault, Nuisance)


@dataclass(frozen=True)
class Layout:
    """What lies on ``metres`` of cloth."""

    faults: list[Fault]
    nuisances: list[Nuisance]
    metres: float


def lay_out(scenario: Scenario, cloth: Cloth, seed: int, metres: float | None = None) -> Layout:
    """Draw a scenario's faults and nuisances.

    Args:
        metres: of cloth instead of the scenario's own; what begins beyond them is left out.
    """
    asked = metres or scenario.metres
    oracle = Oracle.of(cloth.fabric, SensorModel().noise_dn(cloth.fabric.style.grey))
    faults_rng, nuisances_rng = (np.random.default_rng([seed, stream]) for stream in (_FAULTS, _NUISANCES))
    layers = (
        _Layer(cloth, faults_rng, asked, tuple(FAULTS), _fault, lay_fault, oracle),
        _Layer(cloth, nuisances_rng, asked, tuple(NUISANCES), _nuisance, lay_nuisance, oracle),
    )
    faults, nuisances = layers[0].lay(scenario.faults), layers[1].lay(scenario.nuisances)
    long = asked or LEAD_M + max(end for _, end in (*faults, *nuisances))
    return Layout(
        [fault for fault, _ in faults if fault.y_m < long], [one for one, _ in nuisances if one.y_m < long], long
    )


def _fault(lay: Lay, cls: str, x_mm: float, y_m: float, severity: float, seed: int, length: float | None) -> Fault:
    return Fault(cls, x_mm, y_m, severity, seed, length)


def _nuisance(
    lay: Lay, cls: str, x_mm: float, y_m: float, severity: float, seed: int, length: float | None
) -> Nuisance:
    return Nuisance(cls, x_mm, y_m, severity, seed, length, style=lay.style)


@dataclass(frozen=True)
class _Layer(Generic[Asked]):
    """Lays faults, or nuisances.

    Attributes:
        metres: of cloth; None: as long as what lies on it.
        classes: all that there are.
        make, place: a request from what was drawn, and the request as it lies on the cloth.
        oracle: knows the cloth.
    """

    cloth: Cloth
    rng: np.random.Generator
    metres: float | None
    classes: tuple[str, ...]
    make: Callable[[Lay, str, float, float, float, int, float | None], Asked]
    place: Callable[[Asked, Cloth, str], Placed]
    oracle: Oracle

    def lay(self, lays: Iterable[Lay]) -> list[tuple[Asked, float]]:
        """Each with the metre at which it ends."""
        laid: list[tuple[Asked, float]] = []
        y_m = LEAD_M
        for lay in lays:
            if lay.gap_mm is not None:
                in_turn = list(self._in_turn(lay, lay.gap_mm, y_m))
                y_m = in_turn[-1][1] + lay.gap_mm / 1000
                laid += in_turn
                continue
            for at_m in self._places(lay):
                cls = str(self.rng.choice(lay.classes or self.classes))
                laid.append(self._one(lay, cls, float(self.rng.choice(lay.severities)), at_m))
        return laid

    def _in_turn(self, lay: Lay, gap_mm: float, y_m: float) -> Iterator[tuple[Asked, float]]:
        """Each class in each severity, one after the other from a metre on and in an order that is drawn: a part is a
        fair sample."""
        pairs = list(product(lay.classes or self.classes, lay.severities)) * lay.times
        for number in self.rng.permutation(len(pairs)):
            one, end = self._one(lay, *pairs[int(number)], y_m)
            yield one, end
            y_m = end + gap_mm / 1000

    def _places(self, lay: Lay) -> list[float]:
        """Metres at which something begins."""
        if lay.at_m is not None:
            return list(lay.at_m)
        long = self.metres or 0.0
        if lay.every_m is not None:
            return [lay.every_m * number for number in range(1, math.ceil(long / lay.every_m))]
        number = self.rng.poisson((lay.per_100m or 0.0) * long / 100)
        return sorted(float(y) for y in self.rng.uniform(0, long, number))

    def _one(self, lay: Lay, cls: str, severity: float, y_m: float) -> tuple[Asked, float]:
        """One, no longer than is allowed, and the metre at which it ends."""
        x0, x1 = (edge * self.cloth.mm_per_px for edge in self.cloth.fabric.edges)
        drawn = float(self.rng.uniform(x0 + EDGE_MM, x1 - EDGE_MM))
        x_mm, seed = drawn if lay.x_mm is None else lay.x_mm, int(self.rng.integers(1 << 30))
        one = self.make(lay, cls, x_mm, y_m, severity, seed, lay.length_mm)
        placed = self.place(one, self.cloth, cls)
        if placed.y1_m - placed.y0_m > lay.longest_mm / 1000:
            one = self.make(lay, cls, x_mm, y_m, severity, seed, lay.longest_mm)
            placed = self.place(one, self.cloth, cls)
        if lay.snr is not None:
            one = self._faint(one, placed, float(self.rng.uniform(*lay.snr)))
        return one, placed.y1_m

    def _faint(self, one: Asked, placed: Placed, snr: float) -> Asked:
        """With so little contrast that an ideal filter has this ratio, which is in proportion to it."""
        has = self.oracle.see(change_of(placed, self.cloth.fabric), placed.kind).snr
        return replace(one, contrast=min(1.0, snr / has)) if has > 0 else one
