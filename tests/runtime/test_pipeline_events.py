"""One event a defect through the whole loop: reversals, several cameras, marks of a roller."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from runtime.bundle import Bundle
from runtime.cameras.base import CameraInfo
from runtime.engines.base import Engine
from runtime.engines.openvino import OpenVinoEngine
from runtime.events import DefectEvent, NotInspectedEvent, RepeatEvent, SummaryEvent
from runtime.intake import Limit
from runtime.pipeline import Pipeline, View
from runtime.types import Kind, LineBlock, NotInspected, Reason, Scale, State, UInt8
from tests.runtime.bundles import MM_PER_PX, make_bundle
from tests.runtime.cloths import Box, Collected, Sheet

COUNTS_PER_LINE = 10
BLOCK = 50


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_bundle(tmp_path_factory.mktemp("events") / "bundle")


@pytest.fixture(scope="module")
def engine(bundle: Bundle) -> Engine:
    return OpenVinoEngine(bundle)


def woven(row: UInt8, place: int) -> UInt8:
    """A line of the sheet with grain: on even grey a line of the cloth looks like a dead column."""
    grain = np.random.default_rng(place).integers(0, 10, row.shape, np.uint8)
    return row + np.minimum(grain, 255 - row)


class OverCloth:
    """A camera over part of a sheet, whose cloth runs on and back by so many lines; a line each way."""

    def __init__(
        self,
        spots: Sequence[Box],
        moves: Sequence[int],
        name: str = "c",
        left: int = 0,
        width: int = 200,
        encoder: bool = True,
    ) -> None:
        self.name, self.left, self.width = name, left, width
        self.sheet = Sheet(width=1000, spots=spots)
        steps = np.concatenate([np.full(abs(n), np.sign(n)) for n in moves])
        self.places = np.cumsum(steps) - 1
        counts = COUNTS_PER_LINE / MM_PER_PX if encoder else None
        self.scale = Scale(MM_PER_PX, MM_PER_PX, left * MM_PER_PX, counts)

    def open(self) -> CameraInfo:
        return CameraInfo(self.name, self.width, 1, 8, self.scale, False, None, "over a sheet")

    def items(self) -> Iterator[LineBlock | NotInspected]:
        for line in range(0, len(self.places), BLOCK):
            places = self.places[line : line + BLOCK]
            rows = np.concatenate([woven(self.sheet.lines(place, 1), place) for place in places])
            pixels = rows[:, self.left : self.left + self.width]
            counts = places * COUNTS_PER_LINE if self.scale.counts_per_mm else None
            yield LineBlock(self.name, 0, line, np.ascontiguousarray(pixels), encoder=counts)

    def close(self) -> None:
        pass


class Run:
    """Cameras through a pipeline, and what was told."""

    def __init__(self, bundle: Bundle, engine: Engine, *cameras: OverCloth, limit: Limit | None = None) -> None:
        sink = Collected()
        views = [View(camera) for camera in cameras]
        self.summary: SummaryEvent = Pipeline(bundle, engine, "openvino-fp32", views, [sink], limit=limit).run()
        self.events = sink.events
        assert all(camera.balanced for camera in self.summary.cameras)

    @property
    def closed(self) -> list[DefectEvent]:
        return [e for e in self.events if isinstance(e, DefectEvent) and e.state is State.CLOSED and e.parent is None]

    def boxes_mm(self) -> list[tuple[float, float, float, float]]:
        return sorted((e.y0_m * 1000, e.y1_m * 1000, e.x0_mm, e.x1_mm) for e in self.closed)


def test_fifty_reversals_give_the_events_of_cloth_that_never_ran_back(bundle: Bundle, engine: Engine) -> None:
    spots = [(96 + 160 * n, 108 + 160 * n, 20 + 37 * n % 60, 32 + 37 * n % 60) for n in range(30)]
    running = (1000, 4200, 120, 128)
    lines = 5000
    back = [n for turn in range(50) for n in (100 + 20 + turn % 11, -(20 + turn % 11))]
    straight = Run(bundle, engine, OverCloth([*spots, running], [lines]))
    turned = Run(bundle, engine, OverCloth([*spots, running], back))
    assert len(straight.closed) == 31
    # At a turn a run of the map ends, with made-up lines beyond it (runtime/ends.py) that may show a spot again: on
    # grey without a weave up to a cell past the turn. Beginnings and places across have no such excuse.
    there, here = np.array(straight.boxes_mm()), np.array(turned.boxes_mm())
    np.testing.assert_allclose(here[:, [0, 2, 3]], there[:, [0, 2, 3]], atol=1.0)
    assert np.count_nonzero(np.abs(here[:, 1] - there[:, 1]) > 1.0) <= 4
    (camera,) = turned.summary.cameras
    # Twice the way back; where a block ends at the turn, a line or two passed before it showed.
    again = 2 * sum(n for n in back if n < 0)
    assert camera.lines_not_inspected == {Reason.SEEN_BEFORE: pytest.approx(-again, abs=2 * 50)}
    assert camera.lines_inspected == pytest.approx(lines, abs=2 * 50)
    spans = [event for event in turned.events if isinstance(event, NotInspectedEvent)]
    assert len(spans) <= 2 * 50
    assert {event.reason for event in spans} == {Reason.SEEN_BEFORE}


def test_without_an_encoder_every_line_is_new(bundle: Bundle, engine: Engine) -> None:
    run = Run(bundle, engine, OverCloth([(300, 312, 60, 72)], [400, -300, 400], encoder=False))
    assert run.summary.cameras[0].lines_inspected == 1100
    assert len(run.closed) == 3


@pytest.mark.parametrize("cameras", [2, 3])
def test_a_pick_across_cameras_and_a_spot_between_two_are_one_event_each(
    bundle: Bundle, engine: Engine, cameras: int
) -> None:
    pick, spot, end = (400, 404, 0, 1000), (600, 612, 170, 182), (800, 1400, 176, 180)
    views = [OverCloth([pick, spot, end], [1600], f"c{n}", left=160 * n) for n in range(cameras)]
    run = Run(bundle, engine, *views)
    across, between, along = sorted(run.closed, key=lambda event: event.y0_m)
    assert sorted(across.cameras) == [f"c{n}" for n in range(cameras)]
    assert (across.x0_mm, across.x1_mm) == (0, (160 * (cameras - 1) + 200) * MM_PER_PX)
    assert across.kind is Kind.WEFT
    assert sorted(between.cameras) == ["c0", "c1"]
    assert (between.x0_mm, between.x1_mm) == pytest.approx((85, 91), abs=1)
    assert sorted(along.cameras) == ["c0", "c1"]
    assert along.kind is Kind.WARP
    told = [e for e in run.events if isinstance(e, DefectEvent)]
    assert {e.id for e in told if e.state is State.OPEN} == {e.id for e in told if e.state is State.CLOSED}


def test_when_one_camera_ends_early_the_others_defects_are_closed_all_the_same(bundle: Bundle, engine: Engine) -> None:
    end = (300, 900, 176, 180)
    run = Run(bundle, engine, OverCloth([end], [200], "c0"), OverCloth([end], [1200], "c1", left=160))
    (found,) = run.closed
    assert found.cameras == ["c1"]
    assert (found.y0_m, found.y1_m) == pytest.approx((0.15, 0.45), abs=0.002)


def test_marks_once_a_turn_are_told_as_a_repeat(bundle: Bundle, engine: Engine) -> None:
    turn = 628  # lines, 314 mm
    marks = [(100 + turn * n, 112 + turn * n, 60, 72) for n in range(6) if n != 3]
    run = Run(bundle, engine, OverCloth(marks, [6000]))
    repeats = [event for event in run.events if isinstance(event, RepeatEvent)]
    assert [event.state for event in repeats] == [State.OPEN, State.UPDATE, State.UPDATE, State.CLOSED]
    assert repeats[-1].period_mm == pytest.approx(314, abs=1)
    assert repeats[-1].defects == [event.id for event in run.closed]
    assert repeats[-1].count == 5
