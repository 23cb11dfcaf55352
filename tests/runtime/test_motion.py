"""A loom that stops, creeps and runs back: every stretch of cloth is judged once, under its own line numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from runtime.motion import SPAN_LINES, STILL_LINES, Motion
from runtime.position import Track
from runtime.types import LineBlock, NotInspected, Reason, Scale

COUNTS_PER_LINE = 5
SCALE = Scale(mm_per_px=0.2, mm_per_line=0.2, counts_per_mm=25)
BLOCK = 100


def moves(*lines: int, start: int = 0) -> np.ndarray:
    """Counts of a camera that is triggered by the cloth, either way: so many lines on (back where negative)."""
    steps = np.concatenate([np.full(abs(n), np.sign(n)) for n in lines])
    return start + COUNTS_PER_LINE * (np.cumsum(steps) - 1)


class Line:
    """A camera's counts, cut into blocks and passed through a track and a motion."""

    def __init__(self, scale: Scale = SCALE) -> None:
        self.track = Track(scale)
        self.motion = Motion("c", self.track)
        self.told: list[LineBlock | NotInspected] = []
        self.counts = np.empty(0, np.int64)

    def run(self, counts: np.ndarray | None, rows: int = 0, block: int = BLOCK, segment: int = 0) -> Line:
        first = len(self.counts)
        given = np.zeros(rows, np.int64) if counts is None else np.asarray(counts, np.int64)
        self.counts = np.concatenate([self.counts, given])
        for line in range(first, len(self.counts), block):
            encoder = None if counts is None else self.counts[line : line + block]
            n = min(block, len(self.counts) - line)
            item = LineBlock("c", segment, line, np.full((n, 1, 1), line % 251, np.uint8), encoder=encoder)
            self.track.add(item)
            self.told += self.motion.split(item)
        return self

    def end(self) -> Line:
        self.told += self.motion.end()
        assert_whole(self.told, len(self.counts))
        return self

    @property
    def fresh(self) -> list[tuple[int, int]]:
        """Runs of lines that were passed."""
        runs: list[tuple[int, int]] = []
        for item in self.told:
            if isinstance(item, LineBlock):
                joins = runs and runs[-1][1] == item.first_line
                runs = (
                    [*runs[:-1], (runs[-1][0], item.end_line)] if joins else [*runs, (item.first_line, item.end_line)]
                )
        return runs


def assert_whole(told: Sequence[LineBlock | NotInspected], lines: int) -> None:
    """The account: all lines, once, in order, under their numbers."""
    at = 0
    for item in told:
        assert item.first_line == at
        at = item.end_line or 0
    assert at == lines


@pytest.mark.parametrize("block", [1, 7, 100, 1000])
def test_a_reversal_is_a_span_whatever_the_blocks(block: int) -> None:
    line = Line().run(moves(250, -40, 200), block=block).end()
    # Blocks of one line let a line or two through before the turn shows: as much as the jitter that is allowed.
    (first, end), (again, last) = line.fresh
    assert (first, last) == (0, 490)
    assert 250 <= end <= 252
    assert 330 <= again <= 331
    assert {item.reason for item in line.told if isinstance(item, NotInspected)} == {Reason.SEEN_BEFORE}


def test_what_is_passed_are_the_lines_themselves() -> None:
    line = Line().run(moves(250, -40, 200)).end()
    assert line.fresh == [(0, 250), (330, 490)]
    for item in line.told:
        if isinstance(item, LineBlock):
            np.testing.assert_array_equal(item.encoder, line.counts[item.first_line : item.end_line])
            assert (item.pixels == item.pixels[0]).all()


def test_fifty_reversals_show_each_stretch_once_and_nothing_drifts() -> None:
    line = Line()
    program = [n for reversal in range(50) for n in (300 + 7 * reversal, -(20 + 3 * reversal))]
    line.run(moves(*program, 600)).end()
    judged = np.concatenate([line.counts[a:b] for a, b in line.fresh])
    assert len(judged) - len(np.unique(judged)) <= 2, "no cloth twice, but for a line where a block ends at the turn"
    assert len(line.fresh) == 51
    missing = np.setdiff1d(np.arange(0, judged.max() + 1, COUNTS_PER_LINE), judged)
    assert missing.size == 0, "and none left out"
    newest = len(line.counts) - 1
    assert line.track.metres(newest) * 1000 == pytest.approx(line.counts[newest] / 25, abs=1e-9)


