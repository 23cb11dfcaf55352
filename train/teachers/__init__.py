"""Teachers by name. A new family is a file with a ``Teacher`` and a line here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from runtime.errors import UserError
from train.teachers import efficientnet_lite, resnet
from train.teachers.base import ResNetShape, Teacher, TeacherSpec
from train.teachers.weights import SEEDED, load, seeded

BUILDERS: dict[str, Callable[[str], Teacher]] = {
    **dict.fromkeys(efficientnet_lite.SPECS, efficientnet_lite.EfficientNetLite),
    **dict.fromkeys(resnet.SPECS, resnet.ResNet),
}


def build_teacher(name: str, weights: str | None = None, scale: float = 1.0) -> Teacher:
    """A frozen teacher, checked against its spec.

    Args:
        name: one of ``BUILDERS``.
        weights: None for the released weights; the path of a file of these; or "seeded:N" for random weights.
        scale: 1, or 0.5: it is shown the tiles at half their size.

    Raises:
        UserError: no teacher of that name, or its weights are absent or not the released ones.
    """
    if name not in BUILDERS:
        raise UserError(f"No teacher '{name}': choose one of {', '.join(sorted(BUILDERS))}.")
    construct = partial(BUILDERS[name], name)
    if weights is not None and weights.startswith(SEEDED):
        teacher = seeded(construct, weights)
    else:
        teacher = construct()
        load(teacher, teacher.released_file() if weights is None else Path(weights))
    teacher.freeze()
    teacher.check_contract()
    teacher.scale = scale
    return teacher


__all__ = ["BUILDERS", "ResNetShape", "Teacher", "TeacherSpec", "build_teacher"]
