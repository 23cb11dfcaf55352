"""Limits: which way they hold, and what is said of one that is not kept."""

from __future__ import annotations

import math

import pytest

from calibration.verdict.limits import Limits, checks, parse
from runtime.errors import UserError

KEPT = {
    "sqnr_db": 35.0, "rank_correlation": 0.99, "planted_found": 60, "planted_lost": 0.0, "false_events_ratio": 1.0,
}  # fmt: skip


def test_there_is_a_figure_a_title_and_a_reason_for_every_limit() -> None:
    made = checks(KEPT, Limits())
    assert [check.name for check in made] == list(Limits.model_fields)
    assert all(check.passes and check.title and check.reason for check in made)


@pytest.mark.parametrize(
    ("name", "bad", "at"),
    [
        ("sqnr_db", 19.9, 20.0),
        ("rank_correlation", 0.94, 0.95),
        ("planted_found", 19, 20),
        ("planted_lost", 0.06, 0.05),
        ("false_events_ratio", 2.1, 2.0),
        ("sqnr_db", math.nan, math.inf),
        ("false_events_ratio", math.nan, 0),
    ],
)
def test_each_fails_by_itself_and_at_the_limit_it_passes(name: str, bad: float, at: float) -> None:
    failed = [check for check in checks({**KEPT, name: bad}, Limits()) if not check.passes]
    assert [check.name for check in failed] == [name]
    assert all(check.passes for check in checks({**KEPT, name: at}, Limits()))


def test_the_sentence_names_the_limit_and_the_figure() -> None:
    (failed,) = (check for check in checks({**KEPT, "planted_lost": 0.125}, Limits()) if not check.passes)
    assert failed.sentence.startswith("planted_lost is 0.125, and must be at most 0.05 (share of those")


def test_other_limits_by_name() -> None:
    assert parse([]) == Limits()
    assert parse(["sqnr_db=31", "planted_found=5"]) == Limits(sqnr_db=31, planted_found=5)


@pytest.mark.parametrize("pair", ["sqnr=31", "sqnr_db=loud", "sqnr_db", "planted_found=2.5"])
def test_what_is_no_limit_is_refused_by_name(pair: str) -> None:
    with pytest.raises(UserError, match=rf"--limits {pair.partition('=')[0]}=.*takes the names sqnr_db, rank_c"):
        parse([pair])
