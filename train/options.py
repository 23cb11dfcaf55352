"""What a training is asked to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SCALES = (0.5, 1.0)
"""At what part of their size a teacher can be shown the tiles."""


@dataclass(frozen=True)
class Options:
    """What a training is asked to do; see ``python -m train --help``. None: the model's own default."""

    model: str
    teacher: str
    weights: str | None
    settings: dict[str, str]
    rolls: tuple[str, ...]
    labels: str | None
    out: Path
    steps: int | None
    batch: int
    lr: float | None
    seed: int
    tile: int
    scale: float
    mm_per_px: float
    sim_lines: int
    keep: str
    device: str
    amp: str
    resume: bool

    def identity(self) -> dict[str, Any]:
        """What must not change when a training is resumed."""
        same = asdict(self)
        for free in ("out", "resume", "device"):
            del same[free]
        return {**same, "rolls": list(self.rolls)}
