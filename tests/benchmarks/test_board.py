"""Boards as their kernels describe them: trees of files laid out as documented, values made up but told apart."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from benchmarks import board
from benchmarks.board import BoardWatch, identity, power_mode, read

MONITORS = "sys/class/hwmon"
CPU = "sys/devices/system/cpu/cpufreq"

ORIN = {
    "proc/device-tree/model": "NVIDIA Jetson AGX Orin Developer Kit\0",
    "etc/nv_tegra_release": "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64\n",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "48312\n",
    "sys/class/thermal/thermal_zone1/type": "gpu-thermal\n",
    "sys/class/thermal/thermal_zone1/temp": "45125\n",
    "sys/class/thermal/thermal_zone2/type": "cv0-thermal\n",  # powered down: its temp cannot be read
    "sys/class/devfreq/17000000.gpu/cur_freq": "1300500000\n",
    "sys/class/devfreq/17000000.gpu/min_freq": "1300500000\n",
    "sys/class/devfreq/17000000.gpu/max_freq": "1300500000\n",
    f"{CPU}/policy0/scaling_cur_freq": "729600\n",
    f"{CPU}/policy0/scaling_min_freq": "115200\n",
    f"{CPU}/policy0/scaling_max_freq": "2201600\n",
    f"{CPU}/policy4/scaling_cur_freq": "2201600\n",
    f"{MONITORS}/hwmon0/name": "pwmfan\n",
    f"{MONITORS}/hwmon0/in1_input": "9999\n",
    f"{MONITORS}/hwmon0/curr1_input": "9999\n",
    f"{MONITORS}/hwmon1/name": "ina3221\n",
    f"{MONITORS}/hwmon1/in1_label": "VDD_GPU_SOC\n",
    f"{MONITORS}/hwmon1/in1_input": "20000\n",
    f"{MONITORS}/hwmon1/curr1_input": "500\n",
    f"{MONITORS}/hwmon1/in2_label": "VDD_CPU_CV\n",
    f"{MONITORS}/hwmon1/in2_input": "20000\n",
    f"{MONITORS}/hwmon1/curr2_input": "40\n",
    f"{MONITORS}/hwmon1/in3_label": "VIN_SYS_5V0\n",
    f"{MONITORS}/hwmon1/in3_input": "5000\n",
    f"{MONITORS}/hwmon1/curr3_input": "1000\n",
    f"{MONITORS}/hwmon1/in4_input": "777\n",  # a shunt's microvolts
    f"{MONITORS}/hwmon1/curr4_input": "1540\n",  # a sum
    f"{MONITORS}/hwmon1/in7_label": "sum of shunt voltages\n",
}
XAVIER = {
    "proc/device-tree/model": "Jetson-AGX\0",
    "etc/nv_tegra_release": "# R35 (release), REVISION: 4.1, GCID: 33958178, BOARD: t186ref, EABI: aarch64\n",
    "sys/class/thermal/thermal_zone0/type": "CPU-therm\n",
    "sys/class/thermal/thermal_zone0/temp": "41000\n",
    "sys/class/thermal/thermal_zone1/type": "GPU-therm\n",
    "sys/class/thermal/thermal_zone1/temp": "40500\n",
    "sys/class/devfreq/17000000.gv11b/cur_freq": "1377000000\n",
    "sys/class/devfreq/17000000.gv11b/min_freq": "114750000\n",
    "sys/class/devfreq/17000000.gv11b/max_freq": "1377000000\n",
    f"{MONITORS}/hwmon2/name": "ina3221\n",
    f"{MONITORS}/hwmon2/in1_label": "GPU\n",
    f"{MONITORS}/hwmon2/in1_input": "19000\n",
    f"{MONITORS}/hwmon2/curr1_input": "100\n",
    f"{MONITORS}/hwmon2/in2_label": "CPU\n",
    f"{MONITORS}/hwmon2/in2_input": "19000\n",
    f"{MONITORS}/hwmon3/name": "ina3221\n",
    f"{MONITORS}/hwmon3/in1_label": "CV\n",
    f"{MONITORS}/hwmon3/in1_input": "19000\n",
    f"{MONITORS}/hwmon3/curr1_input": "0\n",
}
THOR_RAIL = {
    f"{MONITORS}/hwmon0/name": "ina238\n",
    f"{MONITORS}/hwmon0/in0_input": "3\n",
    f"{MONITORS}/hwmon0/in1_input": "20000\n",
    f"{MONITORS}/hwmon0/curr1_input": "2500\n",
    f"{MONITORS}/hwmon0/power1_input": "50000000\n",
}


def laid_out(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def nvpmodel(folder: Path, told: str) -> str:
    """A program that answers as nvpmodel does."""
    program = folder / "nvpmodel"
    program.write_text(f"#!/bin/sh\n[ \"$1\" = -q ] && printf '{told}'\n")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    return str(program)


def test_an_orin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "power_mode", lambda: "MAXN")
    root = laid_out(tmp_path, ORIN)
    assert identity(root) == {
        "model": "NVIDIA Jetson AGX Orin Developer Kit",
        "l4t": "36.4.3",
        "power_mode": "MAXN",
        "clocks_held": ["17000000.gpu"],
    }
    found = read(root)
    assert found.temperatures_c == {"cpu-thermal": 48.312, "gpu-thermal": 45.125}
    assert found.clocks_mhz == {"17000000.gpu": 1300.5, "cpu": 2201.6}
    assert found.rails_w == pytest.approx({"VDD_GPU_SOC": 10.0, "VDD_CPU_CV": 0.8, "VIN_SYS_5V0": 5.0})


def test_a_xavier_whose_clocks_are_free_and_one_rail_is_silent(tmp_path: Path) -> None:
    root = laid_out(tmp_path, XAVIER)
    assert identity(root) == {"model": "Jetson-AGX", "l4t": "35.4.1"}
    found = read(root)
    assert found.temperatures_c == {"CPU-therm": 41.0, "GPU-therm": 40.5}
    assert found.clocks_mhz == {"17000000.gv11b": 1377.0}
    assert found.rails_w == pytest.approx({"GPU": 1.9, "CV": 0.0})


def test_a_monitor_without_labels(tmp_path: Path) -> None:
    assert read(laid_out(tmp_path, THOR_RAIL)).rails_w == {"hwmon0 channel 1": 50.0}


def test_a_machine_that_tells_nothing(tmp_path: Path) -> None:
    assert identity(tmp_path) == {}
    assert read(tmp_path) == board.Reading({}, {}, {})
    assert read(laid_out(tmp_path, {"sys/class/thermal/thermal_zone0/temp": "no number\n"})).temperatures_c == {}


@pytest.mark.parametrize(
    ("told", "mode"),
    [
        ("NV Power Mode: MAXN_SUPER\\n2\\n", "MAXN_SUPER"),
        ("NV Fan Mode:quiet\\nNV Power Mode: 15W\\n0\\n", "15W"),
        ("", None),
    ],
)
def test_the_power_mode_is_asked_for(tmp_path: Path, told: str, mode: str | None) -> None:
    assert power_mode(nvpmodel(tmp_path, told)) == mode


def test_no_program_no_power_mode() -> None:
    assert power_mode("/nowhere/nvpmodel") is None


def test_readings_over_a_while_become_one_of_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = laid_out(tmp_path, ORIN)
    watch = BoardWatch(root)
    monkeypatch.setattr(board, "SAMPLE_S", 3600.0)
    with watch:
        pass
    hotter = {"sys/class/thermal/thermal_zone0/temp": "60000\n", f"{MONITORS}/hwmon1/curr1_input": "1500\n"}
    laid_out(root, hotter)
    watch._readings.append(read(root))
    summary = watch.summary()
    assert summary["temperatures_c"]["cpu-thermal"] == 60.0
    assert summary["rails_w"]["VDD_GPU_SOC"] == pytest.approx(20.0)
    assert summary["clocks_mhz"] == {"17000000.gpu": 1300.5, "cpu": 2201.6}
