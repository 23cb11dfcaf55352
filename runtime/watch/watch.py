"""One camera's watcher: what a lane asks before it believes the map.

    see(block)               every block of lines, before it is cut into tiles
    gone(span)               lines that were given up
    judge(strip)             every strip of the map; what comes back goes to the tracker or into the account
    sift(defects, end_line)  what the tracker says; what comes back is told
    flush()                  before a gap and at the end: strips that were held back
    take()                   events to tell

Everything is counted in lines and millimetres of cloth, and every memory is bounded.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Literal

from runtime.cameras.overspeed import Overspeed
from runtime.events import Event, MaintenanceEvent, StateEvent
from runtime.position import Track
from runtime.settings import Thresholds
from runtime.types import Defect, LineBlock, NotInspected, Reason, Scale, ScoreMap
from runtime.watch.bands import Bands
from runtime.watch.breaker import Breaker
from runtime.watch.columns import EDGE_PX, Column, ColumnWatch
from runtime.watch.held import Held
from runtime.watch.light import LightWatch, drift, is_other_cloth
from runtime.watch.look import OTHER_CLOTH, Look, Looking, usual_look
from runtime.watch.slabs import SLAB_LINES, Slab
from runtime.watch.states import SAYS, States

LEARN_MM = 250.0
"""Cloth that what is usual is learnt from, where the bundle does not say it."""
FOLLOW = 0.02
"""Part by which a usual look moves the usual one: the density of a cloth drifts over metres."""
KEPT_LOOKS = 64
OTHER_PIECE = ("seam", "other_cloth")
"""States after which the cloth under the camera is another piece."""
REGION_NEWS_PX = 64
"""The columns that are looked at have changed if an edge of them moved by more; cloth that wanders moves it by 50."""


@dataclass(frozen=True)
class _Seen:
    """Lines [first_line, end_line) whose map is not there yet: the slabs that they filled, and columns of cloth."""

    segment: int
    first_line: int
    end_line: int
    slabs: list[Slab]
    cloth: tuple[int, int]


class Watch:
    """Watches one camera."""

    def __init__(
        self, run_id: str, camera: str, scale: Scale, track: Track, thresholds: Thresholds, usual: Look | None = None
    ) -> None:
        """Set up.

        Args:
            run_id: makes ids unique across restarts.
            track: where lines lie in metres.
            usual: what the cloth looks like and how bright it is; None: as it is at the stream's start.
        """
        opening = min(thresholds.open.values())
        self.columns = ColumnWatch(scale, opening)
        self._held = Held(self.columns, scale.mm_per_line, self._explain)
        self._bands = Bands(scale, kept_lines=self.columns.kept_lines)
        self._states = States(scale, self._bands, Breaker(opening))
        self._light = LightWatch(scale.mm_per_line)
        self._overspeed = Overspeed(scale)
        self._looking = Looking()
        self._looks: deque[tuple[Look, bool]] = deque(maxlen=KEPT_LOOKS)
        self._usual = self._known = usual
        self._segment: int | None = None
        self._followed: int | None = None  # the segment that the columns are in
        self._learning: list[Look] = []
        self._region: tuple[int, int] | None = None
        self._run_id, self._camera, self._scale, self._track = run_id, camera, scale, track
        self._looked_at: tuple[int, int] | None = None
        self._told: dict[str, MaintenanceEvent] = {}
        self._no_cloth_to: int | None = None
        self._ahead: deque[_Seen] = deque()
        self._events: list[Event] = []
        self._count = 0

    def see(self, block: LineBlock) -> None:
        """Take lines as the camera gave them, before their map."""
        too_fast = self._overspeed.see(block)
        if too_fast:
            self._open("encoder", "encoder", self._overspeed.sentence, block.first_line)
        elif too_fast is not None:
            self._over("encoder", "the camera takes as many lines as the scale says")
        if block.segment != self._segment:
            self._begin(block.segment)
        cloth = self._cloth(block.width)
        slabs = self.columns.see(block)
        for slab in slabs:
            self._bands.add(slab, cloth)
        for look in self._looking.add(block, cloth):
            self._see_look(look)
        self._ahead.append(_Seen(block.segment, block.first_line, block.end_line, slabs, cloth))

    def _follow(self, line: float) -> None:
        """Let the columns learn from the blocks that begin before a line.

        In step with the map: what is said of a column must not depend on how far the engine is behind the camera, or a
        recorded roll would give other defects than the live one did.
        """
        while self._ahead and self._ahead[0].first_line < line:
            seen = self._ahead.popleft()
            if seen.segment != self._followed:
                if self._followed is not None:
                    self.columns.begin()
                self._followed = seen.segment
            self.columns.follow(seen.slabs, seen.cloth)
            odd = self._is_odd(seen.first_line, seen.end_line)
            lies_bare = self._bands.all_usual(seen.first_line - SLAB_LINES, seen.end_line)
            self.columns.learn(seen.first_line, seen.end_line, self._states.usual and lies_bare and not odd)
        self._tell_columns()

    def _is_odd(self, first_line: int, end_line: int) -> bool:
        """Does a look that shows other cloth meet these lines?"""
        return any(odd and look.first_line < end_line and look.end_line > first_line for look, odd in self._looks)

    def _tell_columns(self) -> None:
        for column in self.columns.take_found():
            self._tell_column(column)
        for column in self.columns.take_gone():
            self._over(column.name, "the column sees as before")
        for column in self.columns.take_of_cloth():
            self._over(column.name, "it moves sideways with the cloth: the window is clean, the cloth has a fault")

    def _explain(self, column: Column) -> str:
        """The id of the event of a column, told now if it was not before."""
        self._tell_columns()
        return self._told[column.name].id

    def _begin(self, segment: int) -> None:
        """A segment may be another piece of cloth, under another light: only what the bundle says is known of it."""
        if self._segment is not None:
            self._bands.begin()
            self._usual = self._known
            self._learning.clear()
        self._segment = segment

    def gone(self, span: NotInspected) -> None:
        """Lines were given up by others."""
        if span.end_line is not None:
            self._follow(span.end_line)
        if span.reason is Reason.NO_CLOTH and span.end_line is not None and span.first_line is not None:
            if self._no_cloth_to is None:
                self._tell_state("no_cloth", "there is no cloth under the camera", span.first_line)
            self._no_cloth_to = span.end_line

    def judge(self, strip: ScoreMap) -> list[ScoreMap | NotInspected]:
        """What of the map may be judged, and which lines are given up, in order; strips may come later, at a gap
        the latest.
        """
        self._follow(strip.end_line)
        if self._no_cloth_to is not None and strip.first_line >= self._no_cloth_to:
            self._tell_state("cloth", "there is cloth under the camera", strip.first_line)
            self._no_cloth_to = None
        self.columns.region = strip.region
        self._follow_region(strip.region)
        self._tell_region(strip)
        return self._passed(self._states.judge(strip, self._is_odd(strip.first_line, strip.end_line)))

    def flush(self) -> list[ScoreMap | NotInspected]:
        """What was held back, before a gap or the end."""
        self._follow(math.inf)
        return self._passed(self._states.flush())

    def sift(self, defects: list[Defect], end_line: int) -> list[Defect]:
        """What is to be told of what the tracker says after a strip that ends at ``end_line``."""
        self._follow(end_line)
        return self._held.sift(defects, end_line)

    def release(self) -> list[Defect]:
        """What is held back and can wait no longer, because other thresholds judge from now on."""
        return self._held.release()

    def use(self, thresholds: Thresholds, other_bundle: bool = False) -> None:
        """Judge by other thresholds from the next strip on; another bundle knows another cloth."""
        opening = min(thresholds.open.values())
        self.columns.opening = opening
        self._states.breaker = Breaker(opening)
        if other_bundle:
            self._usual = None
            self._learning.clear()
            self._looks.clear()

    def take(self) -> list[Event]:
        """Events since the last call."""
        events, self._events = self._events, []
        return events

    def _passed(self, pieces: list[ScoreMap | NotInspected]) -> list[ScoreMap | NotInspected]:
        for state, line in self._states.take_news():
            self._tell_state(state, SAYS[state], line)
            if state in OTHER_PIECE:
                self.columns.marks.other_piece()
        return [self.columns.quietened(piece) if isinstance(piece, ScoreMap) else piece for piece in pieces]

    def _cloth(self, width: int) -> tuple[int, int]:
        """Columns of cloth that are compared with each other; before the first strip, the middle half."""
        if self._region is None or self._region[1] > width:
            return width // 4, width - width // 4
        return self._region

    def _follow_region(self, cloth: tuple[int, int]) -> None:
        """Stay with the same columns as long as they are cloth: the finder's edges waver where the cloth changes."""
        if self._region is None or not (cloth[0] <= self._region[0] and self._region[1] <= cloth[1]):
            inset = min(EDGE_PX, (cloth[1] - cloth[0]) // 4)
            self._region = cloth[0] + inset, cloth[1] - inset

    def _tell_region(self, strip: ScoreMap) -> None:
        """Say so where other columns are looked at than before: there may be cloth beside them."""
        before, (x0, x1) = self._looked_at, strip.region
        if before and max(abs(x0 - before[0]), abs(x1 - before[1])) <= REGION_NEWS_PX:
            return
        self._looked_at = strip.region
        if before:
            x0_mm, x1_mm = (self._track.millimetres_across(x) for x in (x0, x1))
            now = f"columns {x0} to {x1} ({x0_mm:.0f} to {x1_mm:.0f} mm) are looked at"
            self._tell_state("cloth", f"{now}; before, {before[0]} to {before[1]} were", strip.first_line)

    def _see_look(self, look: Look) -> None:
        """Compare a look with the usual one, which is learnt first and then followed."""
        if self._usual is None:
            self._learning.append(look)
            if (look.end_line - self._learning[0].first_line) * self._scale.mm_per_line >= LEARN_MM:
                self._usual = usual_look(self._learning)
                self._learning.clear()
            return
        odd = is_other_cloth(look, self._usual)
        self._looks.append((look, odd))
        if odd or not self._states.usual or not self._bands.all_usual(look.first_line, look.end_line):
            return
        light, focus = self._light.see(look, self._usual)
        if light is not None:
            self._tell_light(light, look)
        if focus is not None:
            self._tell_focus(focus, look)
        if look.distance(self._usual) < OTHER_CLOTH:
            self._usual = self._usual.towards(look, FOLLOW)

    def _tell_light(self, wrong: bool, look: Look) -> None:
        assert self._usual is not None
        part = math.expm1(drift(look, self._usual))
        if wrong:
            said = f"the light is {part:+.0%} of what it was: look after the lamp, then take the references again"
            self._open("light", "light", said, look.first_line)
        else:
            self._over("light", "the light is as it was")

    def _tell_focus(self, wrong: bool, look: Look) -> None:
        assert self._usual is not None
        if wrong:
            blur = look.defocus_px(self._usual)
            said = f"the cloth is out of focus by about {blur:.1f} px: look after the lens and the cloth's distance"
            self._open("focus", "focus", said, look.first_line)
        else:
            self._over("focus", "the cloth is in focus again")

    def _tell_column(self, column: Column) -> None:
        middle = (column.x0 + column.x1) // 2
        what = "is dead" if column.dead else f"sees {math.expm1(column.gain):+.0%} of the light"
        place = f"column {middle} ({self._track.millimetres_across(middle):.0f} mm)"
        if column.dead:
            said = "and stands still: the camera needs care"
        elif column.certain:
            said = "and stood still while the cloth moved sideways: clean the window there"
        else:
            said = "and stands still: clean the window there; if it is clean, look at the ends"
        self._open(column.name, "column", f"{place} {what} {said}", column.first_line, column)

    def _open(
        self,
        key: str,
        cause: Literal["column", "light", "focus", "encoder"],
        message: str,
        line: int,
        column: Column | None = None,
    ) -> None:
        self._count += 1
        across = self._track.millimetres_across
        event = MaintenanceEvent(
            id=f"{self._run_id}-{self._camera}-m{self._count}",
            camera=self._camera,
            state="open",
            cause=cause,
            message=message,
            x0_px=column.x0 if column else None,
            x1_px=column.x1 if column else None,
            x0_mm=across(column.x0) if column else None,
            x1_mm=across(column.x1) if column else None,
            first_line=line,
            y_m=round(self._track.metres(line), 6),
        )
        self._told[key] = event
        self._events.append(event)

    def _over(self, key: str, message: str) -> None:
        opened = self._told.pop(key, None)
        if opened is not None:
            self._events.append(opened.model_copy(update={"state": "closed", "message": message}))

    def _tell_state(
        self,
        state: Literal["seam", "other_cloth", "obstruction", "too_many_defects", "no_cloth", "cloth"],
        message: str,
        line: int,
    ) -> None:
        y_m = round(self._track.metres(line), 6)
        self._events.append(StateEvent(camera=self._camera, state=state, message=message, y_m=y_m))
