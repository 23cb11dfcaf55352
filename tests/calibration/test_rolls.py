"""What faint lines count is learnt with the thresholds, whichever way these are set, unless it is not wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from calibration.__main__ import main
from tests.runtime.bundles import make_bundle


@pytest.mark.parametrize("by", [["--quantile", "0.99"], ["--false-alarms-per-100m", "50"]], ids=["quantile", "promise"])
@pytest.mark.parametrize(("options", "sought"), [([], True), (["--no-lines"], False)])
def test_lines_are_sought_unless_they_are_not_wanted(
    tmp_path: Path, by: list[str], options: list[str], sought: bool
) -> None:
    bundle = make_bundle(tmp_path / "bundle", calibrated=False)
    rolls = ["--rolls", "sim:twill22?width=1500&seed=1", "--sim-lines", "1500"]
    assert main(["threshold", "--bundle", str(bundle.path), *rolls, *by, *options]) == 0
    found = bundle.settings().thresholds["openvino-fp32"]
    assert (found.lines is not None) is sought