@pytest.mark.parametrize("sign", [1, -1])
def test_counts_that_jitter_by_one_split_nothing(sign: int) -> None:
    rng = np.random.default_rng(3)
    scale = Scale(0.2, 0.2, counts_per_mm=sign * 25)
    counts = sign * moves(3000) + rng.integers(-1, 2, 3000)
    assert Line(scale).run(counts).end().fresh == [(0, 3000)]


@pytest.mark.parametrize("lines_per_count", [1, 8, 40])
def test_creep_splits_nothing(lines_per_count: int) -> None:
    rng = np.random.default_rng(4)
    counts = np.concatenate([moves(500), 2495 + np.arange(2000) // lines_per_count + rng.integers(-1, 2, 2000)])
    assert Line().run(np.concatenate([counts, moves(500, start=int(counts.max()) + 5)])).end().fresh == [(0, 3000)]


def test_a_camera_that_goes_on_while_the_loom_stands_shows_nothing_new() -> None:
    rng = np.random.default_rng(5)
    stand = 2495 + rng.integers(-1, 2, 3000)
    line = Line().run(np.concatenate([moves(500), stand, moves(500, start=2500)])).end()
    (first, end), (again, last) = line.fresh
    assert (first, last) == (0, 4000)
    assert 500 <= end <= 500 + STILL_LINES
    assert again == 3500


def test_a_coarse_encoder_does_not_make_a_loom_stand() -> None:
    scale = Scale(0.2, 0.2, counts_per_mm=0.05)  # a count every hundred lines
    assert Line(scale).run(np.arange(5000) // 100).end().fresh == [(0, 5000)]


def test_without_an_encoder_the_blocks_pass_as_they_are() -> None:
    line = Line().run(None, rows=250).end()
    assert [(item.first_line, item.end_line) for item in line.told] == [(0, 100), (100, 200), (200, 250)]
    unknown_scale = Line(Scale(0.2, 0.2)).run(moves(50, -30, 50)).end()
    assert unknown_scale.fresh == [(0, 130)]


def test_the_first_block_of_a_span_is_told_at_once_and_a_long_one_in_parts() -> None:
    line = Line().run(np.concatenate([moves(250), np.full(3 * SPAN_LINES, 1000)]))
    spans = [(item.first_line, item.end_line) for item in line.told if isinstance(item, NotInspected)]
    assert spans[0] == (250, 300), "or what lies before it would wait"
    assert len(spans) == 3
    assert max(end - first for first, end in spans) <= SPAN_LINES + BLOCK
    line.end()


def test_a_gap_passes_and_ends_the_span_before_it() -> None:
    line = Line().run(moves(200, -60), block=260)
    line.run(moves(60, start=700), block=20)
    gap = NotInspected("c", Reason.PACKET_LOSS, 320, 330)
    told = list(line.motion.split(gap))
    assert [(item.first_line, item.end_line) for item in told] == [(260, 320), (320, 330)]
    assert told[-1] is gap


@pytest.mark.parametrize("counts", [-moves(400), np.zeros(400)])
def test_counts_that_never_run_on_are_told_with_what_to_look_at(counts: np.ndarray) -> None:
    line = Line().run(counts).end()
    spans = [item for item in line.told if isinstance(item, NotInspected)]
    assert sum(span.lines for span in spans) >= 300
    assert all("encoder.direction" in span.detail for span in spans)
    turned = Line().run(moves(100, -100)).end()
    assert [item.detail for item in turned.told if isinstance(item, NotInspected)] == [""]


def test_a_camera_that_comes_back_with_a_counter_set_back_goes_on_with_new_cloth() -> None:
    line = Line().run(moves(6000)).run(moves(500), segment=1).end()
    assert line.track.metres(5999) == pytest.approx(1.1998)
    assert line.track.metres(6499) == pytest.approx(1.2996)
    assert sum(end - first for first, end in line.fresh) >= 6498
    little = Line().run(moves(6000)).run(moves(500, start=5 * 5900), segment=1).end()
    assert little.fresh == [(0, 6000), (6100, 6500)], "a loom turned back meanwhile: no new count"


def test_a_part_of_a_block_keeps_its_numbers_counts_and_pixels() -> None:
    block = LineBlock(
        "c", 0, 40, np.arange(30, dtype=np.uint8).reshape(10, 3, 1), encoder=np.arange(10), device_ns=(1, 9)
    )
    part = block.part(2, 5)
    assert (part.first_line, part.end_line, part.device_ns) == (42, 45, None)
    np.testing.assert_array_equal(part.pixels, block.pixels[2:5])
    np.testing.assert_array_equal(part.encoder, [2, 3, 4])
