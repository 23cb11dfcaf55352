"""The flags that name an engine."""

from __future__ import annotations

import argparse

import pytest

from runtime.engines import add_engine_options


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", ("openvino", "CPU")),
        ("--engine tensorrt", ("tensorrt", "cuda:0")),
        ("--engine tensorrt --device dla:0", ("tensorrt", "dla:0")),
        ("--device cuda:1 --engine tensorrt", ("tensorrt", "cuda:1")),
        ("--device GPU", ("openvino", "GPU")),
        ("--engine tensorrt --engine openvino", ("openvino", "CPU")),
    ],
)
def test_an_engine_comes_with_its_usual_device(typed: str, meant: tuple[str, str]) -> None:
    made = argparse.ArgumentParser()
    add_engine_options(made)
    options = made.parse_args(typed.split())
    assert (options.engine, options.device, options.precision) == (*meant, "fp32")
