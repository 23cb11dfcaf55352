"""The other side of the door: one connection that asks, and may become a tap."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from pydantic import TypeAdapter

from runtime.control.protocol import (
    BundleAnswer,
    Done,
    EventMessage,
    LinesMessage,
    LostMessage,
    MapMessage,
    Refused,
    Request,
    RollAnswer,
    SettingsAnswer,
    StatusAnswer,
    TapMessage,
    ThresholdAnswer,
)
from runtime.errors import UserError

Answer = Refused | StatusAnswer | ThresholdAnswer | SettingsAnswer | BundleAnswer | RollAnswer | Done
ANSWERS: TypeAdapter[Answer] = TypeAdapter(Answer)
MESSAGES: TypeAdapter[TapMessage] = TypeAdapter(EventMessage | LinesMessage | MapMessage | LostMessage)


class Client:
    """A connection to a running stream; a context manager."""

    def __init__(self, path: Path) -> None:
        """Connect.

        Raises:
            UserError: nobody listens there.
        """
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            reason = error.strerror or str(error)
            raise UserError(f"No stream answers at '{path}' ({reason}): start one with --control {path}.") from error
        self._lines = self._socket.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()
        self._socket.close()

    def ask(self, request: Request) -> Done:
        """The answer to a request.

        Raises:
            UserError: it was refused, in the stream's own words; or the stream has ended.
        """
        try:
            self._socket.sendall(request.line())
            line = self._lines.readline()
        except OSError:
            line = b""
        if not line:
            raise UserError("The stream has ended.")
        answer = ANSWERS.validate_json(line)
        if isinstance(answer, Refused):
            raise UserError(answer.error)
        return answer

    def messages(self) -> Iterator[TapMessage]:
        """What passes, after a TapRequest was answered, until the stream ends."""
        for line in self._lines:
            yield MESSAGES.validate_json(line)
