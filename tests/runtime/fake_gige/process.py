"""Starts, hurts and ends simulated cameras for the tests."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

STAMPED = "runtime.fake_gige.stamped"


class CameraProcess:
    """One simulated camera of stamped lines, ready when constructed; ends with its ``with``."""

    def __init__(self, *options: str, module: str = STAMPED, source: str = "512") -> None:
        command = [sys.executable, "-m", module, "--source", source, "--until-stdin-closes", *options]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.ready = self.next_event()

    def __enter__(self) -> CameraProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def next_event(self) -> dict[str, Any]:
        """The next JSON line; waits for it."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the simulated camera ended: {self._process.communicate()[1]}")
        event = json.loads(line)
        assert isinstance(event, dict)
        return event

    def ask(self, line: str) -> None:
        """Ask for a fault."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def close_stdin(self) -> int:
        """Close standard input and wait; the exit status."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait(30)

    def complaints(self) -> list[str]:
        """Kill it; the lines of its standard error."""
        assert self._process.stderr is not None
        self._process.kill()
        return self._process.stderr.read().splitlines()

    def wait(self) -> int:
        """Wait until it ends by itself; the exit status."""
        return self._process.wait(30)

    def kill(self) -> None:
        """kill -9, and wait for the end."""
        self._process.kill()
        self._process.wait(30)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
