"""Cameras behind a library: its buffers become numbered lines, and what never came becomes spans."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from runtime.cameras import chunks
from runtime.cameras.base import CameraInfo
from runtime.cameras.encoder_value import EncoderValue
from runtime.cameras.gige_health import LinkHealth
from runtime.cameras.line_ledger import LineLedger
from runtime.cameras.link import Buffer, LineSettings, Link
from runtime.cameras.pixel_formats import PIXEL_FORMATS
from runtime.cameras.sfnc import UNSTAMPED
from runtime.errors import UserError
from runtime.types import Int64, LineBlock, NotInspected, Scale, UInt8

QUIET_S = 0.2
RETRY_S = 0.5


class LinkedCamera:
    """A line-scan camera as a source of numbered lines.

    Of a buffer with holes the lines that came are kept, where the library tells which (runtime/cameras/link.py).
    A camera that vanishes is tried again until ``close``.

    Args:
        name: as in cameras.yaml.
        place: which camera it is, for people: "at 192.168.0.10", "serial 4711".
        scale: with ``counts_per_mm`` where there is an encoder, which the settings name as well.
        settings: what is set in the camera.
        connect: makes a connection with these settings; raises UserError where the camera is not to be had.
    """

    def __init__(
        self, name: str, place: str, scale: Scale, settings: LineSettings, connect: Callable[[], Link]
    ) -> None:
        counts = scale.counts_per_mm
        counts_per_line = None if counts is None else counts * scale.mm_per_line
        self._name, self._place, self._scale = name, place, scale
        self._settings, self._connect = settings, connect
        self._format = PIXEL_FORMATS[settings.pixel_format]
        self._ledger = LineLedger(name, settings.block_lines, counts_per_line)
        self._counter = None
        if settings.encoder_value and counts_per_line is not None:
            self._counter = EncoderValue(name, settings.block_lines, counts_per_line)
        self._segment = 0
        self._width = 0
        self._last_count: int | None = None
        self._link: Link | None = None
        self._health: LinkHealth | None = None
        self._line_rate_hz: float | None = None
        self._closed = threading.Event()
        self._using_link = threading.Lock()

    def open(self) -> CameraInfo:
        """Connect, configure and start the stream.

        Raises:
            UserError: there is no such camera, or a setting is refused.
        """
        with self._using_link:
            self._link = link = self._connected()
        self._line_rate_hz = link.line_rate_hz
        switched_on = link.device.own_flat_field
        own = f", which corrects its columns itself ({switched_on} is on)" if switched_on else ""
        return CameraInfo(
            name=self._name,
            width=link.width,
            channels=self._format.channels,
            bits=self._format.bits,
            scale=self._scale,
            live=True,
            line_rate_hz=link.line_rate_hz,
            description=f"{link.device.vendor} {link.device.model}".strip()
            + f" {self._place} through {link.client}{own}",
            device=link.device,
        )

    def items(self) -> Iterator[LineBlock | NotInspected]:
        """Blocks and spans until ``close``.

        Raises:
            UserError: the camera sends no encoder counts although it was asked for them.
        """
        try:
            while not self._closed.is_set():
                buffer = self._next_buffer()
                if buffer is not None:
                    yield from self._entered(buffer)
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
        """How the newest stream arrives, or arrived; None before ``open``, and where the library does not tell."""
        with self._using_link:
            return self._health if self._link is None else self._link.health()

    def _close_link(self) -> None:
        """Needs the lock."""
        if self._link is not None:
            self._health = self._link.health()
            self._link.close()
            self._link = None

    def _connected(self) -> Link:
        """A new connection.

        Raises:
            UserError: as ``open``.
        """
        link = self._connect()
        if not self._format.fits(link.width):
            link.close()
            raise UserError(
                f"camera '{self._name}' {self._place}: lines of {link.width} px of {self._settings.pixel_format} do "
                "not end with a whole byte: set a width that 4 divides, or another pixel_format"
            )
        self._width = link.width
        # An encoder that triggers the lines sets the pace then, not the rate.
        self._ledger.line_rate_hz = None if self._settings.line_rate_hz is None else link.line_rate_hz
        return link

    def _next_buffer(self) -> Buffer | None:
        with self._using_link:
            return None if self._link is None else self._link.buffer(QUIET_S)

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
                        self._link = self._connected()
                        self._segment += 1
                        return
                except UserError:
                    pass  # said at the first opening; now the camera is only not back yet
            self._closed.wait(RETRY_S)

    def _entered(self, buffer: Buffer) -> Iterator[LineBlock | NotInspected]:
        received_ns = time.monotonic_ns()
        line_bytes = self._format.line_bytes(self._width)
        found = self._lines(buffer, line_bytes)
        if found is None:
            self._ledger.incomplete(buffer.block_id, device_ns=buffer.timestamp_ns)
            return
        lines, encoder = found
        runs = [(0, len(lines))]
        if buffer.holes:
            holes = self._format.holes_in_lines(buffer.holes, lines.size)
            runs = _whole_rows(holes, line_bytes, len(lines), self._format.cell_lines)
            entered = self._ledger.incomplete(buffer.block_id, runs, encoder, received_ns, buffer.timestamp_ns)
        else:
            entered = [self._complete(buffer, len(lines), encoder, received_ns)]
        # None is entered while the camera is not surely back.
        for (row, end), (first_line, span) in zip(runs, entered, strict=False):
            yield from _some(span)
            yield LineBlock(
                camera=self._name,
                segment=self._segment,
                first_line=first_line,
                pixels=self._format.decoded(lines[row:end]),
                bits=self._format.bits,
                encoder=None if encoder is None else encoder[row:end],
                device_ns=self._device_ns(buffer.timestamp_ns, row, end),
                received_ns=received_ns,
            )

    def _complete(
        self, buffer: Buffer, rows: int, encoder: Int64 | None, received_ns: int
    ) -> tuple[int, NotInspected | None]:
        """Enter a whole buffer; an encoder that does not stamp lines is asked how far it is."""
        count = None
        with self._using_link:
            if self._counter is not None and self._link is not None:
                count = self._counter.read(self._link, at_once=self._ledger.away)
        entered = self._ledger.complete(buffer.block_id, rows, encoder, received_ns, buffer.timestamp_ns, count)
        if self._counter is not None and count is not None:
            self._counter.see(self._segment, entered[0] + rows - 1, count)
        return entered

    def _lines(self, buffer: Buffer, line_bytes: int) -> tuple[UInt8, Int64 | None] | None:
        """Lines uint8 [rows, line_bytes] and encoder [rows] of a buffer; None if it holds no whole lines.

        The rows are counted from the bytes: a buffer cut short still announces its full height.
        """
        end, encoder = len(buffer.data), None
        if self._settings.encoder and end:
            full = self._settings.block_lines * line_bytes
            if any(last > full for _, last in buffer.holes):
                return None  # without the count of each line, where it lies is not known
            try:
                end, found = chunks.split(buffer.data.data, line_bytes)
                encoder = chunks.line_values(found, end // line_bytes, self._last_count)
            except ValueError as error:
                if self._last_count is not None:  # it does send them: this buffer is damaged
                    return None
                raise UserError(
                    f"camera '{self._name}' {self._place} does not send the encoder's count of each line ({error}): "
                    f"{UNSTAMPED}"
                ) from error
            self._last_count = int(encoder[-1])
        if end < self._format.cell_lines * line_bytes or end % line_bytes:
            return None
        if self._format.planes > 1 and end != self._settings.block_lines * line_bytes:
            return None  # cut short: where a plane ends is not known
        return self._format.lines(buffer.data[:end], line_bytes), encoder

    def _device_ns(self, first_ns: int, row: int, end: int) -> tuple[int, int] | None:
        """The camera stamps a buffer's first line; the others are reckoned with the line rate."""
        if first_ns == 0 or not self._line_rate_hz:
            return None
        first, last = (first_ns + round(at * 1e9 / self._line_rate_hz) for at in (row, end - 1))
        return first, last


def _whole_rows(holes: Sequence[tuple[int, int]], line_bytes: int, rows: int, cell_lines: int) -> list[tuple[int, int]]:
    """Rows [first, end) that no hole touches, ascending; cells of so many lines stay together."""
    runs, row = [], 0
    cell = cell_lines * line_bytes
    for first, end in (*holes, (rows * line_bytes, 0)):
        stop = min(rows, first // cell * cell_lines)
        if stop > row:
            runs.append((row, stop))
        row = max(row, -(-end // cell) * cell_lines)
    return runs


def _some(span: NotInspected | None) -> Iterator[NotInspected]:
    if span is not None:
        yield span
