"""Where a run lies in its roll: from metres of the stream to those of the roll."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Places:
    """From metres of a run's stream to those of the roll.

    Attributes:
        start: metre of the roll at which the run begins.
        begins, ends: metres of the stream at which each camera comes to the run, where that is not 0, and goes on to
            another roll. What it was known to have beyond that is the other's.
    """

    start: float
    begins: dict[str, float]
    ends: dict[str, float]

    @classmethod
    def of_run(cls, start: float, events: Sequence[dict[str, Any]], roll: str) -> Places:
        """As the cameras' first and last word in a run say. ``events``: as they are kept; ``roll``: the roll's id."""
        begins: dict[str, float] = {}
        ends: dict[str, float] = {}
        for event in events:
            if event["type"] == "state" and event["state"] == "started" and event["camera"]:
                if event["roll"] == roll:
                    begins.setdefault(event["camera"], event["y_m"] or 0.0)
                elif event["y_m"] is not None:
                    ends[event["camera"]] = event["y_m"]
        return cls(start, begins, ends)

    def of(self, camera: str, metres: float) -> float:
        """The roll's metre of a camera's."""
        return self.start + min(metres, self.ends.get(camera, math.inf)) - self.begins.get(camera, 0.0)
