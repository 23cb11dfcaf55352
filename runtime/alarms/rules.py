"""The section ``alarms`` of settings.yaml: what sets off the lamp, the buzzer or a stop of the loom.

    alarms:
      inhibit_m: 0.1
      rules:
      - {name: any defect, output: lamp}
      - {name: repeated, output: buzzer, kinds: [local], repeats: 3, within_m: 1.0, across_mm: 5.0}
      - {name: running warp, output: stop, kinds: [warp], at_least_mm: 300.0, most: 1, per_m: 10.0}

A loom that is stopped for nothing gets a starting mark, which is a defect itself. So nothing stops it by default, and
a rule that cannot be understood is left out and told, while the others hold: a slip in this section neither stops a
loom nor leaves it without eyes.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from pydantic import Field, ValidationError, model_validator

from runtime.types import Kind
from runtime.yaml_files import Strict


class Output(str, Enum):
    """What an alarm asks for."""

    LAMP = "lamp"
    BUZZER = "buzzer"
    STOP = "stop"


class Rule(Strict):
    """Sets off its output for each defect that fits it, once a defect."""

    name: str = Field(min_length=1)
    output: Output
    kinds: tuple[Kind, ...] = Field(default=tuple(Kind), min_length=1, description="of defect that it is about")
    at_least_mm: float = Field(default=0.0, ge=0, description="shorter and narrower defects do not count")
    repeats: int = Field(default=1, ge=1, description="how many such defects it takes ...")
    within_m: float = Field(default=1.0, gt=0, description="... to begin in so much cloth ...")
    across_mm: float | None = Field(default=None, gt=0, description="... no further apart across the cloth than this")
    most: int | None = Field(default=None, ge=1, description="alarms of this rule, at most so many ...")
    per_m: float = Field(default=10.0, gt=0, description="... in so much cloth")

    @model_validator(mode="after")
    def _stops_for_something(self) -> Rule:
        if self.output is Output.STOP and not (self.at_least_mm > 0 or self.repeats > 1):
            raise ValueError("a stop needs at_least_mm or repeats: no single small defect is worth one")
        if self.output is Output.STOP and "kinds" not in self.model_fields_set:
            raise ValueError("a stop needs the kinds that it is for")
        return self


class AlarmSection(Strict):
    """Rules as they were written; ``understood`` tells which of them hold."""

    inhibit_m: float = Field(
        default=0.1, ge=0, description="cloth after a start or restart for which nothing sounds or stops"
    )
    rules: tuple[Any, ...] = Field(default=(), description="of Rule each; one that is none is left out and told")


def understood(written: Sequence[Any]) -> tuple[list[Rule], list[str]]:
    """The rules that hold, and a sentence for each that does not."""
    rules: list[Rule] = []
    faults: list[str] = []
    for number, one in enumerate(written, 1):
        try:
            rule = Rule.model_validate(one)
            if rule.name in [other.name for other in rules]:
                faults.append(f"alarm rule {number} is left out: there is another of the name '{rule.name}'")
            else:
                rules.append(rule)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            faults.append(f"alarm rule {number} is left out: {place + ': ' if place else ''}{first['msg']}")
    return rules, faults
