"""Items of a made-up camera, and what it takes to compare them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runtime.cameras.base import CameraInfo, Device
from runtime.recordings.writer import RecordingWriter
from runtime.types import LineBlock, NotInspected, Reason, Scale

Item = LineBlock | NotInspected
WIDTH = 40
DEVICE = Device("maker", "line 1k", "SN-17", "1.2", "Mono8", exposure_us=80.0, gain_db=3.0)


def info(bits: int = 8, channels: int = 1, counts_per_mm: float | None = None) -> CameraInfo:
    scale = Scale(0.5, 0.5, x_offset_mm=10.0, counts_per_mm=counts_per_mm)
    return CameraInfo("left", WIDTH, channels, bits, scale, True, 500.0, "maker line 1k at 10.0.0.1", DEVICE)


def block(
    first: int, rows: int = 20, bits: int = 8, channels: int = 1, segment: int = 0, counts: float | None = None
) -> LineBlock:
    """Random pixels that depend on the first line; ``counts``: encoder counts a line."""
    rng = np.random.default_rng(first)
    pixels = rng.integers(0, 2**bits, (rows, WIDTH, channels)).astype(np.uint8 if bits == 8 else np.uint16)
    lines = np.arange(first, first + rows)
    encoder = None if counts is None else np.rint(lines * counts).astype(np.int64)
    return LineBlock(
        "left",
        segment,
        first,
        pixels,
        bits,
        encoder,
        encoder_interpolated=segment > 0,
        device_ns=(first * 10, (first + rows) * 10) if segment == 0 else None,
        received_ns=first * 1000 + 1,
    )


def eventful(bits: int = 8, channels: int = 1, counts: float | None = None) -> list[Item]:
    """Blocks of two segments, a numbered gap between lines and one of unknown length between the segments."""
    made = [block(first, 20, bits, channels, 0, counts) for first in range(0, 100, 20)]
    lost = NotInspected("left", Reason.PACKET_LOSS, 100, 140)
    more = [block(140, 7, bits, channels, 0, counts)]
    gone = NotInspected("left", Reason.CAMERA_LOST, seconds=2.5, detail="unplugged")
    after = [block(first, 20, bits, channels, 1, counts) for first in range(147, 247, 20)]
    return [*made, lost, *more, gone, *after]


def record(folder: Path, items: list[Item], about: CameraInfo, chunk_bytes: int = 4000) -> Path:
    with RecordingWriter(folder, about, chunk_bytes) as writer:
        for item in items:
            writer.write(item)
    return folder


def assert_same(got: list[Item], want: list[Item], camera: str = "left") -> None:
    """Bit for bit; but for the camera's name."""
    assert len(got) == len(want)
    for one, other in zip(got, want, strict=True):
        assert type(one) is type(other)
        assert one.camera == camera
        names = {name for name in vars(one) if name not in ("camera", "pixels", "encoder")}
        assert {name: getattr(one, name) for name in names} == {name: getattr(other, name) for name in names}
        if isinstance(one, LineBlock) and isinstance(other, LineBlock):
            assert one.pixels.dtype == other.pixels.dtype
            np.testing.assert_array_equal(one.pixels, other.pixels)
            assert (one.encoder is None) == (other.encoder is None)
            if one.encoder is not None and other.encoder is not None:
                np.testing.assert_array_equal(one.encoder, other.encoder)
