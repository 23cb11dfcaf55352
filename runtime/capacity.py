"""Whether an engine keeps up with the line rates that its cameras are set to, said before the first line."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.cameras.base import CameraInfo
from runtime.geometry import TileGeometry


def paced(cameras: Sequence[CameraInfo]) -> list[CameraInfo]:
    """Those whose lines come at a rate of their own and cannot wait."""
    return [info for info in cameras if info.live and info.line_rate_hz and info.width]


def beyond(tiles_per_s: float, cameras: Sequence[CameraInfo], tiles: TileGeometry, stride: int) -> str | None:
    """What to say where ``paced`` cameras want more than the tiles a second that were measured.

    Args:
        stride: lines from one row of tiles to the next.
    """
    wanted = sum((info.line_rate_hz or 0) / stride * len(tiles.column_starts(0, info.width or 1)) for info in cameras)
    if wanted <= tiles_per_s:
        return None
    rates = ", ".join(f"{info.name} {info.line_rate_hz:g} lines/s" for info in cameras)
    return (
        f"the set line rates ({rates}) need {wanted:.0f} tiles/s over the full width, this machine measured "
        f"{tiles_per_s:.0f}: expect lines that are not inspected (overload); lower the rate or raise stride_lines "
        f"({stride}, at most {tiles.max_step})"
    )
