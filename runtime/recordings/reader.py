"""Reading a recorded roll, from any line or metre of it, with every checksum looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from runtime.errors import UserError
from runtime.position import Track
from runtime.recordings.format import (
    ABOUT_FILE,
    HEADER_BYTES,
    INDEX_FILE,
    About,
    Chunk,
    Header,
    checksum,
    chunk_name,
    unpacked,
)
from runtime.types import LineBlock, NotInspected, Reason
from runtime.yaml_files import read_yaml

Item = LineBlock | NotInspected
NANOMETRE = 1e-9
"""What rounding may take away from a sum of metres."""


class RecordedRoll:
    """A recorded roll. Damaged records come out as gaps in their place, of the reason ``unreadable_file``.

    Args:
        folder: of the recording.

    Attributes:
        about: what was recorded.
        cut: one sentence where the recording was interrupted and its end is missing; else empty.

    Raises:
        UserError: no recording, one of a newer format, or one with nothing in it.
    """

    def __init__(self, folder: Path) -> None:
        self.about = read_yaml(folder / ABOUT_FILE, About)
        self.cut = ""
        self._folder = folder
        self._chunks = _read_index(folder / INDEX_FILE)
        self._add_unfinished()
        if not self._chunks:
            raise UserError(f"The recording '{folder}' holds no whole block of lines: record it again.")

    @property
    def first_line(self) -> int:
        """The camera's number of the first line."""
        return self._chunks[0].first_line

    @property
    def end_line(self) -> int:
        """The camera's number behind the last line."""
        return self._chunks[-1].end_line

    @property
    def metres(self) -> float:
        """Cloth in the recording."""
        return self._chunks[-1].end_m

    def items(self, camera: str, first: int | None = None, end: int | None = None) -> Iterator[Item]:
        """Lines and gaps as the camera gave them, in order.

        Args:
            camera: the name that the items carry.
            first, end: only lines [first, end); None: from the start, to the end.
        """
        low = self.first_line if first is None else first
        high = self.end_line if end is None else end
        for chunk in self._chunks:
            if chunk.end_line < low or chunk.first_line > high:
                continue
            line = chunk.first_line
            for item in self._read(chunk, camera):
                if item.first_line is None or item.end_line is None:
                    # A gap of unknown length belongs to the lines around it, not to an end that was asked for.
                    if (low < line or first is None) and (line < high or end is None):
                        yield item
                    continue
                line = item.end_line
                part = _within(item, max(low, item.first_line), min(high, item.end_line))
                if part is not None:
                    yield part

    def line_at(self, metres: float) -> int:
        """The first line at which so many metres of cloth have passed since the recording's first line.

        Raises:
            UserError: the recording is shorter.
        """
        reached = metres - NANOMETRE
        found = next((chunk for chunk in self._chunks if chunk.end_m >= reached), None)
        if metres < 0 or found is None:
            raise UserError(
                f"The recording '{self._folder}' has metres 0 to {self.metres:.3f}, not {metres:g}: choose one of them."
            )
        track = self._placed()
        for item in self._read(found, self.about.camera):
            if not isinstance(item, LineBlock):
                continue
            track.add(item)
            if track.metres(item.end_line) >= reached:
                lines = range(item.first_line, item.end_line)
                return next((line for line in lines if track.metres(line) >= reached), item.end_line)
        return found.end_line

    def metres_at(self, line: int) -> float:
        """Metres of cloth from the recording's first line to the upper edge of ``line``, one that it has."""
        track = self._placed()
        for item in self._read(next(chunk for chunk in self._chunks if chunk.end_line > line), self.about.camera):
            if isinstance(item, LineBlock):
                track.add(item)
                if item.end_line > line:
                    break
        return track.metres(line)

    def _add_unfinished(self) -> None:
        """A chunk that the index does not name was being written when the recording broke off."""
        name = chunk_name(len(self._chunks))
        path = self._folder / name
        if not path.is_file():
            return
        start, start_m = (self._chunks[-1].end_line, self._chunks[-1].end_m) if self._chunks else (None, 0.0)
        track = (self._track() if self._chunks else None) or Track(self.about.scale)
        whole, blocks, line, end_m = 0, 0, start, start_m
        with path.open("rb") as file:
            while (record := _next_record(file)) is not None:
                header, payload = record
                if payload is None:
                    break
                item = unpacked(header, payload, self.about.camera)
                if start is None:
                    start = line = item.first_line or 0
                if isinstance(item, LineBlock):
                    track.add(item)
                if item.end_line is not None:
                    line, end_m = item.end_line, track.metres(item.end_line)
                whole, blocks = file.tell(), blocks + 1
        left = path.stat().st_size - whole
        self.cut = (
            f"it broke off while {name} was written: the {blocks} whole block(s) of it are kept, "
            f"{left:,} byte(s) behind them are no whole block and are left out"
        )
        if start is not None and line is not None and blocks:
            kept = Chunk(file=name, bytes=whole, first_line=start, end_line=line, first_m=start_m, end_m=end_m)
            self._chunks.append(kept)

    def _track(self) -> Track | None:
        """Positions that count from the recording's first lines; None where these are damaged."""
        track = Track(self.about.scale)
        for item in self._read(self._chunks[0], self.about.camera):
            if isinstance(item, LineBlock):
                track.add(item)
                return track
            if item.reason is Reason.UNREADABLE_FILE:
                break
        return None

    def _placed(self) -> Track:
        track = self._track()
        if track is None:
            raise UserError(
                f"The first lines of the recording '{self._folder}' are damaged, so its metres are not known: "
                "choose a part by from_line and lines."
            )
        return track

    def _read(self, chunk: Chunk, camera: str) -> Iterator[Item]:
        line = chunk.first_line
        try:
            file = (self._folder / chunk.file).open("rb")
        except OSError as error:
            yield _damage(camera, line, chunk.end_line, f"{chunk.file}: {error.strerror}")
            return
        with file:
            while file.tell() < chunk.bytes:
                record = _next_record(file)
                if record is None:
                    yield _damage(camera, line, chunk.end_line, f"{chunk.file}: damaged from line {line} on")
                    return
                header, payload = record
                if payload is None:
                    yield _damage(camera, header.first_line, header.end_line, f"{chunk.file}: a block is damaged")
                else:
                    yield unpacked(header, payload, camera)
                line = header.end_line if header.end_line is not None else line


