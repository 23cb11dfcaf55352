"""A scenario: cloth, what lies on it, how it runs and what the cameras suffer, and what the runtime should make of it.

Packs are YAML files of one scenario each; those that come with the package lie in ``packs/``, and docs/scenarios.md
explains how to write one. Where things lie is drawn from the seed by runtime/simulator/laying.py.
"""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, TypeAdapter, field_validator, model_validator

from runtime.errors import UserError
from runtime.simulator import gains
from runtime.simulator.encoder import Encoder
from runtime.simulator.faults import FAULTS
from runtime.simulator.geometry import Geometry
from runtime.simulator.motion import AnyMotion, Back, Forward, Motion, Move, Stop, Table, Weaving
from runtime.simulator.nuisances import NUISANCES
from runtime.simulator.styles import find_style
from runtime.simulator.world import Defocus, Disturbance, StuckPixel
from runtime.yaml_files import FORMAT, Strict, read_yaml

PACKS = Path(__file__).parent / "packs"
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _named(kinds: dict[str, type]) -> BeforeValidator:
    """``{name: {values}}`` becomes the class of that name with those values."""

    def build(value: Any) -> Any:
        if isinstance(value, tuple(kinds.values())):
            return value
        if not isinstance(value, dict) or len(value) != 1:
            raise ValueError(f"must be one name with its values, of {', '.join(kinds)}")
        ((name, values),) = value.items()
        if name not in kinds:
            raise ValueError(f"there is no '{name}'; there are: {', '.join(kinds)}")
        _refuse_unknown(name, kinds[name], values)
        return TypeAdapter(kinds[name]).validate_python(values or {})

    return BeforeValidator(build)


def _only(name: str, kind: type) -> BeforeValidator:
    """A section of that class alone."""

    def check(value: Any) -> Any:
        _refuse_unknown(name, kind, value)
        return value

    return BeforeValidator(check)


def _refuse_unknown(name: str, kind: type, values: Any) -> None:
    """pydantic lets unknown keys of plain dataclasses pass."""
    if is_dataclass(kind) and isinstance(values, dict):
        known = [one.name for one in fields(kind)]
        for key in values:
            if key not in known:
                raise ValueError(f"{name} has no '{key}'; it has: {', '.join(known)}")


class Moves(Strict):
    """A list of moves, gone through so many times."""

    times: int = Field(default=1, ge=1)
    list: tuple[
        Annotated[Move, _named({"forward": Forward, "back": Back, "stop": Stop})], ...
    ] = Field(min_length=1)  # fmt: skip

    def motion(self) -> Motion:
        """The same as the simulator takes it."""
        return Motion(self.list * self.times)


class Lay(Strict):
    """Faults or nuisances to lay on the cloth, by exactly one of ``at_m``, ``every_m``, ``per_100m`` and ``gap_mm``."""

    classes: tuple[str, ...] = Field(default=(), description="none: all that there are")
    severities: tuple[Share, ...] = Field(default=(0.5,), min_length=1, description="drawn from, or gone through")
    at_m: tuple[Annotated[float, Field(ge=0)], ...] | None = Field(default=None, description="at these metres")
    every_m: Positive | None = Field(default=None, description="at each multiple of so many metres")
    per_100m: Positive | None = Field(default=None, description="at random places, so many on average")
    gap_mm: Positive | None = Field(
        default=None, description="each class in each severity once, so far from one's end to the next one's start"
    )
    x_mm: float | None = Field(default=None, ge=0, description="middle across; none: drawn")
    length_mm: Positive | None = Field(default=None, description="instead of what the severity says")
    longest_mm: Positive = Field(default=3000.0, description="what would be longer along the cloth is this long")
    times: int = Field(default=1, ge=1, description="how often each comes, with gap_mm")
    snr: tuple[Positive, Positive] | None = Field(
        default=None,
        description="contrast is lowered to a signal-to-noise ratio of an ideal filter drawn between these; what is "
        "fainter by itself stays as it is",
    )
    style: str | None = Field(default=None, description="of the cloth that follows a seam or a change of style")

    @model_validator(mode="after")
    def _one_way(self) -> Lay:
        ways = [name for name in ("at_m", "every_m", "per_100m", "gap_mm") if getattr(self, name) is not None]
        if len(ways) != 1:
            raise ValueError("needs exactly one of at_m, every_m, per_100m and gap_mm")
        if self.snr is not None and self.snr[0] > self.snr[1]:
            raise ValueError("snr goes from low to high")
        if self.times > 1 and self.gap_mm is None:
            raise ValueError("times needs gap_mm")
        if self.style is not None:
            find_style(self.style)
        return self


class Suffered(Strict):
    """Something that a camera suffers: it stands still in the camera's frame."""

    what: Annotated[
        Disturbance,
        _named(
            {
                "dust": gains.Dust,
                "segments": gains.Segments,
                "stale_flat_field": gains.StaleFlatField,
                "lamp_drift": gains.LampDrift,
                "lamp_step": gains.LampStep,
                "leak": gains.Leak,
                "led_nodes": gains.LedNodes,
                "stuck_pixel": StuckPixel,
                "defocus": Defocus,
            }
        ),
    ]
    every_m: Positive | None = Field(default=None, description="once more in each such length; none: once")
    expected: tuple[str, ...] = Field(
        default=(), description="what should be told of it, one of these and nothing else; empty: nothing at all"
    )

    @property
    def kind(self) -> str:
        """Its name in a table."""
        return "".join(f" {c.lower()}" if c.isupper() else c for c in type(self.what).__name__).strip()


