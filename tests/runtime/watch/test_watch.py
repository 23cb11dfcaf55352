"""One camera's watcher: what it tells, with which words and where."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from runtime.events import Event, MaintenanceEvent, StateEvent
from runtime.position import Track
from runtime.settings import Thresholds
from runtime.simulator.gains import Dust
from runtime.simulator.geometry import Geometry
from runtime.types import Defect, Kind, NotInspected, Reason, Scale, ScoreMap, State, UInt8
from runtime.watch.change import Change
from runtime.watch.look import Look, Looking, usual_look
from runtime.watch.watch import REGION_NEWS_PX, Watch
from tests.runtime.watch.cloth import CLOTH, blocks, cloth, times, wandering
from tests.runtime.watch.test_held import OPENED

SCALE = Scale(0.2, 0.2, x_offset_mm=1000)
THRESHOLDS = Thresholds(open=dict.fromkeys(Kind, 3.5), keep=2.2)
ROWS = 128


class Run:
    """A Watch over cloth whose map is quiet."""

    def __init__(self, pixels: UInt8, usual: Look | None = None) -> None:
        track = Track(SCALE)
        self.watch = Watch("run", "c", SCALE, track, THRESHOLDS, usual)
        self.events: list[Event] = []
        self.spans: list[NotInspected] = []
        for block in blocks(pixels):
            track.add(block)
            self.watch.see(block)
            if block.first_line:
                self.judge(block.first_line - ROWS)
        self.take(self.watch.flush())

    def judge(self, first: int, region: tuple[int, int] = CLOTH) -> None:
        values = np.full((ROWS // 4, 128), -4, np.float32)
        self.take(self.watch.judge(ScoreMap("c", 0, 0, first, first + ROWS, 0, 4, values, region, 0)))

    def take(self, pieces: list[ScoreMap | NotInspected]) -> None:
        self.spans += [piece for piece in pieces if isinstance(piece, NotInspected)]
        self.events += self.watch.take()

    def maintenance(self) -> list[MaintenanceEvent]:
        return [event for event in self.events if isinstance(event, MaintenanceEvent)]

    def states(self) -> list[str]:
        return [event.state for event in self.events if isinstance(event, StateEvent)]


def test_clean_cloth_says_nothing() -> None:
    run = Run(cloth())
    assert (run.events, run.spans) == ([], [])


def test_dust_is_one_maintenance_event_with_its_place() -> None:
    opened, closed = Run(times(cloth(), 0.85, 2048, 3584, slice(300, 306))).maintenance()
    assert (opened.state, opened.cause, closed.state) == ("open", "column", "closed")
    assert opened.id == closed.id == "run-c-m1"
    assert (opened.x0_px, opened.x1_px, opened.x0_mm, opened.x1_mm) == (300, 306, 1060.0, pytest.approx(1061.2))
    assert "column 303 (1061 mm)" in opened.message
    assert "clean the window" in opened.message
    assert opened.y_m == pytest.approx(opened.first_line * 0.2e-3)


def held_line(geometry: Geometry) -> tuple[list[Defect], list[MaintenanceEvent]]:
    """What is told where dust draws a line on the map that runs on."""
    first = 2560
    dust = Dust(from_m=first * 0.2e-3, column=302, width_px=4, loss=0.2)
    pixels = wandering(geometry, width=768, lines=8192, dust=(dust,))
    run = Run(pixels[: first + 256])
    told = run.watch.sift([replace(OPENED, first_line=first, end_line=first + 60)], first + 128)
    for block in blocks(pixels[first + 256 :], first_line=first + 256):
        run.watch.see(block)
        told += run.watch.sift([], block.first_line)
    run.take([])
    return told, run.maintenance()


def test_dust_that_stands_still_while_the_cloth_moves_is_one_event_and_no_defect() -> None:
    told, (opened,) = held_line(Geometry(wander_mm=3, wander_period_m=3))
    assert told == []
    assert opened.state == "open"


def test_what_is_certain_is_told_as_certain() -> None:
    run = Run(cloth()[:2048])
    run.watch.columns.blame(Change(300, 306, gain=-0.2, weave=0.0), 1500, certain=True)
    for block in blocks(cloth()[2048:2176], first_line=2048):
        run.watch.see(block)
    run.watch.flush()
    run.take([])
    (opened,) = run.maintenance()
    assert "sees -18% of the light and stood still while the cloth moved sideways: clean the window" in opened.message


def test_a_line_that_was_told_is_closed_as_part_of_the_maintenance_event() -> None:
    told, (event,) = held_line(Geometry(wander_mm=2, wander_period_m=8))
    assert [(defect.state, defect.parent) for defect in told] == [(State.OPEN, None), (State.CLOSED, event.id)]


def test_what_moves_with_the_cloth_is_no_matter_for_the_window() -> None:
    pixels = times(cloth(), 0.8, 1024, columns=slice(300, 306)).copy()
    for line in range(3072, len(pixels)):
        pixels[line] = np.roll(pixels[line], (line - 3072) // 128)
    opened, closed, *_ = Run(pixels).maintenance()
    assert opened.id == closed.id
    assert "the window is clean" in closed.message


def test_a_dead_pixel_wants_care() -> None:
    pixels = cloth()[:4096].copy()
    pixels[2048:, 300] = 2
    (opened,) = Run(pixels).maintenance()
    assert "column 300 (1060 mm) is dead" in opened.message


@pytest.mark.parametrize(("factor", "causes"), [(0.92, []), (1.08, []), (0.85, ["light"]), (1.15, ["light"])])
def test_a_lamp_step(factor: float, causes: list[str]) -> None:
    run = Run(times(cloth(), factor, 3000))
    assert [event.cause for event in run.maintenance()] == causes
    assert run.states() == []
    assert run.spans == []


def test_other_cloth_and_back() -> None:
    pixels = np.concatenate([cloth()[:3072], cloth("satin8", 768, seed=9), cloth()[3072:]])
    run = Run(pixels)
    assert run.states() == ["other_cloth", "cloth"]
    assert [span.reason for span in run.spans] == [Reason.OTHER_CLOTH]
    assert sum(span.lines for span in run.spans) == pytest.approx(768, abs=2 * ROWS)
    assert run.maintenance() == []


def test_a_stream_that_begins_with_other_cloth_is_known_by_the_bundle() -> None:
    looking = Looking()
    usual = usual_look([look for block in blocks(cloth()[:2560]) for look in looking.add(block, CLOTH)])
    assert Run(cloth("satin8", 768, seed=9), usual).states() == ["other_cloth"]
    assert Run(cloth("satin8", 768, seed=9)).states() == []


def test_another_bundle_knows_another_cloth() -> None:
    run = Run(cloth()[:3072])
    run.watch.use(THRESHOLDS, other_bundle=True)
    track_from = 3072
    for block in blocks(cloth("satin8", 768, seed=9), first_line=track_from):
        run.watch.see(block)
        run.judge(block.first_line - ROWS)
    assert run.states() == []


def test_later_thresholds_move_the_breaker() -> None:
    run = Run(cloth()[:2048])
    run.watch.use(Thresholds(open=dict.fromkeys(Kind, -5.0), keep=-6.0))
    for block in blocks(cloth()[2048:3072], first_line=2048):
        run.watch.see(block)
        run.judge(block.first_line - ROWS)
    assert run.states() == ["too_many_defects"]


def test_cloth_that_ends_and_comes_back() -> None:
    run = Run(cloth()[:1024])
    for first in (1024, 1152):
        run.watch.gone(NotInspected("c", Reason.NO_CLOTH, first, first + ROWS))
    run.watch.gone(NotInspected("c", Reason.PACKET_LOSS, 1280, 1300))
    run.judge(896)
    run.judge(1300)
    assert run.states() == ["no_cloth", "cloth"]


@pytest.mark.parametrize(
    ("region", "said"),
    [
        ((CLOTH[0] + REGION_NEWS_PX, CLOTH[1]), []),
        ((200, 412), ["columns 200 to 412 (1040 to 1082 mm) are looked at; before, 100 to 412 were"]),
        ((100, 300), ["columns 100 to 300 (1020 to 1060 mm) are looked at; before, 100 to 412 were"]),
    ],
)
def test_columns_that_are_no_longer_looked_at_are_told_once(region: tuple[int, int], said: list[str]) -> None:
    run = Run(cloth()[:1024])
    for first in (896, 1024, 1152):
        run.judge(first, region)
    assert [event.message for event in run.events if isinstance(event, StateEvent)] == said


def test_an_encoder_that_runs_faster_than_the_lines_is_told_and_told_when_over() -> None:
    scale = Scale(0.2, 0.2, counts_per_mm=20.0)
    watch = Watch("run", "c", scale, Track(scale), THRESHOLDS)
    count, events = 0, []
    for block, per_line in zip(blocks(cloth()[:384], 128), (4, 5, 4), strict=True):
        counts = count + per_line * np.arange(1, block.rows + 1, dtype=np.int64)
        count = int(counts[-1])
        watch.see(replace(block, encoder=counts))
        events += watch.take()
    assert [(event.cause, event.state) for event in events] == [("encoder", "open"), ("encoder", "closed")]  # type: ignore[union-attr]
    assert "25% more counts" in events[0].message  # type: ignore[union-attr]
