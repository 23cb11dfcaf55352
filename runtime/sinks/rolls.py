"""The rolls of a stream, one after the other: what is told goes to the roll that it belongs to.

A camera belongs to the roll that its newest ``started`` event names. Two rolls are written side by side where one
camera has come to the next roll and another has not; a roll ends when its last camera has left it. What is still
wrong with a camera is told to its next roll too.
"""

from __future__ import annotations

import threading
from pathlib import Path

from runtime.errors import UserError
from runtime.events import Event, MaintenanceEvent, StateEvent, StatusEvent, SummaryEvent
from runtime.position import Track
from runtime.rolls.crops import Quota
from runtime.rolls.store import Label, Store
from runtime.sinks.roll import RollSink
from runtime.types import LineBlock, ScoreMap


class Rolls:
    """See the module, and runtime.sinks.base.Sink. Rolls are begun by any thread, the rest is the stream's."""

    def __init__(self, quota: Quota) -> None:
        """No roll yet.

        Args:
            quota: of the pictures of each roll.
        """
        self._quota = quota
        self._begun: dict[str, RollSink] = {}  # by id; replaced, never changed: the stream reads it without a lock
        self._left: list[RollSink] = []  # that still write their last rows
        self._lost = 0  # by those that have
        self._tracks: dict[str, Track] = {}
        self._roll_of: dict[str, str | None] = {}
        self._needed: dict[str, MaintenanceEvent] = {}  # by id; not over
        self._lock = threading.Lock()

    @property
    def lost(self) -> int:
        """Events that were dropped, and those that wait for a disk."""
        return self._lost + sum(sink.lost for sink in (*self._begun.values(), *self._left))

    def begin(self, folder: Path, label: Label, shift: str | None) -> str:
        """Make ready for a roll, which begins with the first event that names it; returns its id.

        Raises:
            UserError: it cannot be written, or is being written.
        """
        with self._lock:
            self._refuse_begun(label.id or folder.resolve().name)
            store = Store(folder, label, shift)
            name = str(store.label.id)
            try:
                self._refuse_begun(name)
            except UserError:
                store.close()
                raise
            self._begun = {**self._begun, name: RollSink(store, self._quota)}
        return name

    def give_up(self, roll: str) -> None:
        """A roll that was made ready does not begin after all."""
        self._take_out(roll).close()

    def opened(self, camera: str, track: Track) -> None:
        """A camera is there; ``track`` is the stream's own and grows with its lines."""
        self._tracks[camera] = track

    def seen(self, item: LineBlock | ScoreMap) -> None:
        """Lines that came in, or a judged strip: the pipeline's ``on_strip``."""
        if sink := self._begun.get(self._roll_of.get(item.camera) or ""):
            sink.seen(item)

    def write(self, event: Event) -> None:
        if isinstance(event, StatusEvent | SummaryEvent):
            for roll in {roll for roll in self._roll_of.values() if roll}:
                self._begun[roll].write(event)
            return
        if isinstance(event, StateEvent) and event.state == "started" and event.camera:
            self._move(event.camera, event)
        if isinstance(event, MaintenanceEvent):
            self._note(event)
        if sink := self._begun.get(event.roll or ""):
            sink.write(event)

    def close(self) -> None:
        """Write what waits."""
        for sink in (*self._begun.values(), *self._left):
            sink.close()

    def _refuse_begun(self, roll: str) -> None:
        if roll in self._begun:
            raise UserError(f"The roll '{roll}' is being written: give the next one another folder and id.")

    def _move(self, camera: str, begins: StateEvent) -> None:
        """A camera comes to the line from which on its lines belong to another roll, or to none."""
        old, roll = self._roll_of.get(camera), begins.roll
        if roll == old:
            return
        self._roll_of[camera] = roll
        if roll:
            self._begun[roll].opened(camera, self._tracks[camera])
            for needed in self._needed.values():
                if needed.camera == camera:
                    self._begun[roll].write(needed.model_copy(update={"roll": roll}))
        if old:
            self._begun[old].left(camera, begins)
            if old not in self._roll_of.values():
                self._end(old, begins.time)

    def _note(self, event: MaintenanceEvent) -> None:
        """Remember what is wrong with a camera until it is over."""
        if event.state == "open":
            self._needed[event.id] = event
        else:
            self._needed.pop(event.id, None)

    def _end(self, roll: str, time: str) -> None:
        """Let a roll write its last rows by itself: the stream does not wait for a disk."""
        done = [sink for sink in self._left if not sink.writing]
        self._lost += sum(sink.lost for sink in done)
        self._left = [sink for sink in self._left if sink not in done]
        sink = self._take_out(roll)
        sink.end(time)
        self._left.append(sink)

    def _take_out(self, roll: str) -> RollSink:
        with self._lock:
            sink = self._begun[roll]
            self._begun = {name: other for name, other in self._begun.items() if name != roll}
        return sink
