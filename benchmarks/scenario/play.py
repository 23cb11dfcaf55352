"""One run of a scenario through the whole runtime, as fast as it goes or at the pace that the scenario asks for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from benchmarks.host import resident_bytes
from benchmarks.inspection import Judged, Recorder
from benchmarks.scenario.in_step import InStep
from benchmarks.scenario.record import Record
from benchmarks.scenario.truth import on_camera, on_cloth, planted
from runtime.alarms.decide import Alarms
from runtime.alarms.rules import AlarmSection, Output, understood
from runtime.cameras.base import Camera
from runtime.cameras.simulated import SimulatedCamera
from runtime.events import AlarmEvent, Event
from runtime.intake import Limit
from runtime.pipeline import Pipeline, View
from runtime.preprocess.cloth import ClothFinder
from runtime.simulator.laying import Layout, lay_out
from runtime.simulator.loom import Loom
from runtime.simulator.row import CameraRow, Station, look_side_by_side
from runtime.simulator.scenario import Cameras, Scenario, repeated
from runtime.simulator.world import Disturbance, World
from runtime.types import LineBlock, Scale, ScoreMap

STOP_RULES = AlarmSection(
    rules=(
        {"name": "running warp", "output": "stop", "kinds": ["warp"], "at_least_mm": 300.0},
        {"name": "across", "output": "stop", "kinds": ["weft"], "at_least_mm": 300.0, "repeats": 2, "within_m": 0.5},
        {"name": "repeated", "output": "stop", "kinds": ["local"], "repeats": 4, "within_m": 1.0, "across_mm": 5.0},
    )
)
"""When a loom would be stopped, where a bundle has no rule of its own that could stop it."""
MEMORY_READINGS = 10


@dataclass(frozen=True)
class Run:
    """One run of a scenario.

    Attributes:
        width_px, mm_per_px, metres: as asked for; metres None: the scenario's own.
    """

    scenario: Scenario
    style: str
    seed: int
    cameras: Cameras
    width_px: int
    mm_per_px: float
    metres: float | None

    @property
    def name(self) -> str:
        """For people and files."""
        parts = (self.scenario.name, self.style, f"seed{self.seed}", self.cameras.name)
        return "-".join(part for part in parts if part)


@dataclass(frozen=True)
class Stage:
    """All that is needed to run: the cloth, what lies on it, and the cameras over it."""

    loom: Loom
    layout: Layout
    stations: list[Station]


def set_up(run: Run) -> Stage:
    """Lay the faults, hang up the cameras.

    Raises:
        UserError: the scenario asks for what the simulator cannot do at this width.
    """
    scenario = run.scenario
    bare = Loom(run.style, run.width_px, run.seed, run.mm_per_px)
    layout = lay_out(scenario, bare.cloth, run.seed, run.metres)
    loom = Loom(run.style, run.width_px, run.seed, run.mm_per_px, defects=layout.faults, nuisances=layout.nuisances)
    suffered = tuple(one for each in scenario.camera for one in repeated(each, layout.metres))
    world = World(
        motion=scenario.motion_of(loom.style.ppi, run.seed),
        encoder=scenario.encoder and replace(scenario.encoder, seed=run.seed),
        geometry=scenario.geometry,
    )
    return Stage(loom, layout, _stations(loom, world, suffered, run))


def play(run: Run, judged: Judged, through: Callable[[Camera], Camera] = lambda camera: camera) -> Record:
    """Stream a run's cloth past its cameras and keep all that is told.

    Args:
        through: what is put in front of each camera.

    Raises:
        UserError: the scenario cannot be set up, or the bundle does not fit it.
        RuntimeError: the stream failed on the way: nothing measured on it counts.
    """
    stage = set_up(run)
    metres, recorder = stage.layout.metres, Recorder()
    finder = ClothFinder(grid=judged.bundle.recipe.geometry.map_stride)
    cameras = [
        _in_step(through(_camera(i, one, run)), run, lambda i=i: pipeline.lanes[i].intake.waiting)
        for i, one in enumerate(stage.stations)
    ]
    views = [View(camera, cloth=finder) for camera in cameras]
    offsets = {f"camera{i + 1}": one.x_offset_mm for i, one in enumerate(stage.stations)}
    witness = _Witness(metres * 1000 / stage.loom.mm_per_line * len(views), offsets, run.mm_per_px)
    pipeline = Pipeline(
        judged.bundle,
        judged.engine,
        judged.key,
        views,
        [recorder],
        Limit(metres=metres),
        on_strip=witness.see,
    )
    started = time.monotonic()
    summary = pipeline.run()
    if summary.ended == "failed":
        raise RuntimeError(f"{run.name} failed on the way") from next(x.error for x in pipeline.lanes if x.error)
    events, stop_rules = _with_stops(recorder.events, judged)
    x0, x1 = (edge * run.mm_per_px for edge in stage.loom.fabric.edges)
    look, passed = stage.stations[0].look, max(camera.metres for camera in summary.cameras)
    return Record(
        pack=run.scenario.name,
        style=run.style,
        seed=run.seed,
        variant=run.cameras.name,
        bundle=judged.bundle.id,
        engine=judged.key,
        ppi=stage.loom.style.ppi,
        metres=passed,
        cloth_mm=(x0, x1),
        looked_mm=witness.looked_mm,
        stop_rules=stop_rules,
        seconds=time.monotonic() - started,
        memory=witness.memory,
        faults=planted(look, passed),
        disturbances=[*on_cloth(look, passed), *on_camera(run.scenario.camera, look, passed)],
        events=events,
    )


def _stations(loom: Loom, world: World, suffered: tuple[Disturbance, ...], run: Run) -> list[Station]:
    """The cameras from left to right; the first one alone suffers something."""
    asked = run.cameras
    row = CameraRow(asked.count, asked.overlap_mm, asked.dx_mm, asked.dy_lines, asked.angle_deg, asked.gain, run.seed)
    worlds = (replace(world, disturbances=suffered), *(world,) * (asked.count - 1))
    return look_side_by_side(loom, row, worlds)


def _camera(number: int, station: Station, run: Run) -> Camera:
    """The camera of a station."""
    scale = Scale(run.mm_per_px, run.mm_per_px, station.x_offset_mm)
    return SimulatedCamera(f"camera{number + 1}", station.look, scale, line_rate_hz=run.cameras.line_rate_hz)


def _in_step(camera: Camera, run: Run, waiting: Callable[[], int]) -> Camera:
    """A camera that has no pace is in step with the engine."""
    return camera if run.cameras.line_rate_hz else InStep(camera, waiting)


@dataclass
class _Witness:
    """Sees the map go by.

    Attributes:
        lines: of all cameras, as many as there will be about. offsets_mm: of each camera's column 0.
        memory: what the process held at each tenth of the lines. looked_mm: outermost columns of the map, on the loom.
    """

    lines: float
    offsets_mm: dict[str, float]
    mm_per_px: float
    memory: list[int] = field(default_factory=list)
    looked_mm: tuple[float, float] | None = None
    _judged: int = 0

    def see(self, item: LineBlock | ScoreMap) -> None:
        """Take a strip of the map."""
        if not isinstance(item, ScoreMap):
            return
        x0, x1 = (self.offsets_mm[item.camera] + x * self.mm_per_px for x in item.region)
        before = self.looked_mm or (x0, x1)
        self.looked_mm = min(before[0], x0), max(before[1], x1)
        self._judged += item.end_line - item.first_line
        tenth = (len(self.memory) + 1) * self.lines / (MEMORY_READINGS + 1)
        if self._judged >= tenth and (now := resident_bytes()) is not None:
            self.memory.append(now)


def _with_stops(events: Sequence[Event], judged: Judged) -> tuple[list[Event], int]:
    """The events with the stops that they set off, and how many rules could have set one off."""
    own = _stop_rules(judged.bundle.settings().alarms)
    if own:
        return list(events), own
    alarms, told = Alarms(STOP_RULES), list[Event]()
    for event in events:
        told += [event, *(one for one in alarms.hear(event) if isinstance(one, AlarmEvent))]
    return told, _stop_rules(STOP_RULES)


def _stop_rules(section: AlarmSection) -> int:
    return sum(rule.output is Output.STOP for rule in understood(section.rules)[0])
