"""INT8 on a DLA before TensorRT 11: no Q/DQ pairs, but scales of tensors in TensorRT's calibration cache.

The cache is text. Its first line names the version that may read it and the kind of calibrator; then follows a tensor
a line, ``name: 3c010a14``, where the digits are its scale, the largest value divided by 127, as a big-endian float32
("Calibration file" in the notes of TensorRT's sampleINT8; IInt8EntropyCalibrator2, "the required calibrator for DLA",
docs.nvidia.com/deeplearning/tensorrt). A version refuses another's, so it is written where the engine is built.

Not run on hardware.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from runtime.bundle import Bundle
from runtime.engines.tensorrt_home import at_least
from runtime.errors import UserError

SCALES, LEFT = "int8_scales", "left_in_floats"
"""Where ``calibration int8`` writes scales by tensor, and names of convolutions that stay in floats, in the manifest of
the form fp16."""
CACHE = "calibration.cache"
"""The cache's file beside the engine's."""


def scales_of(bundle: Bundle) -> tuple[dict[str, float], list[str]]:
    """Scales by tensor, and the convolutions that stay in floats.

    Raises:
        UserError: the bundle's form fp16 was made before there were any.
    """
    made = bundle.form("fp16")[1].made
    if SCALES not in made:
        raise UserError(
            f"The form fp16 of bundle '{bundle.path}' names no scales for INT8 on a DLA: "
            f"run 'python -m calibration int8 --bundle {bundle.path} --rolls ...' again."
        )
    return dict(made[SCALES]), list(made[LEFT])


def cache_text(version: str, scales: Mapping[str, float]) -> bytes:
    """The cache for a version of TensorRT, such as '10.3.0'."""
    lines = [header(version), *(f"{name}: {struct.pack('>f', scale).hex()}" for name, scale in scales.items())]
    return ("\n".join(lines) + "\n").encode()


def header(version: str) -> str:
    """The first line: 8.6.1 calls itself 8601, 10.3.0 calls itself 100300 (NvInferVersion.h)."""
    major, minor, patch = (int(part) for part in version.split(".")[:3])
    number = major * 10000 + minor * 100 + patch if major >= 10 else major * 1000 + minor * 100 + patch
    return f"TRT-{number}-EntropyCalibration2"


def calibrator(trt: Any, cache: bytes) -> Any:
    """A calibrator that has the cache and no pictures; it must live until the plan is built."""
    if at_least(trt, 11):
        raise AssertionError("TensorRT 11 knows no calibrators")

    class FromCache(trt.IInt8EntropyCalibrator2):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IInt8EntropyCalibrator2.__init__(self)

        def get_batch_size(self) -> int:
            return 1

        def get_batch(self, names: list[str]) -> None:
            return None

        def read_calibration_cache(self) -> bytes:
            return cache

        def write_calibration_cache(self, cache: bytes) -> None:
            """Nothing was calibrated."""

    return FromCache()
