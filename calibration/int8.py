"""The verb ``int8``: the bundle's graph in INT8 and FP16, from tiles of normal rolls.

    python -m calibration int8 --bundle bundles/denim --rolls rolls/good --tiles 256

Writes the forms int8-unsigned (for OpenVINO), int8-signed and int8-signed-fp16 (for TensorRT) and fp16 into the bundle.
``python -m export engine`` builds engines from them, on the device that will run them.
"""

from __future__ import annotations

import argparse
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from calibration.sampling import sample
from runtime.bundle import Bundle
from runtime.command import at_least
from runtime.errors import MissingExtra

HELD_OUT_TILES = 32
PACKAGES = ("onnx", "onnxruntime", "openvino")


def add_parser(verbs: Any) -> None:
    """Add the verb to a command's subparsers."""
    verb = verbs.add_parser("int8", help="write the graph in INT8 and FP16, ranges from normal cloth")
    verb.add_argument("--bundle", type=Path, required=True, metavar="DIR")
    verb.add_argument(
        "--rolls", nargs="+", required=True, metavar="ROLL", help="normal cloth: folder, image, .txt list or sim: URI"
    )
    verb.add_argument("--sim-lines", type=int, default=20000, help="lines of each sim: roll (default %(default)s)")
    verb.add_argument("--tiles", type=at_least(1), default=256, help="tiles to calibrate on (default %(default)s)")
    verb.add_argument("--seed", type=int, default=0, help="of the choice of tiles (default %(default)s)")
    verb.add_argument(
        "--with", dest="quantizer", choices=("own", "nncf", "best"), default="own",
        help="who places OpenVINO's Q/DQ pairs: this program, NNCF, or whichever measures better (default own)",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """The verb; returns its exit status."""
    try:
        from calibration.forms.make import make_forms
    except ModuleNotFoundError as error:
        if error.name not in PACKAGES:
            raise
        raise MissingExtra(error.name, "calibration", "Calibrating for INT8") from error
    bundle = Bundle(options.bundle)
    taken = sample(bundle, options.rolls, options.sim_lines, options.tiles, HELD_OUT_TILES, options.seed)
    print(
        f"{len(taken.calibrated)} tiles of {len(taken.strata)} strata calibrate bundle '{bundle.recipe.name}' "
        f"({bundle.id}), {len(taken.held_out)} measure it",
        flush=True,
    )
    given = {"rolls": options.rolls, "seed": options.seed, **taken.told()}
    versions = {package: version(package) for package in PACKAGES}
    for form in make_forms(bundle.graph, taken, options.quantizer):
        with tempfile.TemporaryDirectory() as made:
            graph = form.save(Path(made) / "graph.onnx")
            bundle.add_form(form.name, graph, {**versions, **form.versions}, {**given, **form.made})
        print(form.told(), flush=True)
    print(f"Next: python -m export engine --bundle {bundle.path} --engine openvino --precision int8")
    return 0
