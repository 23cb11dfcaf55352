"""What board this is and how it fares: model, power mode, temperatures, clocks and power rails.

Read from files of the kernel and of NVIDIA's board support, so that nothing need be installed; what a machine does
not tell is left out. Sources: kernel.org's sysfs documentation of thermal, devfreq, cpufreq and hwmon (drivers
ina3221 and ina238), and the Jetson Linux Developer Guide for nv_tegra_release and nvpmodel.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path("/")
SAMPLE_S = 0.5
POWER_MONITORS = ("ina3221", "ina238")
RELEASE = re.compile(r"R(?P<major>\d+) \(release\), REVISION: (?P<minor>[\d.]+)")
MODE = re.compile(r"NV Power Mode: *(\S+)")


@dataclass(frozen=True)
class Reading:
    """One look at the board's sensors, by name.

    Attributes:
        temperatures_c: thermal zones.
        clocks_mhz: devfreq devices (GPU, memory) and ``cpu``, the fastest core.
        rails_w: power rails.
    """

    temperatures_c: dict[str, float]
    clocks_mhz: dict[str, float]
    rails_w: dict[str, float]


def identity(root: Path = ROOT) -> dict[str, Any]:
    """What the board is and how it is set.

    Returns:
        Of these, what is known: model, l4t (Jetson Linux release, "36.4.3"), power_mode, clocks_held (names of
        clocks whose lowest and highest allowed values are the same, as jetson_clocks sets them).
    """
    found: dict[str, Any] = {"model": _text(root / "proc/device-tree/model"), "l4t": _l4t(root)}
    if found["l4t"]:
        found["power_mode"] = power_mode()
    limits = {path.name: (path / "min_freq", path / "max_freq") for path in _folders(root, "sys/class/devfreq/*")}
    for path in _folders(root, "sys/devices/system/cpu/cpufreq/policy*"):
        limits[path.name] = path / "scaling_min_freq", path / "scaling_max_freq"
    held = [name for name, (low, high) in limits.items() if (least := _number(low)) and least == _number(high)]
    return {name: value for name, value in {**found, "clocks_held": held}.items() if value}


def power_mode(program: str = "nvpmodel") -> str | None:
    """Name of the power mode as nvpmodel tells it; None where it does not."""
    try:
        done = subprocess.run([program, "-q"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    told = MODE.search(done.stdout)
    return told.group(1) if told else None


def read(root: Path = ROOT) -> Reading:
    """Look at all sensors once; those that cannot be read now are left out."""
    temperatures, clocks = {}, {}
    for zone in _folders(root, "sys/class/thermal/thermal_zone*"):
        name, value = _text(zone / "type"), _number(zone / "temp")
        if name and value is not None:
            temperatures[name] = value / 1e3
    for device in _folders(root, "sys/class/devfreq/*"):
        if (value := _number(device / "cur_freq")) is not None:
            clocks[device.name] = value / 1e6
    policies = _folders(root, "sys/devices/system/cpu/cpufreq/policy*")
    cores = [value for policy in policies if (value := _number(policy / "scaling_cur_freq")) is not None]
    if cores:
        clocks["cpu"] = max(cores) / 1e3
    return Reading(temperatures, clocks, dict(_rails(root)))


def _rails(root: Path) -> Iterator[tuple[str, float]]:
    """Watts of each channel of the power monitors. Channels 4 and up of an ina3221 are shunts and sums."""
    for monitor in _folders(root, "sys/class/hwmon/hwmon*"):
        if _text(monitor / "name") not in POWER_MONITORS:
            continue
        for channel in (1, 2, 3):
            millivolts = _number(monitor / f"in{channel}_input")
            milliamperes = _number(monitor / f"curr{channel}_input")
            if millivolts is not None and milliamperes is not None:
                label = _text(monitor / f"in{channel}_label") or f"{monitor.name} channel {channel}"
                yield label, millivolts * milliamperes / 1e6


class BoardWatch:
    """Reads the sensors in a thread of its own for as long as the ``with`` block runs, at least once."""

    def __init__(self, root: Path = ROOT) -> None:
        self._root = root
        self._readings: list[Reading] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="board watch", daemon=True)

    def __enter__(self) -> BoardWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def summary(self) -> dict[str, Any]:
        """Over all readings: temperatures_c highest, clocks_mhz median and rails_w mean, by name."""
        return {
            "temperatures_c": _by_name([one.temperatures_c for one in self._readings], max),
            "clocks_mhz": _by_name([one.clocks_mhz for one in self._readings], statistics.median),
            "rails_w": _by_name([one.rails_w for one in self._readings], statistics.mean),
        }

    def _run(self) -> None:
        self._readings.append(read(self._root))
        while not self._stop.wait(SAMPLE_S):
            self._readings.append(read(self._root))


def _by_name(samples: list[dict[str, float]], pick: Callable[[list[float]], float]) -> dict[str, float]:
    values: dict[str, list[float]] = defaultdict(list)
    for sample in samples:
        for name, value in sample.items():
            values[name].append(value)
    return {name: round(pick(found), 3) for name, found in values.items()}


def _l4t(root: Path) -> str | None:
    told = RELEASE.search(_text(root / "etc/nv_tegra_release") or "")
    return f"{told['major']}.{told['minor']}" if told else None


def _folders(root: Path, pattern: str) -> list[Path]:
    return sorted(root.glob(pattern))


def _number(path: Path) -> float | None:
    text = _text(path)
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _text(path: Path) -> str | None:
    """A file's text without its end; None where it cannot be read (a rail or zone that is switched off)."""
    try:
        return path.read_bytes().decode(errors="replace").strip("\0 \n")
    except OSError:
        return None
