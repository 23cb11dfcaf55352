"""What the records of a pack add up to.

recall               faults found of those that were looked at, by class and by the signal-to-noise ratio of an ideal
                     filter: from 9 on, from 6 to 9, below 6 (nobody could be expected to see it), or unknown
false events         events that meet neither a fault nor a disturbance, per 100 m of cloth of whatever width; those on
                     a disturbance are counted by themselves
false stops          alarms that ask for a stop for defects of which none is a fault, per 100,000 picks
fragments            events that meet a fault which was found and could be seen (SNR from 6 on), the mean
errors               of the same faults: start, end and middle across; of all events together that found one
drift                start errors of the last quarter of a run's local faults less those of its first, medians; the
                     worst run. Long faults are left out: they begin faintly
latency              of each defect's first event, as the runtime tells it
4-point              points of what lay there and of what was told, by runtime/rolls/grades.py
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from benchmarks.scenario.intervals import Rate, Share
from benchmarks.scenario.matching import Handled, Matched, Outcome, match
from benchmarks.scenario.record import Planted, Record
from runtime.events import AlarmEvent, DefectEvent
from runtime.rolls.grades import Cloth, Flaw, four_point
from runtime.rolls.policy import POLICIES
from runtime.types import Kind, Reason

BANDS = ("SNR >= 9", "SNR 6-9", "SNR < 6", "SNR unknown")
COUNTED = ("SNR >= 9", "SNR 6-9", "SNR unknown")
"""Bands whose faults are asked for. Of an unknown ratio nobody can say that it is too low."""
PICKS = 100_000
FEWEST_FOR_DRIFT = 8


@dataclass
class Lines:
    """The account of all cameras. ``balanced``: in every one, lines in = inspected + not inspected."""

    lines_in: int = 0
    inspected: int = 0
    not_inspected: Counter[Reason] = field(default_factory=Counter)
    balanced: bool = True


@dataclass
class Told:
    """Of one kind of disturbance: how many were handled as expected, and what was told of how many of them."""

    as_expected: Share = field(default_factory=lambda: Share(0, 0))
    words: Counter[str] = field(default_factory=Counter)
    defects: int = 0


@dataclass(frozen=True)
class Measures:
    """See the module's head. Lists are of all records together, and empty where there was nothing to measure.

    Attributes:
        recall: by class, then by band. unseen: faults whose cloth was not looked at; they are in no recall.
        false, on_disturbances: events per 100 m. stops: None where no rule could stop the loom.
        errors_mm: absolute, by ``start``, ``end`` and ``across``.
        points: of the faults that are asked for, and of the events.
        growth_bytes: of memory, from a run's second reading to its highest later one; the worst run.
    """

    runs: int
    metres: float
    recall: dict[str, dict[str, Share]]
    unseen: int
    false: Rate
    on_disturbances: Rate
    stops: Rate | None
    fragments: float | None
    errors_mm: dict[str, list[float]]
    drift_mm: float | None
    latency_ms: list[float]
    latency_mm: list[float]
    points: tuple[int, int]
    told: dict[str, Told]
    lines: Lines
    growth_bytes: int | None

    def found(self, classes: Iterable[str] = (), bands: Sequence[str] = COUNTED) -> Share:
        """Recall over classes, without any over all of them, and bands."""
        shares = [self.recall.get(cls, {}).get(band) for cls in (classes or self.recall) for band in bands]
        return sum((share for share in shares if share), Share(0, 0))


def measure(records: Sequence[Record]) -> Measures:
    """Measure a pack's records, of which there is at least one."""
    matched = [match(record) for record in records]
    outcomes = [outcome for one in matched for outcome in one.outcomes]
    found = [outcome for outcome in outcomes if outcome.found and band_of(outcome.fault) in COUNTED]
    metres = sum(record.metres for record in records)
    opened = [event for record in records for event in record.opened().values()]
    errors = [[abs(error) for error in outcome.errors_mm()] for outcome in found]
    return Measures(
        runs=len(records),
        metres=metres,
        recall=_recall(outcomes),
        unseen=sum(outcome.unseen and not outcome.found for outcome in outcomes),
        false=Rate(sum(len(one.false) for one in matched), metres, 100),
        on_disturbances=Rate(sum(len(one.on_disturbances) for one in matched), metres, 100),
        stops=_stops(records, matched),
        fragments=float(np.mean([len(outcome.meeting) for outcome in found])) if found else None,
        errors_mm={name: [each[i] for each in errors] for i, name in enumerate(("start", "end", "across"))},
        drift_mm=max((d for one in matched if (d := _drift_mm(one.outcomes)) is not None), key=abs, default=None),
        latency_ms=[event.latency_ms for event in opened],
        latency_mm=[event.latency_mm for event in opened],
        points=_points(records, matched),
        told=_told(handled for one in matched for handled in one.handled),
        lines=_lines(records),
        growth_bytes=max((g for record in records if (g := _growth(record.memory)) is not None), default=None),
    )


