"""Windows of an engine at work, with a clock that only moves when the engine or a wait takes time."""

from __future__ import annotations

import json
import math
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import host, latency, latency_vendor, latency_windows
from benchmarks.latency_report import describe, measured, quantile, stages, table
from benchmarks.latency_windows import Pace, Window, run_alone, run_full, run_paced
from benchmarks.memory_cloth import MemoryCloth, TileRows
from runtime.bundle import EngineManifest
from runtime.command import status
from runtime.engines.timed import StageTimes, TimedSession
from runtime.geometry import TileGeometry
from runtime.simulator.loom import Loom
from runtime.types import TileBatch, TileMaps
from tests.benchmarks.analytic_bundle import bright_means_defect
from tests.runtime.bundles import make_bundle

GEOMETRY = TileGeometry(tile=128, margin=16, blend=16, map_stride=4)
STRIDE = 64


class Clock:
    """Stands for the module ``time``: stands still unless told to go on."""

    def __init__(self) -> None:
        self.now_ns = 1_000

    def monotonic_ns(self) -> int:
        return self.now_ns

    def monotonic(self) -> float:
        return self.now_ns / 1e9

    def process_time(self) -> float:
        return self.now_ns / 2e9  # half a processor

    def sleep(self, seconds: float) -> None:
        self.now_ns += max(1, round(seconds * 1e9))


