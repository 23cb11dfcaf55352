"""The door by itself: who may come in, how many, and that nothing a client sends does harm."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.control import door as door_module
from runtime.control.door import MOST_CLIENTS, Door
from runtime.control.protocol import (
    MOST_LINE_BYTES,
    BundleRequest,
    Done,
    Message,
    Request,
    StatusRequest,
    TapRequest,
    ThresholdRequest,
)
from runtime.control.tap import Tap, Taps
from runtime.errors import UserError
from runtime.types import Kind

WAIT_S = 20.0
STATUS = b'{"do": "status"}\n'


class Answering:
    """Says yes to all, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.taps = Taps()

    def __call__(self, request: Request) -> Message | Tap:
        self.asked.append(request)
        if isinstance(request, BundleRequest) and request.path == "broken":
            raise RuntimeError("a defect")
        return self.taps.open(request) if isinstance(request, TapRequest) else Done()


@pytest.fixture
def answering() -> Answering:
    return Answering()


@pytest.fixture
def path(tmp_path: Path, answering: Answering) -> Iterator[Path]:
    door = Door(tmp_path / "s")
    door.serve(answering, answering.taps.drop)
    yield door.path
    answering.taps.close()
    door.close()
    assert not door.path.exists()


def connected(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(WAIT_S)
    client.connect(str(path))
    return client


def answers(path: Path, sent: bytes) -> list[dict]:
    """All that comes back until the door or this client has nothing more to say."""
    with connected(path) as client:
        with contextlib.suppress(OSError):  # the door may hang up on what it was sent
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as lines, contextlib.suppress(ConnectionError):
            return [json.loads(line) for line in lines]
    return []


def eventually(true: object) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_only_the_owner_may_open_it(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert answers(path, STATUS) == [{"ok": True}]


def test_several_requests_of_one_client_are_answered_in_order(path: Path, answering: Answering) -> None:
    sent = [b'{"do":"load_bundle","path":"p%d","at_line":%d}' % (n, n) for n in range(5)]
    assert answers(path, b"\n".join(sent) + b"\n") == [{"ok": True}] * 5
    assert answering.asked == [BundleRequest(path=f"p{n}", at_line=n) for n in range(5)]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"", "Not a request: Invalid JSON"),
        (b"\x00\xff\xfe", "Not a request: Invalid JSON"),
        (b"[" * 5000, "Not a request: Invalid JSON"),
        (b"null", "Not a request: "),
        (b"{}", "Unable to extract tag"),
        (b'{"do":"reboot"}', "does not match any of the expected tags"),
        (b'{"do":"status","why":1}', "status.why: Extra inputs are not permitted"),
        (b'{"do":"set_threshold"}', "name at least one kind"),
        (b'{"do":"set_threshold","open":{"local":"4"}}', "valid number"),
        (b'{"do":"set_threshold","open":{"local":NaN}}', "finite number"),
        (b'{"do":"set_threshold","keep":1e999}', "finite number"),
        (b'{"do":"set_threshold","open":{"hole":4}}', "'local', 'warp', 'weft' or 'area'"),
        (b'{"do":"load_bundle","path":""}', "at least 1 character"),
        (b'{"do":"load_bundle","path":"b","at_line":-1}', "greater than or equal to 0"),
        (b'{"do":"load_bundle","path":"b","at_line":1.5}', "valid integer"),
        (b'{"do":"load_bundle","path":"b","at_line":99999999999999999999}', "less than"),
        (b'{"do":"tap"}', "ask for 'events', 'lines' or 'maps'"),
        (b'{"do":"tap","lines":true,"every":0}', "greater than or equal to 1"),
    ],
)
def test_what_is_no_request_is_answered_in_a_sentence(
    path: Path, answering: Answering, line: bytes, sentence: str
) -> None:
    refused, after = answers(path, line + b"\n" + STATUS)
    assert refused["ok"] is False
    assert sentence in refused["error"]
    assert len(refused["error"]) < 400
    assert after == {"ok": True}
    assert answering.asked == [StatusRequest()]


def test_half_a_line_is_no_request(path: Path, answering: Answering) -> None:
    assert answers(path, STATUS[:-1]) == []
    with connected(path) as client:
        client.sendall(STATUS[:5])
        time.sleep(0.05)
        client.sendall(STATUS[5:])
        assert client.recv(100) == b'{"ok":true}\n'
    assert answering.asked == [StatusRequest()]


def test_a_line_without_end_is_refused_and_its_client_let_go(path: Path, answering: Answering) -> None:
    told = answers(path, b"x" * (4 * MOST_LINE_BYTES))
    assert [answer["error"] for answer in told] in ([f"A request is one line of at most {MOST_LINE_BYTES} bytes."], [])
    with connected(path) as client:
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 1000:
                client.sendall(b"x" * MOST_LINE_BYTES)
                sent += 1
        assert sent < 100, "the door does not read on"
    assert answering.asked == []
    assert answers(path, STATUS) == [{"ok": True}]


