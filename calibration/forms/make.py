"""All forms of a bundle's graph, from one sample of tiles: the order of the work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx

from calibration.forms.calibrate import Calibration, calibrate
from calibration.forms.graph import Graph
from calibration.forms.halves import half_scales, halved, too_large
from calibration.forms.harm import TARGET_DB, Chosen, choose
from calibration.forms.measure import maps, seconds_per_tile, sqnr_db
from calibration.forms.prepare import prepared
from calibration.forms.quantize import Style
from calibration.forms.rival import nncf_quantized
from calibration.forms.trunk import quantizable
from calibration.sampling import Sample
from calibration.verdict.limits import Limits
from runtime.errors import UserError
from runtime.types import Float32

WANTED_DB = Limits().sqnr_db


@dataclass(frozen=True)
class Form:
    """The graph in other numbers.

    Attributes:
        name: of the form in the bundle. model: the graph.
        sqnr_db: of its map on the held-out tiles, as OpenVINO's CPU computes it.
        made: how, for its manifest. versions: of packages beyond the usual ones.
    """

    name: str
    model: onnx.ModelProto
    sqnr_db: float
    made: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def told(self) -> str:
        """In words."""
        many = f", {self.made['quantized']} of {self.made['convolutions']} convolutions" if "by" in self.made else ""
        noisy = f"; that is noisy, a verdict wants {WANTED_DB:g}" if self.sqnr_db < WANTED_DB else ""
        return f"  {self.name:18}map {self.sqnr_db:5.1f} dB{many}{noisy}"

    def save(self, path: Path) -> Path:
        """Write it as ONNX; returns the path."""
        onnx.save(self.model, str(path))
        return path


def make_forms(path: Path, taken: Sample, quantizer: str) -> Iterator[Form]:
    """Each form as soon as it is made.

    Args:
        path: the bundle's graph. quantizer: 'own', 'nncf' or 'best', for OpenVINO's form.

    Raises:
        UserError: the graph has no convolution that may be quantized.
        MissingExtra: NNCF is asked for and absent.
    """
    graph = onnx.load(str(path))
    reference = maps(graph, taken.held_out)
    model = prepared(graph)
    if not quantizable(Graph(model)):
        raise UserError(
            "This bundle's map has no net in it, only filters, which stay in floats: use its fp32 engine as it is."
        )
    found = calibrate(model, taken.calibrated)
    yield openvino_form(model, found, taken, reference, quantizer)
    signed = own_form("int8-signed", choose(model, found, Style.SIGNED, taken.held_out, reference))
    yield signed
    if near := too_large(found.ranges):
        print(f"  No FP16 form: '{near[0]}' comes near the largest value of float16 on normal cloth already.")
        return
    half = halved(signed.model)
    yield half_form("int8-signed-fp16", half, signed.made, taken, reference)
    half = halved(model)
    made = {"int8_scales": half_scales(half, found.ranges), "left_in_floats": list(signed.made["left_in_floats_db"])}
    yield half_form("fp16", half, made, taken, reference)


def half_form(name: str, half: onnx.ModelProto, made: dict[str, Any], taken: Sample, reference: Float32) -> Form:
    """A form whose net is in halves."""
    decibels = sqnr_db(reference, maps(half, taken.held_out))
    return Form(name, half, decibels, {**made, "sqnr_db": round(decibels, 1)})


def own_form(name: str, chosen: Chosen) -> Form:
    """What this program chose, with the convolutions that it left in floats."""
    made = {
        "by": "own",
        "ranges": "lowest and highest value",
        "sqnr_db": round(chosen.sqnr_db, 1),
        "quantized": chosen.quantized,
        "convolutions": chosen.quantized + len(chosen.left),
        "left_in_floats_db": {name: round(decibels, 1) for name, decibels in chosen.left.items()},
    }
    return Form(name, chosen.model, chosen.sqnr_db, made)


def openvino_form(
    model: onnx.ModelProto, found: Calibration, taken: Sample, reference: Float32, quantizer: str
) -> Form:
    """The form int8-unsigned, by whom it was asked for."""
    name = "int8-unsigned"
    if quantizer == "nncf":
        return nncf_form(name, model, taken, reference)
    own = own_form(name, choose(model, found, Style.UNSIGNED, taken.held_out, reference))
    return own if quantizer == "own" else better(own, nncf_form(name, model, taken, reference), taken)


def nncf_form(name: str, model: onnx.ModelProto, taken: Sample, reference: Float32) -> Form:
    """What NNCF makes of the same convolutions and tiles."""
    rival = nncf_quantized(model, taken.calibrated)
    count = len(quantizable(Graph(model)))
    decibels = sqnr_db(reference, maps(rival, taken.held_out))
    made = {"by": "nncf", "sqnr_db": round(decibels, 1), "quantized": count, "convolutions": count}
    return Form(name, rival, decibels, made, {"nncf": version("nncf")})


def better(own: Form, rival: Form, taken: Sample) -> Form:
    """The faster of two that are near enough to the graph's map, else the nearer one; measured here, in turns."""
    times = seconds_per_tile([own.model, rival.model], taken.held_out)
    for form, seconds in zip((own, rival), times, strict=True):
        form.made["ms_per_tile"] = round(1e3 * seconds, 2)
        print(f"  {form.made['by']:6}map {form.sqnr_db:5.1f} dB, {1e3 * seconds:.2f} ms a tile", flush=True)
    if min(own.sqnr_db, rival.sqnr_db) >= TARGET_DB:
        return own if times[0] <= times[1] else rival
    return own if own.sqnr_db >= rival.sqnr_db else rival
