"""Several cameras side by side over one loom, mounted as well as cameras are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.errors import UserError
from runtime.simulator.geometry import Mount
from runtime.simulator.look import Look
from runtime.simulator.loom import Loom
from runtime.simulator.noise import uniform
from runtime.simulator.world import World

_MOUNT = 331
_SENSORS_APART = 7919
"""Seeds of the cameras' sensors lie so far apart; the first camera's is the Loom's own."""


@dataclass(frozen=True)
class CameraRow:
    """Cameras side by side. Each error is drawn for each camera, evenly from minus to plus the figure.

    Attributes:
        cameras: how many, 1 to 8. overlap_mm: what two neighbours both see.
        dx_mm, dy_lines, angle_deg, gain: errors of place across and along, of angle, and of gain (relative).
        seed: of the errors.
    """

    cameras: int = 2
    overlap_mm: float = 40.0
    dx_mm: float = 0.0
    dy_lines: float = 0.0
    angle_deg: float = 0.0
    gain: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not (1 <= self.cameras <= 8 and self.overlap_mm >= 0):
            raise UserError(f"a row has 1 to 8 cameras that overlap by 0 mm or more, not {self.cameras}")


@dataclass(frozen=True)
class Station:
    """One camera of a row.

    Attributes:
        look: what it sees, which is a little off.
        x_offset_mm: where its column 0 ought to lie, from the Loom's column 0: its Scale's x_offset_mm.
    """

    look: Look
    x_offset_mm: float


def look_side_by_side(loom: Loom, row: CameraRow, worlds: World | tuple[World, ...] | None = None) -> list[Station]:
    """The cameras of a row from left to right, equally wide, together as wide as the Loom.

    Args:
        worlds: of all cameras, or one for each (dust lies on one window alone; the motion and the geometry are the
            loom's, and ought to be the same in each).

    Raises:
        UserError: not one world for each camera, an overlap that leaves no camera, or what Look refuses.
    """
    each = worlds if isinstance(worlds, tuple) else (worlds or World(),) * row.cameras
    if len(each) != row.cameras:
        raise UserError(f"{row.cameras} cameras need as many worlds, or one for all, not {len(each)}")
    overlap = round(row.overlap_mm / loom.mm_per_px)
    width = (loom.width + (row.cameras - 1) * overlap) // row.cameras
    if width <= 2 * overlap and row.cameras > 1:
        raise UserError(f"cameras of {width} px that overlap by {overlap} px see little else: ask for fewer, or less")
    errors = 2 * uniform(row.seed, _MOUNT, np.arange(row.cameras * 4, dtype=np.int64)).reshape(-1, 4) - 1
    stations = []
    for number, (world, (dx, dy, angle, gain)) in enumerate(zip(each, errors.tolist(), strict=True)):
        x_offset_mm = number * (width - overlap) * loom.mm_per_px
        mount = Mount(
            x_mm=x_offset_mm + dx * row.dx_mm,
            lines=dy * row.dy_lines,
            angle_deg=angle * row.angle_deg,
            gain=1 + gain * row.gain,
            width=width,
            seed=number * _SENSORS_APART,
        )
        stations.append(Station(Look(loom, world, mount), x_offset_mm))
    return stations
