"""``python -m export``: make bundles and their engines."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from runtime.errors import MissingExtra, UserError


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m export", description="From a training to what the runtime runs.")
    verbs = p.add_subparsers(dest="verb", required=True)
    bundle = verbs.add_parser("bundle", help="a training becomes a bundle: ONNX graph and OpenVINO FP32 engine")
    bundle.add_argument("--checkpoint", type=Path, required=True, metavar="DIR", help="--out of python -m train")
    bundle.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="folder to write")
    bundle.add_argument("--name", help="style of cloth, for people (default: the checkpoint folder's name)")
    bundle.add_argument("--sigma", type=float, default=4.0, help="blur of the map, px (default %(default)s)")
    bundle.set_defaults(run=run_bundle)
    return p


def run_bundle(arguments: argparse.Namespace) -> None:
    """Make a bundle and say so."""
    if arguments.sigma < 0:
        raise UserError(f"--sigma must not be negative, got {arguments.sigma}.")
    try:
        from export.bundle import export_bundle
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "onnx", "onnxruntime"):
            raise
        raise MissingExtra(error.name, "export", "Making a bundle") from error
    name = arguments.name or arguments.checkpoint.resolve().name
    print(f"Exporting '{arguments.checkpoint}' as '{name}'", flush=True)
    bundle = export_bundle(arguments.checkpoint, arguments.out, name, arguments.sigma)
    print(
        f"Bundle {bundle.id} written to {bundle.path} ({bundle.graph.stat().st_size / 1e6:.1f} MB graph). "
        f"Next: python -m calibration threshold --bundle {bundle.path} --rolls ..."
    )


def main(argv: list[str] | None = None) -> int:
    """Run; 0 when done, 2 when the input cannot be used."""
    arguments = parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
