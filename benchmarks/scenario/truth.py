"""What a run's cameras could see of its faults, nuisances and disturbances, as records keep it."""

from __future__ import annotations

import math
from collections.abc import Iterable

from benchmarks.scenario.record import Disturbance, Planted
from runtime.simulator import world
from runtime.simulator.gains import Dust
from runtime.simulator.look import Look
from runtime.simulator.scenario import Suffered, repeated
from runtime.simulator.snr import Oracle
from runtime.simulator.truth import entry_of
from runtime.types import Kind

TOLD_AS = {
    "seam": ("state seam",),
    "obstructed": ("state obstruction", "not inspected obstructed"),
    "other_cloth": ("state other_cloth", "not inspected other_cloth"),
    "no_cloth": ("state no_cloth", "not inspected no_cloth"),
}
"""What a nuisance's ``expect`` (runtime/simulator/nuisances.py) comes to in a stream. Its other words: nothing."""


def planted(look: Look, metres: float) -> list[Planted]:
    """The faults of the first ``metres``, cut off there."""
    loom, found = look.loom, []
    oracle = Oracle.of(loom.fabric, loom.sensor_model.noise_dn(loom.style.grey))
    for one in loom.truth(0, math.ceil(metres * 1000 / loom.mm_per_line)):
        seen = look.seen(one)
        if seen.y0_m < metres:
            entry = entry_of(one, loom.fabric, oracle)
            found.append(
                Planted(
                    id=one.id,
                    cls=one.cls,
                    kind=one.kind or Kind.LOCAL,
                    x0_mm=seen.x0_mm,
                    x1_mm=seen.x1_mm,
                    y0_m=seen.y0_m,
                    y1_m=min(seen.y1_m, metres),
                    severity=entry.severity,
                    snr=entry.snr,
                )
            )
    return found


def on_cloth(look: Look, metres: float) -> list[Disturbance]:
    """The nuisances of the first ``metres``, cut off there."""
    loom, found = look.loom, []
    for one in loom.nuisances(0, math.ceil(metres * 1000 / loom.mm_per_line)):
        seen = look.seen(one)
        if seen.y0_m < metres:
            found.append(
                Disturbance(
                    id=one.id,
                    kind=one.cls,
                    x0_mm=seen.x0_mm,
                    x1_mm=seen.x1_mm,
                    y0_m=seen.y0_m,
                    y1_m=min(seen.y1_m, metres),
                    expected=TOLD_AS.get(one.expect, ()),
                )
            )
    return found


def on_camera(suffered: Iterable[Suffered], look: Look, metres: float) -> list[Disturbance]:
    """What the camera at the loom's left suffers while the first ``metres`` of cloth pass."""
    found = []
    for one, what in [(each, what) for each in suffered for what in repeated(each, metres)]:
        first, end = (_cloth_m(look, on, metres) for on in (what.from_m, what.to_m))
        if first < metres:
            x0, x1 = (None if x is None else x * look.loom.mm_per_px for x in _columns(what))
            name = f"camera-{len(found)}"
            found.append(
                Disturbance(id=name, kind=one.kind, x0_mm=x0, x1_mm=x1, y0_m=first, y1_m=end, expected=one.expected)
            )
    return found


def _cloth_m(look: Look, camera_m: float, metres: float) -> float:
    """Metres of cloth that had passed at a camera's metre; no more than ``metres``."""
    if math.isinf(camera_m):
        return metres
    line = int(camera_m * 1000 / look.loom.mm_per_line)
    if look.length is not None and line >= look.length:
        return metres
    return min(metres, float(look.cloth_lines(line, 1)[0]) * look.loom.mm_per_line / 1000)


def _columns(what: world.Disturbance) -> tuple[float | None, float | None]:
    """Columns that it lies over; None where it lies over all."""
    if isinstance(what, Dust):
        return what.column - what.width_px, what.column + what.width_px
    if isinstance(what, world.StuckPixel):
        return what.column, what.column + 1
    return None, None
