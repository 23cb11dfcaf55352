"""What a report says of itself, so that another can be compared with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from benchmarks.host import facts
from runtime.bundle import Bundle
from runtime.engines.base import Engine

SCHEMA = 1
"""Raised when a name or a meaning in a report changes."""


@dataclass(frozen=True)
class Measure:
    """Something that was measured in several windows.

    Attributes:
        values: one a window. better: which way is better.
    """

    unit: str
    better: Literal["more", "less"]
    values: list[float]


def head(kind: str, bundle: Bundle, engine: Engine, settings: dict[str, Any]) -> dict[str, Any]:
    """The report's first part.

    Args:
        kind: name of the benchmark. settings: all that was chosen, by the user or for them.
    """
    return {
        "report": kind,
        "schema": SCHEMA,
        "bundle": bundle.id,
        "geometry": {**bundle.recipe.geometry.model_dump(), "channels": bundle.recipe.channels},
        "settings": settings,
        "host": facts(engine),
    }


def measures(found: dict[str, Measure]) -> dict[str, Any]:
    """Measures as they stand in a report, by name."""
    return {name: asdict(measure) for name, measure in found.items()}
