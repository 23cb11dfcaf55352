"""A trained model as one static graph: raw tiles in, anomaly map and score out. Imports torch."""

from __future__ import annotations

import functools
import tempfile
import warnings
from pathlib import Path

import onnx
import onnxruntime
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from export.parity import Outputs
from export.placement import placement
from runtime.errors import UserError
from runtime.geometry import TileGeometry
from runtime.types import UInt8
from train import checkpoint
from train.models import AnomalyModel, build_model
from train.recipe import TrainRecipe
from train.teachers import build_teacher

OPSET = 17
INPUT, OUTPUTS = "pixels", ("map", "score")


class AnomalyGraph(nn.Module):
    """The distances of all levels laid on one map, blurred and summed, in FP32.

    Args:
        model: trained.
        geometry: of its tiles.
        sigma: of the blur, px.
    """

    def __init__(self, model: AnomalyModel, geometry: TileGeometry, sigma: float) -> None:
        super().__init__()
        self.model = model
        self.levels = len(model.teacher.spec.strides)
        self.border = geometry.margin // geometry.map_stride
        for level, (stride, centre) in enumerate(
            zip(model.teacher.spec.strides, model.teacher.spec.centres, strict=True)
        ):
            matrix = placement(geometry, stride, centre, sigma)
            self.register_buffer(f"place{level}", torch.from_numpy(matrix).to(torch.float32))
        self.eval()

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Map and score of tiles.

        Args:
            pixels: uint8 [B, T, T, C].

        Returns:
            ``map`` float32 [B, T / 4, T / 4], sum of the levels' cosine distances; ``score`` float32 [B], its
            maximum inside the margins.
        """
        maps = []
        for level, distance in enumerate(self.model.distances(pixels)):
            matrix = self.get_buffer(f"place{level}")
            maps.append(torch.matmul(torch.matmul(matrix, distance), matrix.t()))
        total = functools.reduce(torch.add, maps)
        inside = total[:, self.border : total.shape[1] - self.border, self.border : total.shape[2] - self.border]
        return total, inside.amax(dim=(1, 2))


def load_model(folder: Path, recipe: TrainRecipe) -> AnomalyModel:
    """The trained model of a training's folder.

    Raises:
        UserError: no checkpoint there, one of another model, or the teacher's weights are absent.
    """
    path = folder / "checkpoint.pt"
    learnt = checkpoint.load(path)
    teacher = build_teacher(recipe.teacher.name)
    if teacher.spec.sha256 != recipe.teacher.sha256:
        raise UserError(
            f"'{folder}' was trained on other weights of {recipe.teacher.name} than are installed: train it again."
        )
    model = build_model(recipe.model, teacher, recipe.width, recipe.learning.loss)
    try:
        model.restore(learnt)
    except RuntimeError as error:
        raise UserError(f"'{path}' does not fit the recipe beside it: train it again.") from error
    return model.eval()


def fold_transposed(module: nn.Module) -> None:
    """Fold batch norms that follow a transposed convolution in a Sequential; the exporter folds the others."""
    for child in module.children():
        fold_transposed(child)
    if not isinstance(module, nn.Sequential):
        return
    for place in range(len(module) - 1):
        conv, after = module[place], module[place + 1]
        if isinstance(conv, nn.ConvTranspose2d) and isinstance(after, nn.BatchNorm2d):
            module[place] = fuse_conv_bn_eval(conv, after, transpose=True)
            module[place + 1] = nn.Identity()


def write_onnx(graph: AnomalyGraph, geometry: TileGeometry, channels: int, batch: int, path: Path) -> None:
    """Write the graph as ONNX of constant shapes, constants and batch norms folded, and check it."""
    pixels = torch.zeros((batch, geometry.tile, geometry.tile, channels), dtype=torch.uint8)
    fold_transposed(graph)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # The tracer warns of every shape that becomes a constant; constants are what is wanted.
        warnings.simplefilter("ignore")
        traced = Path(folder) / "traced.onnx"
        torch.onnx.export(
            graph,
            (pixels,),
            str(traced),
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            opset_version=OPSET,
            dynamo=False,
        )
        simplify(traced, path)
    onnx.checker.check_model(str(path), full_check=True)


def simplify(traced: Path, path: Path) -> None:
    """Evaluate what is constant (pads, reshapes, casts) with onnxruntime's graph rewriting, standard ops only."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(traced), options, providers=["CPUExecutionProvider"])
    model = onnx.load(str(path))
    standard = [o for o in model.opset_import if o.domain in ("", "ai.onnx")]
    del model.opset_import[:]
    model.opset_import.extend(standard)
    model.producer_name = "weftwatch"
    onnx.save(model, str(path))


def run_torch(graph: AnomalyGraph, tiles: UInt8) -> Outputs:
    """Maps and scores of tiles uint8 [N, T, T, C], one at a time."""
    with torch.no_grad():
        found = [graph(torch.from_numpy(tile[None])) for tile in tiles]
    return Outputs(torch.cat([m for m, _ in found]).numpy(), torch.cat([s for _, s in found]).numpy())
