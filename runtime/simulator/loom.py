"""A loom to look at: endless cloth with known defects, the same whenever and however it is asked for."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence

import numpy as np

from runtime.errors import UserError
from runtime.simulator.cached import CachedCloth
from runtime.simulator.defects import DEFECTS, LONGEST_MM, Plant, PlantedDefect, place
from runtime.simulator.fabric import CHUNK, Fabric
from runtime.simulator.faults import Cloth, Fault, Placed, lay_fault
from runtime.simulator.nuisances import Nuisance, lay_nuisance
from runtime.simulator.optics import blur_to_the_right, lamp_profile
from runtime.simulator.rendering import fill
from runtime.simulator.sensor import Sensor, SensorModel
from runtime.simulator.styles import Style, find_style
from runtime.simulator.truth import touching
from runtime.types import Float32, UInt8

PLANT_M = 5.0
"""Random defects are drawn anew, from a seed of its own, for each piece of cloth of this length."""
_STREAM_PLANT = 201
_KEPT_PIECES, _KEPT_CHUNKS = 16, 12


class Loom:
    """Cloth under a line camera: a LineSource with ground truth.

    Line n depends on the arguments and on n alone, bit for bit. Memory grows with the width, not with
    the lines read. One Loom serves one thread; its ``light`` serves several.

    Args:
        style: name of a style in STYLES, or a Style.
        width: px per line; the cloth lies between two margins and has a selvedge at both sides.
        seed: of everything random.
        mm_per_px, mm_per_line: size of a pixel on the cloth; mm_per_line None: as mm_per_px.
        defects_per_100m: mean number of random defects per 100 m of cloth of this width.
        defects: defects asked for by place, besides the random ones: a Plant by size and contrast, a Fault by severity.
        nuisances: what lies on good cloth, asked for by place.
        margin_mm: background at each side. background: its grey under the lamp's middle, DN.
        falloff: share of the lamp's light missing at the outermost columns.
        psf_px: sigma of the lens's point spread.
        sensor: noise figures.
        stamp: write the line number, 64 bit big-endian, over the first 8 pixels of every line.
        cached: take the cloth from a stretch that was drawn once and repeats (cached.CachedCloth): the same defects,
            at the speed of the fastest cameras, for tests of load.

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
        defects: Sequence[Plant | Fault] = (),
        nuisances: Sequence[Nuisance] = (),
        margin_mm: float = 8.0,
        background: float = 40.0,
        falloff: float = 0.25,
        psf_px: float = 0.5,
        sensor: SensorModel | None = None,
        stamp: bool = False,
        cached: bool = False,
    ) -> None:
        self.style = find_style(style) if isinstance(style, str) else style
        self.width, self.seed, self.stamp = width, seed, stamp
        self.mm_per_px = mm_per_px
        self.mm_per_line = mm_per_px if mm_per_line is None else mm_per_line
        self._density = defects_per_100m
        self._check(margin_mm, falloff)
        self.fabric = Fabric(self.style, width, seed, mm_per_px, self.mm_per_line, margin_mm, background, psf_px)
        self.cloth = Cloth(self.fabric, mm_per_px, self.mm_per_line)
        self.sensor_model = SensorModel() if sensor is None else sensor
        self.falloff = falloff
        self._sensor = Sensor(self.sensor_model, lamp_profile(width, falloff), seed)
        self._asked = [self._asked_for(one, f"asked-{i}") for i, one in enumerate(defects)]
        self._nuisances = [lay_nuisance(one, self.cloth, f"nuisance-{i}") for i, one in enumerate(nuisances)]
        self._pieces: dict[int, list[PlantedDefect]] = {}
        self._last: tuple[int, UInt8] | None = None
        self._lit: dict[int, Float32] = {}
        self._lock = threading.Lock()
        self.cached = CachedCloth.drawn(self.fabric, self._sensor) if cached else None

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

    def _asked_for(self, plant: Plant | Fault, name: str) -> PlantedDefect | Placed:
        if isinstance(plant, Fault):
            return lay_fault(plant, self.cloth, name)
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
        fill(out[..., 0], first, self._chunk)
        return out

    def truth(self, first: int, end: int) -> list[PlantedDefect | Placed]:
        """The defects that touch lines [first, end), by first line; whole, though they may reach beyond."""
        found: list[PlantedDefect | Placed] = [*self._asked]
        if self._density > 0:
            lines = PLANT_M * 1000 / self.mm_per_line
            reach = LONGEST_MM / self.mm_per_line
            # One piece more on: a defect settles on the nearest yarn, which may lie before its piece.
            low, high = math.floor((first - reach) / lines) - 1, math.floor(end / lines) + 1
            for piece in range(max(0, low), high + 1):
                found += self._planted(piece)
        return sorted(touching(found, first, end), key=lambda d: (d.first_line, d.id))

    def nuisances(self, first: int, end: int) -> list[Placed]:
        """The nuisances that touch lines [first, end), in the order in which they were asked for."""
        return touching(self._nuisances, first, end)

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

    def light(self, first: int, count: int) -> Float32:
        """Light from lines [first, first + count) of the cloth with all that lies on it, before lamp and sensor.

        The cloth reaches back before line 0 here, without end, for cameras that look ahead or behind. May be
        called by several threads: the last chunks are kept for all of them.

        Returns:
            float32 [count, width] in DN under an even lamp.
        """
        start = first // CHUNK * CHUNK
        with self._lock:
            chunks = [self._kept(at) for at in range(start, first + count, CHUNK)]
        return np.concatenate(chunks)[first - start : first - start + count]

    def _kept(self, start: int) -> Float32:
        if start not in self._lit:
            if len(self._lit) >= _KEPT_CHUNKS:
                del self._lit[next(iter(self._lit))]
            self._lit[start] = self._seen(start)
        return self._lit[start]

    def _seen(self, start: int) -> Float32:
        """Light from lines [start, start + CHUNK) of the cloth with all that lies on it, float32 [CHUNK, width]."""
        light = self.fabric.light(start)
        self._lay_on(light, start)
        return blur_to_the_right(light, self.style.uneven_px)

    def _lay_on(self, light: Float32, start: int) -> None:
        """Change the light of lines [start, start + n), float32 [n, width], by all that lies on the cloth."""
        for thing in self.things(start, start + light.shape[0]):
            thing.apply(light, start, self.style.grey)

    def things(self, first: int, end: int) -> list[PlantedDefect | Placed]:
        """All that lies on lines [first, end), from the lowest to what covers it."""
        nuisances = self.nuisances(first, end)
        below = [n for n in nuisances if not n.on_top]
        above = [n for n in nuisances if n.on_top]
        return [*below, *self.truth(first, end), *above]

    def _chunk(self, start: int) -> UInt8:
        """Lines [start, start + CHUNK), uint8 [CHUNK, width]; the last chunk is kept for odd blocks."""
        if self._last is None or self._last[0] != start:
            numbers = start + np.arange(CHUNK, dtype=np.int64)
            if self.cached:
                pixels = self.cached.chunk(start, self.things(start, start + CHUNK), self.style.grey)
            else:
                pixels = self._sensor.expose(self._seen(start), numbers).astype(np.uint8, copy=False)
            if self.stamp:
                pixels[:, :8] = numbers.astype(">i8").view(np.uint8).reshape(CHUNK, 8)
            self._last = (start, pixels)
        return self._last[1]
