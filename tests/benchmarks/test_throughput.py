"""The arithmetic of rates, and the three measurements end to end at toy size; no time is asserted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import closed_loop, host, open_loop, throughput
from benchmarks.closed_loop import ClosedLoop, repeated
from benchmarks.memory_cloth import MemoryCloth, TileRows
from benchmarks.open_loop import RESOLUTION, Paced, highest_kept, hold, memory_growth, run_paced
from runtime.errors import UserError
from runtime.simulator.loom import Loom
from tests.benchmarks.analytic_bundle import bright_means_defect


def paced(dropped: int = 0, queue: list[int] | None = None, rate: float = 1.0, lines_in: int = 100) -> Paced:
    return Paced(rate, 1.0, lines_in, dropped, queue or [], None, None, None, None)


def test_cloth_in_memory_goes_round() -> None:
    pixels = np.arange(10, dtype=np.uint8).reshape(10, 1, 1).repeat(4, axis=1)
    cloth = MemoryCloth(pixels)
    assert cloth.lines(3, 4)[:, 0, 0].tolist() == [3, 4, 5, 6]
    assert np.shares_memory(cloth.lines(13, 4), pixels)
    assert cloth.lines(18, 5)[:, 0, 0].tolist() == [8, 9, 0, 1, 2]
    assert cloth.lines(7, 25)[:, 0, 0].tolist() == [n % 10 for n in range(7, 32)]
    assert MemoryCloth.drawn(cloth, 10, channels=3).lines(0, 2).shape == (2, 4, 3)


@pytest.mark.parametrize("guess", [10.0, 500.0, 900.0, 1000.0, 1100.0, 3000.0])
def test_the_search_comes_near_the_limit_from_below(guess: float) -> None:
    tried: list[float] = []

    def keeps(rate: float) -> bool:
        tried.append(rate)
        return rate <= 1000.0

    found = highest_kept(keeps, guess)
    assert found in tried
    assert found <= 1000.0
    if guess >= 500.0:
        assert found * RESOLUTION >= 1000.0


def test_a_machine_that_keeps_nothing_is_said_so() -> None:
    with pytest.raises(UserError, match="No line rate was kept, tried from 100 down to 9 "):
        highest_kept(lambda rate: False, 100.0)


def test_holding_steps_down_until_no_line_drops() -> None:
    attempts = hold(lambda rate: paced(dropped=int(rate > 91), rate=rate), 100.0)
    assert [one.line_rate_hz for one in attempts] == pytest.approx([100.0, 95.0, 90.25])
    assert [one.lines_dropped for one in attempts] == [1, 1, 0]
    assert hold(lambda rate: paced(dropped=1), 100.0)[-1].lines_dropped == 1


def test_a_queue_that_only_fills_is_not_kept_up_with() -> None:
    assert paced(queue=[0, 3, 2, 0]).kept_up
    assert not paced(queue=[0, 2, 4, 6]).kept_up
    assert not paced(queue=[0, 0], dropped=1).kept_up
    assert not paced(queue=[0, 0], lines_in=0).kept_up


def test_memory_grows_from_after_the_warm_up() -> None:
    samples = [(1.0, 50), (10.0, 100), (12.0, 130), (14.0, 110)]
    assert memory_growth(samples, warm_up_s=5.0) == (100, 30)
    assert memory_growth(samples, warm_up_s=60.0) == (None, None)


def test_the_ratio_compares_neighbouring_slices() -> None:
    assert ClosedLoop([100.0, 50.0, 10.0], [90.0, 50.0, 8.0], [], (0, 1)).ratio == pytest.approx(0.9)


def test_rows_of_tiles_are_repeated_to_keep_the_engine_full(tmp_path: Path) -> None:
    tiles = bright_means_defect(tmp_path, 0.9, 0.8).bundle.recipe.tiles
    row = TileRows(MemoryCloth.drawn(Loom("twill22", 512), 256, 1), tiles, 64).cut()
    batch, across = repeated(row), len(row.x)
    assert across == len(tiles.column_starts(*row.region))
    assert len(batch.x) >= closed_loop.LEAST_TILES
    assert len(batch.x) % across == 0
    assert np.array_equal(batch.pixels[:across], batch.pixels[across : 2 * across])
    with pytest.raises(UserError, match="No cloth"):
        TileRows(MemoryCloth(np.full((256, 512, 1), 40, np.uint8)), tiles, 64).cut()


def test_rows_of_tiles_follow_each_other_by_the_stride(tmp_path: Path) -> None:
    tiles = bright_means_defect(tmp_path, 0.9, 0.8).bundle.recipe.tiles
    cloth = MemoryCloth.drawn(Loom("twill22", 512), 256, 1)
    rows = TileRows(cloth, tiles, 64)
    cut = [rows.cut(received_ns=n) for n in range(4)]
    assert np.diff([row.top for row in cut]).tolist() == [64, 64, 64]
    assert [row.received_ns for row in cut] == [0, 1, 2, 3]
    left = cut[3].x[1]
    assert np.array_equal(cut[3].pixels[1], cloth.lines(cut[3].top, 128)[:, left : left + 128])


def test_a_stride_is_tried_on_a_copy(tmp_path: Path) -> None:
    bundle = bright_means_defect(tmp_path, 0.9, 0.8).bundle
    with throughput.with_policy(bundle, 32) as copy:
        assert copy.id == bundle.id
        assert copy.settings().policy.stride_lines == 32
    assert bundle.settings().policy.stride_lines == 64
    assert not copy.path.exists()
    with pytest.raises(UserError, match="--stride"), throughput.with_policy(bundle, 33):
        pass


def test_a_rate_that_cannot_be_kept_drops_lines_and_ends_early(tmp_path: Path) -> None:
    judged = bright_means_defect(tmp_path, 0.9, 0.8, queue_blocks=2)
    cloth = MemoryCloth.drawn(Loom("twill22", 512), 512, 1)
    done = run_paced(judged, cloth, line_rate_hz=1e7, seconds=20.0, stop_at_drop=True)
    assert done.lines_dropped > 0
    assert not done.kept_up


def test_the_command_reports_all_three(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    judged = bright_means_defect(tmp_path, 0.9, 0.8)
    monkeypatch.setattr(throughput, "load_engine", lambda *_: judged.engine)
    monkeypatch.setattr(throughput, "CLOTH_LINES", 512)
    monkeypatch.setattr(throughput, "SLICES", 2)
    monkeypatch.setattr(throughput, "SLICE_S", 0.3)
    monkeypatch.setattr(throughput, "TRIAL_S", 0.8)
    monkeypatch.setattr(open_loop, "MOST_TRIALS", 3)
    monkeypatch.setattr(closed_loop, "WARM_UP_S", 0.1)
    out = tmp_path / "report.json"
    command = ["--bundle", str(judged.bundle.path), "--width", "512", "--stride", "48", "--minutes", "0.02"]
    status = throughput.main([*command, "--json", str(out)])
    report = json.loads(out.read_text())
    assert status == (0 if report["held"] else 1)
    assert report["stride_lines"] == 48
    assert len(report["slices"]["engine_tiles_s"]) == len(report["slices"]["stream_tiles_s"]) == 2
    # Each tile of 128 px stands for 48 lines and its share of the cloth's width.
    geometry = 48 * report["cloth_px"] / (report["tiles_across"] * 128**2)
    assert report["cloth_over_tile_geometry"] == pytest.approx(geometry)
    last = report["hold"][-1]
    assert last["lines_in"] > 0
    assert last["share_of_target"] == pytest.approx(last["line_rate_hz"] * report["cloth_px"] / 45e6)
    assert report["host"]["engine"] == "analytic"
    assert "closed loop: engine" in capsys.readouterr().out


def test_the_processor_is_named(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: Fast CPU\n")
    assert host.cpu_name(info) == "Fast CPU"
    assert host.cpu_name(tmp_path / "nothing")


def test_memory_is_read_from_the_kernel(tmp_path: Path) -> None:
    statm = tmp_path / "statm"
    statm.write_text("100 7 3 1 0 5 0\n")
    assert host.resident_bytes(statm) == 7 * host.os.sysconf("SC_PAGE_SIZE")
    assert host.resident_bytes(tmp_path / "nothing") is None
