"""What a pack asks for, held against what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.scenario.intervals import Rate, Share
from benchmarks.scenario.measures import Measures
from runtime.simulator.scenario import Expected

HIGH = 95.0
"""Errors of place are asked for at this percentile: one of twenty may be worse."""


@dataclass(frozen=True)
class Gate:
    """One demand and how it went.

    Attributes:
        asked, measured: in words.
        passed: None where there was nothing to measure.
        proven: the 95 % interval lies wholly on the good side; None where there is no interval.
    """

    name: str
    asked: str
    measured: str
    passed: bool | None
    proven: bool | None = None

    @property
    def verdict(self) -> str:
        """One word, and whether chance could have given it."""
        if self.passed is None:
            return "NOT MEASURED"
        if not self.passed:
            return "MISSED"
        return "passed, within chance" if self.proven is False else "passed"


def gates(expected: Expected, measures: Measures) -> list[Gate]:
    """Every demand of a pack, in the order of its file."""
    families = (_recalls, _rates, _places, _told, _stream)
    return [gate for family in families for gate in family(expected, measures)]


def _recalls(expected: Expected, measures: Measures) -> Iterator[Gate]:
    for asked in expected.recall:
        yield _at_least(f"recall, {asked.name}", asked.at_least, measures.found(asked.classes))


def _rates(expected: Expected, measures: Measures) -> Iterator[Gate]:
    if expected.false_per_100m is not None:
        false, on = measures.false, measures.on_disturbances
        raised = Rate(false.count + on.count, false.amount, false.per)
        yield _at_most_rate("false events per 100 m, those on disturbances too", expected.false_per_100m, raised)
    if expected.false_stops_per_100k_picks is not None:
        rate = measures.stops or Rate(0, 0, 1)
        yield _at_most_rate("false stops per 100,000 picks", expected.false_stops_per_100k_picks, rate)
    if expected.fragments is not None:
        yield _at_most("events a found fault", expected.fragments, measures.fragments)


def _places(expected: Expected, measures: Measures) -> Iterator[Gate]:
    for name, most in (("start", expected.start_mm), ("end", expected.end_mm), ("across", expected.across_mm)):
        if most is not None:
            errors = measures.errors_mm[name]
            worst = float(np.percentile(errors, HIGH)) if errors else None
            yield _at_most(f"error of {name}, mm, {HIGH:g} %", most, worst)
    if expected.drift_mm is not None:
        drift = None if measures.drift_mm is None else abs(measures.drift_mm)
        yield _at_most("drift along the cloth, mm", expected.drift_mm, drift)
    if expected.points_percent is not None:
        lay, told = measures.points
        off = 100 * abs(told - lay) / lay if lay else None
        yield _at_most("4-point points off by, %", expected.points_percent, off)


def _told(expected: Expected, measures: Measures) -> Iterator[Gate]:
    for kind in expected.no_defects_on:
        told = measures.told.get(kind)
        yield _at_most(f"defect events on {kind}", 0, told and float(told.defects))
    if expected.as_expected is not None:
        shares = [told.as_expected for told in measures.told.values()]
        yield _at_least("disturbances told as they should be", expected.as_expected, sum(shares, Share(0, 0)))


def _stream(expected: Expected, measures: Measures) -> Iterator[Gate]:
    lines = measures.lines
    account = f"{lines.lines_in} = {lines.inspected} + {sum(lines.not_inspected.values())}"
    yield Gate("lines in = inspected + not inspected", "always", account, lines.balanced)
    if expected.lines_dropped is not None:
        dropped = sum(count for reason, count in lines.not_inspected.items() if reason.value == "overload")
        yield _at_most("lines dropped", expected.lines_dropped, float(dropped))
    if expected.growth_mb is not None:
        growth = None if measures.growth_bytes is None else measures.growth_bytes / 1e6
        yield _at_most("memory grew by, MB", expected.growth_mb, growth)
    if expected.latency_mm is not None:
        late = float(np.percentile(measures.latency_mm, 99)) if measures.latency_mm else None
        yield _at_most("latency, mm of cloth, 99 %", expected.latency_mm, late)


def _at_least(name: str, least: float, share: Share) -> Gate:
    passed = None if share.value is None else share.value >= least
    return Gate(name, f">= {least:g}", str(share), passed, share.interval[0] >= least)


def _at_most_rate(name: str, most: float, rate: Rate) -> Gate:
    passed = None if rate.value is None else rate.value <= most
    return Gate(name, f"<= {most:g}", str(rate), passed, rate.interval[1] <= most)


def _at_most(name: str, most: float, value: float | None) -> Gate:
    measured = "-" if value is None else f"{value:.2f}"
    return Gate(name, f"<= {most:g}", measured, None if value is None else value <= most)
