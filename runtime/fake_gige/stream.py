"""The stream (GVSP): lines as they are woven, packed into blocks and sent."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque

import numpy as np

from runtime.fake_gige.device import Device, StreamFormat
from runtime.fake_gige.features import TICKS_PER_SECOND
from runtime.fake_gige.frames import Frame, Wire
from runtime.fake_gige.loom import Loom
from runtime.fake_gige.packets import next_block_id
from runtime.fake_gige.sensor import Sensor

MAX_BACKLOG_S = 1.0
WIRE_BYTES_S = 312_500_000
"""2.5 Gbit/s: a burst at memory speed would overrun the receiver's socket as no real camera does."""
PIECE_BYTES = 65_536
"""Goes out at once, and then the wire is waited for: small packets would not leave time to sleep between eight."""
POLL_S = 0.02
LIVE_S = 0.002


class Streamer:
    """Sends the cloth line for line while the device streams.

    Args:
        device: whose registers say what to send and where to.
        sensor: what looks at the cloth.
        loom: the clock.
        wire: the socket.
        counts_per_line: encoder counts a line; line n has count round(n * counts_per_line).
        kept_frames: how many blocks are kept for packets to be asked for again.
        first_block: block id a stream begins with.
        live: send lines while their block is exposed; else a block is sent when it is full.
        line_timeout_s: a loom that stands this long has its unfinished block sent short, as line-scan cameras
            offer to do.
    """

    def __init__(
        self,
        device: Device,
        sensor: Sensor,
        loom: Loom,
        wire: Wire,
        counts_per_line: float,
        kept_frames: int,
        first_block: int,
        live: bool,
        line_timeout_s: float,
    ) -> None:
        self._device, self._sensor, self._loom, self._wire = device, sensor, loom, wire
        self._counts_per_line = counts_per_line
        self._first_block, self._live, self._line_timeout_s = first_block, live, line_timeout_s
        self._kept: deque[Frame] = deque(maxlen=kept_frames)
        self._spare: deque[Frame] = deque()
        self._kept_lock = threading.Lock()
        self._start_line = 0
        self._turn = 0
        self._slow_said = False
        threading.Thread(target=self._run, name="gvsp", daemon=True).start()

    def begin(self) -> None:
        """AcquisitionStart: the loom weaves, if it did not, and the stream begins with the line it is at."""
        self._start_line = self._loom.woven()  # before it starts: a loom that begins now begins with line 0
        self._loom.start()
        self._turn += 1

    def resend(self, block_id: int, first: int, last: int) -> None:
        """Send packets [first, last] of a kept block again."""
        with self._kept_lock:
            for frame in self._kept:
                if frame.block_id == block_id:
                    self._wire.send(frame, first, min(last + 1, frame.sent), lossy=False)
                    return
        self._wire.unavailable(block_id, first)

    def _run(self) -> None:
        while True:
            self._device.streaming.wait()
            turn = self._turn
            format = self._device.stream_format()
            self._wire.connect(format.destination)
            with self._kept_lock:
                self._kept.clear()
            self._spare.clear()
            self._stream(format, turn)

    def _active(self, turn: int) -> bool:
        """Neither stopped nor, meanwhile, started anew for another client."""
        return self._device.streaming.is_set() and turn == self._turn

    def _stream(self, format: StreamFormat, turn: int) -> None:
        """Blocks until AcquisitionStop."""
        line, block_id = self._start_line, self._first_block
        while self._active(turn):
            rows = self._rows_left(line, format.height)
            if rows == 0:  # the cloth has come to its end
                time.sleep(POLL_S)
                continue
            frame = self._blank(format, rows)
            frame.lines[:] = format.pixels.wire(self._sensor.lines(line, rows, format.flat_field)[:, : format.width])
            rows = self._expose(frame, line, block_id, turn)
            if rows == 0:
                continue
            line, block_id = line + rows, next_block_id(block_id)
            self._slip_if_late(line, format.height)

    def _rows_left(self, line: int, rows: int) -> int:
        length = self._sensor.length
        return rows if length is None else max(0, min(rows, length - line))

    def _expose(self, frame: Frame, line: int, block_id: int, turn: int) -> int:
        """Wait until the loom has woven a block from ``line`` on, and send it then or, live, meanwhile.

        Returns:
            Its lines; fewer than asked for if the loom stands, 0 if the stream is over.
        """
        begun = False
        while self._active(turn):
            woven = min(frame.rows, self._loom.woven() - line)
            stands = self._loom.standing_s() > self._line_timeout_s and 0 < woven < frame.rows
            if stands:
                frame = self._cut(frame, woven)
            if woven == frame.rows or (self._live and woven > 0):
                if stands or not begun:
                    begun = self._begin(frame, line, block_id)
                self._send(frame, frame.packets_of(woven))
            if woven == frame.rows:
                return woven
            time.sleep(min(max(0.0, self._loom.seconds_until(line + frame.rows)), LIVE_S if self._live else POLL_S))
        return 0

    def _begin(self, frame: Frame, line: int, block_id: int) -> bool:
        """Give a frame its number, time and encoder counts; True. One cut short goes on where the full one was."""
        stamp = time.monotonic_ns() + round(self._loom.seconds_until(line) * TICKS_PER_SECOND)
        encoder = np.rint(np.arange(line, line + frame.rows) * self._counts_per_line).astype(np.int64)
        frame.begin(block_id, stamp, encoder)
        self._keep(frame)
        return True

    def _blank(self, format: StreamFormat, rows: int) -> Frame:
        """Memory for a block: one that is no longer kept, where it fits."""
        while self._spare:
            frame = self._spare.popleft()
            if frame.rows == rows:
                frame.sent = 0
                return frame
        return Frame(format, rows)

    def _cut(self, frame: Frame, rows: int) -> Frame:
        short = Frame(frame.format, rows)
        short.lines[:] = frame.lines[:rows]
        short.sent = frame.sent
        return short

    def _send(self, frame: Frame, end: int) -> None:
        """The packets of a frame up to ``end`` that have not been sent, at the pace of the wire."""
        piece = max(1, PIECE_BYTES // frame.format.packet_size)
        pause_s = piece * frame.format.packet_size / WIRE_BYTES_S
        due = time.monotonic()
        while frame.sent < end:
            first, frame.sent = frame.sent, min(frame.sent + piece, end)
            self._wire.send(frame, first, frame.sent)
            due += pause_s
            time.sleep(max(0.0, due - time.monotonic()))

    def _keep(self, frame: Frame) -> None:
        with self._kept_lock:
            if self._kept and self._kept[-1].block_id == frame.block_id:  # the full one of which this is cut
                self._kept.pop()
            if self._kept.maxlen == len(self._kept):
                self._spare.append(self._kept.popleft() if self._kept else frame)
            if self._kept.maxlen:
                self._kept.append(frame)

    def _slip_if_late(self, line: int, height: int) -> None:
        backlog = self._loom.woven() - line
        if backlog < MAX_BACKLOG_S * self._loom.line_rate_hz + height:
            return
        self._loom.slip(backlog)
        if not self._slow_said:
            self._slow_said = True
            print(
                f"weftwatch simulated camera: the cloth cannot be drawn at {self._loom.line_rate_hz:g} lines/s "
                "on this machine; the simulated loom runs slower from here on",
                file=sys.stderr,
                flush=True,
            )
