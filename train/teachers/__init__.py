"""Teachers by name. A new family is a file with a ``build(name)`` and a line here."""

from __future__ import annotations

from collections.abc import Callable

from runtime.errors import UserError
from train.teachers import efficientnet_lite
from train.teachers.base import Teacher, TeacherSpec

BUILDERS: dict[str, Callable[[str], Teacher]] = dict.fromkeys(efficientnet_lite.SPECS, efficientnet_lite.build)


def build_teacher(name: str) -> Teacher:
    """A frozen teacher, checked against its spec.

    Raises:
        UserError: no teacher of that name, or its weights are absent or not the released ones.
    """
    if name not in BUILDERS:
        raise UserError(f"No teacher '{name}': choose one of {', '.join(sorted(BUILDERS))}.")
    teacher = BUILDERS[name](name)
    teacher.check_contract()
    return teacher


__all__ = ["BUILDERS", "Teacher", "TeacherSpec", "build_teacher"]
