"""Models by name. A new model is a file with a class and a line here."""

from __future__ import annotations

from collections.abc import Callable

from runtime.errors import UserError
from train.models.base import AnomalyModel
from train.models.rd4ad import Rd4ad
from train.teachers import Teacher

BUILDERS: dict[str, Callable[[Teacher, int, str], AnomalyModel]] = {"rd4ad": Rd4ad}


def build_model(name: str, teacher: Teacher, width: int, loss: str) -> AnomalyModel:
    """An untrained model around a frozen teacher.

    Raises:
        UserError: no model of that name.
    """
    if name not in BUILDERS:
        raise UserError(f"No model '{name}': choose one of {', '.join(sorted(BUILDERS))}.")
    return BUILDERS[name](teacher, width, loss)


__all__ = ["BUILDERS", "AnomalyModel", "build_model"]
