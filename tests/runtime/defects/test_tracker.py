"""Blobs to defects: one defect, one event, from its first line to its last."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from runtime.defects.growing import kind_of
from runtime.defects.tracker import DefectTracker
from runtime.position import Track
from runtime.settings import Policy, Thresholds
from runtime.types import Defect, Kind, LineBlock, Scale, ScoreMap, State

SCALE = Scale(mm_per_px=0.5, mm_per_line=0.5, x_offset_mm=100)
STRIDE, WIDTH = 4, 800
CELL_MM = 2.0
OPENING = {Kind.LOCAL: 0.9, Kind.WARP: 0.8, Kind.WEFT: 0.8, Kind.AREA: 0.7}
KEEP = 0.5


class Roll:
    """A map that is painted by cell (row, column) and then run through a tracker in strips."""

    def __init__(self, rows: int, policy: Policy | None = None, run_id: str = "run", camera: str = "c") -> None:
        self.values = np.zeros((rows, WIDTH // STRIDE), np.float32)
        self.camera = camera
        track = Track(SCALE)
        track.add(LineBlock(camera, 0, 0, np.zeros((1, 1, 1), np.uint8)))
        thresholds = Thresholds(open=OPENING, keep=KEEP)
        policy = policy or Policy(merge_mm=10, merge_line_mm=50, update_mm=100, min_area_mm2=0.1)
        self.tracker = DefectTracker(run_id, SCALE, track, thresholds, policy)
        self.told: list[Defect] = []

    def paint(self, rows: slice, columns: slice, value: float = 1.0) -> Roll:
        self.values[rows, columns] = value
        return self

    def run(self, strip_rows: int = 8, segment_rows: int | None = None, close: bool = True) -> list[Defect]:
        end = 0
        for top in range(0, len(self.values), strip_rows):
            rows = self.values[top : top + strip_rows]
            first, end = top * STRIDE, (top + len(rows)) * STRIDE
            segment = 0 if segment_rows is None else top // segment_rows
            self.told += self.tracker.add(
                ScoreMap(self.camera, segment, 0, first, end, 0, STRIDE, rows, (0, WIDTH), received_ns=0), end
            )
        if close:
            self.told += self.tracker.close(end)
        return self.told


def story(told: list[Defect]) -> list[tuple[str, str]]:
    return [(d.id.rsplit("-", 1)[1], d.state.value) for d in told]


@pytest.mark.parametrize(
    ("width", "height", "kind"),
    [
        (1, 1, Kind.LOCAL), (9, 1, Kind.LOCAL), (10, 3, Kind.WEFT), (3, 10, Kind.WARP), (12, 8, Kind.LOCAL),
        (20, 20, Kind.AREA), (50, 20, Kind.AREA), (61, 20, Kind.WEFT), (20, 61, Kind.WARP),
    ],
)  # fmt: skip
def test_kinds_are_shapes_in_millimetres(width: float, height: float, kind: Kind) -> None:
    assert kind_of(width, height) is kind


@pytest.mark.parametrize("strip_rows", [1, 3, 8, 50])
def test_a_spot_is_opened_and_closed_once_however_strips_are_cut(strip_rows: int) -> None:
    told = Roll(60).paint(slice(6, 10), slice(20, 24)).run(strip_rows)
    assert story(told) == [("1", "open"), ("1", "closed")]
    last = told[-1]
    assert (last.x0_px, last.x1_px, last.first_line, last.end_line) == (80, 96, 24, 40)
    assert (last.x0_mm, last.x1_mm) == (140, 148)
    assert (last.y0_m, last.y1_m) == pytest.approx((0.012, 0.020))
    assert last.kind is Kind.LOCAL
    assert (last.camera, last.score, last.threshold) == ("c", 1.0, OPENING[Kind.LOCAL])


def test_a_line_along_many_strips_is_one_defect_updated_every_update_mm() -> None:
    told = Roll(600).paint(slice(10, 510), slice(50, 52)).run(8)
    assert {d.id for d in told} == {"run-c-1"}
    assert story(told)[0] == ("1", "open")
    assert story(told)[-1] == ("1", "closed")
    updates = [d for d in told if d.state is State.UPDATE]
    assert len(told) == len(updates) + 2
    ends = [d.end_line * SCALE.mm_per_line for d in told]
    steps = np.diff(ends[:-1])
    assert (steps >= 100).all()
    assert (steps < 100 + 8 * CELL_MM).all()
    assert told[-1].kind is Kind.WARP
    assert (told[-1].first_line, told[-1].end_line) == (40, 2040)
    assert all(d.y1_m >= d.y0_m for d in told)


def test_a_line_across_the_cloth_is_one_weft_defect_though_broken() -> None:
    roll = Roll(40)
    for left in (10, 40, 75):
        roll.paint(slice(9, 10), slice(left, left + 20))
    told = roll.run(8)
    assert story(told) == [("1", "open"), ("1", "closed")]
    assert told[-1].kind is Kind.WEFT
    assert (told[-1].x0_px, told[-1].x1_px) == (40, 380)


def test_a_short_weft_fault_beside_a_warp_line_is_a_defect_of_its_own_and_one_that_touches_it_is_not() -> None:
    def found(left: int) -> list[Kind]:
        told = Roll(60).paint(slice(2, 58), slice(50, 51)).paint(slice(30, 31), slice(left, left + 12)).run(8)
        return [d.kind for d in told if d.state is State.CLOSED]

    assert sorted(found(60)) == [Kind.WARP, Kind.WEFT]
    assert len(found(51)) == 1


def test_two_lines_farther_apart_than_the_merge_are_two() -> None:
    told = Roll(60).paint(slice(9, 29), slice(10, 11)).paint(slice(9, 29), slice(17, 18)).run(8)
    assert sorted(story(told)) == [("1", "closed"), ("1", "open"), ("2", "closed"), ("2", "open")]


def test_a_gap_in_a_warp_line_is_bridged_up_to_merge_line_mm() -> None:
    whole = Roll(200).paint(slice(10, 60), slice(9, 10)).paint(slice(80, 120), slice(9, 10)).run(8)
    assert {d.id for d in whole} == {"run-c-1"}
    broken = Roll(200).paint(slice(10, 60), slice(9, 10)).paint(slice(95, 120), slice(9, 10)).run(8)
    assert len({d.id for d in broken}) == 2
    # A strip of 8 rows cuts a single cell off its end: no line by itself, but the end of one.
    frayed = Roll(200).paint(slice(10, 57), slice(9, 10)).paint(slice(82, 120), slice(9, 10)).run(8)
    assert {d.id for d in frayed} == {"run-c-1"}


def test_two_that_grow_together_become_one_and_the_younger_names_its_parent() -> None:
    roll = Roll(80)
    roll.paint(slice(4, 40), slice(20, 22)).paint(slice(8, 40), slice(60, 62)).paint(slice(40, 42), slice(20, 62))
    told = roll.run(8)
    assert story(told)[:2] == [("1", "open"), ("2", "open")]
    joined = [d for d in told if d.parent]
    assert [(d.id, d.parent, d.state) for d in joined] == [("run-c-2", "run-c-1", State.CLOSED)]
    assert story(told)[-1] == ("1", "closed")
    last = told[-1]
    assert (last.x0_px, last.x1_px, last.first_line, last.end_line) == (80, 248, 16, 168)
    assert [d.state for d in told].count(State.OPEN) == [d.state for d in told].count(State.CLOSED)


def test_an_opened_defect_keeps_its_name_when_it_meets_an_older_one_that_never_opened() -> None:
    roll = Roll(80)
    roll.paint(slice(4, 41), slice(20, 22), 0.6).paint(slice(12, 41), slice(60, 62)).paint(slice(40, 41), slice(20, 62))
    assert {d.id for d in roll.run(8)} == {"run-c-1"}
    assert [d.parent for d in roll.told] == [None] * len(roll.told)


def test_weak_spots_open_nothing_and_a_defect_lives_on_down_to_keep() -> None:
    assert Roll(60).paint(slice(6, 10), slice(20, 24), 0.89).run() == []
    roll = Roll(80).paint(slice(6, 60), slice(20, 22), 0.55).paint(slice(30, 31), slice(20, 22), 1.0)
    told = roll.run(8)
    assert story(told)[0] == ("1", "open")
    assert (told[0].first_line, told[0].peak_line) == (26, 122), "it reaches back to where it began"
    assert (told[-1].first_line, told[-1].end_line, told[-1].score) == (26, 238, 1.0)
    assert Roll(80).paint(slice(6, 60), slice(20, 22), 0.49).run(8) == []


def test_each_kind_has_its_own_opening_threshold() -> None:
    warm = 0.85
    assert Roll(40).paint(slice(8, 11), slice(5, 8), warm).run() == []
    (opened, _) = Roll(40).paint(slice(8, 18), slice(5, 6), warm).run(20)
    assert (opened.kind, opened.threshold) == (Kind.WARP, 0.8)
    (opened, _) = Roll(60).paint(slice(8, 20), slice(5, 17), 0.75).run(40)
    assert (opened.kind, opened.threshold) == (Kind.AREA, 0.7)


def test_a_defect_closes_once_nothing_can_join_it_and_not_before() -> None:
    roll = Roll(60).paint(slice(4, 8), slice(20, 22))
    told = roll.run(1, close=False)
    assert story(told) == [("1", "open"), ("1", "closed")]
    assert roll.tracker.open_defects == 0
    early = Roll(13).paint(slice(4, 8), slice(20, 22))
    assert story(early.run(1, close=False)) == [("1", "open")], "10 mm of clean cloth, and a spot might still join"
    assert early.tracker.open_defects == 1


def test_a_new_segment_closes_what_is_open_and_its_lines_are_another_defect() -> None:
    told = Roll(80).paint(slice(30, 50), slice(20, 22)).run(8, segment_rows=40)
    assert story(told) == [("1", "open"), ("1", "closed"), ("2", "open"), ("2", "closed")]
    assert [(d.first_line, d.end_line) for d in told if d.state is State.CLOSED] == [(120, 160), (160, 200)]


def test_the_end_closes_what_is_open() -> None:
    told = Roll(40).paint(slice(30, 40), slice(20, 22)).run(8)
    assert story(told) == [("1", "open"), ("1", "closed")]


def test_too_small_a_spot_opens_nothing() -> None:
    policy = Policy(min_area_mm2=10)
    assert Roll(40, policy).paint(slice(8, 9), slice(5, 7)).run() == []
    assert len(Roll(40, policy).paint(slice(8, 9), slice(5, 8)).run()) == 2


def test_ids_are_unique_across_runs_and_cameras() -> None:
    ids = set()
    for run_id in ("a", "b"):
        for camera in ("left", "right"):
            roll = Roll(60, run_id=run_id, camera=camera).paint(slice(5, 9), slice(5, 9))
            ids |= {d.id for d in roll.paint(slice(5, 9), slice(50, 54)).run()}
    assert len(ids) == 8


def test_forty_metres_of_one_warp_line_are_one_defect_in_bounded_memory() -> None:
    roll = Roll(256)
    roll.values[:, 50:52] = 1.0
    told: list[Defect] = []
    pieces = 0
    lines = 80_000
    for first in range(0, lines, 1024):
        rows = roll.values[: min(256, (lines - first) // STRIDE)]
        for top in range(0, len(rows), 8):
            start = first + top * STRIDE
            strip = ScoreMap("c", 0, 0, start, start + 32, 0, STRIDE, rows[top : top + 8], (0, WIDTH), received_ns=0)
            told += roll.tracker.add(strip, start + 32)
            pieces = max(pieces, sum(len(d.tail) for d in roll.tracker._growing))
    told += roll.tracker.close(lines)
    assert {d.id for d in told} == {"run-c-1"}
    assert pieces <= 5, "no more pieces than lie within reach"
    assert told[-1].y1_m - told[-1].y0_m == pytest.approx(40.0)
    assert len(told) <= 2 + 40.0 / 0.1


def test_latency_in_cloth_is_from_the_first_line_to_the_newest() -> None:
    told = Roll(60).paint(slice(6, 10), slice(20, 24)).run(20)
    assert told[0].latency_mm == pytest.approx((80 - 24) * 0.5)
    assert told[0].latency_ms > 0


def strips_of(roll: Roll, rows: int) -> list[ScoreMap]:
    tops = range(0, len(roll.values), rows)
    return [
        ScoreMap("c", 0, 0, t * STRIDE, (t + rows) * STRIDE, 0, STRIDE, roll.values[t : t + rows], (0, WIDTH), 0)
        for t in tops
    ]


@pytest.mark.parametrize("strip_rows", [4, 16, 48])
def test_a_halo_is_none_of_the_defect_wherever_strips_are_cut(strip_rows: int) -> None:
    roll = Roll(96).paint(slice(38, 48), slice(50, 52), value=0.8).paint(slice(48, 50), slice(50, 52), value=9.0)
    for strip in strips_of(roll, strip_rows):
        roll.told += roll.tracker.add(strip, strip.end_line, more=True)
    roll.told += roll.tracker.close(96 * STRIDE)
    (closed,) = [d for d in roll.told if d.state is State.CLOSED]
    assert closed.first_line in (191, 192), (
        "between the halo's last cell and the peak's first; at a strip's end its border"
    )
    assert closed.end_line == 201


def test_rows_wait_until_the_map_goes_on_or_ends() -> None:
    roll = Roll(16).paint(slice(12, 14), slice(50, 52), value=2.0)
    (strip,) = strips_of(roll, 16)
    assert roll.tracker.add(strip, strip.end_line, more=True) == []
    assert [d.state for d in roll.tracker.close(64)] == [State.OPEN, State.CLOSED]


def test_what_waits_is_judged_where_the_map_breaks_off() -> None:
    roll = Roll(32).paint(slice(12, 14), slice(50, 52), value=2.0)
    first, after_gap = strips_of(roll, 16)
    assert roll.tracker.add(first, 64, more=True) == []
    after_gap = replace(after_gap, first_line=1000, end_line=1064)
    assert [d.state for d in roll.tracker.add(after_gap, 1064, more=True)][:1] == [State.OPEN]
