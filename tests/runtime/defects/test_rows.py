"""Strips cut and joined again are the strips they were."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from runtime.defects.rows import goes_on, joined, split
from tests.runtime.defects.test_blobs import strip


def test_a_strip_in_two_and_as_one_again() -> None:
    whole = strip([[1, 2], [3, 4], [5, 6]], end_line=1011)
    ready, rest = split(whole, 1)
    assert ready is not None
    assert (ready.first_line, ready.end_line, rest.first_line, rest.end_line) == (1000, 1008, 1008, 1011)
    assert goes_on(ready, rest)
    again = joined(ready, rest)
    np.testing.assert_array_equal(again.values, whole.values)
    assert (again.first_line, again.end_line) == (1000, 1011)


@pytest.mark.parametrize("rows", [3, 4])
def test_a_strip_of_no_more_rows_waits_whole(rows: int) -> None:
    whole = strip([[1, 2], [3, 4], [5, 6]])
    assert split(whole, rows) == (None, whole)


@pytest.mark.parametrize("change", [{"first_line": 1012}, {"segment": 1}, {"origin": 4}, {"x0": 44}])
def test_what_does_not_go_on(change: dict[str, int]) -> None:
    ready, rest = split(strip([[1, 2], [3, 4]]), 1)
    assert not goes_on(ready, replace(rest, **change))
    assert not goes_on(None, rest)
