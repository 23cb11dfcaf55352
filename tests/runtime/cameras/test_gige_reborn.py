"""The death of a camera, and its return: what was on its way is given up once, and by its right number."""

from __future__ import annotations

import threading

import pytest

from runtime.fake_gige.stamped import numbers
from runtime.types import Reason, Scale
from tests.runtime.cameras.gige_clients import (
    ENCODER,
    PLAIN,
    RATE,
    Item,
    MakeCamera,
    assert_exact,
    blocks,
    shown_from,
    spans,
    take,
)
from tests.runtime.fake_gige.process import CameraProcess

pytestmark = pytest.mark.net


def reborn(camera: MakeCamera, scale: Scale, after_s: float, *options: str, **settings: object) -> list[Item]:
    """Some blocks, kill -9, some seconds without, the camera again, some blocks."""
    with CameraProcess(*RATE, *options) as process:
        loom = camera(scale, **settings)
        loom.open()
        stream = loom.items()
        items = take(stream, lambda so_far: len(so_far) >= 10)
        since = process.next_event()["woven_since"]
        process.kill()
        again: list[CameraProcess] = []

        def restart() -> None:
            again.append(CameraProcess(*RATE, *options, "--woven-since", str(since)))

        timer = threading.Timer(after_s, restart)
        timer.start()
        items += take(stream, lambda so_far: bool(so_far) and len(so_far) >= 30 and so_far[-1].first_line is not None)
        loom.close()
        timer.join()
        again[0].kill()
    return items


def test_a_reborn_camera_with_an_encoder_leaves_one_exact_span(camera: MakeCamera) -> None:
    items = reborn(camera, ENCODER, after_s=3)
    assert_exact(items)
    (span,) = spans(items)
    assert span.reason is Reason.CAMERA_LOST
    assert span.lines >= 3 * 5000
    assert span.seconds is not None
    assert span.seconds >= 3
    at = items.index(span)
    assert {block.segment for block in blocks(items[:at])} == {0}
    assert {block.segment for block in blocks(items[at:])} == {1}


def test_a_reborn_camera_that_stamps_no_counts_is_asked_how_far_the_cloth_went(camera: MakeCamera) -> None:
    items = reborn(camera, ENCODER, 3, "--no-chunks", stamped=False)
    (span,) = spans(items)
    assert span.reason is Reason.CAMERA_LOST
    assert all(block.encoder is None for block in blocks(items))
    at = items.index(span)
    back = blocks(items[at:])
    # The rows say how far it was; an answer comes some lines after the question's line.
    exact = int(numbers(back[0].pixels)[0]) - shown_from(items)
    assert abs(span.end_line - exact) < 0.1 * 5000
    assert span.lines >= 3 * 5000
    assert (span.end_line, back[0].segment) == (back[0].first_line, 1)


def test_a_reborn_camera_without_an_encoder_leaves_one_span_of_unknown_length(camera: MakeCamera) -> None:
    items = reborn(camera, PLAIN, after_s=1.5)
    (span,) = spans(items)
    assert span.reason is Reason.CAMERA_LOST
    assert (span.first_line, span.end_line) == (None, None)
    assert span.seconds is not None
    assert span.seconds >= 1.5
    at = items.index(span)
    before, after = blocks(items[:at]), blocks(items[at:])
    assert after[0].first_line == before[-1].end_line
    assert_exact(list(before))
    assert_exact(list(after), offset=shown_from(list(after)))


def test_two_cameras_and_the_death_of_one_leaves_the_other_untouched(camera: MakeCamera) -> None:
    with CameraProcess(*RATE) as first, CameraProcess(*RATE, "--ip", "127.0.0.2"):
        doomed, sound = camera(), camera(ip="127.0.0.2")
        doomed.open()
        sound.open()
        dying = doomed.items()
        lost: list[Item] = []
        watcher = threading.Thread(target=lambda: lost.extend(dying))
        watcher.start()
        living = sound.items()
        items = take(living, lambda so_far: len(so_far) >= 5)
        first.ask("die")
        items += take(living, lambda so_far: len(so_far) >= 200)
        sound.close()
        doomed.close()
        watcher.join()
    assert_exact(items)
    assert spans(items) == []
    reasons = [span.reason for span in spans(lost)]
    assert [reason for reason in reasons if reason is not Reason.PACKET_LOSS] == [Reason.CAMERA_LOST], "once"


def test_close_from_another_thread_ends_the_iterator_of_a_standing_and_of_a_dead_camera(camera: MakeCamera) -> None:
    for fault in ("stop 600", "die"):
        with CameraProcess(*RATE) as process:
            loom = camera()
            loom.open()
            stream = loom.items()
            take(stream, lambda so_far: len(so_far) >= 3)
            process.ask(fault)
            closer = threading.Timer(1.0, loom.close)
            closer.start()
            list(stream)
            closer.join()
            loom.close()
