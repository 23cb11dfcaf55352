"""``export engine``: the bundle's graph, or a form of it, becomes what a device runs. Run it on that device.

    python -m export engine --bundle bundles/denim --engine openvino --precision int8
    python -m export engine --bundle bundles/denim --engine tensorrt --precision fp16

INT8 and TensorRT need the forms that ``python -m calibration int8`` writes. A new engine has no thresholds yet.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from export import openvino, tensorrt
from export.tensorrt import TensorRtOptions
from runtime.bundle import Bundle
from runtime.engines import add_engine_options


def add_parser(verbs: Any) -> None:
    """The verb ``engine`` of ``python -m export``."""
    verb = verbs.add_parser("engine", help="what a device runs, built on that device: OpenVINO or TensorRT")
    verb.add_argument("--bundle", type=Path, required=True, metavar="DIR")
    add_engine_options(verb)
    tensorrt.add_options(verb)


def run(options: argparse.Namespace) -> int:
    """The verb; returns its exit status."""
    bundle, precision, device = Bundle(options.bundle), options.precision, options.device
    if options.engine == "tensorrt":
        folder = tensorrt.build(bundle, precision, device, TensorRtOptions.of(options))
    else:
        folder = openvino.build(bundle, precision, device)
    print(
        f"Written to {folder}. Next: python -m calibration threshold --bundle {bundle.path} --engine {options.engine} "
        f"--precision {precision} --device {device} --rolls ..."
    )
    return 0
