"""Engines by name: one file a backend, imported only when asked for."""

from __future__ import annotations

import argparse

from runtime.bundle import Bundle
from runtime.engines.base import Engine
from runtime.errors import UserError

ENGINES = ("openvino",)


def load_engine(bundle: Bundle, engine: str, precision: str, device: str) -> Engine:
    """The bundle's engine of that name, precision and device, loaded.

    Raises:
        UserError: no such engine, in this program or in the bundle; or it cannot be loaded here.
    """
    if engine == "openvino":
        from runtime.engines.openvino import OpenVinoEngine

        return OpenVinoEngine(bundle, precision, device)
    raise UserError(f"There is no engine '{engine}'; there is: {', '.join(ENGINES)}.")


def add_engine_options(made: argparse.ArgumentParser) -> None:
    """The three flags that name an engine of a bundle."""
    made.add_argument("--engine", choices=ENGINES, default="openvino")
    made.add_argument("--precision", default="fp32")
    made.add_argument("--device", default="CPU")
