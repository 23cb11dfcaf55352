"""Writing a recorded roll, so that a power cut costs no more than the newest few seconds of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from runtime.cameras.base import CameraInfo
from runtime.errors import UserError
from runtime.position import Track
from runtime.recordings.format import ABOUT_FILE, INDEX_FILE, About, Chunk, chunk_name, packed
from runtime.types import LineBlock, NotInspected
from runtime.yaml_files import write_yaml

CHUNK_BYTES = 64 << 20
CHUNK_S = 10.0
"""A chunk is finished, and safe on disk, once it has grown to so many bytes or its lines took so long."""


class RecordingWriter:
    """A folder that takes a camera's items in order; use it in a ``with``.

    Args:
        folder: made here; it must not exist, or be empty.
        info: of the opened camera.
        chunk_bytes: a chunk is finished once it has so many.

    Attributes:
        bytes: written so far. metres: cloth so far.

    Raises:
        UserError: the folder holds something, or cannot be written.
    """

    def __init__(self, folder: Path, info: CameraInfo, chunk_bytes: int = CHUNK_BYTES) -> None:
        self.bytes = 0
        self.metres = 0.0
        self._folder, self._chunk_bytes = folder, chunk_bytes
        self._track = Track(info.scale)
        self._line: int | None = None
        self._number = 0
        self._began: tuple[int, float, int] | None = None
        """Line, metres and time in ns at the first block of the open chunk."""
        self._file: BinaryIO | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise UserError(f"'{folder}' is not empty: name a new folder to record into.")
        except OSError as error:
            raise UserError(f"Cannot record into '{folder}': {error.strerror}.") from error
        recorded = datetime.now(timezone.utc).isoformat(timespec="seconds")
        write_yaml(folder / ABOUT_FILE, About.of(info, recorded))

    def __enter__(self) -> RecordingWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self.close()

    def write(self, item: LineBlock | NotInspected) -> None:
        """Add lines or a gap.

        Raises:
            UserError: the disk does not take it; what was finished before stays readable.
        """
        with self._told_of_disk():
            self._write(item)

    def close(self) -> None:
        """Finish the open chunk. Safe to call twice.

        Raises:
            UserError: as ``write``.
        """
        if self._file is not None:
            with self._told_of_disk():
                self._finish()

    @contextlib.contextmanager
    def _told_of_disk(self) -> Iterator[None]:
        """A chunk that the disk did not take whole stays out of the index: readers cut it at its last whole record."""
        try:
            yield
        except OSError as error:
            if self._file is not None:
                with contextlib.suppress(OSError):
                    self._file.close()
                self._file = None
            raise UserError(
                f"The recording '{self._folder}' ends at line {self._line or 0} ({error.strerror}): "
                "make room on its disk, or record to another one."
            ) from error

    def _write(self, item: LineBlock | NotInspected) -> None:
        if self._line is None:
            self._line = item.first_line or 0
        if isinstance(item, LineBlock):
            self._track.add(item)
        if self._file is None:
            self._file = (self._folder / chunk_name(self._number)).open("xb")
            received = item.received_ns if isinstance(item, LineBlock) else 0
            self._began = (self._line, self.metres, received)
        for piece in packed(item):
            self.bytes += self._file.write(piece)
        if item.end_line is not None:
            self._line = item.end_line
            self.metres = self._track.metres(item.end_line)
        if self._is_full(item):
            self._finish()

    def _is_full(self, item: LineBlock | NotInspected) -> bool:
        assert self._file is not None
        assert self._began is not None
        took_ns = item.received_ns - self._began[2] if isinstance(item, LineBlock) and self._began[2] else 0
        return self._file.tell() >= self._chunk_bytes or took_ns >= CHUNK_S * 1e9

    def _finish(self) -> None:
        """The chunk first, then its line in the index: a chunk that the index names is whole."""
        assert self._file is not None
        assert self._began is not None
        assert self._line is not None
        size = self._file.tell()
        _close_safely(self._file)
        self._file = None
        first_line, first_m, _ = self._began
        chunk = Chunk(
            file=chunk_name(self._number),
            bytes=size,
            first_line=first_line,
            end_line=self._line,
            first_m=first_m,
            end_m=self.metres,
        )
        with (self._folder / INDEX_FILE).open("ab") as index:
            index.write(chunk.model_dump_json().encode() + b"\n")
            _close_safely(index)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # else the files' names may be gone after a power cut
        finally:
            os.close(folder)
        self._number += 1


def _close_safely(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()
