"""What an engine must hold to pass, and why that much: the one place where it is said."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field, ValidationError

from runtime.errors import UserError
from runtime.yaml_files import Strict


class Limits(Strict):
    """Limits by name, each with its reason."""

    sqnr_db: float = Field(
        default=20.0,
        title="SQNR of the map over painted cloth, dB",
        description="At 20 dB the engine's noise is a tenth of what the map varies by. Painted defects are strong, and "
        "the pixel filters find many of them alone: damage to the net shows here long before one is lost.",
    )
    rank_correlation: float = Field(
        default=0.95,
        title="rank correlation of the map over painted cloth",
        description="Thresholds are set again for every engine, so what must stay is the order of values. Convolutions "
        "at 8 bits kept 0.98 to 0.99 of it in trials, at 7 bits 0.90.",
    )
    planted_found: int = Field(
        default=20,
        title="painted defects that the reference finds",
        description="Of fewer, one lost defect is more than the share that may be lost: nothing could be said.",
    )
    planted_lost: float = Field(
        default=0.05,
        title="share of those that the engine loses",
        description="A defect whose score lies at the threshold falls to either side by the smallest change, and about "
        "as many are newly found; above this share it is no longer only those.",
    )
    false_events_ratio: float = Field(
        default=2.0,
        title="false events as a multiple of the reference's",
        description="Each at its own threshold, on normal cloth that set none of them. None at all counts as one, "
        "since an event more or less is chance.",
    )


AT_LEAST = {"sqnr_db", "rank_correlation", "planted_found"}
"""Limits that a figure must reach; it must not go beyond the others."""


class Check(Strict):
    """A figure beside its limit."""

    name: str
    figure: float
    limit: float
    passes: bool

    @property
    def title(self) -> str:
        return str(Limits.model_fields[self.name].title)

    @property
    def reason(self) -> str:
        return str(Limits.model_fields[self.name].description)

    @property
    def wanted(self) -> str:
        """The limit in words."""
        return f"{'at least' if self.name in AT_LEAST else 'at most'} {self.limit:g}"

    @property
    def sentence(self) -> str:
        return f"{self.name} is {self.figure:.4g}, and must be {self.wanted} ({self.title})."


def checks(figures: dict[str, float], limits: Limits) -> list[Check]:
    """Every figure against its limit; NaN passes none."""
    made = []
    for name, limit in limits.model_dump().items():
        figure = figures[name]
        passes = figure >= limit if name in AT_LEAST else figure <= limit
        made.append(Check(name=name, figure=figure, limit=limit, passes=passes))
    return made


def parse(pairs: Sequence[str]) -> Limits:
    """Limits from NAME=VALUE; those not named are as they are by default.

    Raises:
        UserError: no such limit, or no number.
    """
    named = {name: value for name, _, value in (pair.partition("=") for pair in pairs)}
    try:
        return Limits.model_validate(named)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(
            f"--limits {first['loc'][0]}={first['input']}: {first['msg']}; "
            f"NAME=VALUE takes the names {', '.join(Limits.model_fields)}."
        ) from error