def _read_index(path: Path) -> list[Chunk]:
    """The finished chunks; a last line that was cut short by a power cut is not counted."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"Cannot read '{path}': {error.strerror}.") from error
    chunks = []
    for number, line in enumerate(lines[:-1]):
        try:
            chunk = Chunk.model_validate_json(line)
        except ValidationError as error:
            raise UserError(f"'{path}' is damaged in line {number + 1}: restore it from a copy.") from error
        chunks.append(chunk)
    return chunks


def _next_record(file: BinaryIO) -> tuple[Header, bytes | None] | None:
    """A header and its payload (None: damaged); None where no header can be made out."""
    header = Header.unpack(file.read(HEADER_BYTES))
    if header is None:
        return None
    payload = file.read(header.payload_bytes)
    return header, payload if checksum([payload]) == header.payload_crc else None


def _damage(camera: str, first: int | None, end: int | None, detail: str) -> NotInspected:
    if first is None or end is None or first >= end:
        return NotInspected(camera, Reason.UNREADABLE_FILE, detail=detail)
    return NotInspected(camera, Reason.UNREADABLE_FILE, first, end, detail=detail)


def _within(item: Item, first: int, end: int) -> Item | None:
    """An item's lines [first, end), or None if there are none."""
    if first >= end:
        return None
    if (first, end) == (item.first_line, item.end_line):
        return item
    if isinstance(item, NotInspected):
        return replace(item, first_line=first, end_line=end)
    return item.part(first - item.first_line, end - item.first_line)
