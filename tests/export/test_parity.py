from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from export.parity import LIMIT, STRANGE, Outputs, batches, compare, probe_tiles, require
from runtime.errors import UserError

MAPS = np.linspace(0, 2, 6 * 16, dtype=np.float32).reshape(6, 4, 4)
MAPS[-len(STRANGE) :] += 100  # what is no cloth counts for nothing in the range
REFERENCE = Outputs(MAPS, MAPS.max(axis=(1, 2)))
NORMAL_RANGE = float(np.percentile(MAPS[:2], 99.9) - np.percentile(MAPS[:2], 0.1))


def changed(cell: float = 0.0, score: float = 0.0, tile: int = 1) -> Outputs:
    maps = MAPS.copy()
    maps[tile, 2, 3] += cell
    return Outputs(maps, REFERENCE.scores + np.float32(score))


@pytest.mark.parametrize("tile", [1, 5], ids=["cloth", "checkerboard"])
def test_differences_are_measured_against_the_range_of_normal_maps(tile: int) -> None:
    found = compare("form", REFERENCE, changed(cell=-0.01, tile=tile))
    assert found.map_error == pytest.approx(0.01, rel=1e-3)
    assert found.relative == pytest.approx(0.01 / NORMAL_RANGE, rel=1e-3)
    assert compare("form", REFERENCE, changed(score=0.02)).relative == pytest.approx(0.02 / NORMAL_RANGE, rel=1e-3)


def test_a_form_that_disagrees_is_named() -> None:
    off = compare("far", REFERENCE, changed(cell=0.01))
    require([compare("near", REFERENCE, REFERENCE), off], 0.1)
    with pytest.raises(UserError, match="far differs"):
        require([compare("near", REFERENCE, REFERENCE), off], LIMIT)


def test_not_a_number_never_agrees() -> None:
    with pytest.raises(UserError):
        require([compare("form", REFERENCE, changed(cell=float("nan")))], 1e9)


@pytest.mark.parametrize("channels", [1, 3])
def test_probes_hold_cloth_then_black_white_noise_and_the_finest_pattern(channels: int) -> None:
    *cloth, black, white, noise, checkers = probe_tiles(np.full((3, 8, 8, channels), 7, np.uint8))
    assert [set(np.unique(tile)) for tile in cloth] == [{7}] * 3
    assert (black.max(), white.min()) == (0, 255)
    assert len(np.unique(noise)) > 20
    assert set(np.unique(checkers)) == {0, 255}
    for axis in (0, 1):
        assert (np.abs(np.diff(checkers.astype(int), axis=axis)) == 255).all()


def test_many_normal_tiles_are_thinned_from_first_to_last() -> None:
    tiles = np.arange(200, dtype=np.uint8).reshape(200, 1, 1, 1)
    probes = probe_tiles(np.broadcast_to(tiles, (200, 8, 8, 1)))
    assert len(probes) == 64 + len(STRANGE)
    assert (probes[0].max(), probes[63].max()) == (0, 199)


def test_the_last_batch_is_filled_up() -> None:
    parts = batches(np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1), 2)
    assert [part.ravel().tolist() for part in parts] == [[0, 1], [2, 3], [4, 4]]
