"""GigE Vision line-scan cameras, opened by IP address."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from runtime.cameras import chunks
from runtime.cameras.base import CameraInfo
from runtime.cameras.gige_health import LinkHealth
from runtime.cameras.gige_link import PIXEL_FORMATS, GigeLink, GigeSettings
from runtime.cameras.line_ledger import LineLedger
from runtime.errors import UserError
from runtime.types import Int64, LineBlock, NotInspected, Pixels, Scale

if TYPE_CHECKING:
    import telegenic

QUIET_S = 0.2
RETRY_S = 0.5


class GigeCamera:
    """A line-scan camera as a source of numbered lines.

    Lines that a buffer lost are given up with the whole buffer: the client's memory still holds older
    rows in the holes. A camera that vanishes is tried again until ``close``.

    Args:
        name: as in cameras.yaml.
        ip: its IPv4 address; cameras are never searched for.
        scale: with ``counts_per_mm`` where the camera stamps each line with an encoder's count.
        block_lines: lines a buffer.
        line_rate_hz, exposure_us, gain_db, width: set in the camera; None leaves what it has.
        pixel_format: an SFNC name, one of gige_link.PIXEL_FORMATS.
    """

    def __init__(
        self,
        name: str,
        ip: str,
        scale: Scale,
        *,
        block_lines: int = 128,
        line_rate_hz: float | None = None,
        exposure_us: float | None = None,
        gain_db: float | None = None,
        width: int | None = None,
        pixel_format: str = "Mono8",
    ) -> None:
        counts = scale.counts_per_mm
        counts_per_line = None if counts is None else counts * scale.mm_per_line
        self._name, self._ip, self._scale = name, ip, scale
        self._settings = GigeSettings(
            block_lines=block_lines,
            width=width,
            pixel_format=pixel_format,
            line_rate_hz=line_rate_hz,
            exposure_us=exposure_us,
            gain_db=gain_db,
            encoder=counts is not None,
        )
        self._channels, self._wire_type, self._bits = PIXEL_FORMATS[pixel_format]
        self._ledger = LineLedger(name, block_lines, counts_per_line)
        self._segment = 0
        self._last_count: int | None = None
        self._link: GigeLink | None = None
        self._health: LinkHealth | None = None
        self._line_rate_hz: float | None = None
        self._closed = threading.Event()
        self._using_link = threading.Lock()

    def open(self) -> CameraInfo:
        """Connect, configure and start the stream.

        Raises:
            UserError: nobody answers at the address, or a setting is refused.
        """
        with self._using_link:
            self._link = link = GigeLink(self._name, self._ip, self._settings)
        self._line_rate_hz = link.line_rate_hz
        return CameraInfo(
            name=self._name,
            width=link.width,
            channels=self._channels,
            bits=self._bits,
            scale=self._scale,
            live=True,
            line_rate_hz=link.line_rate_hz,
            description=f"{link.device.vendor} {link.device.model}".strip() + f" at {self._ip}",
            device=link.device,
        )

    def items(self) -> Iterator[LineBlock | NotInspected]:
        """Blocks and spans until ``close``.

        Raises:
            UserError: the camera sends no encoder counts although it was asked for them.
        """
        try:
            while not self._closed.is_set():
                frame = self._next_frame()
                if frame is not None:
                    yield from self._entered(frame)
                elif self._alive():
                    yield from _some(self._ledger.quiet())
                else:
                    self._ledger.gone()
                    self._reconnect()
            yield from _some(self._ledger.end(time.monotonic_ns()))
        finally:
            self.close()

    def close(self) -> None:
        """Stop the stream and release the camera."""
        self._closed.set()
        with self._using_link:
            self._close_link()

    def health(self) -> LinkHealth | None:
        """How the newest stream arrives, or arrived until it was closed; None before ``open``."""
        with self._using_link:
            return self._health if self._link is None else self._link.health()

    def _close_link(self) -> None:
        """Needs the lock."""
        if self._link is not None:
            self._health = self._link.health()
            self._link.close()
            self._link = None

    def _next_frame(self) -> telegenic.Frame | None:
        with self._using_link:
            return None if self._link is None else self._link.frame(QUIET_S)

    def _alive(self) -> bool:
        with self._using_link:
            # A closed camera is not a lost one.
            return self._closed.is_set() or (self._link is not None and self._link.alive())

    def _reconnect(self) -> None:
        """Try for as long as it takes; a camera that comes back begins a new segment."""
        while not self._closed.is_set():
            with self._using_link:
                self._close_link()
                try:
                    if not self._closed.is_set():
                        self._link = GigeLink(self._name, self._ip, self._settings)
                        self._segment += 1
                        return
                except UserError:
                    pass  # said at the first opening; now the camera is only not back yet
            self._closed.wait(RETRY_S)

    def _entered(self, frame: telegenic.Frame) -> Iterator[LineBlock | NotInspected]:
        received_ns = time.monotonic_ns()
        decoded = self._decoded(frame) if frame.is_complete else None
        if decoded is None:
            self._ledger.incomplete(frame.frame_id)
            return
        pixels, encoder = decoded
        first, span = self._ledger.complete(frame.frame_id, len(pixels), encoder, received_ns)
        yield from _some(span)
        yield LineBlock(
            camera=self._name,
            segment=self._segment,
            first_line=first,
            pixels=pixels,
            bits=self._bits,
            encoder=encoder,
            device_ns=self._device_ns(frame.timestamp_ns, len(pixels)),
            received_ns=received_ns,
        )

    def _decoded(self, frame: telegenic.Frame) -> tuple[Pixels, Int64 | None] | None:
        """Pixels [rows, width, channels] and encoder [rows] of a buffer; None if it holds no whole lines.

        The rows are counted from the bytes: a buffer cut short still announces its full height.
        """
        data = frame.data()
        line_bytes = frame.width * self._channels * np.dtype(self._wire_type).itemsize
        end, encoder = len(data), None
        if self._settings.encoder:
            try:
                end, found = chunks.split(data, line_bytes)
                encoder = chunks.line_values(found, end // line_bytes, self._last_count)
            except ValueError as error:
                raise UserError(
                    f"camera '{self._name}' at {self._ip} does not send the encoder's count of each line ({error}): "
                    "leave 'encoder' out of cameras.yaml, or use a camera with ChunkEncoderValue for each line"
                ) from error
            self._last_count = int(encoder[-1])
        if end == 0 or end % line_bytes:
            return None
        pixels = np.frombuffer(data, self._wire_type, count=end // np.dtype(self._wire_type).itemsize)
        return pixels.reshape(-1, frame.width, self._channels), encoder

    def _device_ns(self, first_ns: int, rows: int) -> tuple[int, int] | None:
        """The camera stamps a buffer's first line; its last is reckoned with the line rate."""
        if first_ns == 0 or not self._line_rate_hz:
            return None
        return first_ns, first_ns + round((rows - 1) * 1e9 / self._line_rate_hz)


def _some(span: NotInspected | None) -> Iterator[NotInspected]:
    if span is not None:
        yield span
