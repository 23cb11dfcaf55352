"""recipe.yaml of a training: all that export needs to know besides the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from runtime.errors import UserError
from runtime.geometry import TileGeometry


class Section(BaseModel):
    """Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class TeacherSection(Section):
    """The frozen encoder and where its weights come from.

    Attributes:
        weights: as given, None for the released ones.
        scale: 1, or 0.5: it is shown the tiles at half their size.
    """

    name: str
    weights: str | None
    licence: str
    source: str
    sha256: str
    scale: float = 1.0


class RollsSection(Section):
    """What was trained on.

    Attributes:
        paths, labels: as given.
        sim_lines: lines taken from each simulated roll.
        lines, held_out_lines: how many lines; strips of a folder count with their height.
        crc32: of the pixels trained on.
    """

    paths: list[str]
    labels: str | None
    sim_lines: int
    lines: int
    held_out_lines: int
    crc32: int


class LearningSection(Section):
    """How it was trained; ``arithmetic`` of the convolutions, ``keep`` best, last or ema."""

    steps: int
    batch: int
    lr: float
    seed: int
    keep: str
    device: str
    arithmetic: str
    processes: int


class ChosenSection(Section):
    """The checkpoint: its step, and its loss on held-out normals."""

    step: int
    held_out_loss: float


class TrainRecipe(Section):
    """recipe.yaml; geometry in px, ``mm_per_px`` of the rolls, versions of the libraries used."""

    format: int = 1
    model: str
    settings: dict[str, Any]
    teacher: TeacherSection
    tile: int
    margin: int
    blend: int
    channels: int
    mm_per_px: float
    rolls: RollsSection
    learning: LearningSection
    chosen: ChosenSection
    versions: dict[str, str]

    @property
    def geometry(self) -> TileGeometry:
        return TileGeometry(self.tile, self.margin, self.blend)


def write_recipe(folder: Path, recipe: TrainRecipe) -> None:
    """Write recipe.yaml into a training's folder."""
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False))


def read_recipe(folder: Path) -> TrainRecipe:
    """Read recipe.yaml of a training's folder.

    Raises:
        UserError: no training there, or its recipe is damaged.
    """
    path = folder / "recipe.yaml"
    if not path.is_file():
        raise UserError(
            f"'{folder}' holds no finished training: it has no recipe.yaml; run 'python -m train --out {folder} ...'."
        )
    try:
        return TrainRecipe.model_validate(yaml.safe_load(path.read_text()))
    except yaml.YAMLError as error:
        raise UserError(f"'{path}' is not YAML: {' '.join(str(error).split())}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UserError(f"'{path}' is not a training's recipe: {place}: {first['msg']}.") from error
