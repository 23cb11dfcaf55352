"""A loom to look at: endless cloth with known defects, the same whenever and however it is asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from runtime.errors import UserError
from runtime.simulator.defects import DEFECTS, LONGEST_MM, Plant, PlantedDefect, place
from runtime.simulator.fabric import CHUNK, Fabric
from runtime.simulator.optics import lamp_profile
from runtime.simulator.sensor import Sensor, SensorModel
from runtime.simulator.styles import Style, find_style
from runtime.types import UInt8

PLANT_M = 5.0
"""Random defects are drawn anew, from a seed of its own, for each piece of cloth of this length."""
_STREAM_PLANT = 201
_KEPT_PIECES = 16


class Loom:
    """Cloth under a line camera: a LineSource with ground truth.

    Line n depends on the arguments and on n alone, bit for bit. Memory grows with the width, not with
    the lines read. One Loom serves one thread.

    Args:
        style: name of a style in STYLES, or a Style.
        width: px per line; the cloth lies between two margins and has a selvedge at both sides.
        seed: of everything random.
        mm_per_px, mm_per_line: size of a pixel on the cloth; mm_per_line None: as mm_per_px.
        defects_per_100m: mean number of random defects per 100 m of cloth of this width.
        defects: defects asked for by place, besides the random ones.
        margin_mm: background at each side. background: its grey under the lamp's middle, DN.
        falloff: share of the lamp's light missing at the outermost columns.
        psf_px: sigma of the lens's point spread.
        sensor: noise figures.
        stamp: write the line number, 64 bit big-endian, over the first 8 pixels of every line.

    Raises:
        UserError: arguments out of range, an unknown style or defect class, no room for cloth.
    """

    channels = 1
    length: int | None = None

    def __init__(
        self,
        style: str | Style = "plain",
        width: int = 4096,
        seed: int = 0,
        mm_per_px: float = 0.2,
        mm_per_line: float | None = None,
        defects_per_100m: float = 0.0,
        defects: Sequence[Plant] = (),
        margin_mm: float = 8.0,
        background: float = 40.0,
        falloff: float = 0.25,
        psf_px: float = 0.5,
        sensor: SensorModel | None = None,
        stamp: bool = False,
    ) -> None:
        self.style = find_style(style) if isinstance(style, str) else style
        self.width, self.seed, self.stamp = width, seed, stamp
        self.mm_per_px = mm_per_px
        self.mm_per_line = mm_per_px if mm_per_line is None else mm_per_line
        self._density = defects_per_100m
        self._check(margin_mm, falloff)
        self.fabric = Fabric(self.style, width, seed, mm_per_px, self.mm_per_line, margin_mm, background, psf_px)
        light = lamp_profile(width, falloff)
        self._sensor = Sensor(SensorModel() if sensor is None else sensor, light, seed)
        self._asked = [self._visible(plant, f"asked-{i}") for i, plant in enumerate(defects)]
        self._pieces: dict[int, list[PlantedDefect]] = {}
        self._last: tuple[int, UInt8] | None = None

    def _check(self, margin_mm: float, falloff: float) -> None:
        if not (self.mm_per_px > 0 and self.mm_per_line > 0):
            raise UserError(f"mm_per_px and mm_per_line must be > 0, not {self.mm_per_px}, {self.mm_per_line}")
        if not (self._density >= 0 and math.isfinite(self._density)):
            raise UserError(f"defects_per_100m must be 0 or more, not {self._density}")
        if not (0 <= falloff < 1 and margin_mm >= 0 and self.seed >= 0):
            raise UserError("the lamp's falloff must be 0 to below 1, margin_mm and seed 0 or more")
        least = 2 * (margin_mm + self.style.selvedge_mm) + 10
        if self.width * self.mm_per_px < least:
            raise UserError(
                f"{self.width} px of {self.mm_per_px} mm leave no room for cloth: margins, selvedges and 10 mm of "
                f"{self.style.name} take {least:g} mm; ask for a larger width or a smaller margin_mm"
            )

    def _place(self, plant: Plant, name: str) -> PlantedDefect | None:
        return place(plant, self.fabric, self.mm_per_px, self.mm_per_line, name)

    def _visible(self, plant: Plant, name: str) -> PlantedDefect:
        defect = self._place(plant, name)
        if defect is None:
            raise UserError(f"a {plant.cls} of {plant.size_mm} mm is too small for pixels of {self.mm_per_px} mm")
        return defect

    def lines(self, first: int, count: int) -> UInt8:
        """Lines [first, first + count), uint8 [count, width, 1]; ``first`` >= 0.

        Raises:
            ValueError: a negative line or count.
        """
        if first < 0 or count < 0:
            raise ValueError(f"lines({first}, {count}): cloth begins at line 0")
        out = np.empty((count, self.width, 1), np.uint8)
        line = first
        while line < first + count:
            start = line // CHUNK * CHUNK
            stop = min(start + CHUNK, first + count)
            out[line - first : stop - first, :, 0] = self._chunk(start)[line - start : stop - start]
            line = stop
        return out

    def truth(self, first: int, end: int) -> list[PlantedDefect]:
        """The defects that touch lines [first, end), by first line; whole, though they may reach beyond."""
        found = [*self._asked]
        if self._density > 0:
            lines = PLANT_M * 1000 / self.mm_per_line
            reach = LONGEST_MM / self.mm_per_line
            # One piece more on: a defect settles on the nearest yarn, which may lie before its piece.
            low, high = math.floor((first - reach) / lines) - 1, math.floor(end / lines) + 1
            for piece in range(max(0, low), high + 1):
                found += self._planted(piece)
        touching = [d for d in found if d.first_line < end and d.end_line > first]
        return sorted(touching, key=lambda d: (d.first_line, d.id))

    def _planted(self, piece: int) -> list[PlantedDefect]:
        """The random defects that begin in one piece of PLANT_M metres."""
        if piece not in self._pieces:
            rng = np.random.default_rng([self.seed, _STREAM_PLANT, piece])
            x0, x1 = (edge * self.mm_per_px for edge in self.fabric.edges)
            drawn = []
            for i in range(rng.poisson(self._density * PLANT_M / 100)):
                cls = list(DEFECTS)[rng.integers(len(DEFECTS))]
                entry = DEFECTS[cls]
                size = float(np.exp(rng.uniform(*np.log(entry.sizes_mm))))
                plant = Plant(
                    cls,
                    x_mm=float(rng.uniform(x0, x1)),
                    y_m=PLANT_M * (piece + float(rng.uniform())),
                    size_mm=size,
                    contrast=float(rng.uniform(*entry.contrasts)),
                    shape_seed=int(rng.integers(1 << 16)),
                )
                drawn.append(self._place(plant, f"piece{piece}-{i}"))
            if len(self._pieces) >= _KEPT_PIECES:
                del self._pieces[next(iter(self._pieces))]
            self._pieces[piece] = [defect for defect in drawn if defect is not None]
        return self._pieces[piece]

    def _chunk(self, start: int) -> UInt8:
        """Lines [start, start + CHUNK), uint8 [CHUNK, width]; the last chunk is kept for odd blocks."""
        if self._last is None or self._last[0] != start:
            light = self.fabric.light(start)
            for defect in self.truth(start, start + CHUNK):
                defect.apply(light, start, self.style.grey)
            numbers = start + np.arange(CHUNK, dtype=np.int64)
            pixels = self._sensor.expose(light, numbers)
            if self.stamp:
                pixels[:, :8] = numbers.astype(">i8").view(np.uint8).reshape(CHUNK, 8)
            self._last = (start, pixels)
        return self._last[1]
