"""Normal rolls through an engine: the stitched maps that thresholds are taken from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from runtime.bundle import Bundle
from runtime.cameras.base import Camera, CameraInfo
from runtime.engines.base import Engine
from runtime.errors import UserError
from runtime.stitching import Stitcher
from runtime.tiler import Tiler
from runtime.types import LineBlock, NotInspected, Reason, ScoreMap, TileBatch


@contextmanager
def opened(camera: Camera, bundle: Bundle) -> Iterator[CameraInfo]:
    """A roll's camera while it is open.

    Raises:
        UserError: it cannot be opened, or its pixels are not of the bundle's size.
    """
    try:
        info = camera.open()
        bundle.check_scale(info.scale.mm_per_px, info.name)
        yield info
    finally:
        camera.close()


def stitched_strips(
    camera: Camera, tiler: Tiler, engine: Engine, bundle: Bundle, lines: int | None = None
) -> Iterator[ScoreMap]:
    """Strips of the map of all that an opened camera gives, cut and stitched as the runtime does.

    Args:
        lines: take no more than about so many; None: all there are.

    Raises:
        UserError: lines of it cannot be read.
    """
    session = engine.stream("calibration")
    stitcher = Stitcher(bundle.recipe.tiles)
    try:
        for batch in rows_of_tiles(camera, tiler, lines):
            while session.in_flight >= engine.spec.max_in_flight:
                if maps := session.collect(timeout_s=1.0):
                    yield stitcher.add(maps)
            session.submit(batch)
        while session.in_flight:
            if maps := session.collect(timeout_s=1.0):
                yield stitcher.add(maps)
    finally:
        session.close()


def rows_of_tiles(camera: Camera, tiler: Tiler, lines: int | None) -> Iterator[TileBatch]:
    """All that an opened camera gives, cut as the runtime does; see ``blocks``."""
    for block in blocks(camera, lines):
        yield from (cut for cut in tiler.push(block) if isinstance(cut, TileBatch))
    yield from (cut for cut in tiler.flush() if isinstance(cut, TileBatch))


def blocks(camera: Camera, lines: int | None) -> Iterator[LineBlock]:
    """The lines of an opened camera, until there are at least ``lines``; a gap that a recorded camera had is passed.

    Raises:
        UserError: lines of it cannot be read.
    """
    taken = 0
    for item in camera.items():
        if isinstance(item, NotInspected) and item.reason is not Reason.UNREADABLE_FILE:
            continue
        if isinstance(item, NotInspected):
            raise UserError(f"A roll cannot be read whole ({item.detail}): repair it or leave it out.")
        yield item
        taken += item.rows
        if lines is not None and taken >= lines:
            return
