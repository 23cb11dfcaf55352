"""One camera's look at a loom: which cloth each of its lines shows, through its own window, lamp and sensor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.errors import UserError
from runtime.simulator.encoder import Encoder
from runtime.simulator.fabric import CHUNK
from runtime.simulator.gains import Gain, Gains
from runtime.simulator.geometry import Mount
from runtime.simulator.loom import Loom
from runtime.simulator.motion import Path
from runtime.simulator.optics import lamp_profile
from runtime.simulator.rendering import fill
from runtime.simulator.sensor import Sensor
from runtime.simulator.world import Defocus, StuckPixel, World
from runtime.types import Float32, Int64, Pixels

Float64 = NDArray[np.float64]
_WIDEST = 30_000  # px; cv2.remap counts columns in 16 bits
_REACH = 2  # lines around a place that cubic interpolation reads
_ON_THE_LINE = 1e-4


class OnLoom(Protocol):
    """Anything with a box in the Loom's columns and lines: a defect or a nuisance of its truth."""

    @property
    def x0_px(self) -> int: ...
    @property
    def x1_px(self) -> int: ...
    @property
    def first_line(self) -> int: ...
    @property
    def end_line(self) -> int: ...


@dataclass(frozen=True)
class Seen:
    """Where a runtime without error would report a box of the cloth, seen through one camera for the first time.

    Attributes:
        x0_mm, x1_mm: where it lay on the loom, from the Loom's column 0.
        y0_m, y1_m: metres by the encoder's count. They differ from the cloth's own by slip, lost counts and skew.
    """

    x0_mm: float
    x1_mm: float
    y0_m: float
    y1_m: float


