"""The map joined with lines: the same however it is cut, late by a known number of rows, and one event a line."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from runtime.defects.evidence import LineEvidence
from runtime.defects.evidence_lines import REACH, draw_lines
from runtime.defects.evidence_scale import LineScale
from runtime.defects.tracker import DefectTracker
from runtime.position import Track
from runtime.settings import Policy, Thresholds
from runtime.types import Float32, Kind, Scale, ScoreMap, State
from tests.calibration.test_threshold import STRIDE, in_strips, strip
from tests.runtime.defects.test_evidence_lines import cloth, with_line

SCALE = LineScale(usual=0.25, map_usual=1.0, strong=50.0, gain=10.0)
MM = Scale(0.2, 0.2)


def judged(strips: list[ScoreMap], scale: LineScale | None = SCALE) -> list[ScoreMap]:
    """All that comes out; the last strip is told to be the last."""
    evidence = LineEvidence(scale)
    return [out for n, one in enumerate(strips) for out in evidence.add(one, more=n + 1 < len(strips))]


def rows_of(strips: list[ScoreMap]) -> Float32:
    return np.concatenate([one.values for one in strips])


def long_cloth(rows: int = 144) -> Float32:
    values = np.concatenate([cloth(seed) for seed in range(rows // 48)])
    values[48:96] = with_line(values[48:96], 90, 250, rise=3)
    return values


@pytest.mark.parametrize("rows", [1, 5, 16, 32, 100])
def test_lines_do_not_depend_on_where_the_map_is_cut(rows: int) -> None:
    values = long_cloth()
    whole = np.maximum(values, SCALE.map_value(draw_lines(values, STRIDE, SCALE.usual, SCALE.strong)))
    out = judged(in_strips(values, rows))
    np.testing.assert_array_equal(rows_of(out), whole)
    assert (whole > values).sum() > 100, "a line was there"
    ends = [(one.first_line, one.end_line) for one in out]
    assert ends[0][0] == 0
    assert ends[-1][1] == len(values) * STRIDE
    assert all(one[1] == other[0] for one, other in pairwise(ends))


def test_a_strip_comes_out_when_its_reach_is_known() -> None:
    evidence = LineEvidence(SCALE)
    first, second = in_strips(long_cloth(), 32)[:2]
    assert [len(one.values) for one in evidence.add(first, more=True)] == [32 - REACH]
    assert [one.end_line for one in evidence.add(second, more=True)] == [(64 - REACH) * STRIDE]
    assert [(len(one.values), one.end_line) for one in evidence.close()] == [(REACH, 64 * STRIDE)]
    assert evidence.close() == []


def test_a_loom_that_stood_goes_on_with_the_same_surroundings() -> None:
    values = long_cloth()
    evidence = LineEvidence(SCALE)
    first, rest = strip(values[:80]), strip(values[80:], row=80)
    assert rows_of(evidence.add(first, more=False)).shape[0] == 80, "nothing waits while it stands"
    after = rows_of(evidence.add(rest, more=False))
    whole = np.maximum(values, SCALE.map_value(draw_lines(values, STRIDE, SCALE.usual, SCALE.strong)))
    np.testing.assert_array_equal(after, whole[80:])


@pytest.mark.parametrize("change", [{"segment": 1}, {"origin": 800, "first_line": 4000, "end_line": 4576}])
def test_what_waits_comes_out_before_other_cloth(change: dict[str, int]) -> None:
    values = long_cloth()
    other = replace(strip(values), **change)
    out = [*LineEvidence(SCALE).add(strip(values), more=False), *LineEvidence(SCALE).add(other, more=False)]
    together = judged([strip(values), other])
    np.testing.assert_array_equal(rows_of(together), rows_of(out))
    assert [one.segment for one in together if one.segment] == [1] * ("segment" in change)


def test_without_a_scale_the_map_is_left_as_it_is_and_nothing_waits() -> None:
    strips = in_strips(long_cloth(), 16)
    evidence = LineEvidence(None)
    assert [evidence.add(one, more=True) for one in strips] == [[one] for one in strips]
    assert evidence.close() == []


def test_no_cloth_stays_no_cloth_and_strong_values_stay() -> None:
    values = long_cloth()
    values[60:64, 100:110], values[70, 170] = np.nan, 99.0
    out = rows_of(judged(in_strips(values, 16)))
    np.testing.assert_array_equal(np.isnan(out), np.isnan(values))
    assert out[70, 170] == 99.0


@pytest.mark.parametrize(("scale", "found"), [(SCALE, 1), (None, 0)])
def test_a_faint_line_is_one_event_with_its_own_extents(scale: LineScale | None, found: int) -> None:
    thresholds = Thresholds(open=dict.fromkeys(Kind, 2.5), keep=2.0)
    tracker = DefectTracker("run", MM, Track(MM), thresholds, Policy())
    told = [d for one in judged(in_strips(long_cloth(), 16), scale) for d in tracker.add(one, one.end_line, True)]
    closed = [d for d in [*told, *tracker.close(576)] if d.state is State.CLOSED]
    assert len(closed) == found
    for defect in closed:
        assert defect.kind is Kind.WEFT
        assert (defect.x0_px, defect.x1_px) == (pytest.approx(360, abs=48), pytest.approx(1000, abs=48))
        assert defect.end_line - defect.first_line <= 60, "it rises by 30 lines"
