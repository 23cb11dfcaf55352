"""``python -m calibration report``: from rolls to a page in the bundle and an exit status."""

from __future__ import annotations

import argparse
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from calibration import report
from calibration.verdict.page import nested
from calibration.verdict.record import Verdict
from runtime.bundle import Bundle
from runtime.engines import load_engine
from runtime.engines.base import Engine
from runtime.errors import UserError
from runtime.yaml_files import read_yaml
from tests.calibration.verdict.distorted import Distorted, cloth, two_engines
from tests.runtime.cameras.strips import write_png

FEW = ("--limits", "planted_found=1")


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return two_engines(tmp_path / "bundle")


@pytest.fixture
def roll(tmp_path: Path) -> str:
    (tmp_path / "roll").mkdir()
    for number in range(2):
        write_png(tmp_path / "roll" / f"{number}.png", cloth(300, 1300, seed=number))
    return str(tmp_path / "roll")


@pytest.fixture
def gain(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """What the engines of each precision multiply their maps by."""
    gains = {"fp32": 1.0, "int8": 1.0}

    def load(bundle: Bundle, engine: str, precision: str, device: str) -> Engine:
        return Distorted(load_engine(bundle, engine, "fp32", device), lambda maps: maps * gains[precision])

    monkeypatch.setattr("calibration.verdict.side.load_engine", load)
    return gains


def run(bundle: Bundle, *arguments: str, precision: str = "int8") -> int:
    made = argparse.ArgumentParser()
    report.add_parser(made.add_subparsers(dest="verb", required=True))
    head = ["report", "--bundle", str(bundle.path), "--precision", precision]
    return report.run(made.parse_args([*head, *arguments]))


def written(bundle: Bundle, key: str = "openvino-int8-CPU") -> tuple[Verdict, str]:
    folder = bundle.path / "reports" / key
    assert sorted(path.name for path in folder.iterdir()) == ["index.html", "verdict.yaml"]
    return read_yaml(folder / "verdict.yaml", Verdict), (folder / "index.html").read_text()


def test_an_engine_like_the_reference_passes(
    bundle: Bundle, roll: str, gain: dict[str, float], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(bundle, "--rolls", roll, *FEW) == 0
    verdict, page = written(bundle)
    assert verdict.passes
    assert (verdict.bundle_id, verdict.rolls, verdict.pieces) == (bundle.id, [roll], 2)
    assert verdict.mpx == pytest.approx(2 * 300 * 1300 / 1e6, rel=0.2)
    assert verdict.candidate.built.files == bundle.engine("openvino", "int8", "CPU")[1].files
    assert (verdict.reference.key, verdict.candidate.key) == ("openvino-fp32", "openvino-int8")
    assert "All limits are kept." in page
    assert "<code>planted_lost</code>" in page
    assert "&lt;head&gt;" in page, "how the form was made is shown"
    assert "<head>" not in page
    assert f"passes: {bundle.path / 'reports' / 'openvino-int8-CPU' / 'index.html'}" in capsys.readouterr().out
    assert Bundle(bundle.path).id == bundle.id


def test_an_engine_that_loses_defects_fails_and_its_page_is_written_all_the_same(
    bundle: Bundle, roll: str, gain: dict[str, float], capsys: pytest.CaptureFixture[str]
) -> None:
    gain["int8"] = 0.7
    assert run(bundle, "--rolls", roll, *FEW) == 1
    verdict, page = written(bundle)
    assert not verdict.passes
    assert verdict.lost
    said = capsys.readouterr().err
    lost = len(verdict.lost) / verdict.found_before
    assert f"planted_lost is {lost:.4g}, and must be at most 0.05" in said
    assert f"planted_lost is {lost:.4g}, and must be at most 0.05" in page
    assert f"<h3>{len(verdict.lost)} lost</h3>" in page
    assert verdict.lost[0].where in page


def test_limits_decide(bundle: Bundle, roll: str, gain: dict[str, float]) -> None:
    gain["int8"] = 0.7
    wide = ["planted_found=1", "planted_lost=1", "sqnr_db=-40"]
    assert run(bundle, "--rolls", roll, "--limits", *wide) == 0
    assert written(bundle)[0].limits.planted_lost == 1
    assert run(bundle, "--rolls", roll, "--limits", *wide, "planted_found=10000") == 1
    assert not written(bundle)[0].passes, "the later report takes the place of the earlier"


def test_the_reference_is_what_the_engine_is_compared_with(bundle: Bundle, roll: str, gain: dict[str, float]) -> None:
    gain["int8"] = 0.7
    assert run(bundle, "--rolls", roll, "--reference", "openvino-int8", *FEW, precision="fp32") == 1
    verdict, _ = written(bundle, "openvino-fp32-CPU")
    assert (verdict.reference.key, verdict.candidate.key) == ("openvino-int8", "openvino-fp32")
    assert verdict.new
    assert not verdict.lost


def test_sim_lines_are_the_cloth_that_is_looked_at(bundle: Bundle, gain: dict[str, float]) -> None:
    uri = "sim:plain?width=800&mm_per_px=0.5"
    run(bundle, "--rolls", uri, "--sim-lines", "512")
    short = written(bundle)[0].mpx
    run(bundle, "--rolls", uri, "--sim-lines", "1024")
    assert written(bundle)[0].mpx == pytest.approx(2 * short, rel=0.01)


def test_cloth_that_set_thresholds_is_named(
    bundle: Bundle, roll: str, gain: dict[str, float], capsys: pytest.CaptureFixture[str]
) -> None:
    settings = bundle.settings()
    used = settings.thresholds["openvino-int8"].model_copy(update={"calibrated": {"rolls": [roll]}})
    thresholds = {**settings.thresholds, "openvino-int8": used}
    bundle.write_settings(settings.model_copy(update={"thresholds": thresholds}))
    assert run(bundle, "--rolls", roll, *FEW) == 0
    note = f"Roll '{roll}' set the thresholds of openvino-int8"
    assert note in capsys.readouterr().err
    assert written(bundle)[0].notes[0].startswith(note)


def test_the_page_needs_nothing_else(bundle: Bundle, roll: str, gain: dict[str, float]) -> None:
    run(bundle, "--rolls", roll, *FEW)
    _, page = written(bundle)
    parsed = Balanced()
    parsed.feed(page)
    assert parsed.open == []
    assert len(re.findall("<img ", page)) == len(re.findall(r'src="data:image/png;base64,', page)) > 0
    assert not re.search(r"(src|href)=.?http|@import|url\(", page)


class Balanced(HTMLParser):
    """Knows which tags are open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """Closes itself."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_whatever_a_manifest_holds_is_shown() -> None:
    shown = nested({"kept_float": [{"layer": "a<b", "db": 2.53211}, {"layer": "c"}], "tiles": [1, 2], "none": None})
    for cell in ("a&lt;b", "2.532", "kept_float", "1</span>, <span", "<th>layer</th><th>db</th>"):
        assert cell in shown


def test_what_cannot_be_judged_is_refused(bundle: Bundle, roll: str, gain: dict[str, float]) -> None:
    with pytest.raises(UserError, match="openvino-fp32-CPU is the reference itself"):
        run(bundle, "--rolls", roll, precision="fp32")
    with pytest.raises(UserError, match="has no engine openvino-fp16-CPU"):
        run(bundle, "--rolls", roll, precision="fp16")
    with pytest.raises(UserError, match="--limits sqnr="):
        run(bundle, "--rolls", roll, "--limits", "sqnr=3")
    with pytest.raises(SystemExit):
        run(bundle, "--rolls", roll, "--reference", "openvino")
    settings = bundle.settings()
    only = {"openvino-fp32": settings.thresholds["openvino-fp32"]}
    bundle.write_settings(settings.model_copy(update={"thresholds": only}))
    with pytest.raises(UserError, match=r"no thresholds above 0 for openvino-int8: .*threshold .*--precision int8"):
        run(bundle, "--rolls", roll)
    assert not (bundle.path / "reports").exists()
