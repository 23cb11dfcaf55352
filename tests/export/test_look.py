from __future__ import annotations

import pytest

from export.__main__ import main
from export.look import Look
from runtime.command import status
from runtime.errors import UserError


@pytest.mark.parametrize(
    ("channels", "net", "filters"), [("both", True, True), ("net", True, False), ("filters", False, True)]
)
def test_what_the_map_is_made_of(channels: str, net: bool, filters: bool) -> None:
    look = Look(channels=channels)
    assert (look.net, look.filters) == (net, filters)


@pytest.mark.parametrize("taps", ["1", "2", "3", "12", "13", "23", "123"])
def test_levels_are_named_finest_first(taps: str) -> None:
    assert Look(taps=taps).taps == taps


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"sigma": -1.0}, "--sigma must not be negative, got -1.0"),
        ({"taps": ""}, "name levels from 1"),
        ({"taps": "4"}, "name levels from 1"),
        ({"taps": "321"}, "name levels from 1"),
        ({"taps": "11"}, "name levels from 1"),
        ({"join": "mean"}, "--join mean: choose one of sum, strongest"),
        ({"channels": "all"}, "--channels all: choose one of both, net, filters"),
    ],
)
def test_what_means_nothing_is_one_sentence(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Look(**wrong)  # type: ignore[arg-type]


def test_the_command_refuses_it_before_any_work(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(main, ["bundle", "--checkpoint", "nowhere", "--out", "bundle", "--taps", "4"]) == 2
    assert capsys.readouterr().err.startswith("error: --taps 4: name levels")
