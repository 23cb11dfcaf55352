"""Which precision each layer of a built engine got, as TensorRT's engine inspector tells it.

Source: "Engine Inspector" (docs.nvidia.com/deeplearning/tensorrt): a JSON object with ``Layers``, each with inputs and
outputs. What a tensor is stands in words, and the words changed: 'Thirty-two wide channel vectorized row major Int8
format' (8.6), 'Half' (10), a field of another name (11).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from runtime.errors import UserError

FIELDS = ("Format/Datatype", "DataType", "Datatype", "Format")
KINDS = {
    "int8": re.compile(r"\bint8\b", re.I),
    "fp16": re.compile(r"\b(fp16|half)\b", re.I),
    "fp32": re.compile(r"\b(fp32|float)\b", re.I),
}
MOVES = ("Reformat", "NoOp", "Constant")
"""Layer types that compute nothing."""


def read_layers(inspected: str) -> dict[str, str]:
    """Layer name to what goes in and what comes out, 'int8 fp16 > int8', of layers that compute.

    Args:
        inspected: get_engine_information(JSON) of an engine built with detailed profiling verbosity.
    """
    described = [entry for entry in json.loads(inspected)["Layers"] if isinstance(entry, dict)]
    return {
        str(entry.get("Name")): f"{kinds(entry.get('Inputs'))} > {kinds(entry.get('Outputs'))}"
        for entry in described
        if entry.get("LayerType") not in MOVES
    }


def kinds(tensors: Any) -> str:
    """The distinct kinds of a layer's tensors, in order."""
    told = [kind(tensor) for tensor in tensors or [] if isinstance(tensor, dict)]
    return " ".join(dict.fromkeys(told)) or "nothing"


def kind(tensor: dict[str, Any]) -> str:
    """int8, fp16, fp32, or other."""
    text = " ".join(str(tensor[field]) for field in FIELDS if field in tensor)
    return next((name for name, pattern in KINDS.items() if pattern.search(text)), "other")


def counted(layers: dict[str, str]) -> dict[str, int]:
    """How many layers take each kind of tensors first."""
    return dict(Counter(told.split()[0] for told in layers.values()).most_common())


def require_int8(precision: str, layers: dict[str, str]) -> None:
    """Refuse an INT8 engine in which nothing is INT8.

    Raises:
        UserError: of an int8 engine, no layer takes int8 tensors.
    """
    if precision == "int8" and not any("int8" in told.split(" > ")[0] for told in layers.values()):
        raise UserError(
            f"TensorRT built the int8 engine without a layer in INT8 ({counted(layers) or 'no layer was told'}): "
            "check the form with 'python -m export gate', and use fp16 meanwhile."
        )