class Look:
    """A LineSource: a Loom seen by one camera in a World.

    Line n depends on the arguments and on n alone, bit for bit. Where nothing is asked for, the lines are the
    Loom's own. Serves one thread; several Looks may share a Loom, each in a thread of its own.

    Args:
        loom: the cloth.
        world: what the camera and the loom do beside it.
        mount: where the camera sits; None: over the whole Loom.

    Raises:
        UserError: cached cloth, a camera too wide for what is asked, a disturbance off its columns.
    """

    channels = 1

    def __init__(self, loom: Loom, world: World | None = None, mount: Mount | None = None) -> None:
        self.loom, self.world, self.mount = loom, world or World(), mount or Mount()
        self.width = loom.width if self.mount.width is None else self.mount.width
        self.bits = self.world.bits
        world = self.world
        if loom.cached:
            raise UserError("cached cloth lies still under one camera: leave out what moves or disturbs it, or cached")
        self.encoder = world.encoder or (Encoder() if world.motion else None)
        trigger = self.encoder.trigger if self.encoder else "motion"
        self._path = Path(world.motion, loom.mm_per_line, trigger) if world.motion else None
        self.length = self._path.length if self._path else None
        light = lamp_profile(self.width, loom.falloff) * np.float32(self.mount.gain)
        self._sensor = Sensor(loom.sensor_model, light, loom.seed + self.mount.seed, self.bits)
        gains = tuple(one for one in world.disturbances if isinstance(one, Gain))
        self._gains = Gains(gains, self.width, loom.mm_per_line)
        self._stuck = [one for one in world.disturbances if isinstance(one, StuckPixel)]
        self._defocus = [one for one in world.disturbances if isinstance(one, Defocus)]
        if any(one.column >= self.width for one in self._stuck):
            raise UserError(f"a stuck pixel lies beyond the camera's {self.width} columns")
        self._columns = self.mount.columns(self.width, loom.mm_per_px)
        self._ahead = self.mount.lines_ahead(self.width, loom.mm_per_px, loom.mm_per_line)
        whole = np.abs(self._columns - 0.5 - np.rint(self._columns - 0.5)).max() < _ON_THE_LINE
        inside = self._columns[0] > 0 and self._columns[-1] < loom.width
        self._straight = bool(world.geometry.straight and whole and inside and not self.mount.angle_deg)
        if not self._straight and max(self.width, loom.width) > _WIDEST:
            raise UserError(f"cloth that lies askew, or a camera between pixels, goes up to {_WIDEST} px, not beyond")
        self._last: tuple[int, Pixels] | None = None

    # --- what a camera gives --------------------------------------------------------------------

    def lines(self, first: int, count: int) -> Pixels:
        """Lines [first, first + count), uint8 or, above 8 bits, uint16 [count, width, 1]; ``first`` >= 0.

        Raises:
            ValueError: a negative line or count, or lines beyond the motion's end.
        """
        if first < 0 or count < 0 or (self.length is not None and first + count > self.length):
            raise ValueError(f"lines({first}, {count}) of cloth with {self.length or 'endless'} lines from 0 on")
        out = np.empty((count, self.width, 1), np.uint8 if self.bits == 8 else np.uint16)
        fill(out[..., 0], first, self._chunk)
        return out

    def counts(self, first: int, count: int) -> Int64 | None:
        """Signed encoder counts latched with lines [first, first + count), int64 [count]; None without an encoder."""
        if self.encoder is None:
            return None
        lines, marks, _, _ = self._places(first, count)
        return self.encoder.counts(marks, lines, self.loom.mm_per_line)

    def seconds(self, first: int, count: int) -> Float64:
        """When lines [first, first + count) were taken, float64 [count], from the start of the motion."""
        return self._places(first, count)[3]

    def cloth_lines(self, first: int, count: int) -> Float64:
        """Which line of the Loom's cloth the camera's middle looks at, float64 [count], in fractions of lines."""
        lines, marks, tops, _ = self._places(first, count)
        if self.encoder is None:
            return marks.astype(np.float64) + self.mount.lines
        return self.encoder.cloth_lines(marks, tops, lines, self.loom.mm_per_line) + self.mount.lines

    def seen(self, box: OnLoom) -> Seen:
        """Where a runtime without error would report a box of the Loom's truth."""
        loom, geometry = self.loom, self.world.geometry
        width_mm = loom.width * loom.mm_per_px
        end = min(float(box.end_line), box.first_line + 1e9)  # what never ends has an end that floats can hold
        y = np.linspace(box.first_line, end, 65) * loom.mm_per_line
        shift, stretch = geometry.across(y / 1000)
        sides = [(px * loom.mm_per_px - width_mm / 2) * stretch + shift for px in (box.x0_px, box.x1_px)]
        low, high = float(min(side.min() for side in sides)), float(max(side.max() for side in sides))
        x = np.linspace(low, high, 65)
        ahead = geometry.ahead_mm(x, width_mm) + self._mount_ahead_mm(x + width_mm / 2)
        y0, y1 = float(y[0] - ahead.max()), float(y[-1] - ahead.min())
        if self.encoder:
            y0, y1 = self.encoder.counted_mm(y0), self.encoder.counted_mm(y1)
        return Seen(low + width_mm / 2, high + width_mm / 2, y0 / 1000, y1 / 1000)

    def _mount_ahead_mm(self, x_mm: Float64) -> Float64:
        columns = (x_mm - self.mount.x_mm) / self.loom.mm_per_px - 0.5
        ahead: Float64 = np.interp(columns, np.arange(self.width), self._ahead) * self.loom.mm_per_line
        return ahead

    # --- how its lines are made -----------------------------------------------------------------

    def _places(self, first: int, count: int) -> tuple[Int64, Int64, Int64, Float64]:
        """Line numbers, marks, tops and seconds; see motion.Path.places."""
        lines = np.arange(first, first + count, dtype=np.int64)
        if self._path is None:
            return lines, lines, lines, lines / self.world.line_rate_hz
        return lines, *self._path.places(first, count)

    def _chunk(self, start: int) -> Pixels:
        if self._last is None or self._last[0] != start:
            count = CHUNK if self.length is None else min(CHUNK, self.length - start)
            lines = np.arange(start, start + count, dtype=np.int64)
            light = self._focused(self.cloth_lines(start, count), lines)
            self._gains.apply(light, lines)
            pixels = self._sensor.expose(light, lines)
            self._stick(pixels, lines)
            if self.loom.stamp:
                pixels[:, :8] = lines.astype(">i8").view(np.uint8).reshape(count, 8)
            self._last = (start, pixels)
        return self._last[1]

    def _focused(self, places: Float64, lines: Int64) -> Float32:
        """Light at places on the cloth, as the lens gives it at those lines of the camera, float32 [n, width]."""
        light = self._sampled(places)
        for blur in self._defocus:
            here = self._during(blur, lines)
            if here.any():
                kernel = blur.kernel()
                reach = len(kernel) // 2
                along = np.zeros_like(light[here])
                for away, weight in enumerate(kernel, start=-reach):
                    along += np.float32(weight) * self._sampled(places[here] + away)
                weights = np.array([kernel], np.float32)
                light[here] = cv2.filter2D(along, -1, weights, borderType=cv2.BORDER_REPLICATE)
        return light

    def _sampled(self, places: Float64) -> Float32:
        """Light at places on the cloth, float32 [n, width]."""
        whole = np.rint(places)
        if self._straight and np.abs(places - whole).max() < _ON_THE_LINE:
            lines = whole.astype(np.int64)
            first = int(lines.min())
            left = round(float(self._columns[0] - 0.5))
            light = self.loom.light(first, int(lines.max()) - first + 1)
            return light[lines - first, left : left + self.width]
        x, y = self._coordinates(places)
        first = math.floor(y.min()) - _REACH
        light = self.loom.light(first, math.ceil(y.max()) + _REACH - first + 1)
        rows = (y - first).astype(np.float32)
        return np.asarray(cv2.remap(light, x, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.float32)

    def _coordinates(self, places: Float64) -> tuple[Float32, Float64]:
        """Indices of the Loom's column float32 and line float64 that each pixel looks at, [n, width] each."""
        loom, geometry = self.loom, self.world.geometry
        shift, stretch = geometry.across(places[:, None] * loom.mm_per_line / 1000)
        middle = loom.width / 2
        x = middle + (self._columns - middle - shift / loom.mm_per_px) / stretch
        width_mm = loom.width * loom.mm_per_px
        askew = geometry.ahead_mm((self._columns - middle) * loom.mm_per_px, width_mm) / loom.mm_per_line
        y = places[:, None] + (askew + self._ahead - self.mount.lines)
        return np.broadcast_to(x - 0.5, y.shape).astype(np.float32), y

    def _stick(self, pixels: Pixels, lines: Int64) -> None:
        for one in self._stuck:
            pixels[self._during(one, lines), one.column] = round(one.level * self._sensor.most)

    def _during(self, one: StuckPixel | Defocus, lines: Int64) -> NDArray[np.bool_]:
        metres = lines * self.loom.mm_per_line / 1000
        during: NDArray[np.bool_] = (metres >= one.from_m) & (metres < one.to_m)
        return during
