"""Tiles of normal rolls, cut as the runtime cuts them and chosen evenly over the cloth.

Every tile belongs to a stratum: its roll, its third of the width, and its third of the brightness of all tiles. Strata
give tiles in turn, so that an edge or a dark stretch counts as much as the middle. The last part of each roll is not
calibrated on: forms of the graph are measured there. Rolls are read twice, first for places and then for pixels, so
that only chosen tiles are in memory.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from calibration.normal import opened, rows_of_tiles
from runtime.bundle import Bundle
from runtime.cameras.config import roll_uri
from runtime.errors import UserError
from runtime.stream import make_view
from runtime.tiler import Tiler
from runtime.types import UInt8

HELD_OUT = 0.2
"""Share of each roll, at its end, that is measured on."""
THIRDS = ("low", "middle", "high")


@dataclass(frozen=True)
class Place:
    """Where a tile lies.

    Attributes:
        roll: number of the roll. row: number of the row of tiles in it. column: number of the tile in its row.
        across: third of the width, 0 to 2. brightness: mean grey level.
    """

    roll: int
    row: int
    column: int
    across: int
    brightness: float


@dataclass(frozen=True)
class Sample:
    """Chosen tiles.

    Attributes:
        calibrated, held_out: uint8 [N, T, T, C] each.
        sha256: of all their pixels, in order.
        strata: how many calibrated tiles each stratum gave, such as 'roll 0, across middle, brightness low'.
    """

    calibrated: UInt8
    held_out: UInt8
    sha256: str
    strata: dict[str, int]

    def told(self) -> dict[str, Any]:
        """What of it goes into a form's manifest."""
        return {
            "tiles": len(self.calibrated),
            "held_out": len(self.held_out),
            "sha256": self.sha256,
            "strata": self.strata,
        }


def sample(bundle: Bundle, rolls: Sequence[str], sim_lines: int, tiles: int, held_out: int, seed: int) -> Sample:
    """Choose and cut, the same for the same rolls and seed.

    Args:
        sim_lines: lines of each sim: roll.
        tiles, held_out: how many to calibrate and to measure on; fewer where there are not so many.

    Raises:
        UserError: a roll cannot be read or is of another pixel size, or there is too little cloth.
    """
    places = [place for number, roll in enumerate(rolls) for place, _ in _tiles(bundle, number, roll, sim_lines)]
    last = {place.roll: place.row for place in places}
    measured = [place for place in places if place.row > (1 - HELD_OUT) * last[place.roll]]
    kept = [place for place in places if place.row <= (1 - HELD_OUT) * last[place.roll]]
    if not measured or not kept:
        raise UserError(f"There is too little cloth in {', '.join(rolls)} to calibrate on: give longer rolls.")
    limits = np.quantile([place.brightness for place in places], [1 / 3, 2 / 3])
    rng = np.random.default_rng(seed)
    chosen, checked = (choose(group, limits, count, rng) for group, count in ((kept, tiles), (measured, held_out)))
    wanted = set(chosen) | set(checked)
    pixels = {
        place: tile
        for number, roll in enumerate(rolls)
        for place, tile in _tiles(bundle, number, roll, sim_lines)
        if place in wanted
    }
    calibrated, held = (np.stack([pixels[place] for place in group]) for group in (chosen, checked))
    digest = hashlib.sha256(calibrated.tobytes() + held.tobytes()).hexdigest()
    return Sample(calibrated, held, digest, dict(sorted(Counter(_stratum(place, limits) for place in chosen).items())))


def choose(places: Sequence[Place], limits: Sequence[float], count: int, rng: np.random.Generator) -> list[Place]:
    """At most ``count`` places, strata in turn, in the order of the cloth.

    Args:
        limits: grey levels between the thirds of the brightness.
    """
    strata: dict[str, list[Place]] = {}
    for place in places:
        strata.setdefault(_stratum(place, limits), []).append(place)
    shuffled = [[strata[name][index] for index in rng.permutation(len(strata[name]))] for name in sorted(strata)]
    turns = [group[turn] for turn in range(max(map(len, shuffled))) for group in shuffled if turn < len(group)]
    return sorted(turns[:count], key=lambda place: (place.roll, place.row, place.column))


def _stratum(place: Place, limits: Sequence[float]) -> str:
    light = THIRDS[int(np.searchsorted(limits, place.brightness))]
    return f"roll {place.roll}, across {THIRDS[place.across]}, brightness {light}"


def _tiles(bundle: Bundle, number: int, roll: str, sim_lines: int) -> Iterator[tuple[Place, UInt8]]:
    """Every tile of a roll with its place; uint8 [T, T, C]."""
    recipe, stride = bundle.recipe, bundle.settings().policy.stride_lines
    view = make_view(roll_uri(roll, recipe.mm_per_px), {}, recipe.geometry.map_stride)
    with opened(view.camera, bundle) as info:
        tiler = Tiler("roll", recipe.tiles, stride, recipe.channels, info.scale, view.cloth, view.flat_field)
        for row, batch in enumerate(rows_of_tiles(view.camera, tiler, sim_lines if roll.startswith("sim:") else None)):
            for column, tile in enumerate(batch.pixels):
                across = 3 * column // len(batch.pixels)
                yield Place(number, row, column, across, float(tile.mean())), tile
