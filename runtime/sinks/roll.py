"""A roll while it is made: events, how far each camera is, and a picture of each defect.

The stream only queues; a thread of this sink writes. What the disk does not take waits in a bounded queue and is
written when there is room again; beyond that it is counted and named, and the stream goes on.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import islice

from runtime.events import DefectEvent, Event, StateEvent, StatusEvent, SummaryEvent, wall_time
from runtime.position import Track
from runtime.rolls.crops import Crop, CropFolder, Quota, RecentLines
from runtime.rolls.store import Progress, RollEnd, Store
from runtime.types import LineBlock, ScoreMap, State

WRITE_EVERY_S = 0.25
"""What a power cut can take is this and the time of one transaction."""
MOST_ROWS = 10_000
"""Events that may wait for a disk that takes none."""
BATCH_ROWS = 500
"""Of one transaction: trying a full disk again and again must not cost the stream much."""
MOST_CROPS = 64
CLOSE_S = 30.0
"""For the last rows on a slow disk."""


@dataclass
class _Camera:
    """What the sink knows of a camera.

    Attributes:
        came_in_m: metres that came in, those that wait for their turn too, as the newest status says.
        edges_mm: of the cloth in the newest judged strip.
        told: what the newest progress was made of.
    """

    track: Track
    recent: RecentLines = field(default_factory=RecentLines)
    newest_line: int = 0
    looked_at_line: int | None = None
    came_in_m: float = 0.0
    edges_mm: tuple[float, float] | None = None
    told: tuple[int, int | None, float] = (0, None, 0.0)


class RollSink:
    """Writes events into a roll's store. See runtime.sinks.base.Sink.

    Attributes:
        lost: events that were dropped, and those that wait while the disk takes none.
        label: what the roll is called.
    """

    def __init__(self, store: Store, quota: Quota) -> None:
        self.lost = 0
        self.label = store.label
        self._store = store
        self._crop_folder = CropFolder(store, quota)
        self._cameras: dict[str, _Camera] = {}
        self._rows: deque[Event | Progress | RollEnd] = deque()
        self._crops: deque[Crop] = deque()
        self._dropped = 0
        self._failing = ""
        self._not_kept: Counter[str] = Counter()
        self._told: dict[str, int] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="roll", daemon=True)
        self._thread.start()

    def opened(self, camera: str, track: Track) -> None:
        """A camera is there; ``track`` is the stream's own and grows with its lines."""
        self._cameras[camera] = _Camera(track)

    def seen(self, item: LineBlock | ScoreMap) -> None:
        """Lines that came in, or a judged strip: the pipeline's ``on_strip``."""
        camera = self._cameras[item.camera]
        if isinstance(item, LineBlock):
            camera.recent.add(item)
            camera.newest_line = item.end_line
            return
        camera.looked_at_line = item.end_line
        left, right = (camera.track.millimetres_across(x) for x in item.region)
        if left < right:
            first, camera.edges_mm = camera.edges_mm is None, (left, right)
            if first:  # a stream may be killed before its first status, and the width is known now
                self._note_progress(item.camera, camera, wall_time())

    def write(self, event: Event) -> None:
        """Queue an event, and cut the picture of a defect out of the lines that are still there."""
        if isinstance(event, StatusEvent):
            for status in event.cameras:
                if status.camera in self._cameras:
                    self._cameras[status.camera].came_in_m = status.metres
        if isinstance(event, StatusEvent | SummaryEvent):
            for name, camera in self._cameras.items():
                self._note_progress(name, camera, event.time)
        if isinstance(event, StatusEvent):
            return
        self._queue(event)
        if isinstance(event, DefectEvent) and event.state is not State.UPDATE and event.parent is None:
            self._cut(event)

    def left(self, camera: str, begins: StateEvent) -> None:
        """A camera has come to where another roll begins: what is known of it beyond that is not of this one."""
        self._note_progress(camera, self._cameras.pop(camera), begins.time)
        self._queue(begins)

    def end(self, time: str) -> None:
        """The stream goes on without this roll: leave the store as one file when all that waits is written."""
        self._queue(RollEnd(time))
        self._closing.set()

    @property
    def writing(self) -> bool:
        """The store is not closed yet."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Write what waits, and leave the store as one file."""
        self._closing.set()
        self._thread.join(CLOSE_S)
        if self.writing:
            self._say_what_lacks()

    def _note_progress(self, name: str, camera: _Camera, time: str) -> None:
        now = (camera.newest_line, camera.looked_at_line, camera.came_in_m)
        if now == camera.told:  # a loom that stands for a night adds no rows
            return
        camera.told = now
        looked_at_m = 0.0 if camera.looked_at_line is None else camera.track.metres(camera.looked_at_line)
        left, right = camera.edges_mm or (None, None)
        metres = max(camera.track.metres(camera.newest_line), camera.came_in_m)
        self._queue(Progress(name, time, metres, looked_at_m, left, right))

    def _cut(self, event: DefectEvent) -> None:
        camera = self._cameras.get(event.cameras[0])
        crop = camera.recent.cut(event) if camera else None
        if crop is None:
            if event.state is State.OPEN:  # at its end a long defect's first lines are gone: the first crop stays
                self._not_kept["crops whose lines were gone"] += 1
        elif len(self._crops) >= MOST_CROPS:
            self._count_not_kept(crop, "crops that came too fast")
        else:
            self._crops.append(crop)

    def _count_not_kept(self, crop: Crop, why: str) -> None:
        """Count defects that stay without a picture, not tries."""
        if crop.final and not self._crop_folder.has(crop.defect):
            self._not_kept[why] += 1

    def _queue(self, row: Event | Progress | RollEnd) -> None:
        with self._lock:
            if len(self._rows) >= MOST_ROWS:
                self._dropped += 1
            else:
                self._rows.append(row)
            self._count()

    def _run(self) -> None:
        closing = False
        while not closing:
            closing = self._closing.wait(WRITE_EVERY_S)
            self._write_rows()
            while self._crops:
                self._write_crop(self._crops.popleft())
                self._write_rows()
        self._say_what_lacks()
        self._store.close()

    def _say_what_lacks(self) -> None:
        lacks = [f"{count} {what}" for what, count in {"events": self.lost, **self._not_kept}.items() if count]
        if lacks:
            print(f"The roll '{self._store.folder}' lacks {', '.join(lacks)}.", file=sys.stderr)

    def _write_rows(self) -> None:
        while rows := self._next_rows():
            try:
                self._store.add(rows)
            except (sqlite3.Error, OSError) as error:
                self._report(rows_written=0, failing=str(error))
                return
            self._report(rows_written=len(rows), failing="")
        self._write_losses()

    def _next_rows(self) -> list[Event | Progress | RollEnd]:
        with self._lock:
            return list(islice(self._rows, BATCH_ROWS))

    def _write_crop(self, crop: Crop) -> None:
        try:
            why_not = self._crop_folder.keep(crop)
        except (sqlite3.Error, OSError):
            why_not = "crops that the disk did not take"
        if why_not:
            self._count_not_kept(crop, why_not)

    def _write_losses(self) -> None:
        losses = {**self._not_kept, "events": self._dropped}
        changed = {what: count for what, count in losses.items() if count != self._told.get(what, 0)}
        for what, count in changed.items():
            try:
                self._store.add_lost(what, count)
            except sqlite3.Error:  # a later write tells it
                return
            self._told[what] = count

    def _report(self, rows_written: int, failing: str) -> None:
        """Say so once when the disk begins to refuse, and once when it takes again."""
        with self._lock:
            for _ in range(rows_written):
                self._rows.popleft()
            before, self._failing = self._failing, failing
            self._count()
        if failing and not before:
            print(f"The roll '{self._store.folder}' cannot be written: {failing}. Its events wait.", file=sys.stderr)
        elif before and not failing:
            print(f"The roll '{self._store.folder}' is written again; {self._dropped} events lost.", file=sys.stderr)

    def _count(self) -> None:
        self.lost = self._dropped + (len(self._rows) if self._failing else 0)
