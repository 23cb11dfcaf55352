"""Files of tensors and plain values: written in one step, read without running anything in them."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import torch

from runtime.errors import UserError


def save(path: Path, data: dict[str, Any]) -> None:
    """Write aside and rename, so that a file cut off half-way is never taken for a whole one."""
    aside = path.with_name(f".{path.name}.new")
    torch.save(data, aside)
    os.replace(aside, path)


def load(path: Path) -> dict[str, Any]:
    """Read to the CPU.

    Raises:
        UserError: absent, damaged, or holding more than tensors and plain values.
    """
    try:
        data: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"'{path}' does not exist: run 'python -m train --out {path.parent} ...' first.") from error
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise UserError(f"'{path}' is damaged or not a file of weights: train again.") from error
    return data
