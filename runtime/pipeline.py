"""The loop: several cameras, one engine, one account.

Each camera is read by a thread of its own into a bounded queue; one loop steps the cameras' lanes in
turn, so a camera that is slow, gone or broken holds up no other.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from runtime.account import Account
from runtime.bundle import Bundle
from runtime.cameras.base import Camera, CameraInfo
from runtime.capacity import beyond, paced
from runtime.engines.base import Engine
from runtime.engines.rate import measure_tiles_per_s
from runtime.errors import UserError
from runtime.events import Event, Judge, StateEvent, StatusEvent, SummaryEvent
from runtime.intake import Intake, Limit
from runtime.judging import Judging, Parts
from runtime.lane import Lane
from runtime.outlet import Outlet
from runtime.position import Track
from runtime.preprocess.cloth import ClothFinder
from runtime.preprocess.flatfield import FlatField
from runtime.sinks.base import Sink
from runtime.types import LineBlock, ScoreMap

STATUS_S = 2.0
IDLE_S = 0.02


@dataclass(frozen=True)
class View:
    """A camera and how its lines are prepared.

    Attributes:
        flat_field: references, or None.
        cloth: finds the cloth's columns, or None where all that the camera sees is cloth.
    """

    camera: Camera
    flat_field: FlatField | None = None
    cloth: ClothFinder | None = None


class Pipeline:
    """Runs cameras through an engine until they end, a limit is reached, or it is told to stop."""

    def __init__(
        self,
        bundle: Bundle,
        engine: Engine,
        engine_key: str,
        views: Sequence[View],
        sinks: Sequence[Sink],
        limit: Limit | None = None,
        seconds: float | None = None,
        roll: str | None = None,
        on_strip: Callable[[LineBlock | ScoreMap], None] | None = None,
        on_open: Callable[[str, Track], None] | None = None,
    ) -> None:
        """Join the parts; nothing is opened yet.

        Args:
            engine_key: ``<engine>-<precision>``: whose thresholds to judge by.
            seconds: read the cameras for this long; None: no limit.
            roll: id that every event carries.
            on_strip: sees every block and every stitched strip.
            on_open: gets the name of each camera that is opened, and where its lines lie.
        """
        self.lanes: list[Lane] = []
        self.on_turn: Callable[[], None] | None = None
        """Called by the loop's thread between two of its steps: where the stream may be changed while it runs."""
        self._begun_by = Judging.of(bundle, engine, engine_key)
        self._outlet = Outlet(sinks, self._begun_by.settings.alarms)
        self._views = views
        self._limit = limit or Limit()
        self._seconds = seconds
        self._time_is_up = False
        self._begun_roll = roll
        self._on_strip = on_strip
        self._on_open = on_open
        self._wake = threading.Event()
        self._stop = threading.Event()

    def stop(self) -> None:
        """End cleanly: may be called from a signal handler or another thread."""
        self._stop.set()
        self._wake.set()

    @property
    def judge(self) -> Judge:
        """Who judges now; where an order (runtime/lane.py) is under way, the first camera's."""
        return (self.lanes[0].judging if self.lanes else self._begun_by).judge

    @property
    def roll(self) -> str | None:
        """The roll that lines belong to now; where a change is under way, the first camera's."""
        return self.lanes[0].roll if self.lanes else self._begun_roll

    def order(self, judging: Judging, first_line: int | None) -> None:
        """Let another bundle judge every camera from its line ``first_line`` on; None: from its next line.

        Called in ``on_turn``. Nothing is changed where it is refused.

        Raises:
            UserError: the bundle does not fit a camera, a camera is past the line, or a change of the roll waits.
        """
        live = self._live_before(first_line)
        if any(lane.ordered and lane.ordered.roll != lane.roll for lane in live):
            raise UserError("A change of the roll waits for its line: load the bundle when it is made.")
        for lane in live:
            judging.check(lane.intake.info)
        made = [self._parts(judging, lane) for lane in live]
        for lane, parts in zip(live, made, strict=True):
            lane.order(parts, first_line, lane.roll)

    def change_roll(self, roll: str | None, first_line: int | None) -> None:
        """Let every camera's lines from ``first_line`` on belong to another roll, or to none; None: from its next line.

        Called in ``on_turn``. The same bundle goes on; what is open at the line is closed in the roll that ends.

        Raises:
            UserError: a camera is past the line, or another change waits.
        """
        live = self.refuse_change_at(first_line)
        made = [self._parts(lane.judging, lane) for lane in live]
        for lane, parts in zip(live, made, strict=True):
            lane.order(parts, first_line, roll)

    def refuse_change_at(self, line: int | None) -> list[Lane]:
        """The lanes that have not ended.

        Raises:
            UserError: the roll cannot change at the line, as ``change_roll`` says.
        """
        live = self._live_before(line)
        if any(lane.ordered for lane in live):
            raise UserError("Another change waits for its line: change the roll when it is made.")
        return live

    def _live_before(self, line: int | None) -> list[Lane]:
        """The lanes that have not ended, none of them past the line."""
        live = [lane for lane in self.lanes if not lane.finished]
        for lane in live:
            if line is not None and line < lane.next_line:
                raise UserError(f"Camera '{lane.name}' is past line {line}: name one from {lane.next_line} on.")
        return live

    def _parts(self, judging: Judging, lane: Lane) -> Parts:
        view = self._views[self.lanes.index(lane)]
        return judging.parts(lane.intake.info, lane.track, view.cloth, view.flat_field)

    def run(self) -> SummaryEvent:
        """Open the cameras and run to the end; returns the summary, which was told to the sinks too.

        Raises:
            UserError: a camera cannot be opened or does not fit the bundle.
        """
        started = time.monotonic()
        try:
            infos = self._open()
            self._outlet.opened(infos)
            self._check_capacity(infos)
            for lane in self.lanes:
                lane.intake.start()
            stopped = self._loop(time.monotonic())
        finally:
            for view in self._views:
                view.camera.close()
        self._outlet.close()
        summary = self._summary(time.monotonic() - started, stopped)
        self.tell(summary)
        return summary

    def tell(self, event: Event) -> None:
        """Give an event, what other cameras make of it and what it sets off, to every sink."""
        self._outlet.tell(event)

    def _open(self) -> list[CameraInfo]:
        infos: list[CameraInfo] = []
        for view in self._views:
            info = view.camera.open()
            if info.name in [other.name for other in infos]:
                raise UserError(f"Two cameras are called '{info.name}': give each a name in cameras.yaml.")
            self._begun_by.check(info)
            if view.flat_field:
                if info.width is not None:
                    view.flat_field.check_width(info.width, info.channels, info.name)
                view.flat_field.check_camera(info.name, info.bits, info.device)
            self.lanes.append(self._lane(view, info))
            infos.append(info)
            self.tell(StateEvent(camera=info.name, state="started", message=info.description, roll=self.roll))
        return infos

    def _lane(self, view: View, info: CameraInfo) -> Lane:
        policy = self._begun_by.policy
        track = Track(info.scale)
        if self._on_open:
            self._on_open(info.name, track)
        skip = info.live and policy.overflow == "skip_newest"
        return Lane(
            intake=Intake(view.camera, info, Account(), self._limit, policy.queue_blocks, skip, self._wake),
            parts=self._begun_by.parts(info, track, view.cloth, view.flat_field),
            track=track,
            roll=self.roll,
            tell=self.tell,
            on_settings=lambda settings: self._outlet.use(info.name, settings.alarms),
            on_strip=self._on_strip,
            on_judged=self._outlet.judged,
        )

    def _check_capacity(self, infos: Sequence[CameraInfo]) -> None:
        """Say so before the first line when the set line rates are more than this machine measured."""
        limited = paced(infos)
        if not limited:
            return
        tiles, stride = self._begun_by.bundle.recipe.tiles, self._begun_by.policy.stride_lines
        message = beyond(measure_tiles_per_s(self._begun_by.engine), limited, tiles, stride)
        if message:
            self.tell(StateEvent(camera=None, state="over_capacity", message=message, roll=self.roll))

    def _loop(self, started: float) -> bool:
        """Step the lanes until all are finished; True if told to stop."""
        stopped = False
        next_status = started + STATUS_S
        while live := [lane for lane in self.lanes if not lane.finished]:
            now = time.monotonic()
            if self.on_turn:
                self.on_turn()
            if not stopped and self._stop.is_set():
                stopped = True
                for lane in live:
                    lane.intake.stop(give_up_queue=True)
            elif not self._time_is_up and self._seconds is not None and now - started >= self._seconds:
                self._time_is_up = True
                for lane in live:
                    lane.intake.stop(give_up_queue=False)
            moved = False
            for lane in live:
                moved |= self._step(lane)
            if not moved:
                self._rest(live)
            if now >= next_status:
                self._tell_status()
                next_status = now + STATUS_S
        return stopped

    def _tell_status(self) -> None:
        cameras = [lane.status() for lane in self.lanes]
        self.tell(StatusEvent(cameras=cameras, events_lost=self._outlet.lost, roll=self.roll))

    def _step(self, lane: Lane, wait_s: float = 0.0) -> bool:
        try:
            moved = lane.step(wait_s)
        except Exception as error:
            # One camera's trouble stays its own; _summary makes the exit status tell.
            if not isinstance(error, UserError):
                traceback.print_exc()
            lane.fail(error)
            moved = True
        if lane.finished:
            self._outlet.ended(lane.name)
        return moved

    def _rest(self, live: Sequence[Lane]) -> None:
        """Wait for the engine where it works, else for lines."""
        busy = next((lane for lane in live if lane.busy), None)
        if busy:
            self._step(busy, wait_s=IDLE_S)
        else:
            self._wake.wait(IDLE_S)
            self._wake.clear()

    def _summary(self, seconds: float, stopped: bool) -> SummaryEvent:
        ended: Literal["limit", "end_of_input", "stopped", "failed"]
        if any(lane.error for lane in self.lanes):
            ended = "failed"
        elif stopped:
            ended = "stopped"
        elif self._time_is_up or any(lane.intake.reached_limit for lane in self.lanes):
            ended = "limit"
        else:
            ended = "end_of_input"
        return SummaryEvent(
            ended=ended,
            seconds=round(seconds, 3),
            judge=self.judge,
            cameras=[lane.summary() for lane in self.lanes],
            events_lost=self._outlet.lost,
            roll=self.roll,
        )
