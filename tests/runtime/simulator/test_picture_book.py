"""The picture book shows what it says."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from runtime.simulator.faults import FAULTS, Fault, Placed
from runtime.simulator.loom import Loom
from runtime.simulator.picture_book import VIEW_PX, Row, picture, view_of, write_page
from runtime.simulator.snr import Oracle
from runtime.simulator.truth import entry_of

WIDTH = 1200


def laid(cls: str, severity: float) -> tuple[Loom, Placed]:
    loom = Loom("plain", WIDTH, defects=[Fault(cls, 120.0, 0.06, severity)], falloff=0.0)
    (placed,) = (one for one in loom.truth(0, 1 << 40) if isinstance(one, Placed))
    return loom, placed


@pytest.mark.parametrize(
    ("cls", "severity", "size"),
    [
        ("nep", 0.5, VIEW_PX // 2),  # magnified
        ("oil_stain", 0.5, VIEW_PX),
        ("oil_stain", 1.0, 5 * VIEW_PX),  # reduced
        ("broken_end", 1.0, VIEW_PX),  # its beginning, not reduced
    ],
)
def test_a_fault_is_shown_as_large_as_it_fits(cls: str, severity: float, size: int) -> None:
    _, placed = laid(cls, severity)
    view = view_of(placed, WIDTH)
    assert view.size == size
    assert view.first <= placed.first_line < view.first + view.size
    assert view.x0 <= max(placed.x0_px, 0) < view.x0 + view.size <= WIDTH


def test_the_page_shows_the_pictures_with_their_boxes(tmp_path: Path) -> None:
    loom, placed = laid("hole", 0.7)
    shown = picture(loom, placed)
    assert shown.shape == (VIEW_PX, VIEW_PX)
    assert (shown == 255).sum() > 20
    row = Row("hole", [shown, shown], [entry_of(placed, loom.fabric, Oracle.of(loom.fabric, 1.5))])
    write_page(tmp_path, {"Faults": [row]}, FAULTS)
    page = (tmp_path / "README.md").read_text()
    assert "![hole](hole.png)" in page
    assert FAULTS["hole"].words in page
    sheet = cv2.imread(str(tmp_path / "hole.png"), cv2.IMREAD_GRAYSCALE)
    assert sheet is not None
    assert np.array_equal(sheet[:, :VIEW_PX], shown)
