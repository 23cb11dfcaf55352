"""The same graph under the vendor's own program, where it is installed: what the device does without this one.

OpenVINO: ``benchmark_app`` (docs.openvino.ai, "Benchmark Tool"). TensorRT: ``trtexec`` (docs.nvidia.com/deeplearning/
tensorrt, "Command-Line Programs"); a CUDA graph, spin waiting and no transfers are the fixed defaults of its version
11, and are asked for so that older ones measure the same.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from runtime.bundle import EngineManifest

PLACES = (Path(sys.executable).parent, Path("/usr/src/tensorrt/bin"))
"""Where the programs lie when they are not on the PATH: the environment's own, and NVIDIA's Debian packages."""
THROUGHPUT = re.compile(r"Throughput: +([\d.]+) +(?:FPS|qps)")
SLACK_S = 120.0


def measure(folder: Path, manifest: EngineManifest, seconds: float) -> dict[str, Any] | None:
    """Run the vendor's program on an engine for some seconds.

    Args:
        folder, manifest: of the engine, as runtime.bundle.Bundle.engine gives them.

    Returns:
        program (with its arguments but the file) and tiles_s; None where it is absent or did not tell.
    """
    line = command(folder, manifest, seconds)
    program = find(line[0])
    if program is None:
        return None
    try:
        done = subprocess.run(
            [str(program), *line[1:]], capture_output=True, text=True, timeout=seconds + SLACK_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    told = THROUGHPUT.search(done.stdout)
    if done.returncode or not told:
        return None
    shown = [part.replace(f"{folder}/", "") for part in line]
    return {"program": line[0], "command": " ".join(shown), "tiles_s": float(told.group(1))}


def command(folder: Path, manifest: EngineManifest, seconds: float) -> list[str]:
    """The program's name and arguments."""
    whole = max(1, round(seconds))
    if manifest.engine == "tensorrt":
        plan = next(name for name in manifest.files if name.endswith(".plan"))
        kind, _, number = manifest.device.partition(":")
        where = f"--useDLACore={number}" if kind == "dla" else f"--device={number}"
        flags = ["--useCudaGraph", "--useSpinWait", "--noDataTransfers"]
        return ["trtexec", f"--loadEngine={folder / plan}", where, f"--duration={whole}", *flags]
    from runtime.engines.openvino import PRECISION_HINT

    hint = PRECISION_HINT[manifest.precision]
    flags = ["-d", manifest.device, "-hint", "throughput", "-infer_precision", hint, "-t", str(whole)]
    return ["benchmark_app", "-m", str(folder / "model.xml"), *flags]


def find(program: str) -> Path | None:
    """Where a program is; None where it is not."""
    found = shutil.which(program) or shutil.which(program, path=":".join(map(str, PLACES)))
    return Path(found) if found else None
