"""Measuring is done where the runtime runs: on devices without torch."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import benchmarks


def test_all_benchmarks_import_without_torch() -> None:
    names = [f"benchmarks.{module.name}" for module in pkgutil.iter_modules(benchmarks.__path__)]
    assert "benchmarks.throughput" in names
    code = f"import sys; sys.modules['torch'] = None\nimport {', '.join(names)}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
