"""A trained model as one static graph: raw tiles in, anomaly map and score out. Imports torch."""

from __future__ import annotations

import functools
import tempfile
import warnings
from itertools import chain
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from export.filters import BLOCK, OCTAVES, averaging, kernels, over_blocks
from export.look import Look
from export.parity import Outputs
from export.placement import placement
from runtime.errors import UserError
from runtime.geometry import TileGeometry
from runtime.types import Float32, UInt8
from train import checkpoint
from train.models import AnomalyModel, build_model
from train.recipe import TrainRecipe
from train.teachers import build_teacher

OPSET = 17
INPUT, OUTPUTS = "pixels", ("map", "score")
TAIL = 0.9
SPREAD_FLOOR = 1e-6
"""A channel that is alike on all normal tiles is not divided by nothing."""
NET_WEIGHT = 0.35
"""What the net counts beside the filters: the most that costs less than 0.01 of tile AUROC on painted defects, in
cloth as it is and made livelier. The painted shapes are those that the filters are made for; the net is there for the
others."""


class NetEvidence(nn.Module):
    """The model's distances, laid on the map and blurred; a channel a tap, or their sum as one."""

    def __init__(self, model: AnomalyModel, geometry: TileGeometry, look: Look) -> None:
        super().__init__()
        self.channels = used_levels(model, look)
        for number, level in enumerate(model.levels):
            matrix = placement(geometry, level.stride, level.centre, look.sigma)
            self.register_buffer(f"place{number}", torch.from_numpy(matrix).to(torch.float32), persistent=False)

    def forward(self, distances: tuple[Tensor, ...]) -> Tensor:
        """The model's maps -> float32 [B, channels, cells, cells]."""
        maps = []
        for channel in self.channels:
            laid = [self._laid(number, distances[number]) for number in channel]
            maps.append(functools.reduce(torch.add, laid))
        return torch.stack(maps, 1)

    def _laid(self, number: int, distance: Tensor) -> Tensor:
        matrix = self.get_buffer(f"place{number}")
        return torch.matmul(torch.matmul(matrix, distance), matrix.t())


