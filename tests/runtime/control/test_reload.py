"""settings.yaml taken up again while a pipeline runs: thresholds and alarm rules, under a revision of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.alarms.rules import AlarmSection
from runtime.bundle import Bundle
from runtime.control.protocol import BundleRequest, SettingsAnswer, SettingsRequest, ThresholdRequest
from runtime.events import AlarmEvent, DefectEvent
from runtime.settings import Policy, Settings
from runtime.types import Kind, NotInspected, Reason, State
from tests.runtime.bundles import KEEP, OPEN
from tests.runtime.cloths import Item
from tests.runtime.control.asking import Asking, spotted
from tests.runtime.control.controlled import KEY

LAMP = {"name": "lamp", "output": "lamp"}


def written(bundle: Path, **changes: Any) -> Callable[[], None]:
    """Writes settings.yaml as another program or a hand does."""

    def write() -> None:
        settings = Bundle(bundle).settings()
        Bundle(bundle).write_settings(settings.model_copy(update=changes))

    return write


def opening(settings: Settings, kind: Kind, level: float) -> dict[str, Any]:
    """Thresholds with another level for one kind."""
    old = settings.thresholds[KEY]
    return {KEY: old.model_copy(update={"open": {**old.open, kind: level}})}


def judged_spot(ask: Asking, number: int) -> list[Item | Callable[[], object]]:
    """200 lines with a spot, all judged before the next thing is done."""
    end = 200 * (number + 1)
    return [spotted(end - 200, 150, at=60), NotInspected("c", Reason.PACKET_LOSS, end - 50, end), ask.judged(end)]


@pytest.mark.parametrize("how", [SettingsRequest, BundleRequest])
def test_alarm_rules_hold_from_the_moment_that_they_are_taken_up(bundles: Path, how: type) -> None:
    fine = bundles / "fine"
    ask = Asking()
    again = ask(SettingsRequest() if how is SettingsRequest else BundleRequest(path=str(fine)))
    sections = [AlarmSection(inhibit_m=0, rules=rules) for rules in ((LAMP, {"name": "odd"}), ())]
    script = [
        *judged_spot(ask, 0), written(fine, alarms=sections[0]), *judged_spot(ask, 1), again, *judged_spot(ask, 2),
        written(fine, alarms=sections[1]), again, *judged_spot(ask, 3),
    ]  # fmt: skip
    run = ask.through(fine, script)
    assert not ask.refusals
    (alarm,) = run.of(AlarmEvent)
    (cause,) = [e for e in run.of(DefectEvent) if e.id == alarm.defects[0] and e.state is State.OPEN]
    assert cause.first_line == 460
    if how is SettingsRequest:
        first, second = ask.answers
        assert isinstance(first, SettingsAnswer)
        assert isinstance(second, SettingsAnswer)
        assert (first.alarms, first.cameras, second.alarms) == (["lamp"], ["c"], [])
        assert first.left_out[0].startswith("alarm rule 2 is left out")


def test_what_was_written_by_hand_gets_a_revision_of_its_own(bundles: Path) -> None:
    fine = bundles / "fine"
    ask, settings = Asking(), Bundle(bundles / "fine").settings()
    script = [
        *judged_spot(ask, 0), written(fine, thresholds=opening(settings, Kind.LOCAL, 0.9)), ask(SettingsRequest()),
        *judged_spot(ask, 1), written(fine, revision=9), ask(SettingsRequest()), *judged_spot(ask, 2),
        ask(ThresholdRequest(open={Kind.LOCAL: 0.85})),
    ]  # fmt: skip
    run = ask.through(fine, script)
    assert not ask.refusals
    told = [(e.threshold, e.judge.settings_revision) for e in run.of(DefectEvent) if e.state is State.OPEN]
    assert told == [(OPEN, 1), (0.9, 2), (0.9, 9)]
    assert Bundle(fine).settings().revision == 10


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda b: written(b, policy=Policy(stride_lines=36))(), "The policy was changed too: load the bundle again"),
        (lambda b: written(b, thresholds={})(), "has no thresholds for openvino-fp32"),
        (lambda b: (b / "settings.yaml").write_text("revision: [1"), "is not YAML"),
    ],
)
def test_what_cannot_be_taken_up_is_refused(bundles: Path, harm: Callable[[Path], object], sentence: str) -> None:
    fine = bundles / "fine"
    ask = Asking()
    run = ask.through(fine, [lambda: harm(fine), ask(SettingsRequest()), spotted(0, 200, at=60)])
    assert len(ask.refusals) == 1
    assert sentence in ask.refusals[0]
    assert {e.judge.settings_revision for e in run.of(DefectEvent)} == {1}


def test_settings_that_did_not_change_keep_their_revision(bundles: Path) -> None:
    ask = Asking()
    ask.through(bundles / "fine", [ask(SettingsRequest()), spotted(0, 200, at=60)])
    (answer,) = ask.answers
    assert isinstance(answer, SettingsAnswer)
    assert (answer.judge.settings_revision, answer.thresholds.keep) == (1, KEEP)
    assert Bundle(bundles / "fine").settings().revision == 1
