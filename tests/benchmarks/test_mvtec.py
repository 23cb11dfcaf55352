from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.aitex import select
from benchmarks.mvtec import read_strips
from runtime.errors import UserError
from tests.benchmarks.masks import mask, write_cloth, write_mask


def test_classes_become_fabrics(tmp_path: Path) -> None:
    for number in range(12):
        write_cloth(tmp_path / f"carpet/train/good/{number:03}.png", 8, 8)
    write_cloth(tmp_path / "grid/train/good/000.png", 8, 8)
    write_cloth(tmp_path / "grid/train/good/001.png", 8, 8)
    write_cloth(tmp_path / "carpet/test/good/000.png", 8, 8)
    write_cloth(tmp_path / "carpet/test/cut/000.png", 8, 8)
    write_cloth(tmp_path / "carpet/test/cut/001.png", 8, 8)
    write_mask(tmp_path / "carpet/ground_truth/cut/000_mask.png", mask(8, 8, (0, 2, 0, 2)))
    strips = read_strips(tmp_path)
    assert [len(select(strips, "carpet", split)) for split in ("train", "calibration", "test")] == [11, 1, 3]
    assert select(strips, "carpet", "calibration")[0].path == tmp_path / "carpet/train/good/011.png"
    assert [len(select(strips, "grid", split)) for split in ("train", "calibration")] == [1, 1]
    cut, unmasked, good = select(strips, "carpet", "test")
    assert (cut.defect, cut.mask) == ("cut", tmp_path / "carpet/ground_truth/cut/000_mask.png")
    assert (unmasked.defect, unmasked.mask) == ("cut", None)
    assert (good.defect, good.mask, good.cloth_x0) == (None, None, 0)


def test_a_manifest_comes_first_and_one_of_the_two_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"manifest\.csv"):
        read_strips(tmp_path)
    write_cloth(tmp_path / "carpet/train/good/000.png", 8, 8)
    head = "path,fabric,kind,defect,cloth_x0,mask,split\n"
    (tmp_path / "manifest.csv").write_text(head + "a.png,01,normal,,0,,train\n")
    assert [strip.fabric for strip in read_strips(tmp_path)] == ["01"]


def test_a_class_without_images_is_told(tmp_path: Path) -> None:
    (tmp_path / "carpet/train/good").mkdir(parents=True)
    np.save(tmp_path / "carpet/train/good/000.npy", np.zeros(3))
    with pytest.raises(UserError, match="no image"):
        read_strips(tmp_path)
