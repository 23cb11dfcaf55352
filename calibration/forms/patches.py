"""What each convolution takes on normal tiles: the mean and the second moments of its patches.

A patch is what one output pixel is made of: as many values as an output channel has weights, in their order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper

from calibration.forms.graph import Graph, attributes
from calibration.forms.ranges import open_session
from runtime.types import Float32, UInt8

TILES, A_TILE = 32, 256
"""How many tiles are looked at, spread over all, and patches of each: a few thousand say how taps vary together."""
MOST_TAPS = 1152
"""Of a longer patch the mean is kept alone: memory grows with the square, and work with the cube."""


@dataclass
class Patches:
    """Sums over patches of one convolution, which grow as tiles are seen.

    Attributes:
        count: how many. total: float64 [groups, taps], of patches. squares: float64 [groups, taps, taps], of their
            outer products; None of patches longer than MOST_TAPS.
    """

    count: int
    total: NDArray[np.float64]
    squares: NDArray[np.float64] | None

    @classmethod
    def none_of(cls, groups: int, taps: int) -> Patches:
        """Nothing seen yet."""
        return cls(0, np.zeros((groups, taps)), np.zeros((groups, taps, taps)) if taps <= MOST_TAPS else None)

    def add(self, seen: Float32) -> None:
        """Count patches in, float32 [groups, taps, n]."""
        self.count += seen.shape[2]
        self.total += seen.sum(axis=2, dtype=np.float64)
        if self.squares is not None:
            self.squares += seen @ seen.transpose(0, 2, 1)

    @property
    def mean(self) -> NDArray[np.float64]:
        """Of a patch, float64 [groups, taps]."""
        return self.total / self.count

    @property
    def power(self) -> NDArray[np.float64] | None:
        """Mean outer product of a patch with itself, float64 [groups, taps, taps], not about the mean; or None."""
        return None if self.squares is None else self.squares / self.count


def measure_patches(model: onnx.ModelProto, nodes: Iterable[NodeProto], tiles: UInt8) -> dict[str, Patches]:
    """Run the graph over some of the tiles, one at a time, and look at places drawn anew in each.

    Args:
        model: takes uint8 [1, T, T, C]. nodes: Conv nodes of it with constant weights. tiles: uint8 [N, T, T, C].

    Returns:
        Patches by a node's name.
    """
    graph, convolutions = Graph(model), list(nodes)
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    names = sorted({node.input[0] for node in convolutions})
    watched.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    session = open_session(watched)
    rng = np.random.default_rng(0)
    found: dict[str, Patches] = {}
    for tile in tiles[:: ceil(len(tiles) / TILES)]:
        tensors = dict(zip(names, session.run(names, {graph.inputs[0]: tile[None]}), strict=True))
        for node in convolutions:
            seen = drawn(node, graph.constants[node.input[1]].shape, tensors[node.input[0]][0], rng)
            found.setdefault(node.name, Patches.none_of(*seen.shape[:2])).add(seen)
    return found


def drawn(node: NodeProto, weights: tuple[int, ...], data: Float32, rng: np.random.Generator) -> Float32:
    """Patches of A_TILE output pixels of a Conv, or of all where it has fewer.

    Args:
        weights: their shape, [given, taken / groups, rows, columns]. data: float32 [taken, H, W].

    Returns:
        float32 [groups, taps, n].
    """
    said, (_, _, *kernel) = attributes(node), weights
    groups, pads = said.get("group", 1), said.get("pads", [0, 0, 0, 0])
    strides, dilations = said.get("strides", [1, 1]), said.get("dilations", [1, 1])
    padded = np.pad(data, ((0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    reach = [apart * (side - 1) for apart, side in zip(dilations, kernel, strict=True)]
    height, width = ((padded.shape[axis + 1] - reach[axis] - 1) // strides[axis] + 1 for axis in (0, 1))
    places = rng.choice(height * width, min(A_TILE, height * width), replace=False)
    rows, columns = strides[0] * (places // width), strides[1] * (places % width)
    taps = [padded[:, rows + y * dilations[0], columns + x * dilations[1]] for y, x in np.ndindex(*kernel)]
    patches: Float32 = np.stack(taps, axis=1).reshape(groups, -1, len(places))
    return patches
