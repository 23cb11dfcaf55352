"""The account: every line in exactly one span, whatever the order in which spans end."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.account import Account
from runtime.types import LineBlock, NotInspected, Reason

Span = tuple[int, int]


def block(first: int, end: int) -> LineBlock:
    return LineBlock("c", 0, first, np.zeros((end - first, 1, 1), np.uint8))


def given_up(first: int, end: int, reason: Reason = Reason.OVERLOAD) -> NotInspected:
    return NotInspected("c", reason, first, end)


@st.composite
def told(draw: st.DrawFn) -> tuple[int, list[Span], list[tuple[Span, Reason | None]]]:
    """First line, what the camera gave, and the same lines cut otherwise into judged spans and others, shuffled."""
    first = draw(st.integers(0, 10**12))
    lengths = draw(st.lists(st.integers(1, 300), min_size=1, max_size=12))
    edges = [first, *(first + int(n) for n in np.cumsum(lengths))]
    items = list(itertools.pairwise(edges))
    inner = draw(st.sets(st.integers(first + 1, edges[-1]), max_size=12)) - {edges[-1]}
    cuts = sorted({first, edges[-1], *inner})
    spans = [(span, draw(st.sampled_from([None, None, *Reason]))) for span in itertools.pairwise(cuts)]
    return first, items, draw(st.permutations(spans))


def book(account: Account, span: Span, reason: Reason | None) -> None:
    if reason is None:
        account.looked_at(*span)
    else:
        account.given_up(given_up(*span, reason))


def filled(items: list[Span], spans: list[tuple[Span, Reason | None]]) -> Account:
    account = Account()
    for item in items:
        account.received(block(*item))
    for span, reason in spans:
        book(account, span, reason)
    return account


@given(told())
def test_lines_in_are_inspected_plus_not_inspected_in_whatever_order(data) -> None:
    _, items, spans = data
    account = filled(items, spans)
    assert account.lines_in == items[-1][1] - items[0][0]
    assert account.inspected == sum(end - first for (first, end), reason in spans if reason is None)
    for reason in Reason:
        assert account.not_inspected[reason] == sum(end - first for (first, end), why in spans if why is reason)
    assert account.balanced
    assert account.holes() == []


@given(told(), st.data())
def test_a_lost_span_unbalances_and_is_named_as_the_hole(data, draw: st.DataObject) -> None:
    _, items, spans = data
    lost = draw.draw(st.integers(0, len(spans) - 1))
    account = filled(items, [span for number, span in enumerate(spans) if number != lost])
    assert not account.balanced
    assert account.holes() == [spans[lost][0]]


@given(told(), st.data())
def test_a_span_told_twice_unbalances(data, draw: st.DataObject) -> None:
    _, items, spans = data
    twice = draw.draw(st.sampled_from(spans))
    at = draw.draw(st.integers(0, len(spans)))
    assert not filled(items, [*spans[:at], twice, *spans[at:]]).balanced


@given(told(), st.data())
def test_a_line_lost_here_and_one_doubled_there_do_not_make_up_for_each_other(data, draw: st.DataObject) -> None:
    first, items, _ = data
    end = items[-1][1]
    if end - first < 4:
        return
    lost = draw.draw(st.integers(first, end - 3))
    spans: list[tuple[Span, Reason | None]] = [((lost + 1, end), None), ((end - 1, end), None)]
    if lost > first:
        spans.append(((first, lost), None))
    account = filled(items, spans)
    assert account.inspected == account.lines_in
    assert not account.balanced


def test_holes_are_found_at_the_start_between_and_at_the_end() -> None:
    account = filled([(10, 110)], [((20, 30), None), ((50, 60), Reason.NO_CLOTH), ((60, 100), None)])
    assert account.holes() == [(10, 20), (30, 50), (100, 110)]
    for hole in account.holes():
        account.given_up(given_up(*hole, Reason.STOPPED))
    assert account.balanced
    assert account.not_inspected == {Reason.NO_CLOTH: 10, Reason.STOPPED: 40}


def test_a_gap_counts_as_lines_in_and_must_be_answered() -> None:
    account = Account()
    account.received(block(0, 50))
    account.received(given_up(50, 80, Reason.PACKET_LOSS))
    account.looked_at(0, 50)
    assert account.lines_in == 80
    assert account.holes() == [(50, 80)]
    account.given_up(given_up(50, 80, Reason.PACKET_LOSS))
    assert account.balanced


@pytest.mark.parametrize("second", [(0, 10), (5, 10)])
def test_a_camera_that_uses_a_number_twice_unbalances_however_its_lines_are_booked(second: Span) -> None:
    items = [(0, 10), second]
    assert not filled(items, [(item, None) for item in items]).balanced
    assert not filled(items, [((0, 10), None), ((10, 10 + second[1] - second[0]), None)]).balanced


def test_spans_without_numbers_are_counted_apart() -> None:
    account = Account()
    lost = NotInspected("c", Reason.CAMERA_LOST, seconds=2.5)
    for item in (block(0, 50), lost, block(50, 60)):
        account.received(item)
    account.looked_at(0, 60)
    account.given_up(lost)
    account.given_up(NotInspected("c", Reason.UNREADABLE_FILE))
    assert account.balanced
    assert (account.unnumbered_spans, account.unnumbered_seconds) == (2, 2.5)
    assert account.lines_in == 60


@pytest.mark.parametrize("judge_something", [False, True])
def test_a_camera_that_gave_nothing_balances_unless_lines_were_judged(judge_something: bool) -> None:
    account = Account()
    if judge_something:
        account.looked_at(0, 1)
    assert account.balanced is not judge_something
    assert account.holes() == []


def test_spans_in_order_are_not_kept() -> None:
    account = Account()
    account.received(block(0, 1))
    for line in range(0, 10_000, 10):
        account.looked_at(line, line + 10)
    assert account._early == []
