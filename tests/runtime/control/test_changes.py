"""Thresholds and bundles exchanged while a real pipeline runs: no line is lost, and every event names who judged it."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.bundle import Bundle
from runtime.control.protocol import (
    BundleAnswer,
    BundleRequest,
    StatusAnswer,
    StatusRequest,
)
from runtime.events import DefectEvent, StateEvent
from runtime.settings import Policy
from runtime.types import NotInspected, Reason, State
from tests.runtime.bundles import SPOT, make_bundle
from tests.runtime.cloths import Scripted, block
from tests.runtime.control.asking import Asking, spotted
from tests.runtime.control.controlled import WAIT_S, Controlled, Counted

STRIDES = {"fine": 4, "coarse": 8}
"""Of the map: a strip's tells which of the two bundles was at work."""


def judged_once(run: Controlled, lines: int) -> None:
    """Strips and spans tile the lines, and each strip was computed by the bundle that is named with it."""
    strides = {run.pipeline.lanes[0].judging.bundle.id: None}
    spans = [(strip.first_line, strip.end_line) for strip, _, _ in run.strips]
    spans += [(gap.first_line, gap.end_line) for gap in run.of(object) if gap.type == "not_inspected"]
    at = 0
    for first, end in sorted(spans):
        assert first == at
        at = end
    assert at == lines
    for strip, bundle, _ in run.strips:
        assert strides.setdefault(bundle, strip.stride) in (strip.stride, None)
    assert len({strip.stride for strip, _, _ in run.strips}) == len({bundle for _, bundle, _ in run.strips})


@pytest.mark.parametrize("line", [0, 1, 130, 150, 151, 299])
def test_a_bundle_is_exchanged_at_the_very_line(bundles: Path, line: int) -> None:
    ask = Asking()
    request = BundleRequest(path=str(bundles / "coarse"), at_line=line)
    run = ask.through(bundles / "fine", [ask(request), *(block(50 * n, 50) for n in range(6))])
    judged_once(run, 300)
    fine, coarse = Bundle(bundles / "fine").id, Bundle(bundles / "coarse").id
    assert run.judges() == [(fine, 1, 0), (coarse, 1, line)] if line else [(coarse, 1, 0)]
    assert ask.answers == [BundleAnswer(bundle=coarse, settings_revision=1, first_line={"c": line})]
    told = [event.message for event in run.of(StateEvent) if "judges from" in event.message]
    assert len(told) == 1
    assert f"({coarse})" in told[0]
    assert f"from line {line} on" in told[0]


def test_a_defect_across_the_change_is_two_events_with_ids_of_their_own(bundles: Path) -> None:
    bright = block(0, 400)
    bright.pixels[100:300, 80:96] = SPOT
    ask = Asking()
    run = ask.through(bundles / "fine", [ask(BundleRequest(path=str(bundles / "coarse"), at_line=200)), bright])
    closed = [event for event in run.of(DefectEvent) if event.state is State.CLOSED]
    assert [(e.first_line, e.end_line) for e in closed] == [(100, 200), (200, 300)]
    assert [e.judge.bundle for e in closed] == [Bundle(bundles / name).id for name in ("fine", "coarse")]
    assert len({e.id for e in closed}) == 2
    assert run.summary
    assert run.summary.judge.bundle == closed[1].judge.bundle


def test_a_bundle_for_a_line_that_does_not_come_is_never_taken_up(bundles: Path) -> None:
    ask = Asking()
    request = BundleRequest(path=str(bundles / "coarse"), at_line=10**12)
    run = ask.through(bundles / "fine", [ask(request), ask(StatusRequest()), block(0, 300)])
    _, status = ask.answers
    assert isinstance(status, StatusAnswer)
    assert status.cameras[0].ordered
    assert status.cameras[0].ordered.first_line == 10**12
    assert [revision for _, revision, _ in run.judges()] == [1]
    assert run.engines[0].closed


def test_the_last_order_holds_and_engines_that_nobody_uses_are_closed(bundles: Path) -> None:
    ask = Asking()
    orders = [ask(BundleRequest(path=str(bundles / name), at_line=at)) for name, at in (("coarse", 90), ("fine", 120))]
    at_the_end: list[list[int]] = []

    def look() -> None:
        assert ask.run
        at_the_end.append([engine.closed for engine in (ask.run.engine, *ask.run.engines)])

    # The last lines are judged some turns after the change: the engines that it left are closed by then.
    run = ask.through(bundles / "fine", [*orders, block(0, 200), block(200, 200), ask.judged(300), look])
    assert {strip.stride for strip, _, _ in run.strips} == {STRIDES["fine"]}
    assert len({id(strip) for strip, _, _ in run.strips}) > 2
    assert at_the_end == [[1, 1, 0]], "the first, and the one that never had its turn"


