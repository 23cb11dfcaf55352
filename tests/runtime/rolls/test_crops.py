"""Pictures of defects: cut where the defect is, from lines that are still there, and kept within a quota."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from runtime.events import DefectEvent
from runtime.rolls import crops
from runtime.rolls.crops import AROUND_PX, LARGEST_PX, LINES_KEPT, Crop, CropFolder, Quota, RecentLines
from runtime.rolls.reading import read_roll
from runtime.rolls.store import Label, Store
from runtime.types import LineBlock
from tests.runtime.rolls.made import MM_PER_PX, defect, started

ROWS, WIDTH = 100, 700


def numbered(first: int, rows: int = ROWS, width: int = WIDTH, segment: int = 0) -> LineBlock:
    """Lines whose pixels tell their line and column."""
    line, column = np.mgrid[first : first + rows, 0:width]
    return LineBlock("c", segment, first, ((line * 7 + column * 3) % 251 + 1).astype(np.uint8)[..., None])


def at(first: int, end: int, x0: int, x1: int, peak: tuple[int, int] | None = None) -> DefectEvent:
    """A defect at lines and columns; its peak where it begins, unless told."""
    lines = [line * MM_PER_PX / 1000 for line in (first, end)]
    made = defect("d", (lines[0], lines[1]), (x0 * MM_PER_PX, x1 * MM_PER_PX))
    line, column = peak or (first, x0)
    return made.model_copy(update={"peak_line": line, "peak_x_px": column})


def recent(*blocks: LineBlock) -> RecentLines:
    lines = RecentLines()
    for one in blocks:
        lines.add(one)
    return lines


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "roll", Label())
    made.add([started()])
    yield made
    made.close()


def test_the_pixels_around_a_defect_across_blocks() -> None:
    lines = recent(*(numbered(first) for first in range(0, 500, ROWS)))
    crop = lines.cut(at(180, 220, 300, 310))
    assert crop is not None
    expected = numbered(0, 500).pixels[180 - AROUND_PX : 220 + AROUND_PX, 300 - AROUND_PX : 310 + AROUND_PX]
    np.testing.assert_array_equal(crop.pixels, expected)


@pytest.mark.parametrize(
    ("event", "shape"),
    [
        (at(2, 5, 0, 10), (5 + AROUND_PX, 10 + AROUND_PX)),  # at the first line and the left edge
        (at(490, 500, 690, WIDTH), (10 + AROUND_PX, 10 + AROUND_PX)),  # at the newest line and the right edge
        (at(200, 203, 0, WIDTH, peak=(201, 600)), (3 + 2 * AROUND_PX, 0)),  # across the whole cloth
    ],
)
def test_a_crop_stays_within_what_there_is(event: DefectEvent, shape: tuple[int, int]) -> None:
    crop = recent(*(numbered(first) for first in range(0, 500, ROWS))).cut(event)
    assert crop is not None
    assert crop.pixels.shape[0] == shape[0]
    assert crop.pixels.shape[1] == shape[1] or LARGEST_PX - AROUND_PX <= crop.pixels.shape[1] <= LARGEST_PX
    assert crop.pixels.min() > 0


def test_of_a_large_defect_the_part_around_its_peak() -> None:
    lines = recent(*(numbered(first) for first in range(0, 2000, ROWS)))
    crop = lines.cut(at(100, 1900, 300, 302, peak=(1500, 301)))
    assert crop is not None
    assert crop.pixels.shape == (LARGEST_PX, 2 + 2 * AROUND_PX, 1)
    top = numbered(1500 - LARGEST_PX // 2, 1).pixels
    np.testing.assert_array_equal(crop.pixels[:1], top[:, 300 - AROUND_PX : 302 + AROUND_PX])


def test_lines_that_are_missing_or_of_another_segment_are_black() -> None:
    lines = recent(numbered(0), numbered(200), numbered(300, segment=1))
    crop = lines.cut(at(90, 310, 300, 310, peak=(250, 305)))
    assert crop is not None
    seen = crop.pixels.any(axis=(1, 2))
    top = 90 - AROUND_PX
    assert [seen[line - top] for line in (99, 100, 199, 200, 299)] == [True, False, False, True, True]
    assert not seen[300 - top :].any()


def test_lines_that_are_gone_give_no_crop() -> None:
    lines = recent(*(numbered(first) for first in range(0, LINES_KEPT + 500, ROWS)))
    assert lines.cut(at(100, 110, 300, 310)) is None
    assert lines.cut(at(LINES_KEPT, LINES_KEPT + 10, 300, 310)) is not None


def test_what_is_held_is_bounded_in_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crops, "BYTES_KEPT", 3 * ROWS * WIDTH)
    lines = recent(*(numbered(first) for first in range(0, 1000, ROWS)))
    assert lines.cut(at(650, 660, 300, 310)) is None
    assert lines.cut(at(750, 760, 300, 310)) is not None


def test_deep_pixels_are_shown_by_their_upper_bits() -> None:
    deep = LineBlock("c", 0, 0, np.full((ROWS, 90, 1), 0x0AB0, np.uint16), bits=12)
    crop = recent(deep).cut(at(40, 44, 40, 44))
    assert crop is not None
    assert (crop.pixels == 0xAB).all()


def crop(name: str, side: int = 20, channels: int = 1, seed: int = 0) -> Crop:
    return Crop(name, np.random.default_rng(seed).integers(0, 256, (side, side, channels), dtype=np.uint8))


@pytest.mark.parametrize("channels", [1, 3])
def test_it_is_kept_as_it_was(store: Store, channels: int) -> None:
    one = crop("a", channels=channels)
    assert CropFolder(store, Quota()).keep(one) is None
    read = cv2.imread(str(store.folder / "crops" / "a.png"), cv2.IMREAD_UNCHANGED)
    assert read is not None
    np.testing.assert_array_equal(read.reshape(20, 20, channels), one.pixels[..., ::-1])
    store.add([defect("a", (1, 1.1))])
    assert read_roll(store.folder).defects[0].crop == store.folder / "crops" / "a.png"


def test_a_quota_of_crops(store: Store) -> None:
    folder = CropFolder(store, Quota(crops=2))
    told = [folder.keep(crop(name)) for name in ("a", "b", "c", "a")]
    assert told == [None, None, "crops beyond the quota", None], "a later crop takes the place of its own"
    assert sorted(store.crops()) == ["a", "b"]
    assert CropFolder(store, Quota(crops=2)).keep(crop("d")), "of the roll, not of the run"


def test_a_quota_of_bytes(store: Store) -> None:
    folder = CropFolder(store, Quota(bytes=1000))
    assert folder.keep(crop("a")) is None
    assert folder.keep(crop("b", side=40)) == "crops beyond the quota"
    assert folder.keep(crop("a", side=25)) is None
    assert store.crops() == {"a": (store.folder / "crops" / "a.png").stat().st_size}


def test_a_crop_is_whole_or_absent(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(crops.os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            CropFolder(store, Quota()).keep(crop("a"))
    assert list((store.folder / "crops").iterdir()) == []
    (store.folder / "crops" / "b.new").write_bytes(b"half")
    CropFolder(store, Quota())
    assert list((store.folder / "crops").iterdir()) == []
