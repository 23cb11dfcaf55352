"""Engines by name: one file a backend, imported only when asked for."""

from __future__ import annotations

import argparse
from typing import Any

from runtime.bundle import Bundle
from runtime.engines.base import Engine
from runtime.errors import UserError

ENGINES = {"openvino": "CPU", "tensorrt": "cuda:0"}
"""Their usual devices, by name."""


def load_engine(bundle: Bundle, engine: str, precision: str, device: str) -> Engine:
    """The bundle's engine of that name, precision and device, loaded.

    Raises:
        UserError: no such engine, in this program or in the bundle; or it cannot be loaded here.
    """
    if engine == "openvino":
        from runtime.engines.openvino import OpenVinoEngine

        return OpenVinoEngine(bundle, precision, device, tuning=bundle.tuning("openvino", precision, device))
    if engine == "tensorrt":
        from runtime.engines.tensorrt import TensorRtEngine

        return TensorRtEngine(bundle, precision, device)
    raise UserError(f"There is no engine '{engine}'; there is: {', '.join(ENGINES)}.")


def add_engine_options(made: argparse.ArgumentParser) -> None:
    """The three flags that name an engine of a bundle."""
    made.add_argument("--engine", choices=list(ENGINES), default="openvino", action=_ChooseEngine)
    made.add_argument("--precision", default="fp32")
    usual = ", ".join(f"{device} for {engine}" for engine, device in ENGINES.items())
    made.add_argument("--device", default=ENGINES["openvino"], help=f"default: {usual}")


class _ChooseEngine(argparse.Action):
    """Sets the engine, and its usual device where another's usual one stands."""

    def __call__(self, _parser: Any, chosen: argparse.Namespace, engine: Any, _option: str | None = None) -> None:
        if chosen.device == ENGINES[chosen.engine]:
            chosen.device = ENGINES[engine]
        chosen.engine = engine
