"""A pack's measures and gates, for people and for a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.scenario.gates import Gate
from benchmarks.scenario.intervals import Rate, Share
from benchmarks.scenario.measures import BANDS, Measures
from benchmarks.scenario.record import Record
from runtime.simulator.scenario import Scenario


def table(pack: Scenario, measures: Measures, asked: Sequence[Gate]) -> str:
    """All of a pack in words."""
    m = measures
    head = f"{pack.name}: {pack.about} {m.runs} runs, {m.metres:.1f} m."
    return "\n".join([head, *_recall(m), *_counts(m), *_told(m), *_account(m), *_gates(asked), ""])


def _recall(m: Measures) -> list[str]:
    if not m.recall:
        return []
    bands = [band for band in BANDS if m.found(bands=[band]).total]
    rows = [f"  {'found of':16}" + "".join(f"{band:>26}" for band in bands)]
    for cls in m.recall:
        rows.append(f"  {cls:16}" + "".join(f"{m.found([cls], [band])!s:>26}" for band in bands))
    rows.append(f"  {'all':16}" + "".join(f"{m.found(bands=[band])!s:>26}" for band in bands))
    if m.unseen:
        rows.append(f"  {m.unseen} faults lay where nothing was inspected and are left out")
    return rows


def _counts(m: Measures) -> list[str]:
    stops = "no rule could stop the loom" if m.stops is None else str(m.stops)
    rows = [
        f"  false events per 100 m              {m.false}",
        f"  events on disturbances per 100 m    {m.on_disturbances}",
        f"  false stops per 100,000 picks       {stops}",
    ]
    if m.fragments is not None:
        rows.append(f"  events a found fault                {m.fragments:.2f}")
        rows += [f"  error of {name:27}{_spread(m.errors_mm[name], 95)} mm" for name in m.errors_mm]
    if m.drift_mm is not None:
        rows.append(f"  drift along the cloth               {m.drift_mm:.2f} mm")
    if m.latency_ms:
        rows.append(f"  latency of the first event          {_spread(m.latency_ms, 99)} ms")
        rows.append(f"                                      {_spread(m.latency_mm, 99)} mm of cloth")
    rows.append(f"  4-point points that lay there, told {m.points[0]}, {m.points[1]}")
    return rows


def _told(m: Measures) -> list[str]:
    rows = []
    for kind, told in m.told.items():
        words = ", ".join(f"{word} {count}" for word, count in sorted(told.words.items()))
        rows.append(f"  {kind:16} as expected {told.as_expected}; told: {words}; {told.defects} defect events")
    return rows


def _account(m: Measures) -> list[str]:
    lines = m.lines
    reasons = ", ".join(f"{reason.value} {count}" for reason, count in sorted(lines.not_inspected.items()) if count)
    balance = "" if lines.balanced else ": DOES NOT BALANCE"
    not_inspected = f"{sum(lines.not_inspected.values())} not inspected" + (f" ({reasons})" if reasons else "")
    rows = [f"  lines: {lines.lines_in} in = {lines.inspected} inspected + {not_inspected}{balance}"]
    if m.growth_bytes is not None:
        rows.append(f"  memory grew by {m.growth_bytes / 1e6:.1f} MB after the first tenths")
    return rows


def _gates(asked: Sequence[Gate]) -> list[str]:
    return [f"  {gate.verdict:22} {gate.name}: {gate.asked}; {gate.measured}" for gate in asked]


def _spread(values: Sequence[float], high: int) -> str:
    middle, far = np.percentile(values, [50, high])
    return f"{middle:.1f} median, {far:.1f} {high} %"


def report_of(measures: Measures, asked: Sequence[Gate], records: Sequence[Record]) -> dict[str, Any]:
    """The same for a report in JSON; what was not measured is null."""
    m = measures
    return {
        "runs": [
            record.model_dump(include={"style", "seed", "variant", "bundle", "engine", "metres", "seconds"})
            for record in records
        ],
        "metres": m.metres,
        "recall": {
            cls: {band: _share(share) for band, share in of.items() if share.total} for cls, of in m.recall.items()
        },
        "faults_not_inspected": m.unseen,
        "false_per_100m": _rate(m.false),
        "on_disturbances_per_100m": _rate(m.on_disturbances),
        "false_stops_per_100k_picks": None if m.stops is None else _rate(m.stops),
        "fragments": m.fragments,
        "errors_mm": {name: _percentiles(values, 95) for name, values in m.errors_mm.items()},
        "drift_mm": m.drift_mm,
        "latency_ms": _percentiles(m.latency_ms, 99),
        "latency_mm": _percentiles(m.latency_mm, 99),
        "four_point": {"lay": m.points[0], "told": m.points[1]},
        "disturbances": {
            kind: {"as_expected": _share(told.as_expected), "told": dict(told.words), "defect_events": told.defects}
            for kind, told in m.told.items()
        },
        "lines": {
            "in": m.lines.lines_in,
            "inspected": m.lines.inspected,
            "not_inspected": {reason.value: count for reason, count in m.lines.not_inspected.items()},
            "balanced": m.lines.balanced,
        },
        "memory_growth_bytes": m.growth_bytes,
        "gates": [{"name": g.name, "asked": g.asked, "measured": g.measured, "verdict": g.verdict} for g in asked],
    }


def _share(share: Share) -> dict[str, Any]:
    return {"count": share.count, "of": share.total, "value": share.value, "interval_95": share.interval}


def _rate(rate: Rate) -> dict[str, Any]:
    low, high = rate.interval
    return {"count": rate.count, "value": rate.value, "interval_95": [low, high] if rate.amount else None}


def _percentiles(values: Sequence[float], high: int) -> dict[str, float] | None:
    if not values:
        return None
    middle, far = np.percentile(values, [50, high])
    return {"p50": float(middle), f"p{high}": float(far)}
