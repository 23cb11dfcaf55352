"""Rules as they are written: what is understood, and what is left out with a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.alarms.rules import AlarmSection, Output, Rule, understood
from runtime.types import Kind

LAMP = {"name": "any", "output": "lamp"}
STOP = {"name": "warp", "output": "stop", "kinds": ["warp"], "at_least_mm": 300}


def test_by_default_there_are_no_rules() -> None:
    assert AlarmSection().rules == ()


def test_a_rule_is_about_every_kind_and_one_defect_unless_it_says_otherwise() -> None:
    (rule,), faults = understood([LAMP])
    assert faults == []
    assert (rule.output, rule.kinds, rule.repeats, rule.at_least_mm, rule.most) == (
        Output.LAMP,
        tuple(Kind),
        1,
        0,
        None,
    )


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"name": "x", "output": "siren"}, "output: Input should be 'lamp', 'buzzer' or 'stop'"),
        ({"name": "x", "output": "lamp", "kinds": ["knot"]}, r"kinds.0: Input should be 'local', 'warp'"),
        ({"name": "x", "output": "lamp", "kinds": []}, "kinds: Tuple should have at least 1 item"),
        ({"name": "x", "output": "lamp", "at_least": 3}, "at_least: Extra inputs are not permitted"),
        ({"name": "x", "output": "lamp", "within_m": 0}, "within_m: Input should be greater than 0"),
        ({"name": "x", "output": "lamp", "at_least_mm": float("nan")}, "at_least_mm: Input should be"),
        ({"name": "x"}, "output: Field required"),
        ({"name": "x", "output": "stop", "kinds": ["local"]}, "a stop needs at_least_mm or repeats"),
        ({"name": "x", "output": "stop", "repeats": 3}, "a stop needs the kinds"),
        ({**STOP, "name": "any"}, "there is another of the name 'any'"),
        ("stop", "Input should be a valid dictionary"),
        (None, "Input should be a valid dictionary"),
    ],
)
def test_a_broken_rule_is_left_out_and_told_and_the_others_hold(broken: Any, why: str) -> None:
    rules, faults = understood([LAMP, broken, STOP])
    assert [rule.name for rule in rules] == ["any", "warp"]
    assert len(faults) == 1
    assert faults[0].startswith("alarm rule 2 is left out: ")
    assert why in faults[0]


def test_a_section_keeps_what_was_written_when_settings_are_stored_again() -> None:
    section = AlarmSection.model_validate({"inhibit_m": 0.3, "rules": [LAMP, {"nonsense": 1}, STOP]})
    assert AlarmSection.model_validate(section.model_dump(mode="json")) == section
    assert section.model_dump(mode="json")["rules"] == [LAMP, {"nonsense": 1}, STOP]


@pytest.mark.parametrize("kind", list(Kind))
def test_a_stop_may_be_for_any_kind_that_is_long_or_repeated(kind: Kind) -> None:
    for condition in ({"at_least_mm": 10}, {"repeats": 2}):
        Rule(name="x", output=Output.STOP, kinds=(kind,), **condition)
