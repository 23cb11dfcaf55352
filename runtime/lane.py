"""One camera's way from queued lines to told events: cut, judge, stitch, follow, account."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from runtime.account import Account
from runtime.events import CameraStatus, CameraSummary, Event
from runtime.intake import Intake
from runtime.judging import Judging, Order, Parts, new_run_id
from runtime.motion import Motion
from runtime.position import Track
from runtime.queue_front import QueueFront
from runtime.settings import Settings
from runtime.standing import Standing
from runtime.telling import Telling
from runtime.types import Defect, LineBlock, NotInspected, Reason, ScoreMap, TileBatch, TileMaps
from runtime.watch.watch import Watch


class Lane:
    """Steps one camera's work forward in small bounded pieces, never waiting for the camera."""

    def __init__(
        self,
        intake: Intake,
        parts: Parts,
        track: Track,
        roll: str | None,
        tell: Callable[[Event], None],
        on_settings: Callable[[Settings], None],
        on_strip: Callable[[LineBlock | ScoreMap], None] | None = None,
        on_judged: Callable[[str, float], None] | None = None,
    ) -> None:
        """Join the parts.

        Args:
            parts: what judges, until an order exchanges it.
            roll: id of the roll that its lines belong to, until an order names another.
            tell: takes the events.
            on_settings: gets the settings that come into force in place of those that it began with.
            on_strip: sees every block and every stitched strip (pictures, tests); None: nobody looks.
            on_judged: hears the camera's name and up to which metre its defects are told.
        """
        self.name = intake.info.name
        self.intake = intake
        self.account: Account = intake.account
        self.finished = False
        self.error: BaseException | None = None
        self.next_line = 0
        """All lines before it have gone into the tiler or stand in a span."""
        self.ordered: Order | None = None
        self._parts = parts
        self._queue = QueueFront(intake.take)
        self.track = track
        self.watch = Watch(new_run_id(), self.name, intake.info.scale, track, parts.judging.thresholds)
        self._telling = Telling(intake, track, roll, tell)
        self._on_settings = on_settings
        self._on_strip = on_strip
        self._on_judged = on_judged
        self._motion = Motion(self.name, track)
        self._ready: deque[TileBatch] = deque()
        self._standing = Standing()

    @property
    def busy(self) -> bool:
        """Something of this camera is at the engine."""
        return self._parts.session.in_flight > 0

    @property
    def judging(self) -> Judging:
        """Who judges now."""
        return self._parts.judging

    @property
    def roll(self) -> str | None:
        """The roll that its lines belong to now."""
        return self._telling.roll

    def order(self, parts: Parts, first_line: int | None, roll: str | None) -> None:
        """Let other parts judge from line ``first_line`` on, None: from the next one, for a roll; the last order holds.

        What judged until then finishes the lines before it, as at the end of a run: no line is lost to the change,
        a defect across it is two events.
        """
        self._withdraw()
        self.ordered = Order(parts, self.next_line if first_line is None else first_line, roll)

    def use(self, bundle: Path, settings: Settings) -> bool:
        """Judge by a bundle's later thresholds from the next strip on; True if it is the one that judges now."""
        if self.judging.bundle.path.resolve() == bundle.resolve():
            self._tell_all(self.watch.release())  # it opened by the thresholds until now
        for parts in (self._parts, self.ordered.parts if self.ordered else None):
            if parts and parts.judging.bundle.path.resolve() == bundle.resolve():
                parts.use(settings)
        if self.judging.settings is not settings:
            return False
        self.watch.use(self.judging.thresholds)
        self._on_settings(settings)
        self._tell_state("started", f"settings revision {settings.revision} judges from the next strip on")
        return True

    def step(self, wait_s: float = 0.0) -> bool:
        """Do what can be done now; True if anything was.

        Args:
            wait_s: how long to wait for the engine's oldest batch.
        """
        moved = self._collect(wait_s)
        while self._ready and self._parts.session.in_flight < self.judging.engine.spec.max_in_flight:
            batch = self._ready.popleft()
            self._parts.session.submit(batch)
            self._telling.tiles += len(batch.x)
            moved = True
        if not self._ready:
            moved |= self._advance()
        return moved

    def fail(self, error: BaseException) -> None:
        """Give this camera up; what it had not judged is accounted for, the others go on."""
        self.error = error
        self._tell_state("failed", str(error))
        self.intake.stop(give_up_queue=True)
        self.intake.join(5.0)
        self._parts.session.close()
        while (item := self._queue.take()) is not None:
            if isinstance(item, NotInspected):
                self._give_up(item)
        for span in self._motion.end():
            self._give_up(span)
        self._track_or_give_up(self.watch.flush(), more=False)
        for first, end in self.account.holes():
            self._give_up(NotInspected(self.name, Reason.STOPPED, first, end))
        self._finish()

    def status(self) -> CameraStatus:
        """How it goes since the last call."""
        return self._telling.status(self._parts.tracker.open_defects)

    def summary(self) -> CameraSummary:
        """The closing account."""
        return self._telling.summary()

    def _advance(self) -> bool:
        """Take one item from the queue, or notice that there is none."""
        if self.ordered and self.next_line >= self.ordered.first_line:
            return self._hand_over(self.ordered)
        item = self._queue.take(self.ordered.first_line if self.ordered else None)
        if item is not None:
            if self._standing.came():
                self._tell_state("running", "lines come again")
            self._accept(item)
            return True
        if self.intake.exhausted:
            return self._wind_up()
        if self._standing.begins(self.judging.policy.flush_s):
            self._tell_state("standing", "no lines come: the loom stands, or its camera is gone")
            self._sort(self._parts.tiler.flush(whole_cells=True))
            return True
        return False

    def _hand_over(self, order: Order) -> bool:
        """Finish what came before the line of an order, then let its parts judge; both see the lines around it."""
        parts = order.parts
        for span in self._motion.end():
            self._take(span)
        tiler = self._parts.tiler
        parts.tiler.follow(tiler)
        if tiler.waiting:
            beyond, all_there = self._queue.lines_ahead(tiler.reach_beyond)
            if not (all_there or self._standing.quiet(self.judging.policy.flush_s) or self.intake.exhausted):
                return False
            self._sort(tiler.flush(beyond=beyond))
            return True
        if self._ready or self.busy:
            return False
        self._close()
        self._parts, self.ordered = parts, None
        self.watch.use(parts.judging.thresholds, other_bundle=order.roll == self.roll)
        self._on_settings(parts.judging.settings)
        told = f"bundle '{parts.judging.bundle.recipe.name}' ({parts.judging.bundle.id}), {parts.judging.engine.name}, "
        if order.roll != self.roll:
            told = f"roll '{order.roll}' begins, " if order.roll else f"no roll after '{self.roll}', "
        self._telling.roll = order.roll
        self._tell_state("started", f"{told}judges from line {self.next_line} on")
        return True

    def _withdraw(self) -> None:
        """Forget an order that did not have its turn."""
        if self.ordered:
            self.ordered.parts.session.close()
            self.ordered = None

    def _accept(self, item: LineBlock | NotInspected) -> None:
        self.next_line = self.next_line if item.end_line is None else item.end_line
        if isinstance(item, LineBlock):
            self.track.add(item)
            if self._on_strip:
                self._on_strip(item)
            self.watch.see(item)
            self._tell_watched()
        for part in self._motion.split(item):
            self._take(part)

    def _take(self, item: LineBlock | NotInspected) -> None:
        """Lines to the tiler; a gap to the account."""
        if isinstance(item, NotInspected):
            self._sort(self._parts.tiler.flush())  # what lies before a gap need not wait for its end
            self._give_up(item)
        else:
            self._sort(self._parts.tiler.push(item))

    def _sort(self, cut: Iterable[TileBatch | NotInspected]) -> None:
        for piece in cut:
            if isinstance(piece, NotInspected):
                self._give_up(piece)
            else:
                self._ready.append(piece)

    def _collect(self, wait_s: float) -> bool:
        maps = self._parts.session.collect(wait_s)
        if maps is None:
            return False
        while maps is not None:
            self._judge_maps(maps)
            maps = self._parts.session.collect()
        return True

    def _judge_maps(self, maps: TileMaps) -> None:
        strip = self._parts.stitcher.add(maps)
        self._telling.stitched(strip)
        self._track_or_give_up(self.watch.judge(strip), more=not maps.batch.hard_end)
        if self._on_judged:
            self._on_judged(self.name, self._parts.tracker.judged_m)

    def _track_or_give_up(self, pieces: list[ScoreMap | NotInspected], more: bool) -> None:
        """Strips go to the tracker, spans into the account; ``more``: the map goes on after the last of them."""
        for piece in pieces:
            if isinstance(piece, NotInspected):
                self._close_tracks()
                self._give_up(piece)
                continue
            self.account.looked_at(piece.first_line, piece.end_line)
            goes_on = more or piece is not pieces[-1]
            for ready in self._parts.lines.add(piece, goes_on):
                self._track(ready, goes_on)
        self._tell_watched()

    def _track(self, strip: ScoreMap, more: bool) -> None:
        if self._on_strip:
            self._on_strip(strip)
        self._tell_defects(self._parts.tracker.add(strip, self.intake.newest_line, more), strip.end_line)

    def _close_tracks(self) -> None:
        for ready in self._parts.lines.close():
            self._track(ready, more=False)
        self._tell_defects(self._parts.tracker.close(self.intake.newest_line))

    def _tell_watched(self) -> None:
        self._telling.watched(self.watch.take())

    def _wind_up(self) -> bool:
        """The camera has ended: judge what waits, then close what is open."""
        if self.intake.error and self.error is None:
            raise self.intake.error
        for span in self._motion.end():
            self._take(span)
        if self._parts.tiler.waiting:
            self._sort(self._parts.tiler.flush())
            return True
        if self._ready or self.busy:
            return False
        self._finish()
        return True

    def _finish(self) -> None:
        self._close()
        self._withdraw()
        self.finished = True

    def _close(self) -> None:
        """All maps of these parts are there: decide what is held back and close what is open."""
        self._track_or_give_up(self.watch.flush(), more=False)
        self._close_tracks()
        self._parts.session.close()

    def _tell_defects(self, defects: list[Defect], end_line: int | None = None) -> None:
        """Tell what the tracker says of the map up to a line, None: at its end."""
        self._tell_all(self.watch.sift(defects, self.next_line if end_line is None else end_line))

    def _tell_all(self, defects: list[Defect]) -> None:
        self._telling.defects(defects, self.judging.judge)

    def _give_up(self, span: NotInspected) -> None:
        self.account.given_up(span)
        self.watch.gone(span)
        self._telling.given_up(span)

    def _tell_state(self, state: Literal["started", "standing", "running", "failed"], message: str) -> None:
        self._telling.state(state, message, self.next_line)
