"""From a training to what the runtime runs.

python -m export bundle --checkpoint trained/denim --out bundles/denim
python -m export engine --bundle bundles/denim --engine openvino --precision int8
python -m export tune --bundle bundles/denim --precision int8
python -m export gate --bundle bundles/denim
python -m export gather --bundle bundles/denim --width 4096 --out lines.onnx
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from export import engine, gate, gather, tune
from export.look import CHANNELS, JOINS, Look
from runtime.command import parser, run
from runtime.errors import MissingExtra


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    made = parser("export", __doc__)
    verbs = made.add_subparsers(dest="verb", required=True)
    _add_bundle(verbs)
    for verb in (engine, tune, gate, gather):
        verb.add_parser(verbs)
    options = made.parse_args(arguments)
    verbs_run = {"bundle": _bundle, "engine": engine.run, "tune": tune.run, "gate": gate.run, "gather": gather.run}
    return verbs_run[options.verb](options)


def _bundle(options: argparse.Namespace) -> int:
    look = Look(options.sigma, options.taps, options.join, options.channels)
    try:
        from export.bundle import export_bundle
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "onnx", "onnxruntime"):
            raise
        raise MissingExtra(error.name, "export", "Making a bundle") from error
    name = options.name or options.checkpoint.resolve().name
    print(f"Exporting '{options.checkpoint}' as '{name}'", flush=True)
    bundle = export_bundle(options.checkpoint, options.out, name, look)
    print(
        f"Bundle {bundle.id} written to {bundle.path} ({bundle.graph.stat().st_size / 1e6:.1f} MB graph). "
        f"Next: python -m calibration threshold --bundle {bundle.path} --rolls ..."
    )
    return 0


def _add_bundle(verbs: Any) -> None:
    bundle = verbs.add_parser("bundle", help="a training becomes a bundle: ONNX graph and OpenVINO FP32 engine")
    bundle.add_argument("--checkpoint", type=Path, required=True, metavar="DIR", help="--out of python -m train")
    bundle.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="folder to write")
    bundle.add_argument("--name", help="style of cloth, for people (default: the checkpoint folder's name)")
    usual = Look()
    bundle.add_argument("--sigma", type=float, default=usual.sigma, help="blur of the map, px (default %(default)s)")
    bundle.add_argument(
        "--taps", default=usual.taps, help="levels of the teacher that count, finest first (default %(default)s)"
    )
    bundle.add_argument(
        "--join", choices=JOINS, default=usual.join, help="how levels become one map (default %(default)s)"
    )
    bundle.add_argument(
        "--channels", choices=CHANNELS, default=usual.channels, help="what the map is made of (default %(default)s)"
    )


if __name__ == "__main__":
    run(main)