class Worker:
    """An engine's session that needs ``row_s`` for each row, one after the other, and tells its stages."""

    def __init__(self, clock: Clock, row_s: float) -> None:
        self._clock, self._row_ns, self._free_ns = clock, round(row_s * 1e9), 0
        self._jobs: deque[tuple[TileBatch, int]] = deque()
        self.last_times: StageTimes | None = None

    @property
    def in_flight(self) -> int:
        return len(self._jobs)

    def submit(self, batch: TileBatch) -> None:
        self._free_ns = max(self._free_ns, self._clock.now_ns) + self._row_ns
        self._jobs.append((batch, self._free_ns))

    def collect(self, timeout_s: float = 0.0) -> TileMaps | None:
        batch, done_ns = self._jobs[0]
        until = self._clock.now_ns + round(timeout_s * 1e9)
        self._clock.now_ns = max(self._clock.now_ns, min(done_ns, until))
        if self._clock.now_ns < done_ns:
            return None
        self._jobs.popleft()
        self.last_times = StageTimes(1.0, self._row_ns / 1e6, 2.0)
        return TileMaps(batch, np.zeros((len(batch.x), 32, 32), np.float32))

    def reset(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(latency_windows, "time", made)
    return made


@pytest.fixture
def rows() -> TileRows:
    return TileRows(MemoryCloth.drawn(Loom("twill22", 512), 512, 1), GEOMETRY, STRIDE)


def test_a_row_alone_takes_what_it_takes(clock: Clock, rows: TileRows) -> None:
    row = rows.cut()
    window = run_alone(Worker(clock, 0.010), row, seconds=0.1)
    assert window.latency_ms == pytest.approx([10.0] * 10)
    assert (window.tiles, window.rows_dropped) == (10 * len(row.x), 0)
    assert (window.seconds, window.cpu_s) == pytest.approx((0.1, 0.05))


def test_a_row_among_others_waits_for_those_before_it(clock: Clock, rows: TileRows) -> None:
    window = run_full(Worker(clock, 0.010), rows.cut(), seconds=0.1, depth=3)
    assert window.latency_ms == pytest.approx([10.0, 20.0] + [30.0] * 10)


def test_at_a_pace_that_is_kept_every_row_is_as_alone(clock: Clock, rows: TileRows) -> None:
    pace = Pace(line_rate_hz=STRIDE / 0.020, stride_lines=STRIDE, most_waiting=4)
    window = run_paced(Worker(clock, 0.010), rows, pace, seconds=0.2, depth=2)
    assert window.latency_ms == pytest.approx([10.0] * 10, abs=0.01)
    assert window.seconds == pytest.approx(0.21, abs=1e-3)


@pytest.mark.parametrize(("depth", "most_waiting"), [(1, 2), (1, 4), (2, 4)])
def test_at_twice_the_pace_rows_wait_and_are_then_dropped(
    depth: int, most_waiting: int, clock: Clock, rows: TileRows
) -> None:
    pace = Pace(line_rate_hz=STRIDE / 0.005, stride_lines=STRIDE, most_waiting=most_waiting)
    window = run_paced(Worker(clock, 0.010), rows, pace, seconds=0.1, depth=depth)
    # 20 rows are due from 5 to 100 ms. 10 begin in that time; the rest of the depth and the queue are full at its end.
    judged = 10 + depth - 1 + most_waiting
    assert (len(window.latency_ms), window.rows_dropped) == (judged, 20 - judged)
    # A row counts from when it was due: waiting for those before it is in its latency.
    assert max(window.latency_ms) == pytest.approx(10 * (depth + most_waiting) - 5)


def test_an_engine_that_gives_nothing_ends_the_measurement(clock: Clock, rows: TileRows) -> None:
    with pytest.raises(RuntimeError, match="no maps"):
        run_alone(Worker(clock, 1000.0), rows.cut(), seconds=0.1)


def test_stages_are_noted_where_a_session_tells_them(clock: Clock, rows: TileRows, tmp_path: Path) -> None:
    worker, row = Worker(clock, 0.010), rows.cut()
    assert isinstance(worker, TimedSession)
    window = run_alone(worker, row, seconds=0.02)
    assert stages(window.stages) == {"upload_ms": 1.0, "compute_ms": 10.0, "download_ms": 2.0}
    analytic = bright_means_defect(tmp_path, 0.9, 0.8).engine.stream("one")
    assert not isinstance(analytic, TimedSession)
    assert stages([]) is None


@pytest.mark.parametrize(("share", "wanted"), [(0.5, 50.0), (0.95, 95.0), (0.99, 99.0), (1.0, 100.0), (0.001, 1.0)])
def test_quantiles_are_values_that_were_seen(share: float, wanted: float) -> None:
    assert quantile(map(float, range(100, 0, -1)), share) == wanted
    assert math.isnan(quantile([], share))


def test_windows_become_one_mode_and_one_value_a_window() -> None:
    fast = Window(seconds=1.0, latency_ms=[1.0, 2.0], tiles=20, cpu_s=0.2)
    slow = Window(seconds=2.0, latency_ms=[3.0, 9.0], tiles=20, rows_dropped=1, cpu_s=0.6)
    found = describe([fast, slow])
    assert (found["rows"], found["rows_dropped"], found["tiles_s"]) == (4, 1, 15.0)
    assert found["latency_ms"] == {"p50": 2.0, "p95": 9.0, "p99": 9.0, "max": 9.0}
    assert found["cpu_ms_per_tile"] == pytest.approx(20.0)
    each = measured("paced", [fast, slow, Window(seconds=1.0, rows_dropped=5)])
    assert each["paced: tiles"].values == [20.0, 10.0]
    assert each["paced: row p50"].values == [1.0, 3.0]
    assert each["paced: rows dropped"].values == [0.0, 1.0, 5.0]
    assert "paced: upload a row" not in each
    told = replace(fast, stages=[StageTimes(1.0, 2.0, 3.0)])
    assert measured("full", [told])["full: upload a row"].values == [1.0]


def manifest(engine: str, file: str, device: str = "CPU") -> EngineManifest:
    return EngineManifest(
        bundle_id="0", engine=engine, precision="fp32", device=device, files={file: ""}, versions={}, parity={}
    )


def test_the_vendors_programs_are_asked_for_the_same_engine(tmp_path: Path) -> None:
    openvino = latency_vendor.command(tmp_path, manifest("openvino", "model.xml", "GPU"), 2.4)
    assert openvino[:5] == ["benchmark_app", "-m", str(tmp_path / "model.xml"), "-d", "GPU"]
    assert openvino[-4:] == ["-infer_precision", "f32", "-t", "2"]
    plan = f"--loadEngine={tmp_path / 'engine.plan'}"
    for device, where in (("cuda:1", "--device=1"), ("dla:0", "--useDLACore=0")):
        tensorrt = latency_vendor.command(tmp_path, manifest("tensorrt", "engine.plan", device), 0.1)
        assert tensorrt[:4] == ["trtexec", plan, where, "--duration=1"]


@pytest.mark.parametrize(
    ("said", "rate"),
    [
        ("[ INFO ] Throughput:   103.80 FPS", 103.8),
        ("[10/01/2026-10:00:00] [I] Throughput: 812.345 qps", 812.345),
        ("nothing of the kind", None),
        ("[ INFO ] Throughput:   103.80 FPS'; exit 1; echo '", None),
    ],
)
def test_the_vendors_figure_is_read(
    said: str, rate: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "benchmark_app"
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = latency_vendor.measure(tmp_path, manifest("openvino", "model.xml"), 1.0)
    assert (found and found["tiles_s"]) == rate
    if found:
        assert found["command"].startswith("benchmark_app -m model.xml -d CPU")


def test_without_the_vendors_program_there_is_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(latency_vendor, "PLACES", (tmp_path,))
    assert latency_vendor.measure(tmp_path, manifest("openvino", "model.xml"), 1.0) is None


def test_free_memory_is_read_from_the_kernel(tmp_path: Path) -> None:
    info = tmp_path / "meminfo"
    info.write_text("MemTotal: 100 kB\nMemAvailable:     40 kB\nHugePages_Total: 0\n")
    assert host.available_bytes(info) == 40 * 1024
    info.write_text("MemTotal: 100 kB\n")
    assert host.available_bytes(info) is None
    assert host.available_bytes(tmp_path / "nothing") is None


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "WARM_UP_S", 0.01)
    monkeypatch.setattr(latency, "CLOTH_LINES", 256)
    monkeypatch.setattr(latency_vendor, "measure", lambda *_: {"program": "vendor", "command": "", "tiles_s": 5.0})


@pytest.mark.usefixtures("quick")
def test_the_command_on_a_real_engine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = str(make_bundle(tmp_path / "bundle", calibrated=False).path)

    def report(*options: str) -> dict[str, Any]:
        out = tmp_path / "report.json"
        assert latency.main(["--bundle", bundle, "--seconds", "0.3", "--json", str(out), *options]) == 0
        return json.loads(out.read_text())

    narrow, wide = report("--width", "600"), report("--width", "900", "--line-rate", "640")
    assert narrow["settings"]["tiles_across"] < wide["settings"]["tiles_across"]
    assert (narrow["settings"]["width_px"], wide["settings"]["width_px"]) == (600, 900)
    assert wide["settings"]["line_rate_hz"] == 640
    # 0.3 s in 15 windows are 20 ms each: less than the 50 ms of a row's 32 lines, and a window has one row at least.
    assert wide["modes"]["paced"]["rows"] == latency.WINDOWS
    full, settings = narrow["modes"]["full"]["tiles_s"], narrow["settings"]
    rate = latency.PACED_SHARE * full / settings["tiles_across"] * settings["stride_lines"]
    assert settings["line_rate_hz"] == pytest.approx(rate)
    assert len(narrow["measures"]["full: tiles"]["values"]) == latency.WINDOWS
    assert (narrow["report"], narrow["geometry"]["tile"]) == ("latency", 64)
    said = capsys.readouterr().out
    assert "640 lines/s" in said
    assert "vendor                        5.0" in said
    assert "one row at a time" in table(narrow)
    assert narrow["kept"]
    most = full / settings["tiles_across"] * settings["stride_lines"]
    assert narrow["most_lines_s"] == pytest.approx(most)
    assert latency.main(["--bundle", bundle, "--seconds", "0.3", "--width", "600", "--line-rate", "1e7"]) == 1
    assert "the line rate was NOT kept" in capsys.readouterr().out


def test_an_engine_that_is_not_in_the_bundle_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = str(make_bundle(tmp_path / "bundle", calibrated=False).path)
    assert status(latency.main, ["--bundle", bundle, "--precision", "fp8"]) == 2
    assert "has no engine openvino-fp8-CPU; it has: openvino-fp32-CPU" in capsys.readouterr().err
    assert status(latency.main, ["--bundle", bundle, "--device", "NPU"]) == 2
    with pytest.raises(SystemExit, match="2"):
        latency.main(["--bundle", bundle, "--seconds", "0"])
