"""A fault asked for, a fault as it lies on the cloth, and what a generator of faults has to give."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from runtime.errors import UserError
from runtime.simulator.fabric import Fabric
from runtime.types import Float32, Kind

Float64 = NDArray[np.float64]
Span = tuple[float, float]

FOREVER = 1 << 62
"""end_line of what runs to the end of the roll, wherever that is."""


@dataclass(frozen=True)
class Request:
    """Something asked for by place.

    Attributes:
        cls: its class, a key of FAULTS or NUISANCES.
        x_mm: its middle across the cloth, from the camera's column 0; classes that choose their own place across
            (over the whole width, at a selvedge) do not read it.
        y_m: where it begins along the cloth, from line 0. Yarn faults settle on the nearest yarn.
        severity: 0 (the weakest of its range) to 1 (the strongest); sizes and contrasts grow with it.
        seed: chooses what severity leaves open: rims, sides, dark or bright.
        length_mm: its length instead of what the severity says, along the yarn or the crease that it follows, or the
            diameter of a round one; infinity for what runs to the end of the roll.
        contrast: share of its change of the light that is left: 1 as the severity says, less for a fainter one of the
            same shape.
    """

    cls: str
    x_mm: float = 0.0
    y_m: float = 0.0
    severity: float = 0.5
    seed: int = 0
    length_mm: float | None = None
    contrast: float = 1.0


@dataclass(frozen=True)
class Fault(Request):
    """A fault of weaving asked for.

    Attributes:
        period_mm: distance of the repeats along the cloth, of classes that repeat; None: as the class has it.
    """

    period_mm: float | None = None


class OnCloth(Protocol):
    """What lies on the cloth and changes its light; ``Loom`` asks for no more than this."""

    @property
    def first_line(self) -> int: ...
    @property
    def end_line(self) -> int: ...
    def apply(self, light: Float32, first: int, grey: float) -> None:
        """Change the light of lines [first, first + n), float32 [n, width] in DN, in place."""


Paint = Callable[[Float32, Float64, Float64, float], None]
"""Changes light [n, m] in place, at line centres [n] and column centres [m], on cloth of a mean grey."""


@dataclass(frozen=True)
class Sketch:
    """What a generator gives: nothing outside the extent is changed.

    Attributes:
        across, along: extent in columns and lines, fractions allowed; cut at the sensor's and the roll's ends.
        paint: see Paint.
        polyline: (column, line) along its middle, where it is bent.
        period_mm: distance of its repeats along the cloth.
    """

    across: Span
    along: Span
    paint: Paint
    polyline: tuple[tuple[float, float], ...] = ()
    period_mm: float | None = None


@dataclass(frozen=True)
class Cloth:
    """The fabric and its scale: what generators lay their faults on. Lengths in px and lines unless named mm."""

    fabric: Fabric
    mm_per_px: float
    mm_per_line: float

    def px(self, mm: float) -> float:
        return mm / self.mm_per_px

    def lines(self, mm: float) -> float:
        return mm / self.mm_per_line

    def place(self, request: Request) -> tuple[float, float]:
        """Column of the middle and first line of what is asked for."""
        return self.px(request.x_mm), self.lines(request.y_m * 1000)


Draw = Callable[[Request, Cloth, np.random.Generator], Sketch]


@dataclass(frozen=True)
class Class:
    """How one class of fault or nuisance is made.

    Attributes:
        kind: its shape; None for what is no fault.
        draw: makes one.
        words: what it is, for people.
        continuous: it goes on until someone mends it, so its length says nothing of its cause.
        expect: what the runtime should make of it: ``defect`` for every fault; see NUISANCES for the others.
    """

    kind: Kind | None
    draw: Draw
    words: str
    continuous: bool = False
    expect: str = "defect"


@dataclass(frozen=True)
class Placed:
    """Ground truth of one fault or nuisance. No pixel outside [x0_px, x1_px) x [first_line, end_line) is changed.

    Attributes:
        id: unique within a Loom and the same whenever it is asked for.
        cls, kind, continuous, expect: of its class.
        x0_px, x1_px, first_line, end_line: the box, half-open; end_line is FOREVER for what never ends.
        x0_mm, x1_mm, y0_m, y1_m: the box in mm from column 0 and in m from line 0; y1_m may be infinite.
        severity: as asked for.
        period_mm: distance of its repeats along the cloth, or None.
        polyline: (x mm, y m) along its middle where it is bent, else empty.
        paint: see Paint.
    """

    id: str
    cls: str
    kind: Kind | None
    x0_px: int
    x1_px: int
    first_line: int
    end_line: int
    x0_mm: float
    x1_mm: float
    y0_m: float
    y1_m: float
    severity: float
    continuous: bool
    period_mm: float | None
    polyline: tuple[tuple[float, float], ...]
    expect: str
    paint: Paint

    @property
    def on_top(self) -> bool:
        """It hides faults too: nothing of the cloth is seen through it."""
        return self.expect in ("obstructed", "no_cloth")

    def apply(self, light: Float32, first: int, grey: float) -> None:
        """Change the light of lines [first, first + n), float32 [n, width], in place.

        Args:
            light: DN under an even lamp.
            first: number of its first line.
            grey: mean grey of the cloth.
        """
        low, high = max(first, self.first_line), min(first + light.shape[0], self.end_line)
        if low >= high:
            return
        part = light[low - first : high - first, self.x0_px : self.x1_px]
        y = np.arange(low, high, dtype=np.float64) + 0.5
        x = np.arange(self.x0_px, self.x1_px, dtype=np.float64) + 0.5
        self.paint(part, y, x, grey)


def lay(request: Request, classes: Mapping[str, Class], cloth: Cloth, name: str) -> Placed:
    """Make what is asked for and cut it at the ends of sensor and roll.

    Raises:
        UserError: an unknown class, a severity or contrast outside 0 to 1, or a place that is off the cloth.
    """
    if request.cls not in classes:
        raise UserError(f"there is no class '{request.cls}'; there are: {', '.join(classes)}")
    if not 0 <= request.severity <= 1:
        raise UserError(f"the severity of a {request.cls} must be 0 to 1, not {request.severity}")
    if request.length_mm is not None and not request.length_mm > 0:
        raise UserError(f"the length of a {request.cls} must be above 0 mm, not {request.length_mm}")
    if not 0 < request.contrast <= 1:
        raise UserError(f"the contrast of a {request.cls} must be above 0 and at most 1, not {request.contrast}")
    width = cloth.fabric.width
    if not (0 <= request.x_mm <= width * cloth.mm_per_px and 0 <= request.y_m < math.inf):
        raise UserError(f"a {request.cls} at x {request.x_mm} mm, y {request.y_m} m is not on the cloth")
    entry = classes[request.cls]
    sketch = entry.draw(request, cloth, np.random.default_rng([request.seed, 301]))
    x0, x1 = max(0, math.floor(sketch.across[0])), min(width, math.ceil(sketch.across[1]))
    first = max(0, math.floor(sketch.along[0]))
    end = FOREVER if math.isinf(sketch.along[1]) else math.ceil(sketch.along[1])
    if x0 >= x1 or first >= end:
        raise UserError(f"a {request.cls} at x {request.x_mm} mm, y {request.y_m} m is not on the cloth")
    mm, m = cloth.mm_per_px, cloth.mm_per_line / 1000
    paint = sketch.paint if request.contrast == 1 else fainter(sketch.paint, request.contrast)
    return Placed(
        id=name, cls=request.cls, kind=entry.kind, x0_px=x0, x1_px=x1, first_line=first, end_line=end,
        x0_mm=x0 * mm, x1_mm=x1 * mm, y0_m=first * m, y1_m=math.inf if end == FOREVER else end * m,
        severity=request.severity, continuous=entry.continuous, period_mm=sketch.period_mm,
        polyline=tuple((x * mm, y * m) for x, y in sketch.polyline), expect=entry.expect, paint=paint,
    )  # fmt: skip


def fainter(paint: Paint, share: float) -> Paint:
    """Only a share of the change that ``paint`` makes."""

    def part(light: Float32, y: Float64, x: Float64, grey: float) -> None:
        before = light.copy()
        paint(light, y, x, grey)
        light[:] = before + np.float32(share) * (light - before)

    return part


def between(span: Span, severity: float) -> float:
    """The value of a range at a severity."""
    return span[0] + (span[1] - span[0]) * severity


def size(span: Span, severity: float) -> float:
    """The same in equal ratios: for sizes, whose ranges reach over decades."""
    return float(span[0] * (span[1] / span[0]) ** severity)
