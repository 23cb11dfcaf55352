"""Planting, and the shift test on real simulated cloth with an engine that sees brightness."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import planted
from benchmarks.aitex import COLUMNS, read_manifest, select
from benchmarks.boxes import Box
from benchmarks.planted import FromLine, Run, agreement, main, recall, shift_test, stream_from
from benchmarks.planting import Planting, lay_out, plant_cloth
from runtime.errors import UserError
from runtime.simulator.defects import DEFECTS, Plant
from runtime.simulator.loom import Loom
from tests.benchmarks.analytic_bundle import bright_means_defect


def two_bright_spots() -> Planting:
    plants = [Plant("nep", x_mm=40, y_m=0.09, size_mm=8, contrast=1.2), Plant("nep", 80, 0.15, 8, 1.2)]
    return Planting(Loom("twill22", 640, seed=3, defects=plants), lines=1200)


def test_every_class_is_planted_and_none_can_be_taken_for_another() -> None:
    planting = plant_cloth("twill22", 2048, 0.2, planted.DEFECTS_PLANTED, seed=planted.SEED)
    truth = planting.boxes()
    assert len(truth) == planted.DEFECTS_PLANTED
    assert {name.split()[1] for name in truth} == set(DEFECTS)
    bridged_px = 50 / 0.2  # what the runtime's policy bridges at most
    boxes = list(truth.values())
    for i, box in enumerate(boxes):
        wide = Box(
            box.x0 - round(bridged_px), box.x1 + round(bridged_px), box.first - round(bridged_px),
            box.end + round(bridged_px),
        )  # fmt: skip
        assert not any(wide.meets(other) for other in boxes[:i])
    assert min(box.first for box in boxes) > max(planted.STARTS) + 256
    assert max(box.end for box in boxes) < planting.lines - 256


def test_places_come_from_the_seed() -> None:
    first, _ = lay_out(400, 14, np.random.default_rng(1))
    assert lay_out(400, 14, np.random.default_rng(1))[0] == first
    assert lay_out(400, 14, np.random.default_rng(2))[0] != first


def test_narrow_cloth_is_refused() -> None:
    with pytest.raises(UserError, match="too narrow"):
        plant_cloth("twill22", 1024, 0.2, 7, seed=0)


def test_cloth_from_a_later_line_is_the_same_cloth() -> None:
    cloth = Loom("plain", 512, seed=1)
    later = FromLine(cloth, 17, 117)
    assert later.length == 100
    assert np.array_equal(later.lines(3, 20), cloth.lines(20, 20))


def test_the_same_events_are_found_wherever_the_stream_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planted, "MIN_FOUND", 2)
    planting = two_bright_spots()
    report = shift_test(bright_means_defect(tmp_path, opens=0.65, keeps=0.6), planting, starts=(0, 17, 128))
    assert report["within_tolerance"]
    assert report["enough_found"]
    for one in report["runs"]:
        assert (one["events"], one["found"], one["false_events"], one["fragments"]) == (2, 2, 0, 1.0)
    assert [one["matched"] for one in report["shifts"]] == [2, 2]
    assert "the same" in planted.table(report)


def test_a_net_that_finds_nothing_does_not_pass(tmp_path: Path) -> None:
    report = shift_test(bright_means_defect(tmp_path, opens=2.0, keeps=1.9), two_bright_spots(), starts=(0, 17))
    assert report["within_tolerance"]
    assert not report["enough_found"]
    assert report["runs"][0]["missed"] == ["asked-0 nep", "asked-1 nep"]
    assert "nep 2" in planted.table(report)


def test_inspected_cloth_is_counted_once(tmp_path: Path) -> None:
    one = stream_from(bright_means_defect(tmp_path, opens=2.0, keeps=1.9), two_bright_spots(), start=200)
    highest = 1000 * 640 * 0.2 * 0.2 / 1e6
    assert 0.5 * highest < one.inspected_m2 <= highest


def test_events_without_a_match_are_counted_in_both_directions() -> None:
    base = Run(0, [Box(0, 9, 130, 140), Box(100, 110, 300, 310), Box(200, 210, 400, 410)], 1.0)
    shifted = Run(128, [Box(104, 110, 300, 310), Box(200, 219, 400, 410), Box(300, 310, 500, 510)], 1.0)
    # The first event of the unshifted run reaches into what the shifted run did not see, give or take an edge.
    told = agreement(base, shifted)
    assert (told.matched, told.farthest_edge_px) == (1, 4)
    assert told.lost == [Box(200, 210, 400, 410)]
    assert told.new == [Box(200, 219, 400, 410), Box(300, 310, 500, 510)]
    assert told.within_tolerance
    shifted.boxes.append(Box(400, 410, 600, 610))
    assert not agreement(base, shifted).within_tolerance


def test_recall_counts_fragments_and_false_events() -> None:
    planting = two_bright_spots()
    x0, x1, first, end = planting.boxes()["asked-0 nep"]
    pieces = [Box(x0, x0 + 5, first, end), Box(x1 - 5, x1 + 9, first, end), Box(500, 510, 5, 10)]
    seen = recall(Run(0, pieces, inspected_m2=0.5), planting)
    assert (seen.planted, seen.found, seen.missed) == (2, 1, ["asked-1 nep"])
    assert (seen.fragments, seen.false_events, seen.false_per_m2) == (2.0, 1, 2.0)


def test_painted_strips_come_back_from_their_manifest(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name, seed in (("a", 1), ("b", 2)):
        cv2.imwrite(str(data / f"{name}.png"), np.random.default_rng(seed).integers(90, 150, (256, 600), np.uint8))
    rows = [f"{name}.png,01,normal,,64,,calibration" for name in ("a", "b")]
    (data / "manifest.csv").write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")
    out = tmp_path / "painted"
    assert main(["paint", "--data", str(data), "--fabric", "01", "--out", str(out)]) == 0
    strips = select(read_manifest(out), "01", "test")
    painted = [strip for strip in strips if strip.defect is not None]
    assert len(strips) - len(painted) == 2
    assert {strip.path.suffixes[-1] for strip in painted} == {".png"}
    for strip in painted:
        assert strip.mask is not None
        assert strip.mask.name == f"{strip.path.stem}.mask.png"
        clean = cv2.imread(str(data / f"{strip.path.name[0]}.png"), cv2.IMREAD_GRAYSCALE)
        seen, mask = (cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in (strip.path, strip.mask))
        assert (mask[:, :64] == 0).all()
        assert (seen[:, :64] == clean[:, :64]).all()
        assert np.abs(seen.astype(int) - clean)[mask > 0].mean() > 5
