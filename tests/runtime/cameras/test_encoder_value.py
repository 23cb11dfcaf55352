"""An encoder that is asked for its count: when, and what is said where lines and cloth do not keep step."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest

from runtime.cameras import encoder_value
from runtime.cameras.encoder_value import WINDOW_BUFFERS, EncoderValue
from runtime.errors import UserError
from tests.runtime.cameras.gige_clients import COUNTS_PER_LINE, ENCODER, RATE, MakeCamera, blocks, take
from tests.runtime.fake_gige.process import CameraProcess

BLOCK_LINES = 10
WINDOW = WINDOW_BUFFERS * BLOCK_LINES


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_value, "WINDOW_S", 0.0)


class Lost(Exception):
    """As a library raises it."""


class Answering:
    """A link to a camera whose count is what the test says, or that does not answer."""

    errors = (Lost,)

    def __init__(self) -> None:
        self.count: int | None = 0
        self.asked = 0
        self.features: Any = self

    def invalidate_caches(self) -> None:
        pass

    def get_integer(self, name: str) -> int:
        assert name == "EncoderValue"
        self.asked += 1
        if self.count is None:
            raise Lost
        return self.count


def test_it_is_asked_now_and_then_and_at_once_where_that_matters() -> None:
    link: Any = Answering()
    value = EncoderValue("loom", BLOCK_LINES, 5.0)
    assert [value.read(link, at_once=False) for _ in range(50)] == [0, *[None] * 49]
    link.count = 17
    assert value.read(link, at_once=True) == 17
    link.count = None
    assert value.read(link, at_once=True) is None
    assert link.asked == 3


@pytest.mark.parametrize(
    ("counts_per_line", "sentence"),
    [
        (5.0, None),
        (5.25, None),
        (5.4, "counted 1.08 times what its lines say.*the camera leaves lines out"),
        (4.6, "counted 0.92 times what its lines say.*counts_per_mm or mm_per_line is wrong"),
        (-5.0, "falls while cloth is made.*change encoder.direction"),
    ],
)
def test_lines_and_cloth_that_do_not_keep_step_are_told_once(
    caplog: pytest.LogCaptureFixture, counts_per_line: float, sentence: str | None
) -> None:
    value = EncoderValue("loom", BLOCK_LINES, 5.0)
    with caplog.at_level(logging.WARNING):
        for line in range(0, 5 * WINDOW, BLOCK_LINES):
            value.see(0, line, round(line * counts_per_line))
    if sentence is None:
        assert caplog.messages == []
        return
    (message,) = caplog.messages
    assert re.search(sentence, message), message


def test_what_is_well_again_and_then_is_not_is_told_again(caplog: pytest.LogCaptureFixture) -> None:
    value, line, count = EncoderValue("loom", BLOCK_LINES, 5.0), 0, 0
    for step in (10, 5, 10):
        for _ in range(3 * WINDOW):
            line, count = line + 1, count + step
            value.see(0, line, count)
    assert len(caplog.messages) == 2


def test_nothing_is_told_of_a_moment_in_which_a_busy_machine_answers_late(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_value, "WINDOW_S", 60.0)
    value = EncoderValue("loom", BLOCK_LINES, 5.0)
    for line in range(0, 5 * WINDOW, BLOCK_LINES):
        value.see(0, line, line * 10)
    assert caplog.messages == []


def test_a_camera_that_was_gone_begins_a_new_comparison(caplog: pytest.LogCaptureFixture) -> None:
    value = EncoderValue("loom", BLOCK_LINES, 5.0)
    for segment in (0, 1):
        for line in range(segment * WINDOW, segment * WINDOW + WINDOW // 2, BLOCK_LINES):
            value.see(segment, line, line * 5 + segment * 10**6)
    assert caplog.messages == []


@pytest.mark.net
def test_lines_of_a_camera_without_chunk_data_are_numbered_and_its_count_watched(
    camera: MakeCamera, caplog: pytest.LogCaptureFixture
) -> None:
    """The simulated encoder counts twice what the scale says, as if every other line were left out."""
    doubled = ("--line-rate", "5000", "--counts-per-line", str(2 * COUNTS_PER_LINE), "--no-chunks")
    with CameraProcess(*doubled), caplog.at_level(logging.WARNING):
        loom = camera(ENCODER, stamped=False, block_lines=16)
        loom.open()
        items = take(loom.items(), lambda so_far: bool(caplog.messages) or len(so_far) > 2000)
        loom.close()
    times = re.search(r"counted ([\d.]+) times what its lines say", caplog.text)
    assert times is not None
    assert float(times[1]) > 1.9, "a busy machine loses lines too, and answers late: more, never less"
    assert all(block.encoder is None for block in blocks(items))


@pytest.mark.net
def test_counts_that_do_not_come_with_the_lines_are_missed_at_once(camera: MakeCamera) -> None:
    with CameraProcess(*RATE, "--no-chunks"):
        loom = camera(ENCODER)
        with pytest.raises(UserError, match=r"sends no chunk data, .*: say 'stamped: false' for the encoder"):
            loom.open()
