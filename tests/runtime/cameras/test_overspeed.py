"""Counts of an encoder against the lines they were given to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from runtime.camera import main
from runtime.cameras.overspeed import Overspeed
from runtime.types import LineBlock, Scale
from tests.runtime.fake_gige.process import CameraProcess

ROWS = 64


def blocks(counts_per_line: Sequence[float], segments: Sequence[int] | None = None) -> list[LineBlock]:
    """A block a figure, its lines so many counts apart."""
    steps = np.repeat(counts_per_line, ROWS)
    counts = np.rint(np.cumsum(steps) - steps[0]).astype(np.int64)
    return [
        LineBlock(
            camera="c",
            segment=segments[at] if segments else 0,
            first_line=at * ROWS,
            pixels=np.zeros((ROWS, 16, 1), np.uint8),
            bits=8,
            encoder=counts[at * ROWS : (at + 1) * ROWS],
            received_ns=0,
        )
        for at in range(len(counts_per_line))
    ]


@pytest.mark.parametrize(
    ("per_line", "per_mm", "said"),
    [
        ([5, 5, 5, 5], 25.0, [None] * 4),
        ([5, 7, 7, 5.3, 5, 5], 25.0, [None, True, None, None, False, None]),  # 6 % more open it, 3 % close it
        ([-5, -7, -5], -25.0, [None, True, False]),  # a count that falls
        ([5, -9, -9, 5], 25.0, [None] * 4),  # the loom runs back, and fast
        ([0, 0, 5], 25.0, [None] * 3),  # it stands
        ([0.5] * 4 + [0.7] * 9, 2.5, [None] * 7 + [True] + [None] * 5),  # a coarse encoder needs more lines
    ],
)
def test_too_many_counts_a_line_are_told_once_and_once_when_they_are_over(
    per_line: list[float], per_mm: float, said: list[bool | None]
) -> None:
    watch = Overspeed(Scale(0.2, 0.2, counts_per_mm=per_mm))
    assert [watch.see(block) for block in blocks(per_line)] == said


def test_how_far_it_is_compressed_is_told() -> None:
    watch = Overspeed(Scale(0.2, 0.2, counts_per_mm=25.0))
    for block in blocks([7, 7, 7, 5]):
        watch.see(block)
    assert watch.stretch == pytest.approx(1.0, abs=0.02)
    assert "up to 40% more counts a line" in watch.sentence
    assert "raise line_rate_hz" in watch.sentence


def test_a_new_segment_begins_anew() -> None:
    """What the encoder counted while the camera was away belongs to no line of it."""
    watch = Overspeed(Scale(0.2, 0.2, counts_per_mm=25.0))
    first, _, third = blocks([5, 500, 5], segments=[0, 0, 1])
    assert watch.see(first) is None
    assert watch.see(third) is None


@pytest.mark.parametrize("scale", [Scale(0.2, 0.2), Scale(0.2, 0.2, counts_per_mm=25.0)])
def test_without_counts_or_without_a_scale_of_them_nothing_is_said(scale: Scale) -> None:
    watch = Overspeed(scale)
    with_counts = blocks([9, 9])
    bare = [LineBlock(**{**vars(block), "encoder": None}) for block in with_counts]
    assert [watch.see(block) for block in (bare if scale.counts_per_mm else with_counts)] == [None, None]


@pytest.mark.net
def test_the_command_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry = "{backend: gige, ip: 127.0.0.1, client: telegenic, encoder: {counts_per_mm: 25}}"
    (tmp_path / "cameras.yaml").write_text(f"loom: {entry}")
    for counts, told in (("5", False), ("7", True)):
        with CameraProcess("--line-rate", "2000", "--counts-per-line", counts):
            main(["test", "loom", "--seconds", "1", "--cameras", str(tmp_path / "cameras.yaml")])
        assert ("FAULT the encoder gave up to 40% more counts a line" in capsys.readouterr().out) is told
