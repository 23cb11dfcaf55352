"""Events for people: every one readable, and a status line that does not run through them."""

from __future__ import annotations

import io

import pytest

from runtime.events import DefectEvent, NotInspectedEvent, StatusEvent, SummaryEvent
from runtime.sinks.console import Console
from runtime.types import Kind, Reason
from tests.runtime.test_events import EVENTS

DEFECT, GAP, LOST, STATE, MAINTENANCE, REPEAT, ALARM, STATUS, SUMMARY = EVENTS


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    """A pipe that nobody reads."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def printed(*events: object, out: io.StringIO | None = None) -> str:
    out = out or io.StringIO()
    sink = Console(out)
    for event in events:
        sink.write(event)  # type: ignore[arg-type]
    sink.close()
    assert sink.lost == 0
    return out.getvalue()


def test_a_defect_says_where_how_large_how_sure_and_how_late() -> None:
    assert isinstance(DEFECT, DefectEvent)
    line = printed(DEFECT)
    for part in (
        "r-c-2", "weft", "x 2.0 to 18.0 mm", "y 0.2000 to 0.2020 m", "16.0 x 2.0 mm", "0.123 of 0.100", "12 ms",
        "60 mm", "belongs to r-c-1",
    ):  # fmt: skip
        assert part in line
    assert line.count("\n") == 1


def test_gaps_say_their_lines_or_how_long_and_why() -> None:
    assert printed(GAP) == "NOT INSPECTED c overload: 4 lines from line 5, y 0.0010 to 0.0018 m (x)\n"
    assert printed(LOST) == "NOT INSPECTED c camera_lost: 2.5 s, lines unknown\n"
    assert isinstance(GAP, NotInspectedEvent)
    assert "c unreadable_file: lines unknown" in printed(
        GAP.model_copy(update={"reason": Reason.UNREADABLE_FILE, "first_line": None, "end_line": None})
    )


def test_an_alarm_says_what_it_asks_for_and_why() -> None:
    assert printed(ALARM) == "ALARM buzzer by 'repeated' at 0.2020 m: r-c-1, r-c-2\n"


def test_maintenance_and_repeats_say_what_and_where() -> None:
    assert printed(MAINTENANCE) == "MAINTENANCE c column, since 0.0018 m: clean the window\n"
    assert printed(MAINTENANCE.model_copy(update={"state": "closed"})).startswith("  well again c column")
    text = "REPEAT r-r1: 3 defects 471 mm from each other, x 1.0 to 2.0 mm, y 0.1000 to 1.1000 m\n"
    assert printed(REPEAT) == text


def test_states_and_status() -> None:
    assert printed(STATE) == "stream: too much\n"
    line = "c 1.00 m  2.0 m/min  3 lines/s  4 tiles/s  queue 5  lost 1  defects 2"
    assert printed(STATUS) == f"{line}\n"
    assert printed(STATUS.model_copy(update={"events_lost": 7})) == f"{line} | EVENTS LOST 7\n"


def test_the_summary_is_the_account() -> None:
    assert isinstance(SUMMARY, SummaryEvent)
    text = printed(SUMMARY)
    assert "lines in 10 = inspected 8 + not inspected 2 (no_cloth 2)" in text
    assert "1.000 m, 3 tiles, defects: warp 1" in text
    assert "latency" not in text
    assert "could not be written" not in text


def test_the_summary_says_so_where_the_account_does_not_balance_and_where_events_were_lost() -> None:
    camera = SUMMARY.cameras[0].model_copy(
        update={
            "balanced": False, "unnumbered_spans": 2, "unnumbered_seconds": 3.5, "latency_ms_p50": 1.0,
            "latency_ms_p99": 9.0, "defects": {Kind.WARP: 0}, "lines_not_inspected": {},
        }
    )  # fmt: skip
    text = printed(SUMMARY.model_copy(update={"cameras": [camera], "events_lost": 4}))
    for part in (
        "lines in 10 DOES NOT EQUAL inspected 8 + not inspected 0 (none)", "2 spans of unknown length, 3.5 s",
        "p50 1 ms, p99 9 ms", "defects: none", "events that could not be written: 4",
    ):  # fmt: skip
        assert part in text


def test_on_a_terminal_the_status_stays_below_what_is_told() -> None:
    assert isinstance(STATUS, StatusEvent)
    out = printed(STATUS, DEFECT, STATUS, out=Terminal())
    clear = "\r\x1b[K"
    first, rest = out.split("\n", 1)
    status = "c 1.00 m  2.0 m/min"
    assert first.startswith(clear + status)
    assert clear + "  closed r-c-2" in first
    assert rest.startswith(status), "written again below"
    assert out.endswith(clear), "and wiped at the end"


def test_in_a_log_there_are_no_control_characters() -> None:
    assert "\x1b" not in printed(*EVENTS)
    assert "\r" not in printed(*EVENTS)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_a_pipe_that_nobody_reads_is_counted_and_stops_nothing(event: object) -> None:
    sink = Console(Gone())
    sink.write(event)  # type: ignore[arg-type]
    sink.close()
    assert sink.lost == 1
