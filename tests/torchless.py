"""Commands in a process where ``import torch`` fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 120.0


def environment(folder: Path) -> dict[str, str]:
    """The environment of such a process; ``folder`` takes the stand-in for torch."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "torch.py").write_text("raise ImportError('this process has no torch')\n")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}


def start(folder: Path, *command: str) -> subprocess.Popen[str]:
    """``python -m`` something, its stdout and stderr piped."""
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, env=environment(folder / "stand-in"),
    )  # fmt: skip


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """The same, to its end."""
    process = start(folder, *command)
    try:
        out, err = process.communicate(timeout=TIMEOUT_S)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