class Cameras(Strict):
    """Cameras side by side over the cloth, and how far from what they believe they may be mounted."""

    name: str = Field(default="", description="of this arrangement among those of a pack")
    count: int = Field(default=1, ge=1, le=8)
    overlap_mm: float = Field(default=40.0, ge=0)
    dx_mm: float = Field(default=0.0, ge=0, description="to either side, drawn for each camera, as are the others")
    dy_lines: float = Field(default=0.0, ge=0)
    angle_deg: float = Field(default=0.0, ge=0)
    gain: float = Field(default=0.0, ge=0, lt=1)
    line_rate_hz: Positive | None = Field(default=None, description="pace; none: as fast as lines are taken")


class Teach(Strict):
    """The cloth that a style is learnt from, where a benchmark makes its bundle."""

    faults_per_100m: float = Field(default=0.0, ge=0)


class Recall(Strict):
    """A share of the faults of these classes that must be found."""

    name: str
    classes: tuple[str, ...] = Field(default=(), description="none: all")
    at_least: Share


class Expected(Strict):
    """What is asked of the runtime; what is left out is measured and not asked for."""

    recall: tuple[Recall, ...] = ()
    false_per_100m: float | None = Field(default=None, ge=0)
    false_stops_per_100k_picks: float | None = Field(default=None, ge=0)
    fragments: float | None = Field(default=None, ge=1, description="events a found fault")
    start_mm: float | None = Field(default=None, ge=0)
    end_mm: float | None = Field(default=None, ge=0)
    across_mm: float | None = Field(default=None, ge=0)
    drift_mm: float | None = Field(default=None, ge=0)
    points_percent: float | None = Field(default=None, ge=0, description="by which the 4-point points may be off")
    latency_mm: float | None = Field(default=None, ge=0)
    as_expected: Share | None = Field(default=None, description="of the disturbances")
    no_defects_on: tuple[str, ...] = Field(default=(), description="kinds of disturbance")
    lines_dropped: int | None = Field(default=None, ge=0)
    growth_mb: float | None = Field(default=None, ge=0)


class Scenario(Strict):
    """A pack: every style with every seed and every arrangement of cameras is a run of it."""

    format: int = FORMAT
    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    about: str = Field(min_length=1, description="one sentence")
    styles: tuple[str, ...] = Field(min_length=1)
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(default=(1,), min_length=1)
    metres: Positive | None = Field(default=None, description="of cloth a run; none: until all faults have passed")
    width_px: int = Field(default=2048, ge=256)
    mm_per_px: Positive = 0.3
    faults: tuple[Lay, ...] = ()
    nuisances: tuple[Lay, ...] = ()
    geometry: Annotated[Geometry, _only("geometry", Geometry)] = Geometry()
    motion: Annotated[AnyMotion | Moves, _named({"moves": Moves, "table": Table, "weaving": Weaving})] | None = None
    encoder: Annotated[Encoder | None, _only("encoder", Encoder)] = Field(
        default=None, description="none: a perfect one where there is a motion"
    )
    camera: tuple[Suffered, ...] = ()
    cameras: tuple[Cameras, ...] = Field(default=(Cameras(),), min_length=1)
    teach: Teach = Teach()
    expect: Expected = Expected()

    @field_validator("styles")
    @classmethod
    def _known_styles(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            find_style(name)
        return names

    @model_validator(mode="after")
    def _makes_sense(self) -> Scenario:
        for lays, known in ((self.faults, FAULTS), (self.nuisances, NUISANCES)):
            for cls in (cls for lay in lays for cls in lay.classes):
                if cls not in known:
                    raise ValueError(f"there is no class '{cls}'; there are: {', '.join(known)}")
        if self.metres is None and not any(lay.gap_mm or lay.at_m for lay in (*self.faults, *self.nuisances)):
            raise ValueError("needs metres: nothing on this cloth says where it ends")
        names = [cameras.name for cameras in self.cameras]
        if len(set(names)) < len(names):
            raise ValueError("two arrangements of cameras have the same name")
        return self

    def motion_of(self, ppi: float, seed: int) -> AnyMotion | None:
        """The motion at a cloth's picks an inch; what is random in it follows from the seed."""
        if isinstance(self.motion, Weaving):
            return replace(self.motion, ppi=ppi, seed=seed)
        if isinstance(self.motion, Table):
            return replace(self.motion, seed=seed)
        return self.motion.motion() if isinstance(self.motion, Moves) else self.motion


def load_scenario(name_or_file: str) -> Scenario:
    """A pack of the package by its name (S0), else from a YAML file.

    Raises:
        UserError: neither, or the file says something it must not.
    """
    shipped = {path.stem: path for path in sorted(PACKS.glob("*.yaml"))}
    path = shipped.get(name_or_file, Path(name_or_file))
    if not path.is_file():
        raise UserError(f"There is no pack '{name_or_file}': name {', '.join(shipped)}, or a YAML file.")
    return read_yaml(path, Scenario)


def moved(what: Disturbance, metres: float) -> Disturbance:
    """The same so many metres later."""
    return replace(what, from_m=what.from_m + metres, to_m=what.to_m + metres)


def repeated(suffered: Suffered, metres: float) -> list[Disturbance]:
    """All times that a camera suffers it within so many metres."""
    every = suffered.every_m or math.inf
    times = 1 if math.isinf(every) else max(1, math.ceil((metres - suffered.what.from_m) / every))
    return [moved(suffered.what, i * every) if i else suffered.what for i in range(times)]
