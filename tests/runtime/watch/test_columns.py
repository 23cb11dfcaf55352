"""Columns that see less than they should: found, kept off the map, and well again."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.simulator.gains import Dust
from runtime.simulator.geometry import Geometry
from runtime.types import ScoreMap, UInt8
from runtime.watch.columns import Column, ColumnWatch, NotYet
from tests.runtime.watch.cloth import CLOTH, SCALE, blocks, broken_end, cloth, times, wandering

OPENING, QUIET = 3.5, -4.0
DUST = slice(300, 306)
FROM = 2048


class Run:
    """A ColumnWatch that sees some lines, and what it found and saw healed."""

    def __init__(self, pixels: UInt8, usual: bool = True) -> None:
        self.watch = ColumnWatch(SCALE, OPENING)
        self.watch.region = (CLOTH[0] - 32, CLOTH[1] + 32)
        self.found: list[Column] = []
        self.gone: list[Column] = []
        self.of_cloth: list[Column] = []
        for block in blocks(pixels):
            self.watch.follow(self.watch.see(block), CLOTH)
            self.watch.learn(block.first_line, block.end_line, usual)
            self.found += self.watch.take_found()
            self.gone += self.watch.take_gone()
            self.of_cloth += self.watch.take_of_cloth()


@pytest.mark.parametrize("factor", [0.9, 0.8])
def test_dust_is_found_once_and_seen_to_go(factor: float) -> None:
    run = Run(times(cloth(), factor, FROM, 3584, DUST))
    (column,) = run.found
    assert (column.x0, column.x1) == (DUST.start, DUST.stop)
    assert abs(column.first_line - FROM) <= 1024
    assert column.gain < 0
    assert run.gone == [column]
    assert run.watch.columns == []


@pytest.mark.parametrize("usual", [True, False])
def test_lines_that_are_not_usual_say_nothing(usual: bool) -> None:
    assert len(Run(times(cloth()[:4096], 0.8, FROM, None, DUST), usual).found) == usual


@pytest.mark.parametrize(
    "pixels", [lambda: cloth(), lambda: cloth(ends=(broken_end(300, FROM, 2500),)), lambda: times(cloth(), 0.85, FROM)]
)
def test_cloth_and_its_faults_are_not_blamed_on_the_sensor(pixels) -> None:  # type: ignore[no-untyped-def]
    assert Run(pixels()).found == []


def strip(first_line: int, values: np.ndarray) -> ScoreMap:
    end = first_line + 4 * len(values)
    return ScoreMap("c", 0, 0, first_line, end, 0, 4, values.astype(np.float32), (0, 512), 0)


def dead(pixels: UInt8, first: int = FROM, columns: slice = slice(302, 303)) -> UInt8:
    spoilt = pixels.copy()
    spoilt[first:, columns] = 3
    return spoilt


def test_the_map_is_quiet_at_a_dead_column_but_for_what_is_higher() -> None:
    run = Run(dead(cloth()[:4096]))
    values = np.full((32, 128), QUIET)
    values[:, 75:77] = 5.0
    values[4, 75], values[:, 20], values[2, 5] = 20.0, 6.0, np.nan
    quiet = run.watch.quietened(strip(3900, values)).values
    assert quiet[4, 75] == 20.0
    assert quiet[:, 20].tolist() == [6.0] * 32
    assert np.isnan(quiet[2, 5])
    quiet[4, 75] = QUIET
    assert np.nanmax(quiet[:, 70:82]) == QUIET


def test_the_map_of_dust_is_left_alone_for_it_may_be_a_broken_end() -> None:
    run = Run(times(cloth()[:4096], 0.8, FROM, None, DUST))
    values = np.full((32, 128), QUIET)
    values[:, 75:77] = 5.0
    assert len(run.found) == 1
    assert run.watch.quietened(strip(3900, values)).values.max() == 5.0


WANDER = Geometry(wander_mm=3, wander_period_m=2)
WINDOW = Dust(from_m=0.3, to_m=0.9, column=303, width_px=6, loss=0.2)


def test_the_map_of_dust_is_quiet_once_the_cloth_has_moved_beneath_it() -> None:
    run = Run(wandering(WANDER, lines=4608, width=512, dust=(WINDOW,)))
    values = np.full((32, 128), QUIET)
    values[:, 75:77] = 5.0
    assert [column.certain for column in run.found] == [True]
    assert run.watch.quietened(strip(3900, values)).values.max() == QUIET


def test_it_is_quiet_on_the_next_piece_of_cloth_too_until_the_window_is_clean() -> None:
    run = Run(wandering(WANDER, lines=4608, width=512, dust=(WINDOW,)))
    run.watch.begin()
    assert run.watch.take_gone() == []
    for block in blocks(cloth(lines=3072, seed=9), first_line=4608):
        run.watch.follow(run.watch.see(block), CLOTH)
        run.watch.learn(block.first_line, block.end_line, usual=True)
    assert [column.name for column in run.watch.take_gone()] == [run.found[0].name]
    assert run.watch.take_found() == []


def test_what_was_found_and_moves_with_the_cloth_is_taken_back() -> None:
    """An end is soiled while the cloth lies still; then the cloth moves."""
    pixels = times(cloth(), 0.8, 1024, columns=DUST).copy()
    for line in range(3072, len(pixels)):
        pixels[line] = np.roll(pixels[line], (line - 3072) // 128)
    run = Run(pixels)
    assert run.of_cloth == run.found[:1]
    assert run.of_cloth[0].x0 == DUST.start
    assert run.of_cloth[0] not in run.watch.columns


@pytest.mark.parametrize(
    ("pixels", "found"),
    [
        (lambda: dead(cloth(lines=2048), 1024), True),
        (lambda: times(cloth(lines=2048), 0.85, 1024, None, DUST), False),
        (lambda: cloth(lines=2048, ends=(broken_end(302, 964, 2000),)), False),
        (lambda: cloth(lines=2048), False),
    ],
)
def test_a_dead_column_draws_a_line_and_nothing_else_is_called_dead(pixels, found: bool) -> None:  # type: ignore[no-untyped-def]
    assert Run(pixels()[: 1024 + 160]).watch.changed(298, 308, 1024).dead is found


def test_some_lines_are_needed_to_say_how_a_column_changed() -> None:
    with pytest.raises(NotYet):
        Run(dead(cloth(lines=2048), 1024)[: 1024 + 40]).watch.changed(298, 308, 1024)


def test_another_width_starts_again() -> None:
    run = Run(times(cloth()[:4096], 0.8, FROM, None, DUST))
    for block in blocks(cloth()[:128, :300], first_line=4096):
        run.watch.follow(run.watch.see(block), CLOTH)
    assert run.watch.take_gone() == run.found
    assert run.watch.columns == []
