"""Where the lines of a cloth that stops and runs back fall, and what an encoder makes of them."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from runtime.errors import UserError
from runtime.simulator.encoder import Encoder
from runtime.simulator.motion import AnyMotion, Back, Forward, Motion, Path, Stop, Table, Trigger, Weaving

PITCH = 0.2
LOOM = Weaving(ppm=600, ppi=50.8, picks_between_stops=40, stop_s=(10, 20), back_picks=(1, 10), seed=4)
"""Picks of half a millimetre."""


def marks(motion: AnyMotion, trigger: Trigger, count: int) -> list[int]:
    return [int(mark) for mark in Path(motion, PITCH, trigger).places(0, count)[0]]


@pytest.mark.parametrize(
    ("moves", "motion", "position_up"),
    [
        ([Forward(1.0)], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]),
        ([Forward(0.9)], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]),
        ([Forward(0.6), Stop(5), Forward(0.4)], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]),
        # A line shows the cloth between its mark and the next: what runs back by two lines is seen twice more.
        ([Forward(1.0), Back(0.4), Forward(1.0)], [0, 1, 2, 3, 4, 4, 3, 3, 4, 5, 6, 7], [0, 1, 2, 3, 4, 5, 6, 7]),
        ([Forward(1.0), Back(0.4), Forward(0.2), Back(0.2), Forward(0.4)], [0, 1, 2, 3, 4, 4, 3, 3, 3, 3, 4], None),
        ([Forward(0.4), Back(0.1), Forward(0.1), Forward(0.2)], [0, 1, 2], [0, 1, 2]),
        ([Forward(0.4), Back(0.8), Forward(0.6)], [0, 1, 1, 0, -1, -2, -2, -1, 0], [0, 1]),
    ],
)
def test_marks_of_a_list_of_moves(moves: list, motion: list[int], position_up: list[int] | None) -> None:
    path = Path(Motion(tuple(moves)), PITCH, "motion")
    assert path.length == len(motion)
    assert marks(Motion(tuple(moves)), "motion", len(motion)) == motion
    if position_up is not None:
        assert Path(Motion(tuple(moves)), PITCH, "position_up").length == len(position_up)
        assert marks(Motion(tuple(moves)), "position_up", len(position_up)) == position_up


@pytest.mark.parametrize("trigger", ["motion", "position_up"])
@pytest.mark.parametrize("motion", [LOOM, Table(stop_every_m=0.02, back_mm=3.0, seed=1)])
def test_places_are_the_same_however_they_are_asked(motion: AnyMotion, trigger: Trigger) -> None:
    whole = Path(motion, PITCH, trigger).places(0, 3000)
    again = Path(motion, PITCH, trigger)
    for first, count in ((2900, 100), (0, 1), (777, 500), (2999, 1)):
        for part, all_of_it in zip(again.places(first, count), whole, strict=True):
            assert np.array_equal(part, all_of_it[first : first + count])


def test_a_loom_steps_one_line_at_a_time_and_goes_over_all_cloth() -> None:
    got, tops, seconds = Path(LOOM, PITCH, "motion").places(0, 3000)
    turns = int((got[1:] == got[:-1]).sum())
    assert set(np.diff(got).tolist()) == {-1, 0, 1}
    assert np.array_equal(tops, np.maximum.accumulate(got))
    assert set(got.tolist()) == set(range(int(got.max()) + 1))
    # About one stop in 40 picks of 0.5 mm, that is in 100 marks; two turns at each.
    assert turns / 2 == pytest.approx(got.max() / 100, abs=1.5)
    assert (np.diff(seconds) > 0).all()


@pytest.mark.parametrize(
    ("field", "value", "longer"),
    [("stop_s", (100, 100), True), ("creep", 0.1, True), ("ppm", 300, True), ("back_picks", (10, 10), True)],
)
def test_what_slows_a_loom(field: str, value: object, longer: bool) -> None:
    slower = dataclasses.replace(LOOM, **{field: value})  # type: ignore[arg-type]
    plain, slow = (Path(motion, PITCH, "position_up").places(2000, 1)[2][0] for motion in (LOOM, slower))
    assert slow > plain * 1.01
    assert marks(slower, "position_up", 50) == list(range(50))


def test_seed_chooses_where_a_loom_stops() -> None:
    assert marks(LOOM, "motion", 500) != marks(dataclasses.replace(LOOM, seed=5), "motion", 500)
    assert marks(LOOM.stopping_every(0), "motion", 500) == list(range(500))


def test_ripple_swings_the_speed_with_the_picks() -> None:
    _, _, seconds = Path(Motion((Forward(1000, 6.0, ripple=0.1, ripple_mm=2.0),)), PITCH, "motion").places(0, 5000)
    speed = PITCH / np.diff(seconds)
    assert speed.max() == pytest.approx(110, abs=1.5)
    assert speed.min() == pytest.approx(91, abs=1.5)
    assert seconds[4990] == pytest.approx(4990 * PITCH / 100, rel=1e-3)


def test_ramps_take_time_at_both_ends() -> None:
    move = Forward(1000, m_per_min=60, ramp_m_per_s2=2.0)  # a quarter metre to reach 1 m/s in half a second
    assert move.seconds(np.array([0, 250, 750, 1000])).tolist() == pytest.approx([0, 0.5, 1.0, 1.5])
    short = Forward(100, m_per_min=60, ramp_m_per_s2=2.0)
    assert short.seconds(np.array([50, 100])).tolist() == pytest.approx([math.sqrt(0.05), 2 * math.sqrt(0.05)])
    endless = Forward(math.inf, m_per_min=60, ramp_m_per_s2=2.0)
    assert endless.seconds(np.array([250, 1250])).tolist() == pytest.approx([0.5, 1.5])


def test_a_stop_takes_its_seconds() -> None:
    _, _, seconds = Path(Motion((Forward(1.0, 6.0), Stop(7.0), Forward(1.0, 6.0))), PITCH, "motion").places(0, 10)
    assert np.diff(seconds).tolist() == pytest.approx([0.002] * 4 + [7.002] + [0.002] * 4, abs=1e-6)


def test_a_table_winds_back_at_a_stop() -> None:
    table = Table(stop_every_m=0.1, back_mm=4.0, seed=2)
    got = np.array(marks(table, "motion", 2000))
    backwards = int((np.diff(got) < 0).sum())
    assert backwards == pytest.approx(19 * int(got.max() * PITCH / 100), abs=20)
    assert marks(Table(), "motion", 200) == list(range(200))


# --- the encoder ------------------------------------------------------------------------------------

LINES = np.arange(100_000, dtype=np.int64)


def test_a_perfect_encoder_counts_the_way() -> None:
    encoder = Encoder(counts_per_mm=21.2)
    assert np.array_equal(encoder.cloth_lines(LINES, LINES, LINES, PITCH), LINES)
    assert np.array_equal(encoder.counts(LINES, LINES, PITCH), np.rint(LINES * 4.24).astype(np.int64))
    down = Encoder(counts_per_mm=21.2, direction=-1)
    assert np.array_equal(down.counts(LINES, LINES, PITCH), -encoder.counts(LINES, LINES, PITCH))


@pytest.mark.parametrize(
    ("fault", "ahead_mm"),
    [
        # 100,000 lines are 20 m and 424,000 counts: 1 in 1,000 is 424 counts of 1 / 21.2 mm.
        ({"missing": 0.001}, 20.0),
        ({"doubled": 0.001}, -20.0),
        ({"missing": 0.002, "doubled": 0.001}, 20.0),
        ({"slip": 0.001}, 20.0),
    ],
)
def test_lost_counts_and_slip_add_up(fault: dict[str, float], ahead_mm: float) -> None:
    encoder = Encoder(**fault)  # type: ignore[arg-type]
    ahead = (encoder.cloth_lines(LINES, LINES, LINES, PITCH) - LINES) * PITCH
    assert ahead[-1] == pytest.approx(ahead_mm, abs=0.1)
    assert np.abs(ahead / (LINES + 1) - ahead_mm / LINES.size)[5000:].max() < 0.3 * abs(ahead_mm) / LINES.size
    assert encoder.counted_mm(20_000.0) == pytest.approx(20_000 - ahead_mm, abs=0.15)


def test_ways_back_neither_lose_nor_find_counts() -> None:
    moves = [Forward(100.0)] + [Back(30.0), Forward(30.0)] * 50 + [Forward(100.0)]
    path = Path(Motion(tuple(moves)), PITCH, "motion")
    assert path.length is not None
    got, tops, _ = path.places(0, path.length)
    lines = np.arange(path.length, dtype=np.int64)
    encoder = Encoder(missing=0.01)
    places = encoder.cloth_lines(got, tops, lines, PITCH)
    straight = encoder.cloth_lines(LINES[:1000], LINES[:1000], LINES[:1000], PITCH)
    assert np.array_equal(places[got == tops][-490:], straight[-490:])


def test_an_eccentric_roller_comes_back_every_turn() -> None:
    encoder = Encoder(eccentricity=0.002, roller_mm=400.0)
    strayed = (encoder.cloth_lines(LINES, LINES, LINES, PITCH) - LINES) * PITCH
    assert strayed.max() == pytest.approx(0.002 * 400 / (2 * math.pi), rel=0.01)
    assert np.abs(strayed[2000:] - strayed[:-2000]).max() < 1e-6
    rate = np.diff(strayed) / PITCH
    assert np.abs(rate).max() == pytest.approx(0.002, rel=0.01)
    assert encoder.counted_mm(100.0) == pytest.approx(100.0 + 0.002 * 400 / (2 * math.pi), abs=1e-3)


def test_jitter_moves_lines_and_their_counts_together() -> None:
    encoder = Encoder(counts_per_mm=1000.0, jitter=0.03)
    off = encoder.cloth_lines(LINES, LINES, LINES, PITCH) - LINES
    assert off.std() == pytest.approx(0.03, rel=0.05)
    assert np.abs(encoder.counts(LINES, LINES, PITCH) - (LINES + off) * 200).max() <= 0.51
    assert not np.array_equal(off, Encoder(jitter=0.03, seed=1).cloth_lines(LINES, LINES, LINES, PITCH) - LINES)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Path(Motion((Stop(3.0),)), PITCH, "motion"), "never moves"),
        (lambda: Path(Motion((Forward(-1.0),)), PITCH, "motion"), "more than 0 mm"),
        (lambda: Path(Motion((Forward(1.0, 0.0),)), PITCH, "motion"), "0 m/min"),
        (lambda: Path(Motion((Stop(-1.0),)), PITCH, "motion"), "0 seconds"),
        (lambda: Encoder(counts_per_mm=0), "counts_per_mm"),
        (lambda: Encoder(missing=0.6), "missing"),
        (lambda: Encoder(trigger="up"), "position_up"),  # type: ignore[arg-type]
    ],
)
def test_bad_arguments_are_said_in_a_sentence(make, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match=words):
        make()


def test_lines_beyond_the_end_are_refused() -> None:
    path = Path(Motion((Forward(1.0),)), PITCH, "motion")
    with pytest.raises(ValueError, match="of 5"):
        path.places(0, 6)
