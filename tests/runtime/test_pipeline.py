"""The whole loop on a small bundle: lines in = inspected + not inspected, whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from runtime.bundle import Bundle
from runtime.cameras.base import Camera
from runtime.cameras.config import make_camera
from runtime.cameras.simulated import SimulatedCamera
from runtime.engines.base import Engine, EngineSession
from runtime.engines.openvino import OpenVinoEngine
from runtime.engines.rate import measure_tiles_per_s
from runtime.errors import UserError
from runtime.events import DefectEvent, NotInspectedEvent, StateEvent, StatusEvent, SummaryEvent
from runtime.intake import Limit
from runtime.pipeline import Pipeline, View
from runtime.preprocess.flatfield import FlatField, Origin
from runtime.types import Kind, LineBlock, NotInspected, Reason, Scale, ScoreMap, State, TileBatch, TileMaps
from tests.runtime.bundles import MM_PER_PX, make_bundle
from tests.runtime.cloths import SCALE, Collected, Scripted, Sheet, block
from tests.runtime.recordings.rolls import WIDTH, eventful, info, record

WAIT_S = 30.0


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_bundle(tmp_path_factory.mktemp("pipeline") / "bundle")


@pytest.fixture(scope="module")
def engine(bundle: Bundle) -> Engine:
    return OpenVinoEngine(bundle)


class Run:
    """A pipeline and what it told."""

    def __init__(self, bundle: Bundle, engine: Engine, cameras: Sequence[Camera], **options: object) -> None:
        self.sink = Collected()
        self.strips: list[LineBlock | ScoreMap] = []
        self.pipeline = Pipeline(
            bundle, engine, "openvino-fp32", [View(camera) for camera in cameras], [self.sink],
            on_strip=self.strips.append, **options,
        )  # type: ignore[arg-type]  # fmt: skip

    def run(self) -> SummaryEvent:
        """To the end; the account must balance, whatever the test is about."""
        summary = self.pipeline.run()
        assert self.sink.events[-1] == summary
        for camera in summary.cameras:
            assert camera.balanced, camera
            assert camera.lines_in == camera.lines_inspected + sum(camera.lines_not_inspected.values())
        return summary

    def of(self, kind: type) -> list:
        return [event for event in self.sink.events if isinstance(event, kind)]

    def states(self, camera: str | None = "c") -> list[str]:
        return [event.state for event in self.of(StateEvent) if event.camera == camera]

    def gaps(self) -> list[tuple[Reason, int | None, int | None]]:
        return [(event.reason, event.first_line, event.end_line) for event in self.of(NotInspectedEvent)]


def simulated(name: str = "c", **options: object) -> SimulatedCamera:
    rate = options.pop("rate", None)
    rows = options.pop("block_lines", 50)
    return SimulatedCamera(name, Sheet(**options), SCALE, line_rate_hz=rate, block_lines=rows)  # type: ignore[arg-type]


class Slowly:
    """An engine whose batches are not done before they are let go."""

    name = "slowly"

    def __init__(self, engine: Engine) -> None:
        self.spec, self._engine, self.go = engine.spec, engine, threading.Event()

    def stream(self, camera: str) -> EngineSession:
        return _Held(self._engine.stream(camera), self.go)

    def close(self) -> None:
        pass


class _Held:
    def __init__(self, session: EngineSession, go: threading.Event) -> None:
        self._session, self._go = session, go

    @property
    def in_flight(self) -> int:
        return self._session.in_flight

    def submit(self, batch: TileBatch) -> None:
        self._session.submit(batch)

    def collect(self, timeout_s: float = 0.0) -> TileMaps | None:
        return self._session.collect(timeout_s) if self._go.wait(timeout_s) else None

    def reset(self) -> None:
        self._session.reset()

    def close(self) -> None:
        self._go.set()
        self._session.close()


def test_a_roll_from_end_to_end(bundle: Bundle, engine: Engine) -> None:
    spot, line = (400, 412, 60, 72), (700, 900, 120, 128)
    run = Run(bundle, engine, [simulated(length=1501, spots=[spot, line])], roll="r7")
    summary = run.run()
    (camera,) = summary.cameras
    assert summary.ended == "end_of_input"
    assert (camera.lines_in, camera.lines_inspected, camera.lines_not_inspected) == (1501, 1501, {})
    assert camera.metres == pytest.approx(1501 * MM_PER_PX / 1000, abs=1e-4)
    assert camera.defects == {Kind.LOCAL: 1, Kind.WARP: 1}
    assert camera.tiles > 0
    assert camera.latency_ms_p50 is not None
    closed = [event for event in run.of(DefectEvent) if event.state is State.CLOSED]
    assert [(e.first_line, e.end_line, e.x0_px, e.x1_px, e.kind) for e in closed] == [
        (400, 412, 60, 72, Kind.LOCAL), (700, 900, 120, 128, Kind.WARP),
    ]  # fmt: skip
    assert closed[0].judge.bundle == bundle.id
    assert len({event.id for event in closed}) == 2
    assert {event.roll for event in run.sink.events} == {"r7"}
    assert run.states() == ["started"]


def test_strips_follow_each_other_without_a_hole(bundle: Bundle, engine: Engine) -> None:
    run = Run(bundle, engine, [simulated(length=1000)])
    run.run()
    for kind in (LineBlock, ScoreMap):
        strips = [strip for strip in run.strips if isinstance(strip, kind)]
        assert strips[0].first_line == 0
        assert strips[-1].end_line == 1000
        assert all(a.end_line == b.first_line for a, b in pairwise(strips))
    maps = [strip.values for strip in run.strips if isinstance(strip, ScoreMap)]
    np.testing.assert_allclose(np.concatenate(maps), 100 / 255, atol=1e-5)


@pytest.mark.parametrize("lines", [1, 49, 500, 777])
def test_the_line_limit_is_exact(bundle: Bundle, engine: Engine, lines: int) -> None:
    summary = Run(bundle, engine, [simulated()], limit=Limit(lines=lines)).run()
    assert summary.ended == "limit"
    assert (summary.cameras[0].lines_in, summary.cameras[0].lines_inspected) == (lines, lines)


def test_the_metres_limit_ends_with_its_block(bundle: Bundle, engine: Engine) -> None:
    summary = Run(bundle, engine, [simulated()], limit=Limit(metres=0.4)).run()
    assert summary.ended == "limit"
    assert summary.cameras[0].lines_in == 800
    assert summary.cameras[0].lines_inspected == 800


def test_the_time_limit_judges_what_had_come(bundle: Bundle, engine: Engine) -> None:
    run = Run(bundle, engine, [simulated(rate=3000.0)], seconds=0.4)
    summary = run.run()
    assert summary.ended == "limit"
    assert summary.cameras[0].lines_in > 0
    assert set(summary.cameras[0].lines_not_inspected) <= {Reason.STOPPED}


def test_told_to_stop_in_the_middle(bundle: Bundle, engine: Engine) -> None:
    run = Run(bundle, engine, [simulated("left"), simulated("right")])
    half = threading.Event()
    told = run.pipeline._on_strip

    def watch(strip: LineBlock | ScoreMap) -> None:
        told(strip)
        if strip.end_line > 1000:
            half.set()

    for_stop = threading.Thread(target=lambda: half.wait(WAIT_S) and run.pipeline.stop())
    run.pipeline._on_strip = watch
    for_stop.start()
    summary = run.run()
    for_stop.join(WAIT_S)
    assert summary.ended == "stopped"
    assert max(camera.lines_in for camera in summary.cameras) > 1000
    for camera in summary.cameras:
        assert set(camera.lines_not_inspected) <= {Reason.STOPPED}


def test_an_overload_is_counted_and_the_queue_stays_flat(tmp_path: Path, engine: Engine) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    settings = bundle.settings()
    small = settings.policy.model_copy(update={"queue_blocks": 8})
    bundle.write_settings(settings.model_copy(update={"policy": small}))
    slow = Slowly(engine)
    waiting: list[int] = []
    all_given = threading.Event()
    script = [*(block(50 * n, 50) for n in range(100)), all_given.set, lambda: slow.go.wait(WAIT_S), block(5000, 50)]
    run = Run(bundle, slow, [Scripted(script, live=True)])

    def let_go() -> None:
        all_given.wait(WAIT_S)
        waiting.append(run.pipeline.lanes[0].intake.waiting)
        slow.go.set()

    helper = threading.Thread(target=let_go)
    helper.start()
    summary = run.run()
    helper.join(WAIT_S)
    (camera,) = summary.cameras
    assert waiting[0] <= 8
    assert camera.lines_in == 5050
    assert camera.lines_not_inspected[Reason.OVERLOAD] > 2500
    assert set(camera.lines_not_inspected) == {Reason.OVERLOAD}
    assert camera.lines_inspected >= 8 * 50


def test_with_the_policy_to_block_a_live_camera_is_held_up_instead(tmp_path: Path, engine: Engine) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    settings = bundle.settings()
    policy = settings.policy.model_copy(update={"queue_blocks": 2, "overflow": "block"})
    bundle.write_settings(settings.model_copy(update={"policy": policy}))
    script = [block(50 * number, 50) for number in range(100)]
    (camera,) = Run(bundle, engine, [Scripted(script, live=True)]).run().cameras
    assert (camera.lines_in, camera.lines_inspected) == (5000, 5000)


def test_gaps_with_and_without_line_numbers(bundle: Bundle, engine: Engine) -> None:
    script = [
        block(0, 101),
        NotInspected("c", Reason.PACKET_LOSS, 101, 203),
        block(203, 99),
        NotInspected("c", Reason.CAMERA_LOST, seconds=3.25, detail="gone"),
        block(302, 150, width=260, segment=1),
        NotInspected("c", Reason.UNREADABLE_FILE),
        block(452, 33, width=260, segment=1),
    ]
    run = Run(bundle, engine, [Scripted(script)])
    (camera,) = run.run().cameras
    assert (camera.lines_in, camera.lines_inspected) == (485, 383)
    assert camera.lines_not_inspected == {Reason.PACKET_LOSS: 102}
    assert (camera.unnumbered_spans, camera.unnumbered_seconds) == (2, 3.25)
    assert run.gaps() == [
        (Reason.PACKET_LOSS, 101, 203), (Reason.CAMERA_LOST, None, None), (Reason.UNREADABLE_FILE, None, None),
    ]  # fmt: skip
    lost = run.of(NotInspectedEvent)[0]
    assert (lost.y0_m, lost.y1_m) == pytest.approx((0.0505, 0.1015))


def test_lines_before_a_gap_are_judged_without_waiting_for_its_end(bundle: Bundle, engine: Engine) -> None:
    judged = threading.Event()
    gap = NotInspected("c", Reason.PACKET_LOSS, 101, 203)
    run = Run(bundle, engine, [Scripted([block(0, 101), gap, lambda: judged.wait(WAIT_S), block(203, 50)])])
    told = run.pipeline._on_strip

    def watch(strip: LineBlock | ScoreMap) -> None:
        told(strip)
        if isinstance(strip, ScoreMap) and strip.end_line == 101:
            judged.set()

    run.pipeline._on_strip = watch
    run.run()
    order = [(type(strip), strip.end_line) for strip in run.strips]
    assert order.index((ScoreMap, 101)) < order.index((LineBlock, 253))
    assert judged.is_set()


def test_a_camera_that_gives_gaps_alone(bundle: Bundle, engine: Engine) -> None:
    gaps = [NotInspected("c", Reason.CAMERA_LOST, 0, 40), NotInspected("c", Reason.CAMERA_LOST)]
    (camera,) = Run(bundle, engine, [Scripted(gaps)]).run().cameras
    assert (camera.lines_in, camera.lines_not_inspected) == (40, {Reason.CAMERA_LOST: 40})
    (camera,) = Run(bundle, engine, [Scripted([])]).run().cameras
    assert (camera.lines_in, camera.latency_ms_p50) == (0, None)


def test_a_broken_camera_is_given_up_and_the_other_goes_on(bundle: Bundle, engine: Engine) -> None:
    def break_down() -> None:
        raise UserError("the left camera's cable is cut")

    left = Scripted([*(block(40 * n, 40, camera="left") for n in range(5)), break_down], name="left")
    run = Run(bundle, engine, [left, simulated("right", length=3000, spots=[(2500, 2520, 40, 60)])])
    summary = run.run()
    assert summary.ended == "failed"
    broken, whole = summary.cameras
    assert broken.lines_in == 200
    assert set(broken.lines_not_inspected) <= {Reason.STOPPED}
    assert (whole.lines_in, whole.lines_inspected) == (3000, 3000)
    assert sum(whole.defects.values()) == 1
    assert run.states("left") == ["started", "failed"]
    assert "cable is cut" in next(e.message for e in run.of(StateEvent) if e.state == "failed")
    assert left.closed


def test_a_width_that_changes_inside_a_segment_fails_that_camera_in_a_sentence(
    bundle: Bundle, engine: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    run = Run(bundle, engine, [Scripted([block(0, 150), block(150, 50, width=210), block(200, 50)])])
    summary = run.run()
    assert summary.ended == "failed"
    assert summary.cameras[0].lines_in >= 200
    failed = next(event for event in run.of(StateEvent) if event.state == "failed")
    assert "changed its width at line 150 from 200 to 210 px" in failed.message
    assert "Traceback" not in capfd.readouterr().err


def test_a_defect_of_the_program_keeps_its_trace(
    bundle: Bundle, engine: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    summary = Run(bundle, engine, [Scripted([block(0, 150), block(70, 50)])]).pipeline.run()
    assert summary.ended == "failed"
    assert not summary.cameras[0].balanced, "50 lines came in twice"
    trace = capfd.readouterr().err
    assert "Traceback" in trace
    assert "line 70 came twice" in trace


def test_a_defect_that_is_open_when_its_camera_fails_is_closed(bundle: Bundle, engine: Engine) -> None:
    bright = np.full((400, 200, 1), 250, np.uint8)
    opened = threading.Event()

    def break_down() -> None:
        assert opened.wait(WAIT_S)
        raise OSError("gone")

    run = Run(bundle, engine, [Scripted([LineBlock("c", 0, 0, bright), break_down])])
    write = run.sink.write

    def watch(event: object) -> None:
        write(event)  # type: ignore[arg-type]
        if isinstance(event, DefectEvent):
            opened.set()

    run.sink.write = watch  # type: ignore[method-assign]
    assert run.run().ended == "failed"
    assert [event.state for event in run.of(DefectEvent)][-1] is State.CLOSED


def test_standing_cloth_is_judged_after_flush_s_and_goes_on(tmp_path: Path, engine: Engine) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    settings = bundle.settings()
    policy = settings.policy.model_copy(update={"flush_s": 0.05})
    bundle.write_settings(settings.model_copy(update={"policy": policy}))
    judged = threading.Event()
    spotted = block(0, 203)
    spotted.pixels[180:192, 80:92] = 250
    run = Run(bundle, engine, [Scripted([spotted, lambda: judged.wait(WAIT_S), block(203, 300)], live=True)])
    told = run.pipeline._on_strip

    def watch(strip: LineBlock | ScoreMap) -> None:
        told(strip)
        if isinstance(strip, ScoreMap) and strip.end_line >= 200:
            judged.set()

    run.pipeline._on_strip = watch
    summary = run.run()
    assert judged.is_set(), "whole map cells are judged while the loom stands"
    assert summary.cameras[0].lines_inspected == 503
    assert run.states()[:3] == ["started", "standing", "running"]
    closed = [e for e in run.of(DefectEvent) if e.state is State.CLOSED]
    assert [(e.first_line, e.end_line) for e in closed] == [(180, 192)]
    maps = [strip for strip in run.strips if isinstance(strip, ScoreMap)]
    assert all(a.end_line == b.first_line for a, b in pairwise(maps))


def test_status_tells_of_each_camera(bundle: Bundle, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.pipeline.STATUS_S", 0.0)
    run = Run(bundle, engine, [simulated("left", length=500), simulated("right", length=500)])
    run.run()
    status = run.of(StatusEvent)
    assert [camera.camera for camera in status[-1].cameras] == ["left", "right"]
    assert [camera.lines_in for camera in status[-1].cameras] == [500, 500]


def test_line_rates_beyond_the_machine_are_told_before_the_first_line(
    bundle: Bundle, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.pipeline.measure_tiles_per_s", lambda _: 100.0)
    run = Run(bundle, engine, [simulated(rate=1e6, length=100, width=200)])
    run.run()
    (warning,) = [event for event in run.of(StateEvent) if event.state == "over_capacity"]
    assert "c 1e+06 lines/s" in warning.message
    assert "need 156250 tiles/s" in warning.message, "5 tiles across, every 32 lines"
    run = Run(bundle, engine, [simulated(rate=600.0, length=100, width=200)])
    run.run()
    assert run.states(None) == []


def test_the_machine_is_measured(engine: Engine) -> None:
    assert measure_tiles_per_s(engine, seconds=0.05) > 0


class Other(Scripted):
    """A camera of another kind than the bundle's."""

    def __init__(self, **info: object) -> None:
        super().__init__([])
        self._info = info

    def open(self):  # type: ignore[no-untyped-def]
        from dataclasses import replace

        return replace(super().open(), **self._info)


