"""The simulated camera as a process: what it says, and when it ends."""

from __future__ import annotations

import contextlib
import subprocess
import sys

import pytest

from runtime.cameras.gige import GigeCamera
from runtime.errors import UserError
from runtime.fake_gige.stamped import numbers
from runtime.types import LineBlock, Scale
from tests.runtime.fake_gige.process import STAMPED, CameraProcess

pytestmark = pytest.mark.net


def test_it_says_when_it_is_ready_and_when_its_loom_begins() -> None:
    with CameraProcess("--line-rate", "5000") as process:
        assert process.ready["event"] == "ready"
        assert process.ready["ip"] == "127.0.0.1"
        assert process.ready["woven_since"] is None
        camera = GigeCamera("c", "127.0.0.1", Scale(1, 1))
        camera.open()
        began = process.next_event()
        camera.close()
        assert began["event"] == "weaving"
        process.ask("stop 0.2")
        assert process.next_event()["woven_since"] == pytest.approx(began["woven_since"] + 0.2, abs=0.1)


def test_it_ends_with_its_standard_input_where_that_is_asked_for() -> None:
    with CameraProcess() as process:
        assert process.close_stdin() == 0


def test_an_address_that_is_taken_is_said_in_one_sentence() -> None:
    with CameraProcess():
        second = subprocess.run(
            [sys.executable, "-m", STAMPED, "--source", "512"], capture_output=True, text=True, check=False
        )
    assert second.returncode == 2
    assert "cannot listen on 127.0.0.1:3956" in second.stderr
    assert "Traceback" not in second.stderr


def test_cloth_that_ends_is_sent_to_its_last_line() -> None:
    with CameraProcess("--line-rate", "5000", source="512x1000"):
        camera = GigeCamera("c", "127.0.0.1", Scale(1, 1), block_lines=128)
        camera.open()
        stream = camera.items()
        item = next(stream)
        while item.end_line != 1000:
            item = next(stream)
        camera.close()
    assert isinstance(item, LineBlock)
    assert numbers(item.pixels)[-1] == 999


def test_cloth_that_is_drawn_too_slowly_makes_the_loom_slip_and_says_so_once() -> None:
    with CameraProcess("--line-rate", "5000", source="512@1500") as process:
        camera = GigeCamera("c", "127.0.0.1", Scale(1, 1))
        camera.open()
        stream = camera.items()
        began = process.next_event()["woven_since"]
        for _ in range(3):
            slipped = process.next_event()["woven_since"]
            assert slipped > began
            began = slipped
        line = 0
        while line < 4000:
            item = next(stream)
            assert isinstance(item, LineBlock)
            assert item.first_line == line == numbers(item.pixels)[0]
            line = item.end_line
        camera.close()
        complaints = process.complaints()
    assert len(complaints) == 1
    assert "cannot be drawn at 5000 lines/s" in complaints[0]


def test_a_camera_whose_cloth_fails_is_dead_and_says_why() -> None:
    with CameraProcess("--line-rate", "5000", source="512!") as process:
        camera = GigeCamera("c", "127.0.0.1", Scale(1, 1))
        with contextlib.suppress(UserError):  # it may be gone before it has answered
            camera.open()
        assert process.wait() == 2
        camera.close()
        assert process.complaints() == ["the cloth is torn"]
