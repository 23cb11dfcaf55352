"""Typed YAML files: strict sections, written in one step, with one sentence for what is wrong with one."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from runtime.errors import UserError

FORMAT = 1
"""Of the files that name one: newer ones are refused."""

Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """A section of a YAML file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


def file_hash(path: Path) -> str:
    """sha256 of a file, hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def read_yaml(path: Path, model: type[Model]) -> Model:
    """Read a YAML file into a model, with one sentence for what is wrong with it.

    Raises:
        UserError: unreadable, not YAML, a newer format, unknown or ill-typed keys.
    """
    try:
        data = yaml.safe_load(path.read_bytes().decode())
    except OSError as error:
        raise UserError(f"Cannot read '{path}': {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"'{path}' is not YAML: {str(error).splitlines()[0]}.") from error
    if isinstance(data, dict) and isinstance(data.get("format"), int) and data["format"] > FORMAT:
        raise UserError(f"'{path}' has format {data['format']}; this version reads up to {FORMAT}: update weftwatch.")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UserError(f"'{path}': {place}: {first['msg']}.") from error


def write_yaml(path: Path, data: BaseModel) -> None:
    """Write a model as YAML in one step: aside, then renamed.

    Raises:
        UserError: it cannot be written.
    """
    aside = path.with_name(f".{path.name}.new")
    try:
        with aside.open("w") as file:
            yaml.safe_dump(data.model_dump(mode="json"), file, sort_keys=False)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
    except OSError as error:
        raise UserError(f"Cannot write '{path}': {error.strerror}.") from error