@pytest.mark.parametrize(
    ("cameras", "message"),
    [
        ([Other(scale=Scale(0.2, 0.2))], "made for 0.5 mm per px, camera 'c' has 0.2"),
        ([Other(channels=3)], "'c' gives 3 channels, bundle 'brightness' was made for 1"),
        ([simulated("a"), simulated("a")], "Two cameras are called 'a'"),
    ],
)
def test_cameras_that_do_not_fit_are_refused_before_the_first_line(
    bundle: Bundle, engine: Engine, cameras: list[Camera], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        Run(bundle, engine, cameras).pipeline.run()


def test_a_flat_field_of_another_camera_is_refused(bundle: Bundle, engine: Engine, tmp_path: Path) -> None:
    folder = record(tmp_path / "r", eventful(), info())
    origin = Origin("right", "SN-99", 80.0, 3.0, bits=8, lines=2000, captured="")
    flat = FlatField(np.zeros((WIDTH, 1), np.float32), np.ones((WIDTH, 1), np.float32), origin=origin)
    view = View(make_camera(f"replay:{folder}", {}), flat_field=flat)
    with pytest.raises(UserError, match=r"taken with serial SN-99 \('right'\), this camera is SN-17"):
        Pipeline(bundle, engine, "openvino-fp32", [view], []).run()


def test_a_flat_field_of_another_width_is_refused(bundle: Bundle, engine: Engine) -> None:
    flat = FlatField(np.zeros((150, 1), np.float32), np.ones((150, 1), np.float32))
    pipeline = Pipeline(bundle, engine, "openvino-fp32", [View(simulated(), flat_field=flat)], [])
    with pytest.raises(UserError, match="for 150 px x 1, its lines have 200 px"):
        pipeline.run()


def test_a_stride_that_the_bundle_does_not_allow_is_refused(tmp_path: Path, engine: Engine) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    settings = bundle.settings()
    bundle.write_settings(
        settings.model_copy(update={"policy": settings.policy.model_copy(update={"stride_lines": 128})})
    )
    with pytest.raises(UserError, match=r"settings.yaml: stride_lines must be 32 to 40"):
        Run(bundle, engine, [simulated()]).pipeline.run()
