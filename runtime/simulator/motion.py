"""How the cloth moves under the camera: forward, back and at rest, and where the camera's lines fall on it.

A position trigger fires once a line pitch of cloth by the encoder's count. So speed says when a line is
taken, and only the way says where. Line numbers go on whichever way the cloth runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runtime.errors import UserError
from runtime.simulator.noise import uniform
from runtime.types import Int64

Float64 = NDArray[np.float64]
Trigger = Literal["motion", "position_up"]
"""When a line is taken: at every line pitch of cloth either way, or only where the cloth is new. The names are
those of EncoderOutputMode in the GenICam Standard Features Naming Convention (Motion, PositionUp)."""

_WHERE, _SECONDS, _PICKS_BACK = 301, 302, 303
_FOR_EVER = 1 << 62
_TOUCH = 1e-6  # a way of 500 line pitches ends on the 500th, whatever the last bit of its float says


@dataclass(frozen=True)
class Forward:
    """Cloth is made, or wound on.

    Attributes:
        mm: how far; infinite: for ever.
        m_per_min: the speed.
        ramp_m_per_s2: how fast it gathers speed at the start and loses it at the end; 0: at once.
        ripple, ripple_mm: relative swing of the speed and the cloth of one swing (a pick, on a loom).
    """

    mm: float = math.inf
    m_per_min: float = 20.0
    ramp_m_per_s2: float = 0.0
    ripple: float = 0.0
    ripple_mm: float = 1.0

    def seconds(self, mm: Float64) -> Float64:
        """Seconds from the start until so much cloth has passed."""
        swing = self.ripple * self.ripple_mm / (2 * np.pi) * np.sin(2 * np.pi * mm / self.ripple_mm)
        speed = self.m_per_min / 0.06
        if not self.ramp_m_per_s2:
            return (mm - swing) / speed
        gain = self.ramp_m_per_s2 * 1000
        speed = min(speed, math.sqrt(gain * self.mm))
        ramp = speed**2 / (2 * gain)
        up = np.sqrt(2 * np.minimum(mm, ramp) / gain)
        steady = np.clip(mm - ramp, 0, max(0.0, self.mm - 2 * ramp)) / speed
        down = speed / gain - np.sqrt(2 * np.clip(self.mm - mm, 0, ramp) / gain)
        total: Float64 = up + steady + down - swing / speed
        return total


@dataclass(frozen=True)
class Back:
    """The cloth runs back by ``mm``, at ``m_per_min``: a pick is looked for, or the weaver winds back."""

    mm: float
    m_per_min: float = 0.25

    def seconds(self, mm: Float64) -> Float64:
        """Seconds from the start until the cloth has run back so far."""
        return mm / (self.m_per_min / 0.06)


@dataclass(frozen=True)
class Stop:
    """The cloth stands for ``s`` seconds: no lines are taken."""

    s: float


Move = Forward | Back | Stop


@dataclass(frozen=True)
class Motion:
    """A list of moves, one after the other; the cloth ends with the last."""

    moves: tuple[Move, ...]

    def steps(self) -> Iterator[Move]:
        """The moves in order."""
        return iter(self.moves)


@dataclass(frozen=True)
class Table:
    """An inspection table: steady, with ramps, for ever.

    Attributes:
        m_per_min, ramp_m_per_s2: as in Forward.
        stop_every_m: it is stopped once in each such length, at a place of its own; 0: never.
        stop_s: for so long. back_mm: and wound back by so much first.
        seed: of where it stops.
    """

    m_per_min: float = 40.0
    ramp_m_per_s2: float = 0.5
    stop_every_m: float = 0.0
    stop_s: float = 10.0
    back_mm: float = 0.0
    seed: int = 0

    def steps(self) -> Iterator[Move]:
        """The moves in order, without end."""
        if not self.stop_every_m:
            yield Forward(math.inf, self.m_per_min, self.ramp_m_per_s2)
            return
        reached, number = 0.0, 0
        while True:
            stop_at = 1000 * self.stop_every_m * (number + _one(self.seed, _WHERE, number))
            yield Forward(stop_at - reached + self.back_mm * (number > 0), self.m_per_min, self.ramp_m_per_s2)
            yield Stop(self.stop_s)
            if self.back_mm:
                yield Back(self.back_mm)
            reached, number = stop_at, number + 1


@dataclass(frozen=True)
class Weaving:
    """A loom that weaves, stops, looks for the pick, creeps and weaves on, for ever.

    Attributes:
        ppm, ppi: picks a minute and an inch, which make the cloth's speed.
        ripple: swing of the take-up's speed from pick to pick.
        picks_between_stops: on average; a loom stops once in each such stretch, at a place of its own.
        stop_s: a stop's seconds, from and to.
        back_picks: how far it is turned back at a restart, from and to.
        creep_picks, creep: how many picks it then weaves slowly, and at what share of its speed.
        seed: of where and how it stops.
    """

    ppm: float = 600.0
    ppi: float = 60.0
    ripple: float = 0.1
    picks_between_stops: float = 50_000.0
    stop_s: tuple[float, float] = (18.0, 180.0)
    back_picks: tuple[int, int] = (1, 10)
    creep_picks: int = 3
    creep: float = 0.3
    seed: int = 0

    def stopping_every(self, metres: float) -> Weaving:
        """The same loom with a stop in each such length of cloth; 0: it never stops."""
        return replace(self, picks_between_stops=metres * 1000 * self.ppi / 25.4 or math.inf)

    def steps(self) -> Iterator[Move]:
        """The moves in order, without end."""
        pick_mm = 25.4 / self.ppi
        speed = self.ppm * pick_mm / 1000
        again, reached, number = 0.0, 0.0, 0
        low, high = self.back_picks
        while True:
            stop_at = self.picks_between_stops * pick_mm * (number + _one(self.seed, _WHERE, number))
            way = stop_at - reached + again
            slow = min(way, self.creep_picks * pick_mm) if number else 0.0
            if slow:
                yield Forward(slow, speed * self.creep, 0.0, self.ripple, pick_mm)
            yield Forward(way - slow, speed, 0.0, self.ripple, pick_mm)
            yield Stop(self.stop_s[0] + (self.stop_s[1] - self.stop_s[0]) * _one(self.seed, _SECONDS, number))
            again = pick_mm * (low + int((high - low + 1) * _one(self.seed, _PICKS_BACK, number)))
            if again:
                yield Back(again, speed)
            reached, number = stop_at, number + 1


AnyMotion = Motion | Table | Weaving


def _one(seed: int, stream: int, index: int) -> float:
    return float(uniform(seed, stream, np.array([index], np.int64))[0])


@dataclass(frozen=True)
class Knot:
    """A stretch of lines that follow each other one line pitch apart, one way.

    Attributes:
        first_line, end_line: the camera's lines.
        mark: line pitches by the encoder at the first line. step: 1 forward, -1 back.
        top: the highest mark before this stretch.
        start: line pitches where its move began. seconds: when. move: the move.
    """

    first_line: int
    end_line: int
    mark: int
    step: int
    top: int
    start: float
    seconds: float
    move: Forward | Back


class Path:
    """Where on the cloth, and when, each line is taken, in line pitches by the encoder.

    The moves are followed as far as lines were asked for, and kept: a few numbers a move.

    Args:
        motion: how the cloth moves.
        mm_per_line: the line pitch.
        trigger: which way lines are taken.

    Raises:
        UserError: a move of no length, time or speed, or a motion in which no line is taken.
    """

    def __init__(self, motion: AnyMotion, mm_per_line: float, trigger: Trigger) -> None:
        self._moves = motion.steps()
        self._pitch, self._trigger = mm_per_line, trigger
        self._knots: list[Knot] = []
        self._firsts: list[int] = []
        # A hair before the start: the first line is taken as the cloth begins to move, and n pitches are n lines.
        self._at, self._seconds, self._top, self._line = -2 * _TOUCH, 0.0, -1, 0
        self.length: int | None = None
        """Number of lines of a motion that ends; None: without end."""
        if isinstance(motion, Motion):
            while self.length is None and self._line < _FOR_EVER:
                self._follow()
            if self._line == 0:
                raise UserError(f"in this motion the cloth never moves on by a line of {mm_per_line} mm: give it a way")

    def places(self, first: int, count: int) -> tuple[Int64, Int64, Float64]:
        """Of the lines [first, first + count).

        Returns:
            Marks int64 [count]: line pitches by the encoder. Tops int64 [count]: the highest mark so far.
            Seconds float64 [count] since the start.

        Raises:
            ValueError: lines beyond the motion's end.
        """
        while self._line < first + count and self.length is None:
            self._follow()
        if first < 0 or first + count > self._line:
            raise ValueError(f"lines [{first}, {first + count}) of {self._line}")
        lines = np.arange(first, first + count, dtype=np.int64)
        marks, tops = np.empty_like(lines), np.empty_like(lines)
        seconds = np.empty(count)
        low = int(np.searchsorted(self._firsts, first, side="right")) - 1
        for knot in self._knots[max(0, low) :]:
            if knot.first_line >= first + count:
                break
            here = slice(max(0, knot.first_line - first), min(count, knot.end_line - first))
            marks[here] = knot.mark + knot.step * (lines[here] - knot.first_line)
            tops[here] = np.maximum(knot.top, marks[here])
            way = np.abs(marks[here] - knot.start) * self._pitch
            seconds[here] = knot.seconds + knot.move.seconds(way)
        return marks, tops, seconds

    def _follow(self) -> None:
        """Take up the next move."""
        move = next(self._moves, None)
        if move is None:
            self.length = self._line
            return
        if isinstance(move, Stop):
            if not 0 <= move.s < math.inf:
                raise UserError(f"a stop takes 0 seconds or more, not {move.s}")
            self._seconds += move.s
            return
        if not (move.mm > 0 and move.m_per_min > 0):
            raise UserError(f"cloth moves by more than 0 mm at more than 0 m/min, not {move.mm} at {move.m_per_min}")
        forward = isinstance(move, Forward)
        start, end = self._at, self._at + (move.mm if forward else -move.mm) / self._pitch
        if forward:
            last = _FOR_EVER if math.isinf(end) else math.floor(end + _TOUCH)
            least = self._top if self._trigger == "position_up" else -_FOR_EVER
            mark = max(math.floor(start + _TOUCH), least) + 1
            lines = last - mark + 1
        else:
            mark = math.ceil(start - _TOUCH) - 1
            lines = 0 if self._trigger == "position_up" else mark - math.ceil(end - _TOUCH) + 1
        if lines > 0:
            end_line = min(self._line + lines, _FOR_EVER)
            step = 1 if forward else -1
            self._knots.append(Knot(self._line, end_line, mark, step, self._top, start, self._seconds, move))
            self._firsts.append(self._line)
            self._line = end_line
            if forward:
                self._top = max(self._top, last)
        self._at = end
        if math.isfinite(move.mm):
            self._seconds += float(move.seconds(np.array(move.mm)))
