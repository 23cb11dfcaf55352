"""Every name of TensorRT's that the project uses is there in every version that comes to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tensorrt.api import API, RECEIVERS, VERSIONS, members, missing

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = sorted([*ROOT.glob("runtime/engines/tensorrt*.py"), *ROOT.glob("export/tensorrt*.py")])

GONE = {"IInt8EntropyCalibrator2"}
"""Classes that 11 has no more."""


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_source_uses_only_names_that_each_version_has(source: Path) -> None:
    assert missing(source.read_text()) == []


def test_the_sources_are_looked_at_and_use_names_that_come_and_go() -> None:
    text = "".join(source.read_text() for source in SOURCES)
    for name in (
        "BuilderFlag.FP16",
        "STRONGLY_TYPED",
        "EXPLICIT_BATCH",
        "execute_async_v3",
        "layer.precision",
        "int8_calibrator",
    ):
        assert name in text


@pytest.mark.parametrize("version", VERSIONS)
def test_the_lists_know_each_class_in_each_version(version: str) -> None:
    for cls in (*API, *RECEIVERS.values()):
        assert members(cls, version) or (cls in GONE and version.startswith("11.")), cls


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("config.set_flag(trt.BuilderFlag.FP17)", "FP17: 8.6.1 10.3.0 10.13.3.9 10.16.1.11 11.4.0.106"),
        ("config.set_flag(trt.BuilderFlag.FP16)", "1: FP16: 11.4.0.106"),
        ("self._context.execute_async_v2(0)", "execute_async_v2: 10.3.0"),
        ("config.set_flagg(1)", "set_flagg: 8.6.1"),
        ("x = trt.IInt8Calibrator", "IInt8Calibrator: 8.6.1"),
        ("x = trt.IInt8EntropyCalibrator2", "IInt8EntropyCalibrator2: 11.4.0.106"),
        ("x = trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH", "1: EXPLICIT_BATCH: 11.4.0.106"),
        ("if at_least(trt, 11):\n    pass\nx = trt.BuilderFlag.INT8", "3: INT8: 11.4.0.106"),
        ("if not at_least(self.trt, 11):\n    pass\nelse:\n    layer.precision = 1", "4: precision: 11.4.0.106"),
        ("try:\n    f()\nexcept E:\n    builder.build_engine(1)", "4: build_engine: 10.3.0"),
        ("with f(parser.nothing):\n    pass", "1: nothing: 8.6.1"),
    ],
)
def test_a_planted_name_is_found(source: str, said: str) -> None:
    found = missing(source)
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(
    "source",
    [
        "if at_least(trt, 10) and strong:\n    x = trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED",
        "def f():\n    if at_least(trt, 11):\n        raise E\n    layer.precision = trt.BuilderFlag.FP16",
        "if not at_least(trt, 11):\n    x = trt.BuilderFlag.INT8",
    ],
)
def test_a_version_check_before_it_excuses_a_name(source: str) -> None:
    assert missing(source) == []