def test_two_cameras_change_each_at_its_own_line(bundles: Path) -> None:
    ask, asked = Asking(), threading.Event()

    def order() -> None:
        ask(BundleRequest(path=str(bundles / "coarse"), at_line=230))()
        asked.set()

    left = Scripted([order, *(block(70 * n, 70, camera="left") for n in range(6))], "left")
    right = Scripted([lambda: asked.wait(WAIT_S), *(block(33 * n, 33, camera="right") for n in range(9))], "right")
    ask.run = Controlled(Bundle(bundles / "fine"), [left, right])
    with ask.run:
        pass
    assert ask.answers[0].first_line == {"left": 230, "right": 230}  # type: ignore[attr-defined]
    for camera in ("left", "right"):
        assert [first for _, _, first in ask.run.judges(camera)] == [0, 230]


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda b: shutil.rmtree(b), "No bundle at"),
        (lambda b: (b / "model" / "graph.onnx").write_bytes(b"other"), "does not match its hash"),
        (lambda b: shutil.rmtree(b / "engines"), "has no engine openvino-fp32-CPU"),
        (lambda b: (b / "engines" / "openvino-fp32-CPU" / "model.bin").write_bytes(b""), "does not match its hash"),
        (lambda b: Bundle(b).write_settings(Bundle(b).settings().model_copy(update={"thresholds": {}})), "no threshol"),
        (
            lambda b: Bundle(b).write_settings(
                Bundle(b).settings().model_copy(update={"policy": Policy(stride_lines=36)})
            ),
            "stride_lines must be",
        ),
        (lambda b: (b / "settings.yaml").write_text("revision: [1"), "is not YAML"),
    ],
)
def test_a_bundle_that_does_not_do_is_refused_and_the_stream_goes_on(
    bundles: Path, harm: Callable[[Path], object], sentence: str
) -> None:
    harm(bundles / "coarse")
    ask = Asking()
    request = ask(BundleRequest(path=str(bundles / "coarse")))
    run = ask.through(bundles / "fine", [block(0, 100), request, spotted(100, 200, at=90)])
    assert len(ask.refusals) == 1
    assert sentence in ask.refusals[0]
    assert [revision for _, revision, _ in run.judges()] == [1]
    assert len([e for e in run.of(DefectEvent) if e.state is State.CLOSED]) == 1
    assert all(engine.closed for engine in run.engines)


def test_a_bundle_for_other_pixels_is_refused(bundles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.runtime.bundles.MM_PER_PX", 0.2)
    other = make_bundle(tmp_path / "other")
    ask = Asking()
    run = ask.through(bundles / "fine", [ask(BundleRequest(path=str(other.path))), block(0, 100)])
    assert "was made for 0.2 mm per px, camera 'c' has 0.5" in ask.refusals[0]
    assert [engine.closed for engine in run.engines] == [1]


def test_a_line_that_has_passed_is_refused(bundles: Path) -> None:
    ask = Asking()
    late = ask(BundleRequest(path=str(bundles / "coarse"), at_line=99))
    gap = NotInspected("c", Reason.PACKET_LOSS, 100, 200)
    run = ask.through(bundles / "fine", [block(0, 100), gap, ask.judged(200), late, block(200, 50)])
    assert ask.refusals == ["Camera 'c' is past line 99: name one from 200 on."]
    judged_once(run, 250)


def test_a_camera_that_breaks_before_its_change_is_accounted_for(bundles: Path) -> None:
    def break_down() -> None:
        raise OSError("gone")

    ask = Asking()
    order = ask(BundleRequest(path=str(bundles / "coarse"), at_line=150))
    run = ask.through(bundles / "fine", [order, block(0, 100), break_down])
    assert run.summary
    assert run.summary.ended == "failed"
    assert run.pipeline.lanes[0].ordered is None
    assert [engine.closed for engine in run.engines] == [1]


def test_a_stream_that_is_stopped_while_an_engine_is_loaded_refuses_it(
    bundles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading, go = threading.Event(), threading.Event()

    def load(run: Controlled, bundle: Bundle) -> Counted:
        loading.set()
        assert go.wait(WAIT_S)
        run.engines.append(Counted(bundle))
        return run.engines[-1]

    monkeypatch.setattr(Controlled, "_load", load)
    ask = Asking()
    asking = threading.Thread(target=ask(BundleRequest(path=str(bundles / "coarse"))))
    ask.run = Controlled(Bundle(bundles / "fine"), [Scripted([block(0, 100), lambda: loading.wait(WAIT_S)])])
    with ask.run:
        while not ask.run.pipeline.lanes:
            time.sleep(0.001)
        asking.start()
        assert loading.wait(WAIT_S)
        threading.Timer(0.3, go.set).start()  # the stream has ended by then
    asking.join(WAIT_S)
    assert ask.refusals == ["The stream has ended."]
    assert [engine.closed for engine in ask.run.engines] == [1]
