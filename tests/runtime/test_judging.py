"""What a bundle puts into a camera's lane."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runtime.bundle import Bundle
from runtime.cameras.base import CameraInfo
from runtime.errors import UserError
from runtime.geometry import TileGeometry
from runtime.judging import Judging
from runtime.position import Track
from runtime.preprocess.cloth import ClothFinder
from runtime.types import Scale
from tests.runtime.analytic import AnalyticEngine
from tests.runtime.bundles import GEOMETRY, make_bundle
from tests.runtime.cloths import SCALE

INFO = CameraInfo("c", 200, 1, 8, SCALE, False, None, "none")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_bundle(tmp_path_factory.mktemp("judging") / "bundle")


def judging(bundle: Bundle) -> Judging:
    return Judging.of(bundle, AnalyticEngine(bundle.recipe.tiles), "openvino-fp32")


@pytest.mark.parametrize("stride", [4, 8])
def test_the_cloth_is_found_on_the_grid_of_the_bundles_own_map(tmp_path: Path, stride: int) -> None:
    bundle = make_bundle(tmp_path / "b", geometry=TileGeometry(96, 8, 8, stride))
    parts = judging(bundle).parts(INFO, Track(SCALE), ClothFinder(grid=4, inset_px=5), None)
    assert parts.tiler.cloth == ClothFinder(grid=stride, inset_px=5)
    assert judging(bundle).parts(INFO, Track(SCALE), None, None).tiler.cloth is None


def test_parts_made_one_after_the_other_number_their_defects_apart(bundle: Bundle) -> None:
    made = [judging(bundle).parts(INFO, Track(SCALE), None, None) for _ in range(20)]
    assert len({parts.tracker.run_id for parts in made}) == 20


def test_later_settings_reach_the_tracker_and_keep_the_engine(bundle: Bundle) -> None:
    parts = judging(bundle).parts(INFO, Track(SCALE), None, None)
    engine, settings = parts.judging.engine, bundle.settings()
    levels = settings.thresholds["openvino-fp32"].model_copy(update={"keep": 0.1})
    parts.use(settings.model_copy(update={"revision": 9, "thresholds": {"openvino-fp32": levels}}))
    assert parts.tracker.thresholds.keep == 0.1
    assert parts.judging.judge.settings_revision == 9
    assert parts.judging.engine is engine


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (replace(INFO, scale=Scale(0.2, 0.5)), "made for 0.5 mm per px, camera 'c' has 0.2"),
        (replace(INFO, channels=3), "'c' gives 3 channels, bundle 'brightness' was made for 1"),
    ],
)
def test_a_camera_that_does_not_fit_is_refused(bundle: Bundle, info: CameraInfo, message: str) -> None:
    judging(bundle).check(INFO)
    with pytest.raises(UserError, match=message):
        judging(bundle).check(info)


def test_a_bundle_without_thresholds_cannot_judge(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b", calibrated=False)
    with pytest.raises(UserError, match="has no thresholds for openvino-fp32"):
        Judging.of(bundle, AnalyticEngine(GEOMETRY), "openvino-fp32")
