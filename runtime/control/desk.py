"""Carries out requests on a running stream. What is slow (hashes, loading an engine, writing) is done by the door's
thread; what touches the stream is done by the stream's own, between two steps."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotInTime  # not the builtin one in Python 3.10
from pathlib import Path
from typing import Any, TypeVar

from runtime import __version__
from runtime.alarms.rules import understood
from runtime.bundle import Bundle
from runtime.control.protocol import (
    BundleAnswer,
    BundleRequest,
    CameraNow,
    Message,
    OrderedBundle,
    Request,
    RollAnswer,
    RollEndRequest,
    RollStartRequest,
    SettingsAnswer,
    SettingsRequest,
    StatusAnswer,
    StatusRequest,
    TapRequest,
    ThresholdAnswer,
    ThresholdRequest,
    Thresholds,
)
from runtime.control.tap import Tap, Taps
from runtime.engines.base import Engine
from runtime.errors import UserError
from runtime.judging import Judging
from runtime.lane import Lane
from runtime.pipeline import Pipeline
from runtime.rolls.store import Label
from runtime.settings import Settings
from runtime.settings import Thresholds as StoredThresholds
from runtime.sinks.rolls import Rolls

ANSWER_S = 30.0
"""How long the stream may be busy with one step."""
Result = TypeVar("Result")


class Desk:
    """Answers requests about one pipeline."""

    def __init__(self, pipeline: Pipeline, taps: Taps, rolls: Rolls, load: Callable[[Bundle], Engine]) -> None:
        """Take a place in the pipeline's loop.

        Args:
            taps, rolls: which the pipeline already fills.
            load: loads another bundle's engine: the same kind, precision and device as the stream's.
        """
        self._pipeline = pipeline
        self._taps = taps
        self._rolls = rolls
        self._load = load
        self._jobs: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._engines: list[Engine] = []  # that this desk has to close
        self._changing = threading.Lock()  # one change at a time
        self._closed = False
        pipeline.on_turn = self._turn

    def answer(self, request: Request) -> Message | Tap:
        """Do what is asked.

        Raises:
            UserError: it cannot be done; nothing was changed.
        """
        if isinstance(request, StatusRequest):
            return self._status()
        if isinstance(request, TapRequest):
            return self._taps.open(request)
        with self._changing:
            if isinstance(request, ThresholdRequest):
                return self._set_threshold(request)
            if isinstance(request, SettingsRequest):
                return self._reload_settings()
            if isinstance(request, RollStartRequest):
                return self._start_roll(request)
            if isinstance(request, RollEndRequest):
                return self._end_roll(request)
            return self._load_bundle(request)

    def close(self) -> None:
        """The stream has ended: refuse what waits, and close the engines that were loaded here."""
        self._closed = True
        while self._jobs:
            self._jobs.popleft()[0].cancel()
        if self._changing.acquire(timeout=ANSWER_S):  # an engine that is being loaded is not torn down under way
            self._changing.release()
        for engine in self._engines:
            engine.close()

    def _status(self) -> StatusAnswer:
        cameras = [_camera_now(lane) for lane in self._pipeline.lanes]
        return StatusAnswer(version=__version__, cameras=cameras, last=self._taps.last_status, taps=self._taps.count)

    def _set_threshold(self, request: ThresholdRequest) -> ThresholdAnswer:
        judging = self._only_judging()
        bundle, old = judging.bundle, judging.thresholds
        if bundle.settings() != judging.settings:
            raise UserError(
                f"'{bundle.path / 'settings.yaml'}' was changed by another program: reload the settings to judge by "
                "them, then set thresholds."
            )
        levels = {**old.open, **request.open}
        keep = old.keep if request.keep is None else request.keep
        if keep > min(levels.values()):
            raise UserError(f"'keep' {keep:g} would be above the lowest opening threshold {min(levels.values()):g}.")
        named = [kind.value for kind in request.open] + ([] if request.keep is None else ["keep"])
        by_hand = sorted({*old.calibrated.get("set_by_hand", []), *named})
        calibrated = {**old.calibrated, "set_by_hand": by_hand}
        thresholds = StoredThresholds(open=levels, keep=keep, calibrated=calibrated, lines=old.lines)
        settings = judging.settings.model_copy(
            update={
                "revision": judging.settings.revision + 1,
                "thresholds": {**judging.settings.thresholds, judging.engine_key: thresholds},
            }
        )
        bundle.write_settings(settings)
        try:
            cameras = self._in_the_loop(lambda: self._use(bundle.path, settings))
        except UserError:
            bundle.write_settings(judging.settings)
            raise
        judge = judging.judge.model_copy(update={"settings_revision": settings.revision})
        return ThresholdAnswer(judge=judge, thresholds=Thresholds(open=levels, keep=keep), cameras=cameras)

    def _reload_settings(self) -> SettingsAnswer:
        judging = self._only_judging()
        bundle, settings = judging.bundle, judging.bundle.settings()
        thresholds = bundle.thresholds(judging.engine_key)
        if settings.policy != judging.policy:
            raise UserError("The policy was changed too: load the bundle again, which takes up all of settings.yaml.")
        if settings.revision <= judging.settings.revision and settings != judging.settings:
            # Written by hand: no two settings that judge may have one revision.
            settings = settings.model_copy(update={"revision": judging.settings.revision + 1})
            bundle.write_settings(settings)
        cameras = self._in_the_loop(lambda: self._use(bundle.path, settings))
        rules, left_out = understood(settings.alarms.rules)
        return SettingsAnswer(
            judge=judging.judge.model_copy(update={"settings_revision": settings.revision}),
            thresholds=Thresholds(open=thresholds.open, keep=thresholds.keep),
            cameras=cameras,
            alarms=[rule.name for rule in rules],
            left_out=left_out,
        )

    def _start_roll(self, request: RollStartRequest) -> RollAnswer:
        self._in_the_loop(lambda: self._pipeline.refuse_change_at(request.at_line))  # before a folder is made
        label = Label(request.id, request.style, request.loom)
        roll = self._rolls.begin(Path(request.folder), label, request.shift)
        try:
            return self._change_roll(roll, request.at_line)
        except UserError:
            self._rolls.give_up(roll)
            raise

    def _end_roll(self, request: RollEndRequest) -> RollAnswer:
        if self._live()[0].roll is None:
            raise UserError("No roll is being kept: begin one with roll-start.")
        return self._change_roll(None, request.at_line)

    def _change_roll(self, roll: str | None, line: int | None) -> RollAnswer:
        def change() -> dict[str, int]:
            live = self._live()
            self._pipeline.change_roll(roll, line)
            return {lane.name: lane.ordered.first_line for lane in live if lane.ordered}

        return RollAnswer(roll=roll, first_line=self._in_the_loop(change))

    def _load_bundle(self, request: BundleRequest) -> BundleAnswer:
        key = self._live()[0].judging.engine_key
        bundle = Bundle(Path(request.path))
        bundle.thresholds(key)  # refused before an engine is loaded for nothing
        engine = self._load(bundle)
        try:
            judging = Judging.of(bundle, engine, key)
            lines = self._in_the_loop(lambda: self._order(judging, request.at_line))
        except BaseException:
            engine.close()
            raise
        return BundleAnswer(bundle=bundle.id, settings_revision=judging.settings.revision, first_line=lines)

    def _only_judging(self) -> Judging:
        """Of all cameras that run."""
        live = self._live()
        if len({lane.judging.bundle.path.resolve() for lane in live}) > 1:
            raise UserError("The cameras are judged by two bundles at the moment: ask again when all have changed.")
        return live[0].judging

    def _live(self) -> list[Lane]:
        live = [lane for lane in self._pipeline.lanes if not lane.finished]
        if not live or self._closed:
            raise UserError("No camera is running: the stream has just begun, or has ended.")
        return live

    def _use(self, bundle: Path, settings: Settings) -> list[str]:
        return [lane.name for lane in self._live() if lane.use(bundle, settings)]

    def _order(self, judging: Judging, first_line: int | None) -> dict[str, int]:
        live = self._live()
        before = self._in_use()
        self._pipeline.order(judging, first_line)
        self._engines = [*dict.fromkeys([*self._engines, *before, judging.engine])]
        return {lane.name: lane.ordered.first_line for lane in live if lane.ordered}

    def _in_use(self) -> list[Engine]:
        used = [lane.judging.engine for lane in self._pipeline.lanes]
        return used + [lane.ordered.parts.judging.engine for lane in self._pipeline.lanes if lane.ordered]

    def _in_the_loop(self, job: Callable[[], Result]) -> Result:
        """Have the stream's thread do something between two steps."""
        done: Future[Result] = Future()
        self._jobs.append((done, job))
        if self._closed:
            done.cancel()
        try:
            return done.result(ANSWER_S)
        except CancelledError as error:
            raise UserError("The stream has ended.") from error
        except NotInTime as error:
            if done.cancel():
                raise UserError(f"The stream did not come to it within {ANSWER_S:g} s: ask again.") from error
            return done.result()

    def _turn(self) -> None:
        """The pipeline's ``on_turn``."""
        while self._jobs:
            done, job = self._jobs.popleft()
            if not done.set_running_or_notify_cancel():
                continue
            try:
                done.set_result(job())
            except BaseException as error:  # the asking thread's to handle
                done.set_exception(error)
        if len(self._engines) > 1:
            used = self._in_use()
            for engine in self._engines:
                if engine not in used:
                    engine.close()
            self._engines = [engine for engine in self._engines if engine in used]


def _camera_now(lane: Lane) -> CameraNow:
    judging, ordered = lane.judging, lane.ordered  # the stream's thread may exchange them meanwhile
    return CameraNow(
        camera=lane.name,
        next_line=lane.next_line,
        bundle=judging.bundle.recipe.name,
        judge=judging.judge,
        thresholds=Thresholds(open=judging.thresholds.open, keep=judging.thresholds.keep),
        roll=lane.roll,
        ordered=OrderedBundle(bundle=ordered.parts.judging.bundle.id, first_line=ordered.first_line, roll=ordered.roll)
        if ordered
        else None,
        finished=lane.finished,
    )
