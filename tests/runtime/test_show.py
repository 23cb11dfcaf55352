"""A bundle in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.bundle import Bundle
from runtime.errors import UserError
from runtime.show import describe, inline, main
from tests.runtime.bundles import make_bundle


def test_what_it_is_what_it_may_be_used_for_and_at_what_it_opens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    assert main([str(bundle.path)]) == 0
    text = capsys.readouterr().out
    for part in (
        bundle.id, bundle.index.created, "0.5 mm per px, 1 channel,", "tiles of 64 px less 8 px margin",
        "value every 4 px", "use       tests", "licence   none needed", "openvino fp32 CPU", "stride_lines 32",
        "local 0.8000, warp 0.8000, weft 0.8000, area 0.8000; keeps at 0.6000 (openvino-fp32)",
    ):  # fmt: skip
        assert part in text, part


def test_a_bundle_without_thresholds_says_what_to_do(tmp_path: Path) -> None:
    raw = make_bundle(tmp_path / "raw", calibrated=False)
    assert "no thresholds yet: python -m calibration threshold" in describe(Bundle(raw.path))


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No bundle at"):
        main([str(tmp_path)])


def test_nested_values_on_one_line() -> None:
    values = {"a": {"b": 1, "c": 0.1234567891}, "rolls": ["x", "y"], "n": 3}
    assert inline(values) == "a (b 1; c 0.123457); rolls x, y; n 3"
