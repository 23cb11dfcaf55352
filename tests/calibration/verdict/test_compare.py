"""Two engines on one cloth: every figure against one that can be worked out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from benchmarks.inspection import Judged, inspect
from calibration.verdict.cloth import Piece
from calibration.verdict.compare import GROWN_CELLS, Closeness, Comparison, grown, highest
from calibration.verdict.judge import judge, notes
from calibration.verdict.limits import Limits
from calibration.verdict.record import Alarms
from runtime.bundle import Bundle
from runtime.cameras.base import CameraInfo
from runtime.errors import UserError
from runtime.pipeline import View
from runtime.preprocess.cloth import ClothFinder
from runtime.types import Scale
from tests.calibration.verdict.distorted import OPEN, Change, cloth, same, sides, two_engines
from tests.runtime.bundles import MM_PER_PX

WIDTH, LINES = 1000, 300


def piece(*spots: tuple[int, int], seed: int = 0, name: str = "roll") -> Piece:
    info = CameraInfo(name, WIDTH, 1, 8, Scale(MM_PER_PX, MM_PER_PX), False, None, "")
    return Piece(name, cloth(LINES, WIDTH, *spots, seed=seed)[..., None], info)


@contextmanager
def compared(
    tmp_path: Path, change: Change, *seen: Piece, opening: float = OPEN, finder: ClothFinder | None = None
) -> Iterator[tuple[Bundle, Comparison]]:
    bundle = two_engines(tmp_path / "bundle", opening)
    reference, candidate = sides(bundle, change)
    try:
        found = Comparison(bundle, reference, candidate)
        for one in seen or (piece(),):
            found.add(one, finder)
        yield bundle, found
    finally:
        reference.engine.close()


def test_an_engine_that_does_not_differ(tmp_path: Path) -> None:
    with compared(tmp_path, same, piece(seed=0), piece(seed=1)) as (bundle, found):
        for told in (found.normal.told(), found.painted.told()):
            assert told.sqnr_db == math.inf
            assert told.rank_correlation == pytest.approx(1)
            assert told.decided_otherwise == 0
        assert found.normal.told().cells == 2 * WIDTH // 4 * LINES // 4
        assert (found.pieces, found.px) == (2, 2 * WIDTH * LINES)
        assert len(found.planted) > 5
        assert all(one.before == one.after for one in found.planted)
        assert any(one.before >= 1 for one in found.planted)
        verdict = judge(bundle, found, Limits(planted_found=1), ["roll"])
        assert verdict.passes
        assert verdict.lost == verdict.new == []


def test_noise_is_measured_against_what_the_map_varies_by(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with compared(tmp_path, lambda maps: maps + rng.normal(0, 1e-3, maps.shape)) as (_, found):
        deviation = 20 / 4 / 255  # of the brightness of a cell of 16 px
        wanted = 20 * math.log10(deviation / 1e-3)
        # Where tiles cross-fade two errors are averaged, so there is a little less noise.
        assert wanted < found.normal.told().sqnr_db < wanted + 1
        assert found.normal.told().rank_correlation == pytest.approx(0.99, abs=0.01)


def test_a_deaf_engine_loses_defects_and_a_keen_one_finds_new_ones(tmp_path: Path) -> None:
    for gain, kind in ((0.7, "lost"), (1.3, "new")):
        with compared(tmp_path / kind, lambda maps, gain=gain: maps * gain) as (bundle, found):
            verdict = judge(bundle, found, Limits(planted_found=1), ["roll"])
        assert all(one.after == pytest.approx(gain * one.before, rel=1e-5) for one in found.planted)
        listed = getattr(verdict, kind)
        assert listed
        assert all((one.before >= 1) != (one.after >= 1) for one in listed)
        assert verdict.found_after - verdict.found_before == (len(listed) if kind == "new" else -len(listed))
        assert verdict.painted.decided_otherwise > 0


def test_a_threshold_set_again_undoes_a_gain(tmp_path: Path) -> None:
    with compared(tmp_path, lambda maps: maps * 0.7, opening=0.7 * OPEN) as (bundle, found):
        verdict = judge(bundle, found, Limits(planted_found=1), ["roll"])
    assert verdict.lost == verdict.new == []
    assert verdict.painted.rank_correlation == pytest.approx(1, abs=1e-4)
    assert verdict.painted.decided_otherwise == pytest.approx(0, abs=1e-4)
    assert not verdict.passes, "but the map is another"
    assert [check.name for check in verdict.checks if not check.passes] == ["sqnr_db"]


def test_false_events_at_own_thresholds_and_at_the_references(tmp_path: Path) -> None:
    seen = piece((200, 100), (600, 100), seed=0), piece(seed=1)
    with compared(tmp_path, same, *seen, opening=0.95) as (bundle, found):
        before, after, unset = found.alarms()
        assert (before.events, after.events, unset.events) == (2, 0, 2)
        assert (before.pieces, after.pieces, unset.pieces) == (1, 0, 1)
        assert before.per_10mpx == pytest.approx(2 * 10e6 / (2 * WIDTH * LINES))
        assert before.low < before.per_10mpx < before.high
        verdict = judge(bundle, found, Limits(), ["roll"])
        ratio = next(check for check in verdict.checks if check.name == "false_events_ratio")
        assert ratio.figure == 0


def test_as_many_false_events_are_a_ratio_of_one(tmp_path: Path) -> None:
    with compared(tmp_path, same, piece((200, 100), (600, 100))) as (bundle, found):
        ratio = next(c for c in judge(bundle, found, Limits(), ["roll"]).checks if c.name == "false_events_ratio")
        assert (found.alarms()[0].events, ratio.figure) == (2, 1)


def test_events_are_those_that_the_stream_tells(tmp_path: Path) -> None:
    """Smears that cross the rows of tiles, and a weak spot above a strong one, whose halo it is."""
    rng = np.random.default_rng(4)
    smeared, halo = piece(seed=4), piece(name="halo")
    for x, y in zip(rng.integers(0, WIDTH - 60, 25), rng.integers(0, LINES - 60, 25), strict=True):
        wide, high = rng.integers(4, 60, 2)
        smeared.pixels[y : y + high, x : x + wide] = np.clip(rng.normal(145, 25), 0, 255)
    halo.pixels[100:108, 400:408] = 158
    halo.pixels[140:156, 400:416] = 255
    with compared(tmp_path, same, smeared) as (bundle, found):
        judged = Judged(bundle, found.sides[0].engine, "openvino-fp32")
        streamed = [len(inspect(judged, View(one)).defects) for one in (smeared, halo)]
        assert streamed[0] > 5
        assert streamed[1] == 1
        assert found.alarms()[0].events == streamed[0]
        found.add(halo, None)
        assert found.alarms()[0].events == sum(streamed)


def test_only_cloth_is_judged_and_painted_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare, columns = 240, []
    monkeypatch.setattr("calibration.verdict.compare.painted", lambda *given: columns.append(given[2]) or ())
    seen = piece()
    seen.pixels[:, :bare] = 30
    with compared(tmp_path, same, seen, finder=ClothFinder()) as (_, found):
        ((x0, x1),) = columns
        assert bare <= x0 < bare + 64
        assert x1 == WIDTH
        assert found.px == (x1 - x0) * LINES


def test_one_event_more_than_none_is_chance_three_are_not(tmp_path: Path) -> None:
    def wider(maps: np.ndarray) -> np.ndarray:
        return np.where(maps > 0.59, 1.0, maps)

    spots = [(100, 100), (400, 100), (700, 100)]
    dim = [piece(), piece(seed=1)]
    for x, y in spots:
        dim[0].pixels[y : y + 16, x : x + 16] = 152  # 0.596 of the map: below the threshold
    with compared(tmp_path, wider, *dim) as (bundle, found):
        before, after, _ = found.alarms()
        assert (before.events, after.events) == (0, 3)
        ratio = next(c for c in judge(bundle, found, Limits(), ["roll"]).checks if c.name == "false_events_ratio")
        assert (ratio.figure, ratio.passes) == (3, False)


def test_blocks_of_normal_cloth_by_their_highest_value_in_thresholds(tmp_path: Path) -> None:
    with compared(tmp_path, same, piece((200, 100)), opening=2 * OPEN) as (_, found):
        before, after = (np.concatenate(tail) for tail in found.tails)
        assert before.max() == pytest.approx(230 / 255 / OPEN, rel=1e-3)
        np.testing.assert_allclose(before, 2 * after, rtol=1e-6)


def test_without_cloth_there_is_no_verdict(tmp_path: Path) -> None:
    with compared(tmp_path, same) as (bundle, found):
        found.pieces = 0
        with pytest.raises(UserError, match="No cloth was found in a, b"):
            judge(bundle, found, Limits(), ["a", "b"])


def test_a_roll_that_was_used_before_is_said_to_be(tmp_path: Path) -> None:
    bundle = two_engines(tmp_path / "bundle")
    reference, candidate = sides(bundle, same)
    (note,) = notes(bundle, (reference, candidate), ["first-roll", "another-roll"])
    assert note.startswith("Roll 'first-roll' set the thresholds of openvino-fp32:")
    reference.engine.close()


def test_a_map_that_is_not_a_number_passes_nothing() -> None:
    sums = Closeness()
    before = np.array([[0.1, 0.2, 0.3, np.nan]], np.float32)
    sums.add(before, np.array([[0.1, np.nan, 0.3, 0.5]], np.float32), (0.25, 0.25))
    told = sums.told()
    assert told.cells == 3, "where the reference judged nothing there is nothing to compare"
    assert math.isnan(told.sqnr_db)
    assert math.isnan(told.rank_correlation)


def test_each_engine_decides_by_its_own_threshold() -> None:
    sums = Closeness()
    before, after = np.array([[0.1, 0.3, 0.4]], np.float32), np.array([[0.1, 0.4, 0.6]], np.float32)
    sums.add(before, after, (0.25, 0.5))
    assert sums.told().decided_otherwise == pytest.approx(1 / 3)


def test_what_a_defects_score_is_taken_from() -> None:
    mask = grown(np.array([10]), np.array([2]), (20, 30))
    side = 2 * GROWN_CELLS + 1
    assert mask.sum() == side * (GROWN_CELLS + 1 + 2)  # cut off at the left
    assert mask[10 - GROWN_CELLS, 2 + GROWN_CELLS]
    assert highest(np.array([0.5, np.nan, 0.25], np.float32)) == 0.5
    assert highest(np.array([np.nan], np.float32)) == -math.inf


def test_alarms_of_pieces() -> None:
    alarms = Alarms.of([0, 3, 0, 1], 20_000_000)
    assert (alarms.events, alarms.pieces, alarms.per_10mpx) == (4, 2, 2)
    assert (alarms.low, alarms.high) == (pytest.approx(1.0899 / 2, rel=1e-3), pytest.approx(10.2416 / 2, rel=1e-3))