def test_a_defect_of_the_program_is_answered_and_its_trace_kept(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    refused, after = answers(path, b'{"do":"load_bundle","path":"broken"}\n' + STATUS)
    assert "defect of the program" in refused["error"]
    assert after == {"ok": True}
    assert "RuntimeError: a defect" in capfd.readouterr().err


def test_more_clients_than_places_are_turned_away(path: Path) -> None:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(connected(path)) for _ in range(MOST_CLIENTS)]
        for client in held:
            client.sendall(STATUS)
            assert client.recv(100)
        assert answers(path, b"") == [{"ok": False, "error": f"{MOST_CLIENTS} clients are connected already."}]
    eventually(lambda: answers(path, STATUS) == [{"ok": True}])


def test_a_silent_client_is_let_go(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "SILENCE_S", 0.3)
    with connected(path) as client:
        client.sendall(STATUS)
        assert client.recv(100) == b'{"ok":true}\n'
        client.sendall(STATUS[:5])
        assert client.recv(100) == b""


def test_a_reader_that_hangs_up_gives_its_tap_back(path: Path, answering: Answering) -> None:
    with connected(path) as client:
        client.sendall(b'{"do":"tap","events":true}\n')
        assert client.recv(100) == b'{"ok":true}\n'
        assert answering.taps.count == 1
        client.sendall(b"more\n")  # a tap takes no more requests, and bears them
        time.sleep(0.05)
        assert answering.taps.count == 1
    eventually(lambda: answering.taps.count == 0)


def test_a_file_that_a_killed_stream_left_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left.bind(str(tmp_path / "s"))
    left.close()
    door = Door(tmp_path / "s")
    answering = Answering()
    door.serve(answering, answering.taps.drop)
    assert answers(tmp_path / "s", STATUS) == [{"ok": True}]
    door.close()


def test_a_socket_file_that_is_another_streams_by_now_is_left_alone(tmp_path: Path) -> None:
    first = Door(tmp_path / "s")
    first.path.unlink()
    kept = tmp_path / "kept"
    other = Door(tmp_path / "s")
    kept.hardlink_to(tmp_path / "s")
    first.close()
    assert (tmp_path / "s").exists()
    other.close()
    assert not (tmp_path / "s").exists()


def test_paths_that_cannot_be_had(path: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Another stream listens at"):
        Door(path)
    assert answers(path, STATUS) == [{"ok": True}], "the other one is not disturbed"
    (tmp_path / "file").write_text("mine")
    for taken in (tmp_path / "file", tmp_path / "no" / "folder", tmp_path / ("long" * 40)):
        with pytest.raises(UserError, match=r"Cannot listen at '.*; name a short path that is free"):
            Door(taken)
    assert (tmp_path / "file").read_text() == "mine"


def test_clients_that_never_read_do_not_keep_the_door_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "LAST_WORDS_S", 0.3)
    door, answering = Door(tmp_path / "s"), Answering()
    door.serve(answering, answering.taps.drop)
    client = connected(door.path)
    client.sendall(b'{"do":"tap","events":true}\n')
    flood = threading.Thread(target=lambda: [client.sendall(STATUS * 100) for _ in range(3)], daemon=True)
    flood.start()
    eventually(lambda: answering.taps.count == 1)
    door.close()
    eventually(lambda: answering.taps.count == 0)
    client.close()


VALID: list[Message] = [
    StatusRequest(),
    ThresholdRequest(open={Kind.LOCAL: 4.25, Kind.WEFT: -1}, keep=0.5),
    BundleRequest(path="/bundles/denim", at_line=120_000),
    BundleRequest(path="b"),
]
WORDS = [b'"', b"{", b"}", b"[", b"]", b":", b",", b"null", b"1e400", b"-", b"\\u0000", b"\xff", b"\x00", b"9" * 400]


def mutated(random_: random.Random) -> bytes:
    """A valid request with some bytes changed, cut out, doubled or put in; always one line."""
    line = bytearray(random_.choice(VALID).line()[:-1])
    for _ in range(random_.randrange(1, 5)):
        at, end = sorted(random_.randrange(len(line) + 1) for _ in range(2))
        change = random_.randrange(4)
        if change == 0:
            line[at : at + 1] = bytes([random_.randrange(256)])
        elif change == 1:
            del line[at:end]
        elif change == 2:
            line[at:at] = line[at:end]
        else:
            line[at:at] = random_.choice(WORDS)
    return bytes(line).replace(b"\n", b" ") + b"\n"


def test_ten_thousand_mutated_requests_get_one_answer_each(path: Path, answering: Answering) -> None:
    random_ = random.Random(7)
    refused = 0
    with connected(path) as client, client.makefile("rb") as lines:
        for _ in range(100):
            requests = [mutated(random_) for _ in range(100)]
            client.sendall(b"".join(requests))
            for request in requests:
                answer = json.loads(lines.readline())
                assert answer["ok"] or answer["error"].startswith("Not a request: "), request
                refused += not answer["ok"]
    assert refused > 5000
    assert len(answering.asked) == 10_000 - refused
    assert answers(path, STATUS) == [{"ok": True}]
