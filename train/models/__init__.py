"""Models by name. A new model is a file with a class and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from runtime.errors import UserError
from train.models.base import AnomalyModel, Level, Settings, settings_help
from train.models.cfa import Cfa
from train.models.knn import Knn
from train.models.rd4ad import Rd4ad
from train.models.uninet import Uninet
from train.teachers import Teacher

MODELS: dict[str, type[AnomalyModel]] = {"cfa": Cfa, "knn": Knn, "rd4ad": Rd4ad, "uninet": Uninet}


def model_settings(name: str, values: Mapping[str, Any]) -> Settings:
    """A model's settings, from names and values (as text or as they are).

    Raises:
        UserError: no model of that name, a setting it does not have, or a value that does not fit.
    """
    if name not in MODELS:
        raise UserError(f"No model '{name}': choose one of {', '.join(sorted(MODELS))}.")
    try:
        return MODELS[name].Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        setting = ".".join(str(part) for part in first["loc"])
        known = ", ".join(entry for entry, _, _ in settings_help(MODELS[name]))
        raise UserError(f"--set {setting}: {first['msg']}; {name} has the settings {known}.") from error


def build_model(name: str, teacher: Teacher, values: Mapping[str, Any] | None = None) -> AnomalyModel:
    """An untrained model around a frozen teacher.

    Raises:
        UserError: see ``model_settings``, or a setting that this teacher cannot serve.
    """
    settings = model_settings(name, values or {})
    return MODELS[name](teacher, settings)


__all__ = ["MODELS", "AnomalyModel", "Level", "Settings", "build_model", "model_settings", "settings_help"]
