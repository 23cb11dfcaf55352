"""Recorded rolls: bit for bit what the camera gave, also after a power cut and on a damaged disk."""

from __future__ import annotations

import json
import resource
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from runtime.errors import UserError
from runtime.recordings.format import HEADER_BYTES, packed
from runtime.recordings.reader import RecordedRoll
from runtime.recordings.writer import RecordingWriter
from runtime.types import LineBlock, NotInspected, Reason
from tests.runtime.recordings.rolls import DEVICE, WIDTH, assert_same, block, eventful, info, record


@pytest.mark.parametrize(
    ("bits", "channels", "counts"), [(8, 1, None), (8, 3, 2.5), (10, 1, -3.7), (12, 1, None), (16, 1, 1e9)]
)
def test_what_was_recorded_comes_out_bit_for_bit(
    tmp_path: Path, bits: int, channels: int, counts: float | None
) -> None:
    items = eventful(bits, channels, counts)
    roll = RecordedRoll(record(tmp_path / "r", items, info(bits, channels, counts and 2 * counts)))
    assert len(list(tmp_path.glob("r/chunk-*"))) > 2
    assert_same(list(roll.items("left")), items)
    assert (roll.first_line, roll.end_line, roll.cut) == (0, 247, "")
    about = roll.about
    assert (about.camera, about.width, about.channels, about.bits) == ("left", WIDTH, channels, bits)
    assert (about.scale, about.device) == (info(counts_per_mm=counts and 2 * counts).scale, DEVICE)


def test_line_numbers_need_not_begin_at_0(tmp_path: Path) -> None:
    items = [block(first) for first in (5000, 5020, 5040)]
    roll = RecordedRoll(record(tmp_path / "r", items, info(), 1))
    assert (roll.first_line, roll.end_line, roll.metres) == (5000, 5060, pytest.approx(0.03))
    assert_same(list(roll.items("left", 5020, 5040)), items[1:2])


@pytest.mark.parametrize("first", [0, 13, 95, 120, 146, 147, 200])
@pytest.mark.parametrize("count", [1, 60, 200])
def test_a_part_has_the_lines_that_were_asked_for_and_the_gaps_between_them(
    tmp_path: Path, first: int, count: int
) -> None:
    items = eventful(counts=3.0)
    roll = RecordedRoll(record(tmp_path / "r", items, info()))
    part = list(roll.items("left", first, first + count))
    numbers = [line for item in part if item.first_line is not None for line in range(item.first_line, item.end_line)]
    assert numbers == list(range(first, min(first + count, 247)))
    whole = {
        item.first_line + row: item.pixels[row]
        for item in items
        if isinstance(item, LineBlock)
        for row in range(item.rows)
    }
    for item in part:
        if isinstance(item, LineBlock):
            assert item.encoder is not None
            assert item.encoder.tolist() == [3 * line for line in range(item.first_line, item.end_line)]
            assert all((item.pixels[row] == whole[item.first_line + row]).all() for row in range(item.rows))
    unnumbered = [item for item in part if item.first_line is None]
    assert len(unnumbered) == (first < 147 < first + count)


def test_metres_lead_to_lines_by_the_encoder_where_there_is_one(tmp_path: Path) -> None:
    plain = RecordedRoll(record(tmp_path / "plain", eventful(), info()))
    assert plain.metres == pytest.approx(247 * 0.5e-3)
    assert [plain.line_at(metres) for metres in (0, 0.0100, 0.0101, plain.metres)] == [0, 20, 21, 247]
    # The encoder counts twice as fast as the line pitch says: cloth passes at 1 mm a line.
    counted = RecordedRoll(record(tmp_path / "counted", eventful(counts=10), info(counts_per_mm=10)))
    assert [counted.line_at(metres) for metres in (0.010, 0.0955, 0.1505)] == [10, 96, 151]
    assert [counted.metres_at(line) for line in (0, 120, 160)] == pytest.approx([0, 0.120, 0.160])
    for metres in (-0.1, 0.3):
        with pytest.raises(UserError, match=r"has metres 0 to 0\.24"):
            counted.line_at(metres)


def test_a_record_is_what_the_documentation_says(tmp_path: Path) -> None:
    item = block(4000, rows=3, bits=12, channels=3, counts=-2.0)
    folder = record(tmp_path / "r", [item], info(12, 3, -4.0))
    data = (folder / "chunk-000000.lines").read_bytes()
    fields = struct.unpack_from("<4sBBBBIIIqqqqqII", data)
    pixels, counts = data[68 : 68 + 3 * WIDTH * 3 * 2], data[68 + 3 * WIDTH * 3 * 2 :]
    assert fields[:8] == (b"WEFT", 1, 3, 12, 1 + 4 + 8, 0, WIDTH, len(pixels) + len(counts))
    assert fields[8:13] == (4000, 4003, 40000, 40030, 4_000_001)
    assert fields[13:] == (zlib.crc32(pixels + counts), zlib.crc32(data[:64]))
    np.testing.assert_array_equal(np.frombuffer(pixels, "<u2").reshape(3, WIDTH, 3), item.pixels)
    assert np.frombuffer(counts, "<i8").tolist() == [-8000, -8002, -8004]
    (entry,) = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    assert entry == {
        "file": "chunk-000000.lines", "bytes": len(data), "first_line": 4000, "end_line": 4003, "first_m": 0.0,
        "end_m": 0.0015,
    }  # fmt: skip


