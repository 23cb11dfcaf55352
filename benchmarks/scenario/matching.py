"""Events held against what was there, in loom millimetres.

An event meets a fault when their boxes, each as it is, come within REACH_MM of each other, and finds it when it is
not much larger than the fault besides: else an event of the whole roll would find everything. An event that meets no
fault is one on a disturbance where it meets one, of several the smallest, else it is false. Only events without a
parent count: the others were found to be parts of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.inspection import last_words
from benchmarks.scenario.record import Disturbance, Planted, Record
from runtime.events import DefectEvent, Event, MaintenanceEvent, NotInspectedEvent, StateEvent
from runtime.types import Reason

REACH_MM = 5.0
"""About what the map's cells, the net's field of view and the blobs' halo add to a fault's edges."""
SIDE_MM, SIDE_TIMES = 30.0, 3.0
"""An event that finds a fault is at most so long on each side, or so many times as long as the fault."""
LATE_M = 0.5
"""A disturbance may be told until so much cloth after it ended: whoever tells sensor from cloth has to watch first."""
STATES = ("seam", "other_cloth", "obstruction", "no_cloth", "too_many_defects")
"""States of a stream that say something of the cloth."""


@dataclass(frozen=True)
class Outcome:
    """What became of one fault.

    Attributes:
        meeting: events that meet it, by where they begin; finding: those that find it.
        unseen: all of its cloth stands in spans that were not inspected, or beside the columns that were looked at.
        x_mm: its part within those columns; events end there.
    """

    fault: Planted
    meeting: tuple[DefectEvent, ...]
    finding: tuple[DefectEvent, ...]
    unseen: bool
    x_mm: tuple[float, float]

    @property
    def found(self) -> bool:
        return bool(self.finding)

    def errors_mm(self) -> tuple[float, float, float]:
        """Of all finding events together: start and end along the cloth and middle across it, less the fault's, mm.

        The middle is that of the part which was looked at.

        Raises:
            ValueError: nothing found it.
        """
        fault, events = self.fault, self.finding
        start = min(e.y0_m for e in events) - fault.y0_m
        end = max(e.y1_m for e in events) - fault.y1_m
        across = min(e.x0_mm for e in events) + max(e.x1_mm for e in events) - sum(self.x_mm)
        return start * 1000, end * 1000, across / 2


@dataclass(frozen=True)
class Handled:
    """What was told of one disturbance: words of told_as, and how many defect events lie on it."""

    disturbance: Disturbance
    told: frozenset[str]
    defects: int

    @property
    def as_expected(self) -> bool:
        """One of what is expected, and nothing else; nothing where nothing is."""
        expected = frozenset(self.disturbance.expected)
        return self.told <= expected and bool(self.told) == bool(expected)


@dataclass(frozen=True)
class Matched:
    """One record's events held against its truth. ``false`` are events that meet neither fault nor disturbance."""

    outcomes: list[Outcome] = field(default_factory=list)
    handled: list[Handled] = field(default_factory=list)
    false: list[DefectEvent] = field(default_factory=list)
    on_disturbances: list[DefectEvent] = field(default_factory=list)


def match(record: Record) -> Matched:
    """Hold a record's events against what was there."""
    events = last_words(record.events)
    spans = [e for e in record.events if isinstance(e, NotInspectedEvent) and e.reason is not Reason.SEEN_BEFORE]
    outcomes = [_outcome(fault, events, spans, record.looked_mm) for fault in record.faults]
    claimed = {event.id for outcome in outcomes for event in outcome.meeting}
    free = [event for event in events if event.id not in claimed]
    words: dict[str, set[str]] = defaultdict(set)
    defects: Counter[str] = Counter()
    false, on_disturbances = [], []
    for event in free:
        there = [one for one in record.disturbances if _meets(event, one)]
        if there:
            smallest = min(there, key=_size)
            words[smallest.id].add("defect")
            defects[smallest.id] += 1
        (on_disturbances if there else false).append(event)
    for event in record.events:
        for disturbance in _spoken_of(event, record.disturbances):
            words[disturbance.id].add(told_as(event))
    handled = [Handled(one, frozenset(words[one.id]), defects[one.id]) for one in record.disturbances]
    return Matched(outcomes, handled, false, on_disturbances)


