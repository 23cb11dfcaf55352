"""Trainings of a few steps on tiles of 64 px, whose teachers have random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from train.__main__ import main

SEEDED = ["--weights", "seeded:0"]
SMALL = ["--teacher", "efficientnet_lite0", "--tile", "64", "--batch", "2", "--amp", "off"]
FORMS = {
    "rd4ad": ["--steps", "3", "--set", "width=8"],
    "uninet": ["--steps", "3", "--set", "width=8"],
    "cfa": ["--steps", "3", "--set", "gamma_c=16"],
    "knn": ["--set", "count=64"],
}
"""What makes each model small."""


def arguments(roll: Path, out: Path, *more: str, model: str = "rd4ad") -> list[str]:
    """Of ``python -m train``; ``more`` overrides what is small."""
    return ["--rolls", str(roll), "--out", str(out), "--model", model, *SEEDED, *SMALL, *FORMS[model], *more]


def trained(roll: Path, out: Path, *more: str, model: str = "rd4ad") -> Path:
    """Train; returns ``out``."""
    assert main(arguments(roll, out, *more, model=model)) == 0
    return out


def kept(folder: Path) -> dict[str, Tensor]:
    """Weights that a training kept."""
    return dict(torch.load(folder / "checkpoint.pt", weights_only=True))


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """To the bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
