"""Taps: what they show, what a slow reader loses, and that both are told."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from runtime.bundle import Bundle
from runtime.control import tap as tap_module
from runtime.control.protocol import EventMessage, LinesMessage, LostMessage, MapMessage, TapRequest
from runtime.control.tap import Taps, thin_lines, thin_map
from runtime.events import EVENT, StateEvent, SummaryEvent
from runtime.types import LineBlock, ScoreMap
from tests.runtime.bundles import CLOTH, make_bundle
from tests.runtime.cloths import Item, Scripted, block
from tests.runtime.control.controlled import WAIT_S, Controlled


class Tapping(Controlled):
    """A stream whose lines wait until one reader's tap is open, and whose end waits until it has read enough."""

    def __init__(self, bundle: Bundle, request: TapRequest, blocks: list[Item]) -> None:
        opened = threading.Event()
        self.given = threading.Event()
        self.enough = threading.Event()
        script: list[Item | Callable[[], object]] = [lambda: opened.wait(WAIT_S), *blocks]
        script += [self.given.set, lambda: self.enough.wait(WAIT_S)]
        super().__init__(bundle, [Scripted(script)])
        self._request, self._opened = request, opened
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def messages(self) -> Iterator[dict]:
        """Open the tap and let the lines come; then what is read."""
        self._socket.settimeout(WAIT_S)
        self._socket.connect(str(self.socket))
        self._socket.sendall(self._request.line())
        with self._socket, self._socket.makefile("rb") as lines:
            assert json.loads(next(lines)) == {"ok": True}
            self._opened.set()
            assert self.given.wait(WAIT_S)
            for line in lines:
                yield (message := json.loads(line))
                if message.get("event", {}).get("type") == "summary":
                    return


def event(number: int) -> StateEvent:
    return StateEvent(camera="c", state="running", message=str(number))


def strip(values: np.ndarray, first_line: int = 0) -> ScoreMap:
    rows, columns = values.shape
    return ScoreMap("c", 0, 0, first_line, first_line + 4 * rows, 8, 4, values, (8, 8 + 4 * columns), 0)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_bundle(tmp_path_factory.mktemp("tap") / "bundle")


@pytest.mark.parametrize("every", [1, 3, 8, 64])
def test_lines_are_taken_on_one_grid_whatever_the_blocks(every: int) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (400, 90, 1), dtype=np.uint8)
    shown = []
    for first, end in ((0, 7), (7, 100), (100, 101), (101, 400)):
        thin = thin_lines(LineBlock("c", 0, first, pixels[first:end]), every)
        assert len(thin.pixels) == 0 or thin.first_line % every == 0
        shown.append(thin.pixels)
    np.testing.assert_array_equal(np.concatenate(shown), pixels[::every, ::every])


def test_lines_of_more_bits_are_shown_in_eight() -> None:
    pixels = np.full((8, 8, 1), 0xABC, np.uint16)
    assert thin_lines(LineBlock("c", 0, 0, pixels, bits=12), 4).pixels.tolist() == [[[0xAB]] * 2] * 2


