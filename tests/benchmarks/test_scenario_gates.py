"""Every gate passes, is missed, and says so where there was nothing to measure."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.scenario.gates import gates
from benchmarks.scenario.measures import measure
from benchmarks.scenario.record import Record
from runtime.simulator.scenario import Expected, Recall
from tests.benchmarks.scenario_records import disturbance, event, fault, maintenance, record, stop, summary

HOLES = Recall(name="holes", classes=("hole",), at_least=0.9)
FOUND = record([fault()], [event()], memory=[1, 1, 5_000_001])
MISSED = record([fault()], [])
NOTHING = record(stop_rules=0)
FALSE = record(events=[event()], metres=10)
QUIET = record(metres=1000)
DUST = disturbance(expected=("maintenance column",))
SILENT = record(disturbances=[DUST])
RAISED = record(events=[event(y=(2.5, 2.6))], disturbances=[DUST])
DRIFTING = record(
    [fault(y=(float(m), m + 0.01)) for m in range(1, 9)],
    [event(y=(m + 0.001 * m, m + 0.01), name=f"d{m}") for m in range(1, 9)],
)
STEADY = record(
    [fault(y=(float(m), m + 0.01)) for m in range(1, 9)],
    [event(y=(float(m), m + 0.01), name=f"d{m}") for m in range(1, 9)],
)
BROKEN = record([fault()], [event(name="a"), event(x=(111, 112), name="b")])
WIDE = record([fault()], [event(x=(100, 116), y=(0.98, 1.008))])
DROPPED = record(events=[summary(10, 1000, 990, 10)])

CASES: list[tuple[dict[str, Any], Record, Record, Record | None]] = [
    ({"recall": (HOLES,)}, FOUND, MISSED, NOTHING),
    ({"false_per_100m": 5}, QUIET, FALSE, None),
    ({"false_per_100m": 5}, QUIET, RAISED, None),
    ({"false_stops_per_100k_picks": 1}, QUIET, record(events=[stop("d9")]), NOTHING),
    ({"fragments": 1.1}, FOUND, BROKEN, MISSED),
    ({"start_mm": 10}, FOUND, WIDE, MISSED),
    ({"end_mm": 1}, FOUND, WIDE, MISSED),
    ({"across_mm": 2}, FOUND, WIDE, MISSED),
    ({"drift_mm": 1}, STEADY, DRIFTING, FOUND),
    ({"points_percent": 5}, FOUND, MISSED, NOTHING),
    ({"no_defects_on": ("dust",)}, SILENT, RAISED, NOTHING),
    ({"as_expected": 0.9}, record(events=[maintenance(2.1)], disturbances=[DUST]), SILENT, NOTHING),
    ({"lines_dropped": 0}, QUIET, DROPPED, None),
    ({"growth_mb": 10}, FOUND, record(memory=[1, 1, 20_000_001]), QUIET),
    ({"latency_mm": 20}, FOUND, record(events=[event(latency_mm=30)]), NOTHING),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "good", "bad", "empty"), CASES, ids=[f"{next(iter(case[0]))}" for case in CASES])
def test_a_gate_tells_good_from_bad_and_from_nothing(
    asked: dict[str, Any], good: Record, bad: Record, empty: Record | None
) -> None:
    passed = []
    for one in (good, bad, empty):
        if one is not None:
            own = [gate for gate in gates(Expected(**asked), measure([one])) if not gate.name.startswith("lines in")]
            passed.append([gate.passed for gate in own])
    assert passed == [[True], [False], [None]][: len(passed)]


def test_a_share_that_chance_could_give_is_not_proven() -> None:
    many = [fault(y=(m / 10, m / 10 + 0.01)) for m in range(1, 60)]
    events = [event(y=(m / 10, m / 10 + 0.01), name=f"d{m}") for m in range(1, 60)]
    expected = Expected(recall=(HOLES,))
    assert gates(expected, measure([FOUND]))[0].verdict == "passed, within chance"
    assert gates(expected, measure([record(many, events)]))[0].verdict == "passed"
    assert gates(expected, measure([MISSED]))[0].verdict == "MISSED"
    assert gates(expected, measure([NOTHING]))[0].verdict == "NOT MEASURED"


def test_an_account_that_does_not_balance_is_always_a_miss() -> None:
    (gate,) = gates(Expected(), measure([record(events=[summary(10, 1000, 990, 9)])]))
    assert (gate.name, gate.passed) == ("lines in = inspected + not inspected", False)
