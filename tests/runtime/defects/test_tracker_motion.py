"""Defects in millimetres of cloth: over reversals, stops, gaps and reconnects, with and without an encoder."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.defects.tracker import UNSEEN_MM, DefectTracker
from runtime.motion import Motion
from runtime.position import Track
from runtime.settings import Policy, Thresholds
from runtime.types import Defect, Kind, LineBlock, Scale, ScoreMap, State

STRIDE, COLUMNS, BLOCK = 4, 100, 128
COUNTS_PER_LINE = 5
ENCODER = Scale(mm_per_px=0.5, mm_per_line=0.5, counts_per_mm=10)
NO_ENCODER = Scale(mm_per_px=0.5, mm_per_line=0.5)
THRESHOLDS = Thresholds(open=dict.fromkeys(Kind, 0.9), keep=0.5)
Fault = tuple[float, float, int, int]
"""Where it lies: cloth mm from and to, map columns from and to."""


class Loom:
    """Cloth with faults at known millimetres, under a camera whose map is painted instead of computed."""

    def __init__(self, *faults: Fault, scale: Scale = ENCODER, policy: Policy | None = None) -> None:
        self.faults, self.scale = faults, scale
        self.track = Track(scale)
        self.motion = Motion("c", self.track)
        self.tracker = DefectTracker("run", scale, self.track, THRESHOLDS, policy or Policy())
        self.told: list[Defect] = []
        self.segment = 0
        self.run = (0, 0, 0)  # segment, origin and end of the lines that follow each other
        self.line = 0  # the next one's number
        self.place = 0  # cloth lines from the start to the camera

    def on(self, mm: float, rows_at_once: int = BLOCK) -> Loom:
        """Cloth runs on, or back where ``mm`` is negative; the camera takes a line a pitch of it."""
        lines = round(abs(mm) / self.scale.mm_per_line)
        step = 1 if mm > 0 else -1
        for top in range(0, lines, rows_at_once):
            rows = min(rows_at_once, lines - top)
            places = self.place + step * np.arange(rows)
            self.place += step * rows
            encoder = places * COUNTS_PER_LINE if self.scale.counts_per_mm else None
            block = LineBlock("c", self.segment, self.line, np.zeros((rows, 1, 1), np.uint8), encoder=encoder)
            self.line += rows
            self.track.add(block)
            for item in self.motion.split(block):
                if isinstance(item, LineBlock):
                    self._look(item, places[item.first_line - block.first_line :])
        return self

    def unseen(self, mm: float) -> Loom:
        """Cloth of which no line comes; its numbers are known."""
        self.place += round(mm / self.scale.mm_per_line)
        self.line += round(mm / self.scale.mm_per_line)
        return self

    def away(self, mm: float) -> Loom:
        """The camera goes while so much cloth runs on; line numbers go on where they were."""
        self.place += round(mm / self.scale.mm_per_line)
        self.segment += 1
        return self

    def end(self) -> list[Defect]:
        self.told += self.tracker.close(self.line)
        return self.told

    def _look(self, block: LineBlock, places: np.ndarray) -> None:
        rows = -(-block.rows // STRIDE)
        values = np.zeros((rows, COLUMNS), np.float32)
        for y0, y1, left, right in self.faults:
            mm = places[: block.rows : STRIDE] * self.scale.mm_per_line
            hot = (mm + STRIDE * self.scale.mm_per_line / 2 >= y0) & (mm + STRIDE * self.scale.mm_per_line / 2 < y1)
            values[hot, left:right] = 1.0
        segment, origin, end = self.run
        if (segment, end) != (self.segment, block.first_line):
            origin = block.first_line
        self.run = (self.segment, origin, block.end_line)
        strip = ScoreMap("c", self.segment, origin, block.first_line, block.end_line, 0, STRIDE, values, (0, 400), 0)
        self.told += self.tracker.add(strip, self.line)


def closed(told: list[Defect]) -> list[Defect]:
    return [d for d in told if d.state is State.CLOSED and d.parent is None]


def extents_mm(told: list[Defect]) -> list[tuple[float, float]]:
    return [(d.y0_m * 1000, d.y1_m * 1000) for d in closed(told)]


def test_an_open_defect_goes_on_across_a_reversal_and_is_as_long_as_on_the_cloth() -> None:
    told = Loom((100, 300, 20, 22)).on(202).on(-60).on(300).end()
    assert len({d.id for d in told}) == 1
    ((y0, y1),) = extents_mm(told)
    assert (y0, y1) == (pytest.approx(100, abs=2), pytest.approx(300, abs=2))
    assert closed(told)[0].kind is Kind.WARP


def test_a_fault_that_the_loom_ran_back_over_is_one_event() -> None:
    told = Loom((100, 108, 20, 24)).on(150).on(-120).on(200).end()
    assert [d.state for d in told] == [State.OPEN, State.CLOSED]
    assert extents_mm(told) == [(pytest.approx(100, abs=2), pytest.approx(108, abs=2))]


def test_a_fault_right_under_the_turn_is_one_event() -> None:
    told = Loom((145, 155, 20, 24)).on(150).on(-30).on(100).end()
    assert len({d.id for d in told}) == 1
    assert extents_mm(told) == [(pytest.approx(145, abs=2), pytest.approx(155, abs=2))]


def test_fifty_reversals_leave_every_fault_one_event_at_its_place() -> None:
    faults = [(50.0 * n, 50.0 * n + 8, 20, 24) for n in range(1, 55)]
    running = (200.0, 2500.0, 70, 72)
    loom = Loom(*faults, running)
    for n in range(50):
        loom.on(62 + n % 7).on(-(5 + n % 13))
    found = closed(loom.on(100).end())
    assert len(found) == len({d.id for d in loom.told}), "no event that was part of another"
    (line,) = [d for d in found if d.kind is Kind.WARP]
    assert (line.y0_m * 1000, line.y1_m * 1000) == (pytest.approx(200, abs=2), pytest.approx(2500, abs=2))
    made = [y0 for y0, _, _, _ in faults if y0 < loom.place * 0.5 - 10]
    spots = [d.y0_m * 1000 for d in found if d.kind is not Kind.WARP]
    np.testing.assert_allclose(spots, made, atol=2.1)
    drift = np.array(spots) - made
    assert abs(drift[-5:].mean() - drift[:5].mean()) <= 1.0


@pytest.mark.parametrize("scale", [ENCODER, NO_ENCODER])
@pytest.mark.parametrize(
    ("gap_mm", "events"), [(30, 1), (400, 1), (UNSEEN_MM, 1), (UNSEEN_MM + 2, 2), (2 * UNSEEN_MM, 2)]
)  # fmt: skip
def test_a_running_defect_is_followed_across_cloth_that_nobody_saw(scale: Scale, gap_mm: float, events: int) -> None:
    told = Loom((100, 5000, 20, 22), scale=scale).on(300).unseen(gap_mm).on(200).end()
    assert len(closed(told)) == events
    assert extents_mm(told)[0][0] == pytest.approx(100, abs=2)
    assert extents_mm(told)[-1][1] == pytest.approx(500 + gap_mm, abs=2)


def test_clean_cloth_counts_on_both_sides_of_a_gap() -> None:
    policy = Policy(merge_line_mm=50)
    near = Loom((100, 270, 20, 22), (520, 700, 20, 22), scale=NO_ENCODER, policy=policy).on(300).unseen(200).on(300)
    assert len(closed(near.end())) == 1, "30 mm and 20 mm of clean cloth"
    far = Loom((100, 270, 20, 22), (524, 700, 20, 22), scale=NO_ENCODER, policy=policy).on(300).unseen(200).on(300)
    assert len(closed(far.end())) == 2


def test_a_defect_waits_after_a_gap_as_long_as_on_any_cloth() -> None:
    loom = Loom((100, 300, 20, 22), (540, 700, 20, 22), policy=Policy(merge_line_mm=50))
    told = loom.on(300).unseen(200).on(300, rows_at_once=16).end()
    assert len(closed(told)) == 1, "40 mm of clean cloth, strip by strip"


def test_what_does_not_come_again_after_a_gap_ends_before_it() -> None:
    loom = Loom((100, 300, 20, 22)).on(300).unseen(400).on(80)
    assert [d.state for d in loom.told][-1] is State.CLOSED, "before the stream ends"
    assert extents_mm(loom.told) == [(pytest.approx(100, abs=2), pytest.approx(300, abs=2))]


def test_spots_on_both_sides_of_a_gap_are_two() -> None:
    told = Loom((292, 300, 20, 24), (400, 408, 20, 24)).on(300).unseen(100).on(100).end()
    assert len(closed(told)) == 2


@pytest.mark.parametrize(
    ("scale", "gone_mm", "events"), [(ENCODER, 0, 1), (ENCODER, 300, 1), (ENCODER, 1500, 2), (NO_ENCODER, 0, 2)]
)
def test_across_a_reconnect_a_defect_goes_on_where_an_encoder_tells(scale: Scale, gone_mm: float, events: int) -> None:
    told = Loom((100, 5000, 20, 22), scale=scale).on(300).away(gone_mm).on(200).end()
    assert len(closed(told)) == events
    if scale is ENCODER:
        assert extents_mm(told)[-1][1] == pytest.approx(500 + gone_mm, abs=2)


@pytest.mark.parametrize(("gap_mm", "events"), [(10.0, 1), (12.0, 2)])
def test_a_gap_of_exactly_the_reach_still_joins(gap_mm: float, events: int) -> None:
    faults = (100, 108, 20, 24), (108 + gap_mm, 120 + gap_mm, 20, 24)
    assert len(closed(Loom(*faults, policy=Policy(merge_mm=10)).on(300).end())) == events


@pytest.mark.parametrize(("gap_mm", "events"), [(50.0, 1), (52.0, 2)])
def test_so_does_a_gap_in_a_line(gap_mm: float, events: int) -> None:
    faults = (100, 160, 20, 21), (160 + gap_mm, 300, 20, 21)
    assert len(closed(Loom(*faults, policy=Policy(merge_line_mm=50)).on(500).end())) == events


def test_shape_is_that_of_the_cloth_not_of_the_lines() -> None:
    """A camera at a fixed rate takes many lines of a spot while the loom creeps."""
    scale = Scale(0.5, 0.5, counts_per_mm=10)
    track = Track(scale)
    tracker = DefectTracker("run", scale, track, THRESHOLDS, Policy())
    values = np.zeros((100, COLUMNS), np.float32)
    values[20:70, 20:24] = 1.0
    track.add(LineBlock("c", 0, 0, np.zeros((400, 1, 1), np.uint8), encoder=np.arange(400) // 2))
    told = tracker.add(ScoreMap("c", 0, 0, 0, 400, 0, STRIDE, values, (0, 400), 0), 400)
    assert told[0].kind is Kind.LOCAL, "200 lines of 0.05 mm"
    assert (told[0].y1_m - told[0].y0_m) * 1000 == pytest.approx(10, abs=1)


def test_a_line_of_a_hundred_metres_keeps_its_beginning_and_no_more_than_its_tail() -> None:
    loom = Loom((500, 99_500, 20, 22))
    most = 0
    for _ in range(50):
        loom.on(2000).on(-50)
        most = max(most, sum(len(d.tail) for d in loom.tracker._growing))
    told = loom.on(4000).end()
    assert len({d.id for d in told}) == 1
    assert extents_mm(told) == [(pytest.approx(500, abs=2), pytest.approx(99_500, abs=2))]
    assert most <= 8
    assert len(told) <= 2 + 99_000 / 100


def test_latency_in_cloth_does_not_shrink_while_the_loom_runs_back() -> None:
    loom = Loom((100, 400, 20, 22)).on(200).on(-150)
    before = loom.told[-1].latency_mm
    told = loom.end()
    assert told[-1].latency_mm >= before
    assert told[-1].latency_mm == pytest.approx(100, abs=3), "from its first line to the farthest that came"
