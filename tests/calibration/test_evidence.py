"""What lines count: as much as a map value that is as rare, so that they leave a threshold where it was."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.evidence import FEWEST_BLOCKS, and_more, line_scale, with_lines
from calibration.threshold import NormalTail, thresholds
from runtime.settings import Thresholds
from runtime.types import Float32, Kind, ScoreMap
from tests.calibration.test_threshold import SIDE, in_strips
from tests.runtime.defects.test_evidence_lines import with_line


def normal_cloth(blocks: int = 60, seed: int = 0) -> Float32:
    """A map of noise, five blocks wide, with a few strong cells that are no line."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 0.3, (blocks // 5 * SIDE, 5 * SIDE)).astype(np.float32)
    spots = rng.integers(0, values.size, blocks)
    values.flat[spots] = rng.exponential(1.0, blocks)
    return values


def opening(strips: list[ScoreMap]) -> float:
    found: Thresholds = thresholds(NormalTail.of(strips), 0.999, ["roll"])
    return found.open[Kind.WEFT]


def whole(strips: list[ScoreMap]) -> Float32:
    return np.concatenate([one.values for one in strips])


def test_lines_leave_the_threshold_where_it_was() -> None:
    strips = in_strips(normal_cloth(), 16)
    scale = line_scale(lambda: strips)
    assert scale is not None
    raised = list(with_lines(strips, scale))
    assert opening(raised) == pytest.approx(opening(strips), rel=0.05)
    assert (whole(raised) > whole(strips)).any()


def test_a_faint_line_goes_beyond_the_threshold() -> None:
    strips = in_strips(normal_cloth(), 16)
    scale = line_scale(lambda: strips)
    faint = normal_cloth(seed=1)
    faint[:48] = with_line(faint[:48], 60, 260, height=0.9)
    bare, joined = in_strips(faint, 16), list(with_lines(in_strips(faint, 16), scale))
    assert bare[1].values[8, 60:260].max() < opening(strips)
    assert whole(joined)[24, 100:220].mean() > opening(strips)


def test_livelier_lines_count_less() -> None:
    calm, lively = normal_cloth(), normal_cloth()
    for row in range(10, len(lively), 40):
        lively[row] += 0.5
    found = [line_scale(lambda cloth=cloth: in_strips(cloth, 16)) for cloth in (calm, lively)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[1].usual > found[0].usual + 0.2
    assert found[1].map_value(np.array(0.6)) < found[0].map_value(np.array(0.6))


@pytest.mark.parametrize(
    "cloth",
    [normal_cloth(FEWEST_BLOCKS - 5), np.zeros((16 * SIDE, 5 * SIDE), np.float32), normal_cloth()[:, :40]],
    ids=["too little of it", "a map that says nothing", "narrower than a line"],
)
def test_where_nothing_can_be_learnt_lines_are_not_sought(cloth: Float32) -> None:
    assert line_scale(lambda: in_strips(cloth, 16)) is None


def test_each_strip_is_told_whether_the_map_goes_on() -> None:
    roll = [*in_strips(normal_cloth(), 64), *in_strips(normal_cloth(), 64, segment=1)]
    assert [more for _, more in and_more(roll)] == [True] * 11 + [False] + [True] * 11 + [False]
    assert list(and_more([])) == []