def band_of(fault: Planted) -> str:
    """Which of BANDS a fault belongs to."""
    if fault.snr is None:
        return "SNR unknown"
    return "SNR >= 9" if fault.snr >= 9 else "SNR 6-9" if fault.snr >= 6 else "SNR < 6"


def _recall(outcomes: Iterable[Outcome]) -> dict[str, dict[str, Share]]:
    recall: dict[str, dict[str, Share]] = defaultdict(lambda: dict.fromkeys(BANDS, Share(0, 0)))
    for outcome in outcomes:
        if outcome.found or not outcome.unseen:
            of_class, band = recall[outcome.fault.cls], band_of(outcome.fault)
            of_class[band] += Share(int(outcome.found), 1)
    return dict(sorted(recall.items()))


def _stops(records: Sequence[Record], matched: Sequence[Matched]) -> Rate | None:
    if not any(record.stop_rules for record in records):
        return None
    false, picks = 0, 0.0
    for record, one in zip(records, matched, strict=True):
        real = {event.id for outcome in one.outcomes for event in outcome.meeting}
        stops = [e for e in record.events if isinstance(e, AlarmEvent) and e.output == "stop"]
        false += sum(real.isdisjoint(stop.defects) for stop in stops)
        picks += record.metres * 1000 / 25.4 * record.ppi if record.stop_rules else 0
    return Rate(false, picks, PICKS)


def _drift_mm(outcomes: Sequence[Outcome]) -> float | None:
    """None where too few local faults were found."""
    local = [outcome for outcome in outcomes if outcome.found and outcome.fault.kind is Kind.LOCAL]
    found = sorted(local, key=lambda outcome: outcome.fault.y0_m)
    if len(found) < FEWEST_FOR_DRIFT:
        return None
    starts, quarter = [outcome.errors_mm()[0] for outcome in found], len(found) // 4
    return median(starts[-quarter:]) - median(starts[:quarter])


def _points(records: Sequence[Record], matched: Sequence[Matched]) -> tuple[int, int]:
    """4-point points of the faults that are asked for, and of all events but those on faults that are not."""
    lay, told = 0, 0
    for record, one in zip(records, matched, strict=True):
        cloth = Cloth(*record.cloth_mm, record.metres, record.metres)
        asked = [outcome for outcome in one.outcomes if band_of(outcome.fault) in COUNTED and not outcome.unseen]
        events = {event.id: event for outcome in asked for event in outcome.meeting}
        events |= {event.id: event for event in (*one.false, *one.on_disturbances)}
        lay += four_point([_flaw(outcome.fault) for outcome in asked], cloth, POLICIES["inch"]).points
        told += four_point([_flaw(event) for event in events.values()], cloth, POLICIES["inch"]).points
    return lay, told


def _flaw(one: Planted | DefectEvent) -> Flaw:
    return Flaw(one.id, one.kind, one.x0_mm, one.x1_mm, one.y0_m, one.y1_m)


def _told(handled: Iterable[Handled]) -> dict[str, Told]:
    told: dict[str, Told] = defaultdict(Told)
    for one in handled:
        of_kind = told[one.disturbance.kind]
        of_kind.as_expected += Share(int(one.as_expected), 1)
        of_kind.words.update(one.told or ["nothing"])
        of_kind.defects += one.defects
    return dict(sorted(told.items()))


def _lines(records: Iterable[Record]) -> Lines:
    lines = Lines()
    for camera in (camera for record in records for camera in record.summary.cameras):
        lines.lines_in += camera.lines_in
        lines.inspected += camera.lines_inspected
        lines.not_inspected.update(camera.lines_not_inspected)
        balanced = camera.lines_in == camera.lines_inspected + sum(camera.lines_not_inspected.values())
        lines.balanced &= camera.balanced and balanced
    return lines


def _growth(memory: Sequence[int]) -> int | None:
    """The first reading is left out: buffers have their size by the second."""
    return max(memory[2:]) - memory[1] if len(memory) > 2 else None
