"""Thresholds: the quantile of the highest values of blocks of normal cloth, exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from calibration.threshold import BLOCK_PX, KEEP_SHARE, NormalTail, block_maxima, blocks_needed, store, thresholds
from runtime.errors import UserError
from runtime.settings import Thresholds
from runtime.types import Kind, ScoreMap
from tests.runtime.bundles import KEEP, OPEN, make_bundle

STRIDE = 4
SIDE = BLOCK_PX // STRIDE


def strip(values: np.ndarray, row: int = 0, segment: int = 0, origin: int = 0) -> ScoreMap:
    """A strip whose first row is the run's map row ``row``."""
    rows, columns = values.shape
    return ScoreMap(
        camera="c", segment=segment, origin=origin, first_line=origin + row * STRIDE,
        end_line=origin + (row + rows) * STRIDE, x0=0, stride=STRIDE, values=values.astype(np.float32),
        region=(0, columns * STRIDE), received_ns=0,
    )  # fmt: skip


def in_strips(values: np.ndarray, rows: int, segment: int = 0, origin: int = 0) -> list[ScoreMap]:
    return [strip(values[top : top + rows], top, segment, origin) for top in range(0, len(values), rows)]


def made_up(blocks_down: int, blocks_across: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A map and the highest value of each of its blocks, at a random cell of it."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(0, 0.1, (blocks_down * SIDE, blocks_across * SIDE)).astype(np.float32)
    highest = rng.uniform(0.2, 1.0, (blocks_down, blocks_across)).astype(np.float32)
    for (down, across), value in np.ndenumerate(highest):
        row, column = rng.integers(0, SIDE, 2)
        values[down * SIDE + row, across * SIDE + column] = value
    return values, highest


@pytest.mark.parametrize("rows", [8, 16, SIDE])
def test_the_highest_value_of_each_block_is_found(rows: int) -> None:
    values, highest = made_up(5, 3)
    tail = NormalTail.of(in_strips(values, rows))
    np.testing.assert_array_equal(tail.maxima, highest.ravel())
    assert tail.cells == values.size


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.999, 1.0])
def test_the_opening_threshold_is_the_quantile_of_the_blocks(quantile: float) -> None:
    values, highest = made_up(10, 4)
    found = thresholds(NormalTail.of(in_strips(values, 8)), quantile, ["roll"])
    wanted = float(np.quantile(highest, quantile))
    assert found.open == dict.fromkeys(Kind, pytest.approx(wanted, rel=1e-6))
    median = float(np.median(highest))
    assert found.keep == pytest.approx(median + KEEP_SHARE * (wanted - median), rel=1e-6)
    assert found.keep <= min(found.open.values())
    assert found.calibrated["blocks"] == 40
    assert found.calibrated["highest"] == pytest.approx(float(highest.max()))
    assert found.calibrated["rolls"] == ["roll"]


def test_where_there_is_no_cloth_there_is_no_block() -> None:
    values, highest = made_up(2, 3)
    values[:, SIDE : 2 * SIDE] = np.nan
    tail = NormalTail.of(in_strips(values, 16))
    np.testing.assert_array_equal(tail.maxima, highest[:, [0, 2]].ravel())
    assert tail.cells == 2 * SIDE * 2 * SIDE


def test_an_unfinished_block_counts_with_what_it_has() -> None:
    values, _ = made_up(1, 2)
    values[:] = 0.1
    values[3, 3] = 0.7
    assert NormalTail.of(in_strips(values[:24, :20], 8)).maxima.tolist() == pytest.approx([0.7])
    assert block_maxima([values[:8, : SIDE + 1]], STRIDE) == pytest.approx([0.7, 0.1])


@pytest.mark.parametrize(
    ("second", "what"),
    [({"segment": 1, "origin": 128}, "segment"), ({"segment": 0, "origin": 500}, "gap"), ({}, "roll")],
)
def test_blocks_do_not_cross_a_segments_end_nor_a_gap_nor_a_rolls_end(second: dict[str, int], what: str) -> None:
    half = np.full((SIDE // 2, SIDE), 0.1, np.float32)
    low, high = half.copy(), half.copy()
    low[5, 5], high[5, 5] = 0.4, 0.9
    tail = NormalTail.of([*in_strips(low, 8), *in_strips(high, 8, **second)])
    assert tail.maxima.tolist() == pytest.approx([0.4, 0.9]), what


def test_a_cloth_that_changes_its_place_begins_new_blocks() -> None:
    narrow, wide = np.full((16, 20), 0.3), np.full((16, 30), 0.6)
    tail = NormalTail.of([strip(narrow, 0), strip(wide, 16)])
    assert tail.maxima.tolist() == pytest.approx([0.3, 0.6])


def test_without_cloth_there_are_no_thresholds() -> None:
    nothing = NormalTail.of([strip(np.full((16, 20), np.nan))])
    assert nothing.cells == 0
    for tail in (nothing, NormalTail.of([])):
        with pytest.raises(UserError, match="No cloth was found in a, b: thresholds need normal cloth"):
            thresholds(tail, 0.999, ["a", "b"])


def test_thresholds_are_stored_beside_those_of_other_engines_under_a_new_revision(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    before = bundle.settings()
    found = Thresholds(open=dict.fromkeys(Kind, 0.3), keep=0.2, calibrated={"quantile": 0.999})
    assert store(bundle, "openvino-int8", found) == before.revision + 1
    after = bundle.settings()
    assert after.revision == before.revision + 1
    assert after.policy == before.policy
    assert after.thresholds["openvino-int8"] == found
    assert after.thresholds["openvino-fp32"].open[Kind.WARP] == OPEN
    assert after.thresholds["openvino-fp32"].keep == KEEP
    assert store(bundle, "openvino-int8", found) == before.revision + 2
    assert yaml.safe_load((bundle.path / "settings.yaml").read_text())["revision"] == before.revision + 2


@pytest.mark.parametrize(("quantile", "blocks"), [(0.5, 2), (0.9, 10), (0.999, 1000), (1.0, 0)])
def test_how_many_blocks_a_quantile_wants(quantile: float, blocks: int) -> None:
    assert blocks_needed(quantile) == blocks
