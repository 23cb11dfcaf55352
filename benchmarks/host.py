"""What a measurement was taken on, what it was asked for, and how it is written down."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from runtime import __version__
from runtime.engines.base import Engine
from runtime.errors import UserError


def facts(engine: Engine) -> dict[str, Any]:
    """Machine, versions and engine, for a report."""
    return {
        "weftwatch": __version__,
        "python": platform.python_version(),
        "openvino": _version("openvino"),
        "tensorrt": _version("tensorrt"),
        "engine": engine.name,
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_average_before": round(os.getloadavg()[0], 2),
    }


def cpu_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name as the kernel tells it, else its architecture."""
    try:
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() in ("model name", "Model"):
                return value.strip()
    except OSError:
        pass
    return platform.machine()


def resident_bytes(statm: Path = Path("/proc/self/statm")) -> int | None:
    """Memory of this process that is in RAM; None where the kernel does not tell."""
    try:
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def available_bytes(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Memory of the machine that a program could still have; None where the kernel does not tell."""
    try:
        told = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        return int(told["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError):
        return None


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Write a report as JSON.

    Raises:
        UserError: the file cannot be written.
    """
    try:
        path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"Cannot write the report to '{path}': {error.strerror}.") from error


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