def told_as(event: Event) -> str:
    """In which words an event speaks of something that is no fault, or nothing where it does not."""
    if isinstance(event, MaintenanceEvent) and event.state == "open":
        return f"maintenance {event.cause}"
    if isinstance(event, StateEvent) and event.state in STATES:
        return f"state {event.state}"
    if isinstance(event, NotInspectedEvent) and event.reason is not Reason.STOPPED:
        return f"not inspected {event.reason.value}"
    return ""


def _spoken_of(event: Event, disturbances: Sequence[Disturbance]) -> list[Disturbance]:
    """Those of which an event speaks: all that expect it, else the smallest of those where it lies."""
    word = told_as(event)
    there = [one for one in disturbances if word and _speaks_of(event, one)]
    expecting = [one for one in there if word in one.expected]
    return expecting or sorted(there, key=_size)[:1]


def _size(place: Disturbance) -> tuple[bool, float]:
    """What has a place across is smaller than what lies over the whole width; then the shorter is smaller."""
    return place.x0_mm is None, place.y1_m - place.y0_m


def _outcome(
    fault: Planted,
    events: Sequence[DefectEvent],
    spans: Sequence[NotInspectedEvent],
    looked_mm: tuple[float, float] | None,
) -> Outcome:
    meeting = tuple(event for event in events if _meets(event, fault))
    x0, x1 = looked_mm or (fault.x0_mm, fault.x1_mm)
    beside = fault.x1_mm <= x0 or fault.x0_mm >= x1
    x_mm = (fault.x0_mm, fault.x1_mm) if beside else (max(x0, fault.x0_mm), min(x1, fault.x1_mm))
    finding = tuple(event for event in meeting if _fits(event, fault))
    return Outcome(fault, meeting, finding, beside or _covered(fault, spans), x_mm)


def _meets(event: DefectEvent, place: Planted | Disturbance) -> bool:
    """Their boxes come within REACH_MM of each other."""
    reach_m = REACH_MM / 1000
    along = event.y0_m - reach_m < place.y1_m and place.y0_m - reach_m < event.y1_m
    if place.x0_mm is None or place.x1_mm is None:
        return along
    return along and event.x0_mm - REACH_MM < place.x1_mm and place.x0_mm - REACH_MM < event.x1_mm


def _fits(event: DefectEvent, fault: Planted) -> bool:
    """The event is not much larger than the fault."""
    across = max(SIDE_MM, SIDE_TIMES * (fault.x1_mm - fault.x0_mm))
    along = max(SIDE_MM, SIDE_TIMES * (fault.y1_m - fault.y0_m) * 1000)
    return event.x1_mm - event.x0_mm <= across and (event.y1_m - event.y0_m) * 1000 <= along


def _covered(fault: Planted, spans: Sequence[NotInspectedEvent]) -> bool:
    """Spans that were not inspected leave nothing of the fault's metres."""
    reached = fault.y0_m
    for low, high in sorted((s.y0_m, s.y1_m) for s in spans if s.y0_m is not None and s.y1_m is not None):
        if low <= reached:
            reached = max(reached, high)
    return reached >= fault.y1_m


def _speaks_of(event: Event, place: Disturbance) -> bool:
    """What an event tells lies where the disturbance is, or not long after it."""
    low, high = place.y0_m - REACH_MM / 1000, place.y1_m + LATE_M
    if isinstance(event, NotInspectedEvent):
        return event.y0_m is not None and event.y1_m is not None and event.y0_m < high and low < event.y1_m
    if isinstance(event, StateEvent):
        return event.y_m is not None and low <= event.y_m <= high
    if not isinstance(event, MaintenanceEvent) or not low <= event.y_m <= high:
        return False
    if place.x0_mm is None or place.x1_mm is None or event.x0_mm is None or event.x1_mm is None:
        return True
    return event.x0_mm - REACH_MM < place.x1_mm and place.x0_mm - REACH_MM < event.x1_mm
