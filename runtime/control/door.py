"""The door: a Unix socket that its owner alone may open, a thread a client, everything bounded.

A client sends a request a line and gets an answer a line. After a ``tap`` its connection shows what passes until it
hangs up. What a client does wrong is answered in a sentence; it never reaches the stream.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from runtime.control.protocol import MOST_LINE_BYTES, Done, Message, Refused, Request, read_request
from runtime.control.tap import Tap
from runtime.errors import UserError

MOST_CLIENTS = 8
SILENCE_S = 60.0
"""A client has this long for a request or to take an answer or a tap's message; then it is let go."""
POLL_S = 0.2
LAST_WORDS_S = 2.0
"""For a tap's last messages when the stream ends."""


class Door:
    """Listens on a path; see the module."""

    def __init__(self, path: Path) -> None:
        """Take the path; clients wait until ``serve``.

        Raises:
            UserError: another stream listens there, something else lies there, or it cannot be made.
        """
        self.path = path
        self._socket = _bound(path)
        self._inode = path.stat().st_ino
        self._clients: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def serve(self, answer: Callable[[Request], Message | Tap], drop: Callable[[Tap], None]) -> None:
        """Begin to answer.

        Args:
            answer: does what a request asks, by any of the clients' threads; a Tap is shown to the client.
            drop: its reader is gone.
        """
        self._answer, self._drop = answer, drop
        self._thread = threading.Thread(target=self._listen, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let all clients go, taps after their last messages, and take the socket's file away."""
        self._closing.set()
        if self._thread:
            self._thread.join()
        self._socket.close()
        with contextlib.suppress(OSError):
            if self.path.stat().st_ino == self._inode:  # another stream's, if ours was removed by hand
                self.path.unlink()
        deadline = time.monotonic() + LAST_WORDS_S
        for client, thread in list(self._clients.items()):
            thread.join(max(0.0, deadline - time.monotonic()))
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            thread.join(POLL_S)

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._socket.accept()
            except TimeoutError:
                continue
            except OSError:  # no file handles left: they may come back
                time.sleep(POLL_S)
                continue
            client.settimeout(POLL_S)
            if len(self._clients) >= MOST_CLIENTS:
                with contextlib.suppress(OSError), client:
                    client.sendall(Refused(error=f"{MOST_CLIENTS} clients are connected already.").line())
                continue
            thread = threading.Thread(target=self._attend, args=(client,), name="control client", daemon=True)
            with self._lock:
                self._clients[client] = thread
            thread.start()

    def _attend(self, client: socket.socket) -> None:
        try:
            with client, contextlib.suppress(OSError):  # it hung up, or did not take an answer in time
                for line in self._lines(client):
                    told = self._told(line)
                    if isinstance(told, Tap):
                        self._show(client, told)
                        return
                    _send(client, told)
        finally:
            with self._lock:
                del self._clients[client]

    def _lines(self, client: socket.socket) -> Iterator[bytes]:
        """Whole lines; ends when the client hangs up, is silent for long, or sends a line without end."""
        waiting, last = b"", time.monotonic()
        while not self._closing.is_set() and time.monotonic() - last < SILENCE_S:
            try:
                received = client.recv(MOST_LINE_BYTES)
            except TimeoutError:
                continue
            if not received:
                return
            *lines, waiting = (waiting + received).split(b"\n")
            for line in lines:
                yield line
                last = time.monotonic()
            if len(waiting) > MOST_LINE_BYTES:
                _send(client, Refused(error=f"A request is one line of at most {MOST_LINE_BYTES} bytes."))
                return

    def _told(self, line: bytes) -> Message | Tap:
        try:
            return self._answer(read_request(line))
        except UserError as error:
            return Refused(error=str(error))
        except Exception as error:  # a defect of this program must not end the stream
            traceback.print_exc(file=sys.stderr)
            return Refused(error=f"This is a defect of the program, see its stderr: {error!r}"[:300])

    def _show(self, client: socket.socket, tap: Tap) -> None:
        try:
            _send(client, Done())
            while True:
                message = tap.take(POLL_S)
                if message:
                    _send(client, message)
                elif tap.ended or _hung_up(client):
                    return
        finally:
            self._drop(tap)


def _bound(path: Path) -> socket.socket:
    """A socket that listens on the path, for its owner alone; a file that a killed stream left is replaced."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
            if _answers(path):
                raise UserError(f"Another stream listens at '{path}': name another --control.")
            path.unlink()
        made.bind(str(path))
        os.chmod(path, 0o600)  # nobody can connect before listen()
        made.listen(MOST_CLIENTS)
        made.settimeout(POLL_S)
    except (OSError, UserError) as error:
        made.close()
        if isinstance(error, UserError):
            raise
        reason = error.strerror or str(error)
        raise UserError(f"Cannot listen at '{path}': {reason}; name a short path that is free.") from error
    return made


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        return asking.connect_ex(str(path)) == 0


def _send(client: socket.socket, message: Message) -> None:
    client.settimeout(SILENCE_S)
    try:
        client.sendall(message.line())
    finally:
        client.settimeout(POLL_S)


def _hung_up(client: socket.socket) -> bool:
    """Has the reader of a tap closed its end? What else it sends is thrown away."""
    client.settimeout(0)
    try:
        return not client.recv(MOST_LINE_BYTES)
    except BlockingIOError:
        return False
    finally:
        client.settimeout(POLL_S)
