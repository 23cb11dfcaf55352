"""Random changes at random lines: no line is lost, and every event names who judged it."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.bundle import Bundle
from runtime.control.protocol import (
    BundleRequest,
    ThresholdAnswer,
    ThresholdRequest,
)
from runtime.events import DefectEvent
from runtime.types import Kind, LineBlock, NotInspected, Reason, State
from tests.runtime.bundles import KEEP
from tests.runtime.cloths import Item
from tests.runtime.control.asking import Asking, spotted
from tests.runtime.control.controlled import KEY, Controlled
from tests.runtime.control.test_changes import STRIDES, judged_once

CHANGES = int(os.environ.get("WEFTWATCH_CHANGES", "20"))
"""In the longest run; more take their time."""


def eventful(random_: random.Random, ask: Asking, bundles: Path, changes: int) -> tuple[list, int]:
    """Blocks with spots, gaps and new segments, with requests between them; and how many lines they are."""
    script: list[Item | Callable[[], object]] = []
    at = segment = 0
    for _ in range(changes):
        for _ in range(random_.randrange(1, 6)):
            rows = random_.randrange(20, 160)
            lines = spotted(at, rows, at=random_.choice([None, random_.randrange(rows)]))
            script.append(LineBlock("c", segment, at, lines.pixels, received_ns=time.monotonic_ns()))
            at += rows
        if random_.random() < 0.4:
            gap = random_.randrange(1, 90)
            script.append(NotInspected("c", Reason.PACKET_LOSS, at, at + gap))
            at += gap
        segment += random_.random() < 0.3
        if random_.random() < 0.5:
            script.append(ask(ThresholdRequest(open={random_.choice(list(Kind)): random_.uniform(KEEP, 0.97)})))
        else:
            line = random_.choice([None, at + random_.randrange(200)])
            script.append(ask(BundleRequest(path=str(bundles / random_.choice(["fine", "coarse"])), at_line=line)))
    return script, at


@pytest.mark.parametrize(("seed", "changes"), [*((seed, 10) for seed in range(11)), (11, CHANGES)])
def test_whatever_is_changed_whenever_no_line_is_lost_and_events_name_their_judge(
    bundles: Path, seed: int, changes: int
) -> None:
    random_, ask = random.Random(seed), Asking()
    script, lines = eventful(random_, ask, bundles, changes)
    strides = {Bundle(bundles / name).id: stride for name, stride in STRIDES.items()}
    levels = {
        (bundle.id, bundle.settings().revision): bundle.thresholds(KEY).open
        for bundle in (Bundle(bundles / name) for name in STRIDES)
    }
    run = ask.through(bundles / "fine", script)
    for answer in ask.answers:
        if isinstance(answer, ThresholdAnswer):
            levels[answer.judge.bundle, answer.judge.settings_revision] = answer.thresholds.open
    judged_once(run, lines)
    assert len(ask.answers) > changes / 4
    opened = [event for event in run.of(DefectEvent) if event.state is State.OPEN]
    assert opened
    for event in opened:
        level = levels[event.judge.bundle, event.judge.settings_revision][event.kind]
        assert event.threshold == pytest.approx(level, abs=1e-6)  # events are rounded
        assert event.judge.engine == KEY
        assert event.score >= event.threshold
    closed = [event.id for event in run.of(DefectEvent) if event.state is State.CLOSED]
    assert sorted(closed) == sorted({event.id for event in opened})
    assert all(engine.closed for engine in run.engines)
    names_who_judged(run, ask, strides)


def names_who_judged(run: Controlled, ask: Asking, strides: dict[str, int]) -> None:
    """Each event of a defect against what this test saw: whose map its lines have, and what it had asked for when."""
    revisions = [
        (answer.judge.bundle, answer.judge.settings_revision, *told)
        for answer, told in zip(ask.answers, ask.told, strict=True)
        if isinstance(answer, ThresholdAnswer)
    ]
    for place, event in enumerate(run.sink.events):
        if not isinstance(event, DefectEvent):
            continue
        under = {s.stride for s, _, _ in run.strips if s.first_line < event.end_line and event.first_line < s.end_line}
        assert under == {strides[event.judge.bundle]}, "no other bundle's map lies under it"
        own = [(revision, asked, had) for bundle, revision, asked, had in revisions if bundle == event.judge.bundle]
        newest_asked = max((revision for revision, asked, _ in own if asked <= place), default=1)
        newest_had = max((revision for revision, _, had in own if had <= place), default=1)
        assert newest_had <= event.judge.settings_revision <= newest_asked
