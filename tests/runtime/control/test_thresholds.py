"""Thresholds changed while a real pipeline runs: in force from the next strip on, written as a revision."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from runtime.bundle import Bundle
from runtime.control.protocol import (
    BundleRequest,
    ThresholdRequest,
)
from runtime.events import DefectEvent, StateEvent
from runtime.types import Kind, NotInspected, Reason, State
from tests.runtime.bundles import KEEP, OPEN, SPOT
from tests.runtime.cloths import Item, Scripted, block
from tests.runtime.control.asking import Asking, spotted
from tests.runtime.control.controlled import KEY, WAIT_S, Controlled


def test_thresholds_change_what_is_found_and_are_written_as_a_revision(bundles: Path) -> None:
    ask = Asking()
    level = SPOT / 255
    script: list[Item | Callable[[], object]] = []
    for number, opening in enumerate((OPEN, level + 0.01, level - 0.01)):
        script.append(ask(ThresholdRequest(open=dict.fromkeys(Kind, opening))))
        end = 300 * (number + 1)
        gap = NotInspected("c", Reason.PACKET_LOSS, end - 100, end)  # all before it is judged before the next change
        script += [spotted(end - 300, 200, at=60), gap, ask.judged(end)]
    run = ask.through(bundles / "fine", script)
    closed = [event for event in run.of(DefectEvent) if event.state is State.CLOSED]
    assert [(e.first_line, e.judge.settings_revision, e.threshold) for e in closed] == [
        (60, 2, OPEN), (660, 4, pytest.approx(level - 0.01)),
    ]  # fmt: skip
    settings = Bundle(bundles / "fine").settings()
    assert settings.revision == 4
    assert settings.thresholds[KEY].open[Kind.LOCAL] == pytest.approx(level - 0.01)
    assert settings.thresholds[KEY].keep == KEEP
    assert settings.thresholds[KEY].calibrated == {"set_by_hand": ["area", "local", "warp", "weft"]}


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (ThresholdRequest(keep=OPEN + 0.1), "'keep' 0.9 would be above the lowest opening threshold 0.8."),
        (ThresholdRequest(open={Kind.WEFT: 0.5}), "'keep' 0.6 would be above the lowest opening threshold 0.5."),
    ],
)
def test_thresholds_that_do_not_fit_each_other_are_refused(
    bundles: Path, request_: ThresholdRequest, sentence: str
) -> None:
    ask = Asking()
    ask.through(bundles / "fine", [ask(request_), block(0, 100)])
    assert ask.refusals == [sentence]
    assert Bundle(bundles / "fine").settings().revision == 1


def test_settings_that_another_program_wrote_are_not_overwritten(bundles: Path) -> None:
    ask, bundle = Asking(), Bundle(bundles / "fine")

    def calibrate() -> None:
        bundle.write_settings(bundle.settings().model_copy(update={"revision": 7}))

    change = ask(ThresholdRequest(keep=0.5))
    again = ask(BundleRequest(path=str(bundle.path)))
    run = ask.through(
        bundles / "fine", [calibrate, change, again, block(0, 100), NotInspected("c", Reason.PACKET_LOSS, 100, 101),
        ask.judged(101), change],
    )  # fmt: skip
    assert len(ask.refusals) == 1
    assert "was changed by another program: reload the settings" in ask.refusals[0]
    assert bundle.settings().revision == 8
    assert run.summary
    assert run.summary.judge.settings_revision == 8


def test_a_change_that_cannot_be_written_changes_nothing(bundles: Path) -> None:
    (bundles / "fine" / ".settings.yaml.new").mkdir()
    ask = Asking()
    run = ask.through(bundles / "fine", [ask(ThresholdRequest(keep=0.5)), spotted(0, 200, at=60)])
    assert "Cannot write" in ask.refusals[0]
    assert {event.judge.settings_revision for event in run.of(DefectEvent)} == {1}


def test_thresholds_reach_a_bundle_that_waits_for_its_line_if_they_are_its_own(bundles: Path) -> None:
    ask = Asking()
    orders = [ask(BundleRequest(path=str(bundles / "fine"), at_line=100)), ask(ThresholdRequest(keep=0.5))]
    run = ask.through(bundles / "fine", [*orders, block(0, 200)])
    assert {revision for _, _, revision in run.strips} == {2}
    assert [event.message for event in run.of(StateEvent) if "judges from line 100" in event.message]
    assert run.pipeline.lanes[0].judging.engine is run.engines[0]


def test_what_was_set_by_hand_is_named(bundles: Path) -> None:
    ask = Asking()
    requests = [ThresholdRequest(open={Kind.WEFT: 0.9}), ThresholdRequest(keep=0.5), ThresholdRequest(keep=0.4)]
    ask.through(bundles / "fine", [*map(ask, requests), block(0, 100)])
    thresholds = Bundle(bundles / "fine").thresholds(KEY)
    assert (thresholds.keep, thresholds.open[Kind.WEFT]) == (0.4, 0.9)
    assert thresholds.calibrated == {"set_by_hand": ["keep", "weft"]}


def test_one_kind_is_changed_and_the_others_stay(bundles: Path) -> None:
    """A spot and a running end reach the same value; what is raised for spots does not silence ends."""
    ask = Asking()
    script: list[Item | Callable[[], object]] = []
    for number, kind in enumerate((Kind.AREA, Kind.LOCAL)):
        first = 300 * number
        lines = spotted(first, 250, at=60)
        lines.pixels[20:220, 100 + 24 * number : 108 + 24 * number] = SPOT  # in one place it would be a dirty sensor
        gap = NotInspected("c", Reason.PACKET_LOSS, first + 250, first + 300)
        open_ = {**dict.fromkeys(Kind, OPEN), kind: 1.0}
        script += [ask(ThresholdRequest(open=open_)), lines, gap, ask.judged(first + 300)]
    run = ask.through(bundles / "fine", script)
    found = [(e.first_line // 300, e.kind) for e in run.of(DefectEvent) if e.state is State.CLOSED]
    assert sorted(found) == [(0, Kind.LOCAL), (0, Kind.WARP), (1, Kind.WARP)]


def test_a_change_of_thresholds_is_told(bundles: Path) -> None:
    ask = Asking()
    run = ask.through(bundles / "fine", [ask(ThresholdRequest(keep=0.5)), block(0, 100)])
    told = [event.message for event in run.of(StateEvent) if event.camera == "c"]
    assert "settings revision 2 judges from the next strip on" in told


def test_a_spot_that_the_new_thresholds_let_pass_is_not_told(bundles: Path) -> None:
    """So that the test above is not true of a stream that opens nothing after a change."""
    ask = Asking()
    script = [ask(ThresholdRequest(open=dict.fromkeys(Kind, 1.0))), spotted(0, 300, at=200)]
    assert ask.through(bundles / "fine", script).of(DefectEvent) == []
    script = [ask(ThresholdRequest(open=dict.fromkeys(Kind, OPEN))), spotted(0, 300, at=200)]
    assert len(ask.through(bundles / "fine", script).of(DefectEvent)) > 0
    assert np.isclose(Bundle(bundles / "fine").thresholds(KEY).open[Kind.LOCAL], OPEN)


def test_a_stream_that_does_not_come_to_it_keeps_its_thresholds(bundles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.control.desk.ANSWER_S", 0.05)
    held, ask = threading.Event(), Asking()
    run = ask.run = Controlled(Bundle(bundles / "fine"), [Scripted([block(0, 200), lambda: held.wait(WAIT_S)])])

    def hold(event: object) -> None:
        if isinstance(event, DefectEvent | StateEvent) and not held.is_set():
            asked.start()
            asked.join(WAIT_S)
            held.set()

    def until_there_is_a_camera() -> None:
        while not run.pipeline.lanes:
            time.sleep(0.001)
        ask(ThresholdRequest(keep=0.5))()

    asked = threading.Thread(target=until_there_is_a_camera)
    run.sink.write = hold  # type: ignore[method-assign]
    with run:
        pass
    assert ask.refusals == ["The stream did not come to it within 0.05 s: ask again."]
    assert Bundle(bundles / "fine").settings() == run.pipeline.lanes[0].judging.settings