@pytest.mark.parametrize(("every", "cells"), [(1, 1), (4, 1), (8, 2), (15, 3), (64, 16)])
def test_a_map_keeps_its_highest_values_and_where_no_cloth_is(every: int, cells: int) -> None:
    values = np.random.default_rng(1).random((10, 33)).astype(np.float32)
    values[:, :16] = np.nan
    values[7, 20] = 9.0
    thin = thin_map(strip(values), every)
    assert thin.stride == 4 * cells
    assert thin.values.shape == (-(-10 // cells), -(-33 // cells))
    assert thin.values[7 // cells, 20 // cells] == 9.0
    assert np.isnan(thin.values[:, : 16 // cells]).all()
    assert not np.isnan(thin.values[:, -(-16 // cells) :]).any()
    if cells == 1:
        np.testing.assert_array_equal(thin.values, values)


def test_a_slow_reader_loses_the_oldest_and_is_told_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap_module, "MOST_MESSAGES", 10)
    taps = Taps()
    tap = taps.open(TapRequest(events=True))
    for number in range(25):
        taps.write(event(number))
    assert tap.take(0) == LostMessage(messages=15)
    shown = [tap.take(0) for _ in range(10)]
    assert [m.event.message for m in shown if isinstance(m, EventMessage)] == [str(n) for n in range(15, 25)]
    assert tap.take(0) is None
    taps.write(event(25))
    assert isinstance(tap.take(0), EventMessage)


def test_what_waits_is_bounded_in_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap_module, "MOST_BYTES", 10_000)
    taps = Taps()
    tap = taps.open(TapRequest(lines=True, every=1))
    for number in range(5):
        taps.seen(block(20 * number, 20, width=200))  # 4,000 bytes each
    assert tap.take(0) == LostMessage(messages=3)
    taps.seen(block(100, 200, width=200))  # alone more than the bound: shown all the same
    assert tap.take(0) == LostMessage(messages=2)
    assert isinstance(tap.take(0), LinesMessage)


def test_a_tap_gets_what_it_asked_for_and_nothing_after_it_is_dropped() -> None:
    taps = Taps()
    asked = [TapRequest(events=True), TapRequest(lines=True), TapRequest(maps=True)]
    opened = [taps.open(request) for request in asked]
    for item in (block(0, 16), strip(np.zeros((4, 4), np.float32))):
        taps.seen(item)
    taps.write(event(0))
    for tap, kind in zip(opened, (EventMessage, LinesMessage, MapMessage), strict=True):
        assert isinstance(tap.take(0), kind)
        assert tap.take(0) is None
        taps.drop(tap)
    taps.write(event(1))
    assert opened[0].take(0) is None
    assert taps.count == 0


def test_messages_over_the_socket_can_be_read_without_this_package(bundle: Bundle) -> None:
    request = TapRequest(events=True, lines=True, maps=True, every=10)
    with Tapping(bundle, request, [block(50 * n, 50) for n in range(8)]) as run:
        run.enough.set()
        messages = list(run.messages())  # type: ignore[attr-defined]
    kinds = [message["type"] for message in messages]
    assert set(kinds) == {"event", "lines", "map"}
    last = EVENT.validate_python(messages[-1]["event"])
    assert isinstance(last, SummaryEvent)
    lines = [m for m in messages if m["type"] == "lines"]
    pixels = [np.frombuffer(base64.b64decode(m["pixels"]), np.uint8).reshape(m["shape"]) for m in lines]
    assert np.concatenate(pixels).shape == (40, 20, 1)
    assert (np.concatenate(pixels) == CLOTH).all()
    at = 0
    for m in (m for m in messages if m["type"] == "map"):
        assert m["first_line"] == at
        at = m["end_line"]
        values = np.frombuffer(base64.b64decode(m["values"]), "<f4").reshape(m["shape"])
        assert values.shape == (-(-(m["end_line"] - m["first_line"]) // m["stride"]), 25)
        np.testing.assert_allclose(values, CLOTH / 255, atol=1e-5)
    assert at == 400


def test_a_reader_that_stands_still_loses_and_the_stream_does_not(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tap_module, "MOST_MESSAGES", 20)
    seen: list[int] = []
    blocks: list[Item] = [block(50 * n, 50, width=600) for n in range(200)]
    with Tapping(bundle, TapRequest(lines=True, every=1), blocks) as run:
        for message in run.messages():  # type: ignore[attr-defined]
            seen.append(message["messages"] if message["type"] == "lost" else 1)
            if sum(seen) == 200:
                run.enough.set()  # type: ignore[attr-defined]
                break
    assert max(seen) > 1
    assert sum(seen) == 200
    assert run.summary
    assert run.summary.cameras[0].lines_inspected == 10_000
