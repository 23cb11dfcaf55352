"""The whole stream on the demo bundle: what is the camera's, its lamp's or a seam's is no defect of the cloth."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.bundle import Bundle
from runtime.cameras.simulated import SimulatedCamera
from runtime.engines.base import Engine
from runtime.engines.openvino import OpenVinoEngine
from runtime.events import DefectEvent, MaintenanceEvent, StateEvent
from runtime.pipeline import Pipeline, View
from runtime.preprocess.cloth import ClothFinder
from runtime.simulator.defects import Plant
from runtime.simulator.gains import Dust
from runtime.simulator.geometry import Geometry
from runtime.simulator.look import Look
from runtime.simulator.loom import Loom
from runtime.simulator.world import World
from runtime.types import Reason, Scale, State, TileMaps, UInt8
from tests.runtime.cloths import Collected

WIDTH, LINES = 768, 4096
DUST = slice(400, 404)
DEMO = Path(__file__).parents[2] / "runtime" / "demo_bundle"


class Spoilt:
    """A LineSource: cloth, and what is done to its lines."""

    channels = 1
    length: int | None = LINES
    width = WIDTH

    def __init__(self, loom: Loom, spoil: Callable[[UInt8], None]) -> None:
        pixels = loom.lines(0, LINES)
        spoil(pixels)
        self._pixels = pixels

    def lines(self, first: int, count: int) -> UInt8:
        return self._pixels[first : first + count]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle(DEMO)


@pytest.fixture(scope="module")
def engine(bundle: Bundle) -> Engine:
    return OpenVinoEngine(bundle)


def dim(factor: float, columns: slice = slice(None), first: int = 2048, end: int = LINES) -> Callable[[UInt8], None]:
    def spoil(pixels: UInt8) -> None:
        pixels[first:end, columns] = np.rint(np.minimum(pixels[first:end, columns] * factor, 255))

    return spoil


def woven_on(pixels: UInt8) -> None:
    pixels[2048:3072] = Loom("plain", width=WIDTH, seed=9).lines(0, 1024)


def nothing(pixels: UInt8) -> None:
    pass


END = Plant("broken_end", x_mm=402 * 0.2, y_m=2048 * 0.2e-3, size_mm=300, contrast=-0.4)


@pytest.mark.parametrize(
    ("spoil", "plants", "defects", "causes", "states", "given_up"),
    [
        (dim(0.0, DUST), (), 0, ["column"], [], set()),
        (dim(0.75, DUST), (), 1, ["column"], [], set()),
        (nothing, (END,), 1, [], [], set()),
        (dim(0.92), (), 0, [], [], set()),
        (dim(0.85), (), 0, ["light"], [], set()),
        (dim(0.85, first=2048, end=2248), (), 0, [], ["seam"], set()),
        (woven_on, (), 0, [], ["other_cloth", "cloth"], {Reason.OTHER_CLOTH}),
    ],
    ids=["dead columns", "dust or a broken end", "broken end", "lamp 8 %", "lamp 15 %", "seam", "other cloth"],
)
def test_what_is_told(
    bundle: Bundle,
    engine: Engine,
    spoil: Callable[[UInt8], None],
    plants: tuple[Plant, ...],
    defects: int,
    causes: list[str],
    states: list[str],
    given_up: set[Reason],
) -> None:
    sink = Collected()
    camera = SimulatedCamera(
        "c", Spoilt(Loom("twill22", width=WIDTH, seed=5, defects=plants), spoil), Scale(0.2, 0.2)
    )  # fmt: skip
    view = View(camera, None, ClothFinder(bundle.recipe.geometry.map_stride))
    summary = Pipeline(bundle, engine, "openvino-fp32", [view], [sink], roll="r7").run()
    opened = [event for event in sink.events if isinstance(event, DefectEvent) and event.state is State.OPEN]
    assert len(opened) == defects
    assert [event.cause for event in sink.events if isinstance(event, MaintenanceEvent)] == causes
    told = Counter(event.state for event in sink.events if isinstance(event, StateEvent))
    del told["started"]
    assert told == Counter(states)
    (account,) = summary.cameras
    assert account.balanced
    assert set(account.lines_not_inspected) == given_up
    assert {event.roll for event in sink.events} == {"r7"}


def test_dust_and_a_broken_end_side_by_side_in_cloth_that_wanders(bundle: Bundle, engine: Engine) -> None:
    first_m, column = 0.5, 500
    end = Plant("broken_end", x_mm=260 * 0.2, y_m=first_m, size_mm=300, contrast=-0.4)
    dust = Dust(from_m=first_m, column=column, width_px=4, loss=0.25)
    world = World(geometry=Geometry(wander_mm=6, wander_period_m=8, skew=0.01), disturbances=(dust,))
    look = Look(Loom("twill22", width=WIDTH, seed=5, defects=(end,)), world)
    camera, sink = SimulatedCamera("c", look, Scale(0.2, 0.2), lines=6400), Collected()
    view = View(camera, None, ClothFinder(bundle.recipe.geometry.map_stride))
    Pipeline(bundle, engine, "openvino-fp32", [view], [sink]).run()
    opened = [event for event in sink.events if isinstance(event, DefectEvent) and event.state is State.OPEN]
    (maintenance,) = [event for event in sink.events if isinstance(event, MaintenanceEvent)]
    assert [event.x1_px < 400 for event in opened] == [True], "the end alone"
    assert maintenance.cause == "column"
    assert maintenance.x0_px is not None
    assert abs(maintenance.x0_px - column) <= 3


class Late:
    """An engine, or a session of one, that often has not got its maps ready when it is asked."""

    def __init__(self, inner: Any, share: float) -> None:
        self._inner, self._share, self._chance = inner, share, random.Random(5)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def stream(self, camera: str) -> Late:
        return Late(self._inner.stream(camera), self._share)

    def collect(self, timeout_s: float = 0.0) -> TileMaps | None:
        late: TileMaps | None = None if self._chance.random() < self._share else self._inner.collect(timeout_s)
        return late


def test_how_far_the_engine_is_behind_the_camera_changes_nothing(bundle: Bundle) -> None:
    """The watcher sees lines before their map comes: what it says of the map must not depend on how long before."""
    engine = OpenVinoEngine(bundle, rows_in_flight=8)
    faults = (Plant("hole", 60.0, 0.2, size_mm=6), Plant("broken_end", 25.0, 0.3, 400, contrast=-0.5))
    told = []
    for share in (0.0, 0.95):
        sink = Collected()
        cloth = Spoilt(Loom("twill22", width=WIDTH, seed=5, defects=faults), dim(0.75, DUST))
        view = View(SimulatedCamera("c", cloth, Scale(0.2, 0.2)), None, ClothFinder(bundle.recipe.geometry.map_stride))
        Pipeline(bundle, Late(engine, share), "openvino-fp32", [view], [sink]).run()
        own = {"id", "parent", "time", "latency_ms", "latency_mm", "score"}
        told.append(
            [
                (event.state, event.parent is None, event.model_dump(exclude=own))
                for event in sink.events
                if isinstance(event, DefectEvent)
            ]
        )
        assert any(isinstance(event, MaintenanceEvent) for event in sink.events)
    engine.close()
    assert len(told[0]) >= 6
    assert told[0] == told[1]
