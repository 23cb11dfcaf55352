"""Counting false events at several rates on cloth that is looked at once, and when a promise counts as kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from benchmarks.promise import Kept, main, told
from benchmarks.scenario.kept import Items, KeptLines, KeptMaps
from runtime.cameras.base import CameraInfo
from runtime.engines.base import EngineSession
from runtime.errors import UserError
from runtime.settings import Thresholds
from runtime.types import Kind, LineBlock, Scale, TileBatch
from tests.runtime.analytic import AnalyticEngine
from tests.runtime.bundles import GEOMETRY, make_bundle

KEY = "openvino-fp32"


class Counting(AnalyticEngine):
    """Counts the batches that it is given."""

    submitted = 0

    def stream(self, camera: str) -> EngineSession:
        session = super().stream(camera)
        submit = session.submit

        def counted(batch: TileBatch) -> None:
            self.submitted += 1
            submit(batch)

        session.submit = counted  # type: ignore[method-assign]
        return session


def batch(grey: int, top: int = 0) -> TileBatch:
    pixels = np.full((1, 64, 64, 1), grey, np.uint8)
    return TileBatch("c", 0, 0, pixels, (0,), top, (top, top + 64), (0, 64), 64, hard_end=False, received_ns=0)


def test_the_same_tiles_are_computed_once_and_other_tiles_are_not_taken_for_them() -> None:
    engine = Counting(GEOMETRY)
    kept = KeptMaps(engine)
    for _ in range(2):
        session = kept.stream("c")
        for grey in (0, 255):
            session.submit(batch(grey))
        with pytest.raises(ValueError, match="in flight"):
            session.submit(batch(1))
        found = [session.collect(), session.collect()]
        assert [float(maps.maps.mean()) for maps in found if maps] == [0, 1]
        assert session.collect() is None
        session.close()
    assert engine.submitted == 2
    again = kept.stream("c")
    again.submit(batch(255, top=96))
    elsewhere = again.collect()
    assert elsewhere is not None
    assert (elsewhere.batch.top, engine.submitted) == (96, 2)
    kept.forget()
    again.submit(batch(255))
    assert engine.submitted == 3


class Drawing:
    """A camera of five blocks that counts those that it draws."""

    drawn = 0

    def open(self) -> CameraInfo:
        return CameraInfo("c", 4, 1, 8, Scale(1, 1), live=False, line_rate_hz=None, description="")

    def items(self) -> Iterator[LineBlock]:
        for number in range(5):
            self.drawn += 1
            yield LineBlock("c", 0, number, np.full((1, 4, 1), number, np.uint8))

    def close(self) -> None:
        pass


def test_lines_are_drawn_once_and_those_that_were_not_are_added() -> None:
    lines: Items = []
    camera = Drawing()
    assert [item.first_line for item in islice(KeptLines(camera, lines).items(), 3)] == [0, 1, 2]
    assert [item.first_line for item in islice(KeptLines(camera, lines).items(), 2)] == [0, 1]
    assert camera.drawn == 3
    assert [item.first_line for item in KeptLines(camera, lines).items()] == [0, 1, 2, 3, 4]
    assert [item.first_line for item in lines] == [0, 1, 2, 3, 4]


def kept(counted: int, metres: float = 2000, asked: float = 0.5, calibrated_m: float = 600) -> Kept:
    missing = max(0.0, 100 / asked - calibrated_m)
    return Kept("plain", asked, 3.0, calibrated_m, missing, metres, 116, 40, counted, 1.0, counted, 0)


@pytest.mark.parametrize(
    ("counted", "is_kept"), [(3, False), (4, True), (10, True), (17, True), (18, False), (0, False)]
)
def test_a_promise_is_kept_where_the_exact_interval_contains_it(counted: int, is_kept: bool) -> None:
    assert kept(counted).kept is is_kept
    assert ("NOT KEPT" in told(kept(counted))[0]) is not is_kept


def test_what_is_missing_is_said_in_metres() -> None:
    assert len(told(kept(10))) == 2
    assert "  150 m of normal cloth were missing" in told(kept(10, calibrated_m=50))[2]
    assert "  238 m of fresh cloth are missing" in told(kept(0, metres=500))[2]


def fitted(path: Path, scale: float) -> None:
    """A bundle whose chance peaks lie ``scale`` above 0.45, the brightness of cloth and a little more."""
    bundle = make_bundle(path)
    tail = {"level": 0.45, "scale": scale, "shape": 0.0, "peaks": 100, "metres": 10.0, "median": 0.4}
    found = Thresholds(open=dict.fromkeys(Kind, 0.9), keep=0.6, calibrated=tail)
    bundle.write_settings(bundle.settings().model_copy(update={"thresholds": {KEY: found}}))


def test_each_rate_judges_the_same_fresh_cloth_and_what_was_run_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted(tmp_path / "bundle", 0.04)
    report, work = tmp_path / "out.json", tmp_path / "work"
    size = ["--metres", "1.2", "--roll-metres", "0.6", "--width", "300", "--mm-per-px", "0.5"]
    asked = ["--bundle-for", f"plain={tmp_path / 'bundle'}", *size, "--work", str(work), "--json", str(report)]
    status = main([*asked, "--rates", "1,900"])
    low, high = json.loads(report.read_text())["promises"]
    assert (low["asked"], high["asked"]) == (1, 900)
    assert (low["counted"], low["metres"]) == (0, pytest.approx(1.2, abs=0.1))
    assert high["counted"] > low["counted"]
    assert (low["dispersion"], high["dispersion"] >= 1) == (1, True)
    assert status == (0 if low["kept"] and high["kept"] else 1)
    assert low["opening"] == pytest.approx(0.45 + 0.04 * np.log(1000))
    runs = sorted(path.name.rsplit("-", 1)[0] for path in (work / "runs").iterdir())
    assert runs == [f"promise-{rate}-plain-seed{seed}" for rate in (1, 900) for seed in (9001, 9002)]
    said = capsys.readouterr().out
    monkeypatch.setattr("benchmarks.promise.play", lambda *_: pytest.fail("it was there already"))
    assert main([*asked, "--rates", "1,900"]) == status
    assert capsys.readouterr().out == said


def test_thresholds_that_promise_nothing_are_refused(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    with pytest.raises(UserError, match="promise nothing"):
        main(["--bundle-for", f"plain={bundle.path}", "--metres", "1"])
