"""What the tests of the GigE backend share: each client in turn, and items looked at as lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import pytest

from runtime.cameras import aravis_library
from runtime.cameras.gige import GigeCamera
from runtime.fake_gige.stamped import Stamped, numbers
from runtime.types import LineBlock, NotInspected, Scale

COUNTS_PER_LINE = 3.7
PLAIN = Scale(mm_per_px=0.2, mm_per_line=0.2)
ENCODER = Scale(mm_per_px=0.2, mm_per_line=0.2, counts_per_mm=COUNTS_PER_LINE / 0.2)
RATE = ("--line-rate", "5000", "--counts-per-line", str(COUNTS_PER_LINE))
Item = LineBlock | NotInspected
needs_aravis = pytest.mark.skipif(
    not aravis_library.installed(), reason=f"Aravis is not installed here: {aravis_library.INSTALL}"
)
CLIENTS = [pytest.param("aravis", marks=needs_aravis), "telegenic"]


class MakeCamera(Protocol):
    """As the fixture ``camera`` gives it."""

    def __call__(self, scale: Scale = PLAIN, ip: str = "127.0.0.1", **settings: Any) -> GigeCamera: ...


def maker(client: str) -> MakeCamera:
    """Cameras of 64-line buffers that are read through a client."""

    def make(scale: Scale = PLAIN, ip: str = "127.0.0.1", **settings: Any) -> GigeCamera:
        return GigeCamera("loom", ip, scale, **{"block_lines": 64, "client": client, **settings})

    return make


def take(stream: Iterator[Item], enough: Callable[[list[Item]], bool]) -> list[Item]:
    """Items until ``enough`` says so of all so far."""
    items: list[Item] = []
    while not enough(items):
        items.append(next(stream))
    return items


def blocks(items: list[Item]) -> list[LineBlock]:
    return [item for item in items if isinstance(item, LineBlock)]


def spans(items: list[Item]) -> list[NotInspected]:
    return [item for item in items if isinstance(item, NotInspected)]


def shown_from(items: list[Item]) -> int:
    """How far the loom had come at line 0: a stream that is joined late is numbered from 0."""
    first = blocks(items)[0]
    return int(numbers(first.pixels)[0]) - first.first_line


def assert_exact(items: list[Item], offset: int = 0) -> None:
    """Each row is the source's line of its number (plus ``offset``), and no number is missing or used twice."""
    end: int | None = None
    for item in items:
        if item.first_line is not None:
            assert end is None or item.first_line == end
            end = item.end_line
        if isinstance(item, LineBlock):
            want = Stamped(item.width).lines(item.first_line + offset, item.rows)
            np.testing.assert_array_equal(item.pixels, want)
            if item.encoder is not None:
                lines = np.arange(item.first_line + offset, item.end_line + offset)
                np.testing.assert_array_equal(item.encoder, np.rint(lines * COUNTS_PER_LINE).astype(np.int64))
