"""What TensorRT for RTX makes of a graph, on a machine without a GPU: parses, compiles, reads the compiled layers.

    python -m export.rtx_plan graph.onnx 86      # JSON on stdout

A process of its own, because a graph that the library trips over can end it. Compiling ahead of time needs no device
("CPU-Only AOT", docs.nvidia.com/deeplearning/tensorrt-rtx). Its list of compiled layers comes with the log, at the
level VERBOSE of an engine built with detailed profiling verbosity.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

LAYER = re.compile(r"^Name: (?P<name>.*?), LayerType: (?P<type>\w+), (?P<rest>.*)$", re.M)
CONVOLUTIONS = ("correlation", "deconv", "conv", "gemm")
"""Layer types that are worth running in few bits."""


def read_layers(log: str) -> list[dict[str, str]]:
    """Convolutions in a compiled plan: name, type, and data type of the first input."""
    found = []
    for layer in LAYER.finditer(log):
        inputs = re.search(r"Inputs: \[(.*?)\], (?:Constants|Outputs)", layer["rest"])
        kinds = re.findall(r"Datatype: (\w+)", inputs[1] if inputs else "")
        if layer["type"] in CONVOLUTIONS and kinds:
            found.append({"name": layer["name"], "type": layer["type"], "input": kinds[0]})
    return found


def compile_graph(graph: str, compute: list[str]) -> dict[str, Any]:
    """Parse and compile.

    Returns:
        errors and warnings (of parsing), bytes of the plan (0 where it was not built), layers as ``read_layers`` has
        them.
    """
    import tensorrt_rtx as rtx

    messages: list[tuple[Any, str]] = []

    class Log(rtx.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            rtx.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            messages.append((severity, message))

    def told(*severities: Any) -> list[str]:
        return list(dict.fromkeys(message for severity, message in messages if severity in severities))

    log = Log()
    builder = rtx.Builder(log)
    network = builder.create_network(1 << int(rtx.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = rtx.OnnxParser(network, log)
    parsed = parser.parse_from_file(graph)
    warnings = told(rtx.ILogger.WARNING)
    plan = None
    if parsed:
        config = builder.create_builder_config()
        config.profiling_verbosity = rtx.ProfilingVerbosity.DETAILED
        config.num_compute_capabilities = len(compute)
        for number, capability in enumerate(compute):
            config.set_compute_capability(getattr(rtx.ComputeCapability, f"SM{capability}"), number)
        plan = builder.build_serialized_network(network, config)
    errors = [parser.get_error(number).desc() for number in range(parser.num_errors)]
    return {
        "errors": errors + told(rtx.ILogger.ERROR, rtx.ILogger.INTERNAL_ERROR),
        "warnings": warnings,
        "bytes": plan.nbytes if plan is not None else 0,
        "layers": read_layers("\n".join(told(rtx.ILogger.VERBOSE, rtx.ILogger.INFO))),
    }


if __name__ == "__main__":
    print(json.dumps(compile_graph(sys.argv[1], sys.argv[2:])))
