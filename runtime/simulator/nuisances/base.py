"""A nuisance asked for, and what is expected of the runtime when it passes."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.simulator.faults.base import Request

EXPECT = ("defect", "seam", "obstructed", "other_cloth", "no_cloth", "learned", "count", "ignore")
"""``Class.expect``. Reasons and states of the runtime by their own names; ``learned``: nothing, being part of the
style; ``count``: at most a number, no alarm; ``ignore``: nothing."""


@dataclass(frozen=True)
class Nuisance(Request):
    """A nuisance asked for.

    Attributes:
        style: name of the cloth that follows a ``style_change``; None: the same style from another lot.
    """

    style: str | None = None
