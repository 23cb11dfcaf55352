"""Each measure on records made by hand: what it is, and that it changes when it must."""

from __future__ import annotations

import pytest

from benchmarks.scenario.intervals import Rate, Share
from benchmarks.scenario.measures import measure
from runtime.types import Kind, Reason
from tests.benchmarks.scenario_records import disturbance, event, fault, maintenance, record, stop, summary, unseen


@pytest.mark.parametrize(
    ("share", "low", "high"),
    [(Share(0, 10), 0.0, 0.2775), (Share(10, 10), 0.7225, 1.0), (Share(81, 263), 0.2553, 0.3662)],
)
def test_wilsons_interval(share: Share, low: float, high: float) -> None:
    """The third: R. G. Newcombe, Statistics in Medicine 17 (1998), table I."""
    assert share.interval == pytest.approx((low, high), abs=1e-4)


def test_a_rate_has_garwoods_interval_and_nothing_seen_says_nothing() -> None:
    rate = Rate(3, 200, 100)
    assert (rate.value, *rate.interval) == pytest.approx((1.5, 0.3093, 4.3836), abs=1e-4)
    assert (Rate(0, 0, 100).value, Rate(0, 0, 100).interval) == (None, (0.0, float("inf")))
    assert (Share(0, 0).value, Share(0, 0).interval) == (None, (0.0, 1.0))


def test_recall_is_told_by_class_and_by_what_could_be_seen() -> None:
    faults = [
        fault(y=(1.0, 1.01), snr=9.0),
        fault(y=(2.0, 2.01), snr=8.9),
        fault(y=(3.0, 3.01), snr=5.9),
        fault("knot", y=(4.0, 4.01), snr=None),
        fault("knot", y=(5.0, 5.01), snr=50),
    ]
    events = [event(name="a"), event(y=(3.0, 3.01), name="b"), event(y=(4.0, 4.01), name="c")]
    found = measure([record(faults, events)])
    assert found.recall["hole"]["SNR >= 9"] == Share(1, 1)
    assert found.recall["hole"]["SNR 6-9"] == Share(0, 1)
    assert found.recall["hole"]["SNR < 6"] == Share(1, 1)
    assert found.found(["knot"]) == Share(1, 2)
    assert found.found() == Share(2, 4)


def test_what_was_not_looked_at_is_no_miss_unless_found_all_the_same() -> None:
    faults = [fault(y=(1.0, 1.01)), fault(y=(2.0, 2.01))]
    found = measure([record(faults, [event(), unseen((0.9, 2.1))])])
    assert (found.found(), found.unseen) == (Share(1, 1), 1)


def test_false_events_are_told_per_100_m_and_apart_from_those_on_disturbances() -> None:
    events = [event(y=(5.0, 5.01), name="a"), event(y=(2.5, 2.51), name="b"), event(y=(6.0, 6.01), name="c")]
    found = measure([record(events=events, disturbances=[disturbance()], metres=10), record(metres=40)])
    assert (found.false.value, found.on_disturbances.value) == (4.0, 2.0)


@pytest.mark.parametrize(("defects", "false"), [(("d1",), 0), (("other",), 1), (("other", "d1"), 0)])
def test_a_stop_is_false_if_none_of_its_defects_is_a_fault(defects: tuple[str, ...], false: int) -> None:
    found = measure([record([fault()], [event(), stop(*defects)], metres=100, ppi=25.4)])
    assert found.stops == Rate(false, 100_000, 100_000)


def test_without_a_rule_that_could_stop_nothing_is_said_of_stops() -> None:
    assert measure([record(stop_rules=0)]).stops is None


def test_fragments_and_errors_of_place() -> None:
    running = fault("broken_end", x=(200, 201), y=(2.0, 4.0), kind=Kind.WARP)
    events = [
        event(x=(199, 203), y=(2.02, 2.5), name="a"),
        event(x=(199, 203), y=(3.0, 3.95), name="b"),
        event(name="c"),
    ]
    found = measure([record([running, fault()], events)])
    assert found.fragments == 1.5
    assert found.errors_mm == {"start": pytest.approx([20, 0]), "end": pytest.approx([50, 0]), "across": [0.5, 0]}
    assert measure([record([running])]).fragments is None
    unseen_by_an_oracle = running.model_copy(update={"snr": 5.0})
    found = measure([record([unseen_by_an_oracle, fault()], events)])
    assert (found.fragments, found.errors_mm["start"]) == (1.0, [0])


def test_drift_is_the_start_errors_last_quarter_less_their_first() -> None:
    faults = [fault(y=(float(m), m + 0.01)) for m in range(1, 9)]
    events = [event(y=(m + 0.0005 * m, m + 0.01 + 0.0005 * m), name=f"d{m}") for m in range(1, 9)]
    assert measure([record(faults, events)]).drift_mm == pytest.approx(0.5 * (7.5 - 1.5))
    assert measure([record(faults[:7], events[:7])]).drift_mm is None
    long = [*faults[:7], faults[7].model_copy(update={"kind": Kind.WARP})]
    assert measure([record(long, events)]).drift_mm is None


def test_latency_is_that_of_each_defects_first_event() -> None:
    events = [event(name="a", latency_mm=10), event(name="a", latency_mm=500), event(name="b", latency_mm=30)]
    assert measure([record(events=events)]).latency_mm == [10, 30]


def test_points_that_lay_there_and_points_that_were_told() -> None:
    faults = [fault(x=(100, 110)), fault(x=(100, 110), y=(3.0, 3.01), snr=2)]
    events = [event(x=(100, 210), y=(1.0, 1.01), name="a"), event(y=(3.0, 3.01), name="b")]
    assert measure([record(faults, events)]).points == (1, 2)
    assert measure([record(faults, [*events, event(y=(7.0, 7.01), name="c")])]).points == (1, 3)


def test_what_was_told_of_each_kind_of_disturbance() -> None:
    there = [
        disturbance(y=(2.0, 3.0), expected=("maintenance column",)),
        disturbance(y=(5.0, 6.0), expected=("maintenance column",)),
        disturbance("seam", y=(8.0, 8.1)),
    ]
    told = measure([record(events=[maintenance(2.2), event(y=(5.0, 5.3))], disturbances=there)]).told
    assert told["dust"].as_expected == Share(1, 2)
    assert dict(told["dust"].words) == {"maintenance column": 1, "defect": 1}
    assert (told["dust"].defects, told["seam"].words["nothing"]) == (1, 1)


@pytest.mark.parametrize(("inspected", "missing", "balanced"), [(990, 10, True), (990, 9, False), (1000, 0, True)])
def test_the_account_of_lines(inspected: int, missing: int, balanced: bool) -> None:
    lines = measure([record(events=[summary(10, 1000, inspected, missing)])]).lines
    assert (lines.lines_in, lines.inspected, lines.not_inspected[Reason.OVERLOAD]) == (1000, inspected, missing)
    assert lines.balanced is balanced


def test_memory_is_compared_from_the_second_reading_on() -> None:
    assert measure([record(memory=[1, 100, 90, 130]), record(memory=[5, 50, 60])]).growth_bytes == 30
    assert measure([record(memory=[1, 2])]).growth_bytes is None
