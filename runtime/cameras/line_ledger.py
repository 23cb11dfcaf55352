"""Line numbers from block ids: which line a buffer begins with, and which lines never came."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.types import Int64, NotInspected, Reason

LAST_16_BIT_ID = 65535


def blocks_between(last: int, now: int, expected: float | None = None) -> int:
    """Buffers lost between two received ones.

    Ids have 16 bits, run from 1 to 65535 and then start again at 1, or have 64 bits and never wrap.

    Args:
        expected: about how many, by a clock; it tells how often 16-bit ids went round. None: no clock, less than once.
    """
    if now > LAST_16_BIT_ID:
        return now - last - 1
    lost = now - last - 1 if now > last else now + LAST_16_BIT_ID - last - 1
    rounds = 0 if expected is None else round((expected - lost) / LAST_16_BIT_ID)
    return lost + max(0, rounds) * LAST_16_BIT_ID


class LineLedger:
    """Gives each line of one camera its number, also to those that never came.

    Spans that touch are one span; so a gap is told only when the next good line, or a quiet moment,
    shows where it ends.

    Args:
        camera: the camera's name.
        block_lines: lines of a full buffer, which is what a lost one is taken to have held.
        counts_per_line: encoder counts a line, signed; None where there is no encoder.
    """

    line_rate_hz: float | None = None
    """Lines a second where the camera keeps an even pace: then its clock tells how often block ids went round."""

    def __init__(self, camera: str, block_lines: int, counts_per_line: float | None) -> None:
        self._camera = camera
        self._block_lines = block_lines
        self._counts_per_line = counts_per_line
        self._told = 0
        """End of the last line that was handed out or reported lost."""
        self._next = 0
        """Number of the next line; [_told, _next) is lost and not yet reported."""
        self._last_id: int | None = None
        self._anchor: tuple[int, int] | None = None
        """Number and encoder count of the last good line."""
        self._heard_ns: int | None = None
        self._device_ns = 0
        self.away = False
        """The camera is lost, or has just come back: the next good line shows how far the cloth went."""

    def complete(
        self,
        block_id: int,
        rows: int,
        encoder: Int64 | None,
        received_ns: int,
        device_ns: int = 0,
        count: int | None = None,
    ) -> tuple[int, NotInspected | None]:
        """Enter a good buffer.

        Args:
            encoder: the counts of its lines, where it came with them.
            device_ns: the camera's clock at its first line; 0: not known.
            count: the encoder's at its last line, where the camera was asked for it.

        Returns:
            The number of its first line, and the span before it that was lost, if any.
        """
        self._notice_restart(block_id, device_ns)
        first_count = None if encoder is None else int(encoder[0])
        if count is not None and self._counts_per_line is not None:
            first_count = count - round((rows - 1) * self._counts_per_line)
        span = self._return(first_count, received_ns) if self.away else self._lost(block_id, device_ns)
        first = self._next
        self._next = self._told = first + rows
        self._last_id, self._heard_ns, self._device_ns = block_id, received_ns, device_ns
        last_count = count if encoder is None else int(encoder[-1])
        if last_count is not None:
            self._anchor = (first + rows - 1, last_count)
        return first, span

    def incomplete(
        self,
        block_id: int,
        runs: Sequence[tuple[int, int]] = (),
        encoder: Int64 | None = None,
        received_ns: int = 0,
        device_ns: int = 0,
    ) -> list[tuple[int, NotInspected | None]]:
        """Enter a buffer with holes. While the camera is not surely back, it tells nothing.

        Args:
            runs: rows [first, end) of it that came, ascending.
            encoder: of each of its ``block_lines`` rows.

        Returns:
            For each run as from ``complete``; nothing while the camera is not surely back.
        """
        self._notice_restart(block_id, device_ns)
        if self.away:
            return []
        begin = self._next + self._missing(block_id, device_ns) * self._block_lines
        entered: list[tuple[int, NotInspected | None]] = []
        for first, end in runs:
            self._next = begin + first
            entered.append((self._next, self.quiet()))
            self._told = begin + end
            self._heard_ns = received_ns
            if encoder is not None:
                self._anchor = (self._told - 1, int(encoder[end - 1]))
        self._next = begin + self._block_lines
        self._last_id, self._device_ns = block_id, device_ns
        return entered

    def quiet(self) -> NotInspected | None:
        """The lost span, if there is one, when nothing follows for now."""
        if self._next == self._told:
            return None
        span = NotInspected(self._camera, Reason.PACKET_LOSS, self._told, self._next)
        self._told = self._next
        return span

    def gone(self) -> None:
        """The camera is lost: what it did not deliver any more belongs to the time it was away."""
        self.away = True
        self._next = self._told
        self._last_id, self._device_ns = None, 0

    def end(self, now_ns: int) -> NotInspected | None:
        """The last span, when the stream is closed."""
        if not self.away:
            return self.quiet()
        return NotInspected(self._camera, Reason.CAMERA_LOST, seconds=self._silence_s(now_ns))

    def _notice_restart(self, block_id: int, device_ns: int) -> None:
        """An id that goes back is of a camera that began anew, and how much is missing is not known.

        64-bit ids never wrap. 16-bit ones do: back is what would be ahead by more than half of the way round, by the
        camera's clock or, where it does not tell, at all.
        """
        if self._last_id is None:
            return
        if self._last_id > LAST_16_BIT_ID:
            back = block_id <= self._last_id
        else:
            ahead = blocks_between(self._last_id, block_id)
            back = ahead - (self._expected(device_ns) or 0) > LAST_16_BIT_ID // 2
        if back:
            self.gone()

    def _lost(self, block_id: int, device_ns: int) -> NotInspected | None:
        self._next += self._missing(block_id, device_ns) * self._block_lines
        return self.quiet()

    def _missing(self, block_id: int, device_ns: int) -> int:
        if self._last_id is None:
            return 0
        return blocks_between(self._last_id, block_id, self._expected(device_ns))

    def _expected(self, device_ns: int) -> float | None:
        """About how many buffers are missing, by the camera's clock; None where it does not tell."""
        if not (self.line_rate_hz and self._device_ns and device_ns):
            return None
        lines = (device_ns - self._device_ns) / 1e9 * self.line_rate_hz
        return lines / self._block_lines - 1

    def _return(self, first_count: int | None, received_ns: int) -> NotInspected:
        self.away = False
        seconds = self._silence_s(received_ns)
        if self._anchor is not None and first_count is not None and self._counts_per_line is not None:
            line, count = self._anchor
            first = line + round((first_count - count) / self._counts_per_line)
            # A loom that was turned back meanwhile shows a line a second time: its number is a new one.
            if first > self._told:
                span = NotInspected(self._camera, Reason.CAMERA_LOST, self._told, first, seconds)
                self._next = self._told = first
                return span
        return NotInspected(self._camera, Reason.CAMERA_LOST, seconds=seconds)

    def _silence_s(self, now_ns: int) -> float | None:
        return None if self._heard_ns is None else (now_ns - self._heard_ns) / 1e9
