"""The ./dev script where a machine lacks something."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def dev(folder: Path, python: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of ./dev in a folder of its own, with a given Python."""
    for name in ("dev", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    environment = {**os.environ, "PYTHON": python}
    return subprocess.run([folder / "dev", *words], env=environment, capture_output=True, text=True, check=False)


def test_a_missing_venv_names_the_package(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\n[ "$1 $2" = "-m venv" ] && exit 1\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    done = dev(tmp_path, str(python), "demo")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "apt install python3-venv" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / ".venv-demo").exists()


@pytest.mark.parametrize(("python", "words", "sentence"), [
    ("no-such-python", ["demo"], "there is no 'no-such-python'"),
    (sys.executable, ["dance"], "there is no command 'dance'"),
])  # fmt: skip
def test_what_cannot_be_done_is_one_sentence(tmp_path: Path, python: str, words: list[str], sentence: str) -> None:
    done = dev(tmp_path, python, *words)
    assert done.returncode == 2
    assert sentence in done.stderr
