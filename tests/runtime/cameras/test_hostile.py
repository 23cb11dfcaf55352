"""What comes from a network, mutated: our readers of it say what is wrong or let it be, and number lines on."""

from __future__ import annotations

import itertools
import random
import socket
import struct
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from runtime.cameras import chunks, gige_probe
from runtime.cameras.base import Device
from runtime.cameras.link import Buffer, LineSettings
from runtime.cameras.linked import LinkedCamera
from runtime.fake_gige.packets import GVCP_PORT, Command, Request, acknowledge, chunk_tag, parse_request
from runtime.types import LineBlock, NotInspected, Scale
from tests.runtime.fake_gige.hostile import PACKETS, gvcp, mutated

ROWS, WIDTH = 8, 64
LINE = np.arange(WIDTH, dtype=np.uint8)


def payload(first_count: int) -> bytes:
    """A buffer of lines with the encoder's count of each, as the simulated camera sends it."""
    counts = struct.pack(f">{ROWS}q", *range(first_count, first_count + ROWS))
    image = LINE.tobytes() * ROWS
    return image + chunk_tag(1, len(image)) + counts + chunk_tag(0xE00, len(counts))


def test_chunks_are_read_or_refused() -> None:
    read = refused = 0
    for data in mutated([payload(5), payload(2**40)], PACKETS, seed=1):
        try:
            end, found = chunks.split(data, WIDTH)
            assert 0 <= end <= len(data)
            assert end % WIDTH == 0
            values = chunks.line_values(found, end // WIDTH, last=3)
            assert values.shape == (end // WIDTH,)
            read += 1
        except ValueError:
            refused += 1
    assert read > PACKETS // 20
    assert refused > PACKETS // 20


def test_commands_are_parsed_or_let_be() -> None:
    for packet in mutated(gvcp(), PACKETS, seed=2):
        request = parse_request(packet)
        if request is not None:
            assert len(request.payload) <= len(packet) - 8
            assert len(acknowledge(request, b"")) == 8


DISCOVERED = acknowledge(Request(Command.DISCOVERY, True, 1, b""), bytes(range(248)))


@pytest.mark.net
def test_answers_to_a_search_are_understood_or_let_be() -> None:
    answers = [*mutated([DISCOVERED], PACKETS // 10, seed=3), DISCOVERED]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as camera:
        camera.bind(("127.0.0.1", GVCP_PORT))

        def answer() -> None:
            for sent in answers:
                _, asker = camera.recvfrom(2048)
                camera.sendto(sent, asker)

        threading.Thread(target=answer, daemon=True).start()
        found = [gige_probe.ask("127.0.0.1", tries=1) for _ in answers]
    assert None in found
    assert found[-1] is not None


class Replayed:
    """See link.Link: buffers as they are given, and then the end of the camera."""

    width, line_rate_hz, client = WIDTH, 1000.0, "replay"
    device = Device("", "", "", "", "Mono8", None, None)

    def __init__(self, buffers: Iterator[Buffer]) -> None:
        self._buffers = buffers

    def buffer(self, timeout_s: float) -> Buffer | None:
        return next(self._buffers)

    def alive(self) -> bool:
        return True

    def health(self) -> None:
        return None

    def close(self) -> None:
        return None


def damaged(encoder: bool, seed: int) -> Iterator[Buffer]:
    """One good buffer, then some whose data, number, clock and holes lie; a good one again after each."""
    chance = random.Random(seed)
    image = LINE.tobytes() * ROWS
    size = len(payload(0)) if encoder else len(image)
    for number in itertools.count(1):
        good = payload(number * ROWS) if encoder else image
        yield Buffer(2 * number % 65535 + 1, number * 1000, np.frombuffer(good, np.uint8))
        data = np.frombuffer(next(mutated([good], 1, seed=number)), np.uint8)
        clock, block_id = chance.choice((0, 1, 2**63)), chance.choice((0, 2 * number % 65535 + 2, 65535, 70_000))
        holes: tuple[tuple[int, int], ...] = ()
        if chance.random() < 0.3:
            first = chance.randrange(size)
            data, holes = np.frombuffer(good, np.uint8), ((first, chance.randint(first + 1, size)),)
        yield Buffer(block_id, clock, data, holes)


@pytest.mark.parametrize("encoder", [False, True])
def test_lines_are_numbered_on_through_buffers_that_lie(encoder: bool) -> None:
    scale = Scale(1.0, 1.0, counts_per_mm=1.0 if encoder else None)
    settings = LineSettings(block_lines=ROWS, encoder=encoder)
    camera = LinkedCamera("c", "here", scale, settings, lambda: Replayed(damaged(encoder, seed=5)))
    camera.open()
    at, whole = 0, 0
    for item in itertools.islice(camera.items(), PACKETS // 3):
        if item.first_line is None or item.end_line is None:
            continue  # the numbering began anew: how much is missing is not known
        assert item.first_line == at
        at = item.end_line
        if isinstance(item, LineBlock):
            assert item.encoder is None or len(item.encoder) == item.rows
            whole += bool((item.pixels[:, :, 0] == LINE).all())
        else:
            assert isinstance(item, NotInspected)
    camera.close()
    assert whole > PACKETS // 12
