"""``export engine --engine tensorrt``: a form of the graph becomes an engine, on the device that will run it.

One code for TensorRT 8.6 to 11 and without torch. Where TensorRT knows strongly typed networks (10 and newer) the
form's own types decide what is computed in which precision; before that, and on a DLA before 11, flags allow lower
ones and TensorRT chooses ("Strongly Typed Networks", docs.nvidia.com/deeplearning/tensorrt).
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.tensorrt_cache import CACHE, cache_text, scales_of
from export.tensorrt_check import check
from export.tensorrt_layers import counted, read_layers, require_int8
from export.tensorrt_network import PlanBuilder, strongly_typed
from runtime.bundle import Bundle, device_key
from runtime.engines.cuda import open_cuda
from runtime.engines.cuda.base import DeviceFacts
from runtime.engines.tensorrt import PLAN, nothing_kept_by_errors
from runtime.engines.tensorrt_home import Home, at_least, import_tensorrt, parse_device
from runtime.errors import UserError
from runtime.yaml_files import file_hash

PRECISIONS = ("fp16", "int8")
TEGRA_RELEASE = Path("/etc/nv_tegra_release")


@dataclass(frozen=True)
class TensorRtOptions:
    """How to build.

    Attributes:
        workspace_mb: most device memory that a layer's kernel may use beside its tensors.
        optimisation: builder optimisation level, 0 (quick build) to 5 (long search).
        timing_cache: folder of kernel timings, a file a device and version; makes the next build shorter.
        rebuild: replace an engine of the same precision and device.
    """

    workspace_mb: int = 1024
    optimisation: int = 3
    timing_cache: Path = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "weftwatch"
    rebuild: bool = False

    def __post_init__(self) -> None:
        if self.workspace_mb < 1:
            raise UserError(f"--workspace must be at least 1 MB, got {self.workspace_mb}.")
        if not 0 <= self.optimisation <= 5:
            raise UserError(f"--optimisation must be 0 to 5, got {self.optimisation}.")

    @classmethod
    def of(cls, options: argparse.Namespace) -> TensorRtOptions:
        """From the flags that ``add_options`` made."""
        return cls(options.workspace, options.optimisation, options.timing_cache, options.rebuild)


def add_options(made: argparse.ArgumentParser) -> None:
    """The flags that only TensorRT knows."""
    usual = TensorRtOptions()
    group = made.add_argument_group("TensorRT")
    group.add_argument("--workspace", type=int, default=usual.workspace_mb, metavar="MB", help="default %(default)s")
    group.add_argument(
        "--optimisation",
        type=int,
        default=usual.optimisation,
        metavar="0-5",
        help="search effort (default %(default)s)",
    )
    group.add_argument(
        "--timing-cache", type=Path, default=usual.timing_cache, metavar="DIR", help="default %(default)s"
    )
    group.add_argument("--rebuild", action="store_true", help="replace the bundle's engine of this key")


def build(bundle: Bundle, precision: str, device: str, options: TensorRtOptions) -> Path:
    """Build, inspect, check against the graph, and put into the bundle; nothing is written unless all of it succeeds.

    Args:
        precision: 'fp16' or 'int8'. device: 'cuda:0', 'dla:0'.

    Returns:
        The engine's folder.

    Raises:
        UserError: no TensorRT, driver or device here, no such form in the bundle, an engine that is there already,
            a graph that TensorRT does not take, or an engine that does not do what it was built for.
    """
    require_new(bundle, precision, device, options.rebuild)
    ordinal, core = parse_device(device)
    trt = import_tensorrt()
    form = form_for(trt, precision, core)
    graph = form_graph(bundle, form)
    scales, left = scales_of(bundle) if precision == "int8" and core is not None else ({}, [])
    cache = cache_text(trt.__version__, scales) if scales else b""
    cuda = open_cuda(ordinal)
    try:
        with cuda.current(), nothing_kept_by_errors(), tempfile.TemporaryDirectory() as made:
            here = Home.here(trt, cuda.facts)
            print(f"Building a {precision} engine from the form '{form}' with {here}; this takes minutes.", flush=True)
            building = PlanBuilder(trt, precision, core, options.workspace_mb, options.optimisation, cache, left)
            plan = Path(made) / PLAN
            plan.write_bytes(building.plan(graph, options.timing_cache / timings_name(here, cuda.facts)))
            layers = read_layers(building.inspected(plan.read_bytes()))
            require_int8(precision, layers)
            parity = check(trt, cuda, bundle, plan, core, precision)
            facts = {"cuda": "{}.{}".format(*cuda.facts.cuda), "l4t": jetson_linux(), "graph": file_hash(graph)}
            built = {**here.as_built(), **facts, **building.told, "precisions": counted(layers), "layers": layers}
            files = {PLAN: plan}
            if cache:
                files[CACHE] = plan.with_name(CACHE)
                files[CACHE].write_bytes(cache)
            versions = {"tensorrt": trt.__version__}
            return bundle.add_engine("tensorrt", precision, device, files, versions, parity, form, built)
    finally:
        cuda.close()


def require_new(bundle: Bundle, precision: str, device: str, rebuild: bool) -> None:
    """Raise UserError for a precision that is not built, or an engine that is there and is not to be replaced."""
    if precision not in PRECISIONS:
        raise UserError(f"TensorRT builds {' and '.join(PRECISIONS)}, not '{precision}'.")
    if not rebuild and (bundle.path / "engines" / f"tensorrt-{precision}-{device_key(device)}").exists():
        raise UserError(
            f"Bundle '{bundle.path}' has a TensorRT {precision} engine for {device} already: "
            "add --rebuild to replace it."
        )


def form_for(trt: Any, precision: str, core: int | None) -> str:
    """The bundle's form that this version builds this precision from.

    A strongly typed network computes in the types that the graph names, so what is not INT8 should be in halves
    there; 8.6 reads Q/DQ pairs with float scales only. A DLA before 11 takes no pairs, but a calibration cache.

    Raises:
        UserError: INT8 on a DLA from TensorRT 11 on.
    """
    if precision == "int8" and core is not None and at_least(trt, 11):
        raise UserError(
            "From TensorRT 11 on INT8 on a DLA is not written by this program: build --precision fp16, or use cuda:0."
        )
    if precision == "fp16" or core is not None:
        return "fp16"
    return "int8-signed-fp16" if strongly_typed(trt, core) else "int8-signed"


def form_graph(bundle: Bundle, form: str) -> Path:
    """The graph of a form.

    Raises:
        UserError: the bundle does not have it, or it was changed.
    """
    if not (bundle.path / "forms" / form).is_dir():
        raise UserError(
            f"Bundle '{bundle.path}' has no form {form}, from which TensorRT builds here: "
            f"run 'python -m calibration int8 --bundle {bundle.path} --rolls ...' on normal cloth first."
        )
    return bundle.form(form)[0] / "graph.onnx"


def jetson_linux(release: Path = TEGRA_RELEASE) -> str | None:
    """What NVIDIA's board support says of its release, such as 'R36 (release), REVISION: 4.3'; None elsewhere."""
    if not release.is_file():
        return None
    return ",".join(release.read_text().splitlines()[0].removeprefix("# ").split(",")[:2])


def timings_name(here: Home, facts: DeviceFacts) -> str:
    """Name of the timing cache file: timings hold for one device, TensorRT and CUDA."""
    words = re.sub(r"[^A-Za-z0-9.]+", "-", f"{here} cuda{facts.cuda[0]}.{facts.cuda[1]}")
    return f"{words.lower()}.timing"
