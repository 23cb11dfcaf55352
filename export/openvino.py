"""An OpenVINO engine from the bundle's graph or its INT8 form, checked on the device that it is for."""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import openvino as ov

from export.agreement import in_batches, probe_tiles, reference_maps, sqnr_db
from runtime.bundle import Bundle
from runtime.engines.openvino import PRECISION_HINT, compile_model, executed_types, require_executed
from runtime.errors import UserError

FORM = "int8-unsigned"
LEAST_DB = {"fp32": 60.0, "fp16": 30.0, "int8": 0.0}
"""Signal to noise of the map on tiles of ripple and noise; what is far from it is broken, and no more is asked."""


def build(bundle: Bundle, precision: str, device: str) -> Path:
    """Convert, compile, check against the bundle's FP32 engine, and put into the bundle.

    Args:
        precision: 'fp32', 'fp16' (weights are stored in it) or 'int8'. device: 'CPU', 'GPU', 'NPU'.

    Returns:
        The engine's folder.

    Raises:
        UserError: no such precision, device or form; a device that does not compute in the precision; an engine that
            is far from the graph.
    """
    if precision not in PRECISION_HINT:
        raise UserError(f"OpenVINO builds {', '.join(PRECISION_HINT)}, not '{precision}'.")
    form, graph = source(bundle, precision)
    tiles = probe_tiles(bundle)
    with tempfile.TemporaryDirectory() as made:
        model = Path(made) / "model.xml"
        ov.save_model(ov.convert_model(graph), model, compress_to_fp16=precision == "fp16")
        compiled = compile_model(model, precision, device)
        told = require_executed(compiled, precision, device)
        batch = compiled.input(0).shape[0]
        found = np.concatenate([compiled([part])[0] for part in in_batches(tiles, batch)])[: len(tiles)]
        decibels = sqnr_db(reference_maps(bundle, tiles), found)
        if not decibels >= LEAST_DB[precision]:
            raise UserError(
                f"The {precision} engine's maps are {decibels:.1f} dB from the graph's on {device}, less than "
                f"{LEAST_DB[precision]:g}: nothing was written; use another --precision or --device."
            )
        print(f"openvino {precision} on {device}: {told}; map {decibels:.1f} dB from FP32 on probe tiles")
        return bundle.add_engine(
            "openvino",
            precision,
            device,
            files={"model.xml": model, "model.bin": model.with_suffix(".bin")},
            versions={"openvino": version("openvino")},
            parity={"tiles": len(tiles), "against": "openvino fp32 CPU", "map_sqnr_db": round(min(decibels, 999.0), 1)},
            form=form,
            built={"convolutions": dict(executed_types(compiled))},
        )


def source(bundle: Bundle, precision: str) -> tuple[str, Path]:
    """Name and file of what an engine of a precision is made from.

    Raises:
        UserError: the bundle lacks the form.
    """
    if precision != "int8":
        return "model", bundle.graph
    if not (bundle.path / "forms" / FORM).is_dir():
        raise UserError(
            f"Bundle '{bundle.path}' has no form {FORM}, from which OpenVINO builds INT8: "
            f"run 'python -m calibration int8 --bundle {bundle.path} --rolls ...' on normal cloth first."
        )
    return FORM, bundle.form(FORM)[0] / "graph.onnx"
