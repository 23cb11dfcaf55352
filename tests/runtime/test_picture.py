"""The picture of what the stream sees."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from runtime.command import status
from runtime.picture import EDGE_PX, PANEL_PX, RED, main
from tests.runtime.bundles import CLOTH, MM_PER_PX, SPOT, make_bundle
from tests.runtime.cameras.strips import write_png


def options(folder: Path, out: Path) -> list[str]:
    """A strip of 280 x 280 px with a spot at columns 140 to 160 and lines 60 to 80."""
    make_bundle(folder / "bundle")
    strip = np.full((280, 280), CLOTH, np.uint8)
    strip[60:80, 140:160] = SPOT
    write_png(folder / "strip.png", strip)
    (folder / "cameras.yaml").write_text(
        f"c: {{backend: replay, path: {folder / 'strip.png'}, mm_per_px: {MM_PER_PX}, cloth: all}}\n"
    )
    named = {"--camera": "c", "--cameras": folder / "cameras.yaml", "--bundle": folder / "bundle", "--out": out}
    return [str(word) for pair in named.items() for word in pair]


def test_the_defect_is_boxed_in_cloth_and_map(tmp_path: Path) -> None:
    assert main(options(tmp_path, tmp_path / "seen.png")) == 0
    page = cv2.imread(str(tmp_path / "seen.png")).astype(int)
    scale = PANEL_PX / 280
    for left in (EDGE_PX, EDGE_PX + PANEL_PX + EDGE_PX // 2):
        panel = page[EDGE_PX : EDGE_PX + PANEL_PX, left : left + PANEL_PX]
        rows, columns = np.nonzero((panel == RED).all(axis=2))
        # The kind stands above the box; below its upper edge there is only the box.
        assert (columns.min(), rows.max()) == pytest.approx((139 * scale - 3, 81 * scale + 3), abs=3)
        assert columns[rows > 60 * scale].max() == pytest.approx(161 * scale + 3, abs=3)
        middle = (round(70 * scale), round(150 * scale))
        assert panel[middle].min() > panel[round(200 * scale), round(40 * scale)].max(), "a spot is brighter than cloth"


def test_a_picture_that_cannot_be_written_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(main, options(tmp_path, tmp_path / "nowhere" / "seen.png")) == 2
    assert "Cannot write a picture to" in capsys.readouterr().err