def test_a_power_cut_at_any_byte_costs_at_most_the_open_chunks_last_block(tmp_path: Path) -> None:
    items = eventful()
    record(tmp_path / "r", items, info(), chunk_bytes=10**6)
    (tmp_path / "r" / "index.jsonl").unlink()  # the chunk was never finished
    chunk = tmp_path / "r" / "chunk-000000.lines"
    data = chunk.read_bytes()
    ends = [0]
    for item in items:
        ends.append(ends[-1] + sum(len(piece) for piece in packed(item)))
    assert ends[-1] == len(data)
    for size in [*range(ends[1], len(data), 97), *ends[1:], *(end + HEADER_BYTES for end in ends[1:-1])]:
        chunk.write_bytes(data[:size])
        whole = sum(end <= size for end in ends[1:])
        roll = RecordedRoll(tmp_path / "r")
        assert_same(list(roll.items("left")), items[:whole])
        assert f"the {whole} whole block(s)" in roll.cut
        assert f"{size - ends[whole]:,} byte(s)" in roll.cut
    chunk.write_bytes(data[: ends[1]] + b"\0" * 5000)  # blocks of a file that the system had not written yet
    assert_same(list(RecordedRoll(tmp_path / "r").items("left")), items[:1])


def test_a_line_of_the_index_that_was_cut_short_is_made_up_for(tmp_path: Path) -> None:
    items = eventful()
    folder = record(tmp_path / "r", items, info())
    index = folder / "index.jsonl"
    text = index.read_bytes()
    index.write_bytes(text[:-9])
    roll = RecordedRoll(folder)
    assert_same(list(roll.items("left")), items)
    assert roll.cut
    index.write_bytes(b"{}\n" + text)
    with pytest.raises(UserError, match="damaged in line 1: restore it"):
        RecordedRoll(folder)


def gaps(folder: Path) -> list[tuple[int | None, int | None, str]]:
    """What came out as unreadable; all other lines must be right, and none twice or missing."""
    found, line = [], 0
    for item in RecordedRoll(folder).items("left"):
        if isinstance(item, NotInspected) and item.reason is Reason.UNREADABLE_FILE:
            found.append((item.first_line, item.end_line, item.detail))
        elif isinstance(item, LineBlock):
            assert_same([item], [block(item.first_line, item.rows, segment=item.segment)])
        if item.end_line is not None:
            assert item.first_line == line
            line = item.end_line
    assert line == 247
    return found


def test_a_damaged_disk_costs_what_is_damaged_and_names_it(tmp_path: Path) -> None:
    folder = record(tmp_path / "r", eventful(), info())
    chunk = folder / "chunk-000000.lines"
    data = chunk.read_bytes()
    second_record = sum(len(piece) for piece in packed(block(0)))
    assert gaps(folder) == []
    for at, want in [
        (HEADER_BYTES + 5, (0, 20, "chunk-000000.lines: a block is damaged")),
        (second_record + 3, (20, 100, "chunk-000000.lines: damaged from line 20 on")),
    ]:
        chunk.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert gaps(folder) == [want]
    chunk.unlink()
    assert gaps(folder) == [(0, 100, "chunk-000000.lines: No such file or directory")]
    with pytest.raises(UserError, match=r"first lines .* are damaged, so its metres are not known"):
        RecordedRoll(folder).line_at(0.1)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    about = record(tmp_path / "r", eventful(), info()) / "recording.yaml"
    about.write_text(about.read_text().replace("format: 1", "format: 2"))
    with pytest.raises(UserError, match=r"has format 2; this version reads up to 1: update"):
        RecordedRoll(tmp_path / "r")


def test_what_holds_no_line_is_refused(tmp_path: Path) -> None:
    RecordingWriter(tmp_path / "r", info()).close()
    with pytest.raises(UserError, match="holds no whole block"):
        RecordedRoll(tmp_path / "r")


def test_nothing_is_recorded_over(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty: name a new folder"):
        RecordingWriter(tmp_path, info())


def test_a_full_disk_is_one_sentence_and_keeps_what_was_finished(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    writer = RecordingWriter(tmp_path / "r", info(), chunk_bytes=4000)
    items = [block(first, rows=60 if first < 120 else 2000) for first in (0, 60, 120)]
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        for item in items[:2]:
            writer.write(item)
        with pytest.raises(UserError, match=r"ends at line 120 \(File too large\): make room"):
            writer.write(items[2])
        with pytest.raises(UserError, match="make room"):
            writer.write(items[2])  # not on the torn record's heels
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    writer.close()
    assert_same(list(RecordedRoll(tmp_path / "r").items("left")), items[:2])


def test_a_chunk_is_finished_after_some_seconds_of_lines(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "r", info())
    for first in range(0, 60, 20):
        one = block(first)
        object.__setattr__(one, "received_ns", 1 + first * 10**9)
        writer.write(one)
    index = (tmp_path / "r" / "index.jsonl").read_text().splitlines()
    assert len(index) == 1
    writer.close()
