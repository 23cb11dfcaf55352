"""``export bundle``: a training becomes a bundle with an ONNX graph and an OpenVINO FP32 engine."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np
import openvino as ov

from export import parity
from export.graph import AnomalyGraph, load_model, run_torch, write_onnx
from export.look import Look
from runtime.bundle import Bundle, GeometrySection, Recipe, create, require_unused
from runtime.errors import UserError
from runtime.types import UInt8
from train.recipe import TrainRecipe, read_recipe

BATCH = 1
LIMITS = {"cfa": 1e-3, "knn": 1e-3}
"""Of parity, where it is not the usual one: differences of large squared distances cost digits."""
INTENDED_USE = (
    "Finding local deviations in cloth of the style and pixel size that it was trained on, seen by a line-scan "
    "camera under the light of the training rolls. Thresholds must be calibrated on normal cloth first."
)


def export_bundle(checkpoint: Path, out: Path, name: str, look: Look) -> Bundle:
    """Build, compare and write; nothing is written unless all forms agree.

    Args:
        checkpoint: folder of a finished training.
        out: folder of the new bundle.
        name: style of cloth, for people.
        look: what goes into the map, and how.

    Raises:
        UserError: no finished training, an ``out`` in use, or forms that do not agree.
    """
    require_unused(out)  # before the work, not after it
    learnt = read_recipe(checkpoint)
    normal = held_out_tiles(checkpoint)
    graph = AnomalyGraph(load_model(checkpoint, learnt), learnt.geometry, look, normal)
    tiles = parity.probe_tiles(normal)
    reference = run_torch(graph, tiles)
    with tempfile.TemporaryDirectory() as made:
        onnx_file, model = Path(made) / "graph.onnx", Path(made) / "model.xml"
        write_onnx(graph, learnt.geometry, learnt.channels, BATCH, onnx_file)
        ov.save_model(ov.convert_model(onnx_file), model, compress_to_fp16=False)
        parities = [
            parity.compare("onnxruntime fp32", reference, parity.run_onnx(onnx_file, tiles)),
            parity.compare("openvino fp32 CPU", reference, parity.run_openvino(model, tiles)),
        ]
        print(parity.table(parities), flush=True)
        parity.require(parities, LIMITS.get(learnt.model, parity.LIMIT))
        bundle = create(out, bundle_recipe(learnt, name, look, graph.scale), onnx_file, notice(learnt))
        bundle.add_engine(
            engine="openvino",
            precision="fp32",
            device="CPU",
            files={"model.xml": model, "model.bin": model.with_suffix(".bin")},
            versions={package: version(package) for package in ("torch", "onnx", "onnxruntime", "openvino")},
            parity={"tiles": len(tiles), "forms": [asdict(p) for p in parities]},
        )
    return bundle


def held_out_tiles(checkpoint: Path) -> UInt8:
    """The normal tiles that the training held out, uint8 [N, T, T, C].

    Raises:
        UserError: they are not beside the checkpoint.
    """
    path = checkpoint / "held_out.npy"
    try:
        tiles: UInt8 = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(f"'{path}' is missing or damaged: train again, or copy the whole folder.") from error
    return tiles


def bundle_recipe(learnt: TrainRecipe, name: str, look: Look, scale: dict[str, list[float]]) -> Recipe:
    """The training's recipe in the words of the bundle."""
    return Recipe(
        name=name,
        model=learnt.model,
        teacher=learnt.teacher.name,
        geometry=GeometrySection(
            tile=learnt.tile,
            margin=learnt.margin,
            blend=learnt.blend,
            map_stride=learnt.geometry.map_stride,
        ),
        channels=learnt.channels,
        mm_per_px=learnt.mm_per_px,
        trained={
            "settings": learnt.settings,
            "look": asdict(look),
            "scale": scale,
            "teacher": learnt.teacher.model_dump(mode="json"),
            "rolls": learnt.rolls.model_dump(mode="json"),
            "learning": learnt.learning.model_dump(mode="json"),
            "chosen": learnt.chosen.model_dump(mode="json"),
            "versions": learnt.versions,
        },
        licence=f"Teacher weights: {learnt.teacher.licence}. Student weights: of whoever owns the rolls.",
        intended_use=INTENDED_USE,
    )


def notice(learnt: TrainRecipe) -> str:
    """What the weights were made from, for the bundle's NOTICE."""
    teacher = learnt.teacher
    return (
        f"The graph contains the weights of {teacher.name}, unchanged but for folded batch norms.\n"
        f"Source: {teacher.source}.\nLicence: {teacher.licence}.\nsha256 of the weight file: {teacher.sha256}\n\n"
        "Its other weights were trained on the rolls named in model/recipe.yaml.\n"
    )
