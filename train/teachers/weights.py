"""Weights of a teacher: read from a file of known hash, or drawn at random from a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from runtime.errors import UserError
from train.teachers.base import Teacher

SEEDED = "seeded:"


def read_weights(path: Path, sha256: str, source: str) -> tuple[dict[str, Tensor], str]:
    """Tensors of a weight file, and the hash of the file.

    Args:
        path: of the file.
        sha256: how its hash has to begin.
        source: where the right file is, for the message.

    Raises:
        UserError: no such file, or another one than the teacher was described with.
    """
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"Weight file '{path}' cannot be read ({error.strerror}): expected {source}.") from error
    if not found.startswith(sha256):
        raise UserError(
            f"Weight file '{path}' has sha256 {found[:8]}..., not {sha256[:8]}... as it should: use {source}."
        )
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights, found


def load(teacher: Teacher, path: Path) -> None:
    """Fill a teacher from a file of its released weights, and note the file's whole hash in its spec.

    Raises:
        UserError: no such file, or another one than the teacher was described with.
    """
    published, found = read_weights(path, teacher.spec.sha256, teacher.spec.source)
    named = {teacher.own_key(key): tensor for key, tensor in published.items()}
    teacher.load_state_dict({key: tensor for key, tensor in named.items() if key is not None})
    teacher.spec = replace(teacher.spec, sha256=found)


def seeded(construct: Callable[[], Teacher], weights: str) -> Teacher:
    """A teacher with random weights: for shapes, speed and tests, without a weight file.

    Batch norms take their statistics from noise, so that features of any net are of order 1.

    Args:
        construct: makes the teacher.
        weights: "seeded:N" with the seed N.

    Raises:
        UserError: N is not a whole number of 0 or more.
    """
    digits = weights.removeprefix(SEEDED)
    if not (digits.isascii() and digits.isdigit()):
        raise UserError(f"Weights '{weights}' name no seed: write a whole number, such as {SEEDED}0.")
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(int(digits))
        teacher = construct().train()
        norms = [m for m in teacher.modules() if isinstance(m, nn.BatchNorm2d)]
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.momentum = 1.0
        teacher.deeper(teacher(torch.randint(0, 256, (4, 64, 64, 3), dtype=torch.uint8))[-1])
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
    source = f"random weights, seed {int(digits)} (not pretrained)"
    teacher.spec = replace(teacher.spec, licence="none", source=source, sha256=f"{SEEDED}{int(digits)}")
    return teacher