class FilterEvidence(nn.Module):
    """How strongly matched filters answer, whatever the sign; a channel a shape and octave."""

    def __init__(self, tiles: UInt8, geometry: TileGeometry) -> None:
        super().__init__()
        self.map_stride = geometry.map_stride
        for octave in OCTAVES:
            bank = kernels(tiles, octave, geometry)
            wide = torch.from_numpy(over_blocks(bank)).to(torch.float32)
            matrix = averaging(geometry, octave, bank.shape[-1] // 2)
            self.register_buffer(f"average{octave}", torch.from_numpy(matrix).to(torch.float32), persistent=False)
            self.register_buffer(f"bank{octave}", wide[:, None], persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """uint8 [B, T, T, C] -> float32 [B, channels, cells, cells]."""
        floats = pixels.to(torch.float32)
        grey = floats[..., 0] if pixels.shape[3] == 1 else floats.mean(3)
        maps = []
        for octave in OCTAVES:
            matrix = self.get_buffer(f"average{octave}")
            small = torch.matmul(torch.matmul(matrix, grey), matrix.t())
            answers = F.conv2d(small[:, None], self.get_buffer(f"bank{octave}"), stride=BLOCK)
            answers = F.pixel_shuffle(answers, BLOCK).abs()
            cells = self.map_stride // octave
            maps.append(answers if cells == 1 else F.max_pool2d(answers, cells))
        return torch.cat(maps, 1)


class AnomalyGraph(nn.Module):
    """Raw tiles to one map: evidence of several kinds, each measured against its own tail on normal cloth.

    Args:
        model: trained.
        geometry: of its tiles.
        look: what goes into the map, and how.
        normal: normal tiles that the model was not trained on, uint8 [N, T, T, C].
    """

    def __init__(self, model: AnomalyModel, geometry: TileGeometry, look: Look, normal: UInt8) -> None:
        super().__init__()
        self.model = model
        self.border = geometry.margin // geometry.map_stride
        self.net = NetEvidence(model, geometry, look) if look.net else None
        self.filters = FilterEvidence(normal, geometry) if look.filters else None
        self.as_published = look.join == "sum" and self.filters is None
        self.eval()
        with torch.no_grad():
            found = torch.cat([self.evidence(torch.from_numpy(tile[None]))[0] for tile in normal])
            self._keep("usual", usual(found.mean(dim=(2, 3)).numpy()))
            highest = self.inside(found if self.as_published else self.calmed(found)).amax(dim=(2, 3))
        middle, spread = tails(highest.numpy())
        self._keep("middle", middle)
        self._keep("spread", spread)

    def _keep(self, name: str, values: Float32) -> None:
        """Keep a value a channel, [channels], as the graph needs it."""
        self.register_buffer(name, torch.from_numpy(values)[:, None, None], persistent=False)

    @property
    def scale(self) -> dict[str, list[float]]:
        """How each channel is brought to one scale, for the recipe."""
        return {name: self.get_buffer(name).flatten().tolist() for name in ("usual", "middle", "spread")}

    def evidence(self, pixels: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """All channels as they are, float32 [B, channels, cells, cells], and the model's own maps."""
        distances = self.model.distances(pixels) if self.net is not None else ()
        maps = [self.net(distances)] if self.net is not None else []
        if self.filters is not None:
            maps.append(self.filters(pixels))
        return torch.cat(maps, 1), distances

    def calmed(self, found: Tensor) -> Tensor:
        """Channels divided by the root of how much livelier than usual each is in this tile.

        Another piece of the same style can be livelier all over, and should not be one large defect; a defect makes
        its own tile livelier too, but by less than its root. float32 [B, channels, cells, cells].
        """
        usual = self.get_buffer("usual")
        return found * (usual / found.mean(dim=(2, 3), keepdim=True).maximum(usual)).sqrt()

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Map and score of tiles.

        Args:
            pixels: uint8 [B, T, T, C].

        Returns:
            ``map`` float32 [B, T / 4, T / 4], the strongest channel at each place, where 0 is the usual and 1 a
            high (9 of 10 stay below) highest value of a normal tile; of both kinds, that of the filters and
            NET_WEIGHT of the net's. ``score`` float32 [B], its maximum inside the margins, or what the model's
            paper takes for it where the map is the paper's.
        """
        found, distances = self.evidence(pixels)
        middle, spread = self.get_buffer("middle"), self.get_buffer("spread")
        if self.as_published:
            score = self.model.score(distances, found[:, 0], self.inside(found[:, 0]))
            return ((found - middle) / spread)[:, 0], (score - middle[0, 0, 0]) / spread[0, 0, 0]
        joined = self.joined((self.calmed(found) - middle) / spread)
        return joined, self.inside(joined).amax(dim=(1, 2))

    def joined(self, scaled: Tensor) -> Tensor:
        """One map of the channels of all kinds; [B, channels, cells, cells] -> [B, cells, cells]."""
        if self.net is None or self.filters is None:
            return scaled.amax(1)
        net, filters = scaled.split([len(self.net.channels), scaled.shape[1] - len(self.net.channels)], 1)
        return filters.amax(1) + NET_WEIGHT * net.amax(1)

    def inside(self, maps: Tensor) -> Tensor:
        """Maps [..., cells, cells] without the margins."""
        cells = int(maps.shape[-1])
        kept = slice(self.border, cells - self.border)
        return maps[..., kept, kept]


def usual(means: Float32) -> Float32:
    """How lively each channel usually is: the median of its mean over normal tiles; [tiles, channels] -> [channels]."""
    return np.maximum(np.median(means, axis=0), SPREAD_FLOOR).astype(np.float32)


def tails(highest: Float32) -> tuple[Float32, Float32]:
    """Middle and spread of each channel's highest values over normal tiles, [tiles, channels] -> two [channels].

    The median, and from it to the quantile TAIL: a few odd tiles among the normal ones change neither.
    """
    middle = np.median(highest, axis=0)
    spread = np.quantile(highest, TAIL, axis=0) - middle
    return middle.astype(np.float32), np.maximum(spread, SPREAD_FLOOR).astype(np.float32)


def used_levels(model: AnomalyModel, look: Look) -> list[list[int]]:
    """Numbers of the model's maps that are added up to each channel: those of a wanted tap, or all of them."""
    strides = [level.stride for level in model.levels]
    known = sorted(set(strides))
    if len(known) == 1:  # a model that joins its taps before it compares
        return [list(range(len(strides)))]
    wanted = [known[int(tap) - 1] for tap in look.taps]
    channels = [[number for number, stride in enumerate(strides) if stride == tap] for tap in wanted]
    return [list(chain.from_iterable(channels))] if look.join == "sum" else channels


def load_model(folder: Path, recipe: TrainRecipe) -> AnomalyModel:
    """The trained model of a training's folder.

    Raises:
        UserError: no checkpoint there, one of another model, or the teacher's weights are absent.
    """
    path = folder / "checkpoint.pt"
    learnt = checkpoint.load(path)
    teacher = build_teacher(recipe.teacher.name, recipe.teacher.weights, recipe.teacher.scale)
    if teacher.spec.sha256 != recipe.teacher.sha256:
        raise UserError(
            f"'{folder}' was trained on other weights of {recipe.teacher.name} than are installed: train it again."
        )
    model = build_model(recipe.model, teacher, recipe.settings)
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
