"""Events as JSON Lines, to a file or to stdout."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TextIO

from runtime.errors import UserError
from runtime.events import Event


class JsonLines:
    """One event a line, each flushed. See runtime.sinks.base.Sink."""

    def __init__(self, file: TextIO, name: str) -> None:
        self.lost = 0
        self._file = file
        self._name = name

    @classmethod
    def to_path(cls, path: Path) -> JsonLines:
        """Append to a file.

        Raises:
            UserError: it cannot be written.
        """
        try:
            return cls(path.open("a", encoding="utf-8"), str(path))
        except OSError as error:
            raise UserError(f"Cannot write events to '{path}': {error.strerror}.") from error

    @classmethod
    def to_stdout(cls) -> JsonLines:
        return cls(sys.stdout, "stdout")

    def write(self, event: Event) -> None:
        try:
            self._file.write(event.line() + "\n")
            self._file.flush()
        except OSError as error:
            if self.lost == 0:
                print(f"Events are being lost: cannot write to '{self._name}': {error.strerror}.", file=sys.stderr)
            self.lost += 1

    def close(self) -> None:
        if self._file is not sys.stdout:
            with contextlib.suppress(OSError):  # what could not be flushed was counted when it was written
                self._file.close()
