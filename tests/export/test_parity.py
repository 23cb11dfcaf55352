from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from export.parity import Outputs, batches, compare, probe_tiles, require
from runtime.errors import UserError

MAPS = np.linspace(0, 2, 2 * 16, dtype=np.float32).reshape(2, 4, 4)
REFERENCE = Outputs(MAPS, MAPS.max(axis=(1, 2)))


def changed(cell: float = 0.0, score: float = 0.0) -> Outputs:
    maps = MAPS.copy()
    maps[1, 2, 3] += cell
    return Outputs(maps, REFERENCE.scores + np.float32(score))


def test_differences_are_measured_against_the_range_of_the_maps() -> None:
    found = compare("form", REFERENCE, changed(cell=-0.01))
    assert found.map_error == pytest.approx(0.01, rel=1e-4)
    assert found.relative == pytest.approx(0.005, rel=1e-4)
    assert compare("form", REFERENCE, changed(score=0.02)).relative == pytest.approx(0.01, rel=1e-4)


def test_a_form_that_disagrees_is_named() -> None:
    require([compare("near", REFERENCE, changed(cell=1e-4))])
    with pytest.raises(UserError, match="far differs"):
        require([compare("near", REFERENCE, REFERENCE), compare("far", REFERENCE, changed(cell=0.01))])


def test_not_a_number_never_agrees() -> None:
    with pytest.raises(UserError):
        require([compare("form", REFERENCE, changed(cell=float("nan")))])


def test_probes_hold_black_white_and_noise() -> None:
    probes = probe_tiles(np.full((3, 8, 8, 1), 7, np.uint8))
    assert [p.min() for p in probes[:5]] == [7, 7, 7, 0, 255]
    assert probes[3].max() == 0
    assert len(np.unique(probes[5])) > 20


def test_the_last_batch_is_filled_up() -> None:
    parts = batches(np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1), 2)
    assert [part.ravel().tolist() for part in parts] == [[0, 1], [2, 3], [4, 4]]
