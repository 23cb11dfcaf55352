"""A simulated GigE Vision camera as a child process, read through the same backend as a real one."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import runtime
from runtime.cameras.base import CameraInfo
from runtime.cameras.gige import GigeCamera
from runtime.cameras.gige_health import LinkHealth
from runtime.errors import UserError
from runtime.types import LineBlock, NotInspected

READY_S = 120.0
END_S = 5.0


class SimulatedGige:
    """Starts ``python -m runtime.fake_gige`` on ``open`` and ends it on ``close``.

    A simulated camera that dies by itself is not started again: it is a dead camera, and comes back when
    somebody runs ``restart_command``. It ends with this process, however that ends.

    Args:
        camera: the client.
        name: the camera's name, for messages.
        options: of the simulated camera's command line.
        module: the module that is the simulated camera.
    """

    def __init__(
        self, camera: GigeCamera, name: str, options: Sequence[str], module: str = "runtime.fake_gige"
    ) -> None:
        self._camera, self._name, self._options, self._module = camera, name, list(options), module
        self._process: subprocess.Popen[str] | None = None
        self._woven_since: float | None = None
        self._told = threading.Event()

    @property
    def pid(self) -> int | None:
        """The child's process id, or None before ``open``."""
        return None if self._process is None else self._process.pid

    @property
    def restart_command(self) -> str:
        """A shell command that brings the camera back after its death, at the line where the loom is then."""
        command = [sys.executable, "-m", self._module, *self._options]
        if self._woven_since is not None:
            command += ["--woven-since", f"{self._woven_since:.6f}"]
        return shlex.join(command)

    def open(self) -> CameraInfo:
        """Start the child, wait until it is ready, and connect.

        Raises:
            UserError: the child did not start, or as GigeCamera.open.
        """
        self.start()
        try:
            info = self._camera.open()
        except BaseException:
            self.close()
            raise
        return replace(info, description=f"{info.description} (simulated, process {self.pid})")

    def start(self) -> None:
        """Start the child and wait until it is ready; ``open`` does this too.

        Raises:
            UserError: the child did not start.
        """
        # A session of its own: Ctrl-C in the terminal is for this process, which then ends the child.
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._module, *self._options, "--until-stdin-closes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": self._python_path()},
        )
        threading.Thread(target=self._listen, args=(self._process,), name="fake-gige", daemon=True).start()
        if not self._told.wait(READY_S) or self._process.poll() is not None:
            self.close()
            raise UserError(
                f"camera '{self._name}': its simulated camera did not start; what it said stands above, "
                f"and can be had again with: {self.restart_command}"
            )

    def ask(self, fault: str) -> None:
        """Ask the child for a fault, one of ``python -m runtime.fake_gige``'s: "stop 2"."""
        assert self._process is not None, "the simulated camera is not started"
        assert self._process.stdin is not None
        self._process.stdin.write(fault + "\n")
        self._process.stdin.flush()

    def items(self) -> Iterator[LineBlock | NotInspected]:
        """As GigeCamera.items."""
        return self._camera.items()

    def health(self) -> LinkHealth | None:
        """As GigeCamera.health."""
        return self._camera.health()

    def close(self) -> None:
        """Close the connection and end the child."""
        self._camera.close()
        process = self._process
        if process is None or process.stdin is None or process.stdin.closed:
            return
        process.stdin.close()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        """Keeps the child's pipe empty, and in mind since when its loom weaves."""
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self._woven_since = json.loads(line)["woven_since"]
                self._told.set()
        process.wait()
        self._told.set()

    @staticmethod
    def _python_path() -> str:
        """So that the child finds this very package, wherever it is started from."""
        here = str(Path(runtime.__file__).resolve().parent.parent)
        return os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
