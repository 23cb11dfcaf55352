"""``python -m calibration int8`` from normal cloth to forms in the bundle."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from calibration.__main__ import main  # noqa: E402
from calibration.forms import make  # noqa: E402
from calibration.forms.harm import Chosen  # noqa: E402
from calibration.forms.make import Form, better  # noqa: E402
from calibration.sampling import Sample  # noqa: E402
from export.qdq_lint import lint  # noqa: E402
from runtime.bundle import Bundle  # noqa: E402
from runtime.errors import MissingExtra, UserError  # noqa: E402
from tests.calibration.forms.nets import Made, bundle_of, cloth, filtered, model_of, net_model  # noqa: E402
from tests.runtime.bundles import MM_PER_PX  # noqa: E402

pytestmark = pytest.mark.torch
ROLL = f"sim:twill22?width=600&mm_per_px={MM_PER_PX}"
FORMS = ["fp16", "int8-signed", "int8-signed-fp16", "int8-unsigned"]


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return bundle_of(net_model(), tmp_path / "bundle")


def int8(bundle: Bundle, *options: str, tiles: int = 12) -> int:
    where = ["--bundle", str(bundle.path), "--rolls", ROLL, "--sim-lines", "600"]
    return main(["int8", *where, "--tiles", str(tiles), *options])


def test_all_forms_are_written_with_how_they_were_made(bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    assert int8(bundle) == 0
    assert [form.form for form in bundle.forms()] == FORMS
    for name in FORMS:
        folder, manifest = bundle.form(name)
        onnx.checker.check_model(str(folder / "graph.onnx"), full_check=True)
        made = manifest.made
        assert (made["rolls"], made["seed"], made["tiles"], made["held_out"]) == ([ROLL], 0, 12, 32)
        assert (len(made["sha256"]), sum(made["strata"].values())) == (64, 12)
        assert set(manifest.versions) == {"onnx", "onnxruntime", "openvino"}
        if name != "fp16":
            assert (made["by"], made["convolutions"]) == ("own", 8)
            assert made["quantized"] + len(made["left_in_floats_db"]) == 8
            assert "deep" in made["left_in_floats_db"]
    halves = bundle.form("fp16")[1].made
    assert halves["left_in_floats"] == list(bundle.form("int8-signed")[1].made["left_in_floats_db"])
    assert 0 < halves["int8_scales"]["stem6"] <= 6 / 127
    assert {"scaled_half", "head"} <= set(halves["int8_scales"])
    assert "distance" not in halves["int8_scales"]
    assert lint(bundle.form("int8-signed")[0] / "graph.onnx") == []
    assert lint(bundle.form("int8-unsigned")[0] / "graph.onnx") != [], "that one is not for TensorRT"
    said = capsys.readouterr().out
    assert "12 tiles of" in said
    assert "int8-unsigned     map" in said
    assert "export engine" in said


def test_tiles_and_seed_choose(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "make_forms", lambda path, taken, by: [Form("fp16", net_model(), 60.0)])
    hashes = []
    for options, tiles in (((), 12), (("--seed", "5"), 12), ((), 7)):
        int8(bundle, *options, tiles=tiles)
        made = bundle.form("fp16")[1].made
        assert (made["tiles"], made["seed"]) == (tiles, 5 if options else 0)
        hashes.append(made["sha256"])
    assert len(set(hashes)) == 3


def test_cloth_that_nears_the_end_of_float16_gets_no_fp16_form(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(make, "choose", lambda model, *others: Chosen(model, 10.0, 8, {}))
    monkeypatch.setattr(make, "too_large", lambda ranges: ["loud"])
    assert int8(bundle) == 0
    assert [form.form for form in bundle.forms()] == ["int8-signed", "int8-unsigned"]
    assert "No FP16 form: 'loud'" in capsys.readouterr().out


def test_nncf_is_asked_for_only_where_it_is_wanted(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nncf", None)
    with pytest.raises(MissingExtra, match=r"needs the Python package 'nncf'.*weftwatch\[nncf\]"):
        int8(bundle, "--with", "nncf")
    assert bundle.forms() == []


@pytest.mark.parametrize(("quantizer", "by"), [("own", "own"), ("nncf", "nncf"), ("best", "nncf")])
def test_the_rivals_graph_is_taken_where_it_is_asked_for_or_nearer(
    quantizer: str, by: str, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are the graph in floats; the rival's is as near as can be, this program's is said to be far."""
    monkeypatch.setattr(make, "choose", lambda model, *others: Chosen(model, 10.0, 8, {}))
    monkeypatch.setattr(make, "nncf_quantized", lambda model, tiles: model)
    monkeypatch.setattr(make, "version", lambda package: "1.0")
    int8(bundle, "--with", quantizer)
    manifest = bundle.form("int8-unsigned")[1]
    assert manifest.made["by"] == by
    assert manifest.versions.get("nncf") == (None if by == "own" else "1.0")
    assert bundle.form("int8-signed")[1].made["by"] == "own", "TensorRT takes no other"


@pytest.mark.parametrize(
    ("decibels", "times", "winner"),
    [((40.0, 35.0), (0.02, 0.01), "nncf"), ((35.0, 40.0), (0.01, 0.02), "own"), ((40.0, 20.0), (0.02, 0.01), "own"),
     ((20.0, 25.0), (0.01, 0.02), "nncf")],
)  # fmt: skip
def test_the_faster_of_two_near_enough_else_the_nearer(
    decibels: tuple[float, float], times: tuple[float, float], winner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make, "seconds_per_tile", lambda models, tiles: list(times))
    own, rival = (Form("int8-unsigned", None, db, {"by": by}) for db, by in zip(decibels, ("own", "nncf"), strict=True))
    taken = Sample(cloth(1), cloth(1), "", {})
    assert better(own, rival, taken).made["by"] == winner
    assert own.made["ms_per_tile"] == 1e3 * times[0]


@pytest.mark.parametrize(("decibels", "noisy"), [(19.9, True), (20.1, False)])
def test_a_form_that_a_verdict_would_refuse_is_called_noisy(decibels: float, noisy: bool) -> None:
    assert ("noisy" in Form("int8-signed", None, decibels).told()) == noisy


def test_a_map_of_filters_alone_is_left_as_it_is(tmp_path: Path) -> None:
    made = Made()
    made.add("Identity", [filtered(made)], "map")
    made.add("ReduceMax", ["map"], "score", axes=[1, 2], keepdims=0)
    bundle = bundle_of(model_of(made), tmp_path / "filters")
    with pytest.raises(UserError, match="only filters, which stay in floats"):
        int8(bundle)
    assert bundle.forms() == []


@pytest.mark.parametrize("tiles", ["0", "-3", "many"])
def test_tiles_that_cannot_be_are_refused(bundle: Bundle, tiles: str) -> None:
    with pytest.raises(SystemExit) as left:
        int8(bundle, "--tiles", tiles)
    assert left.value.code == 2


def test_absent_packages_are_one_sentence(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.startswith("calibration.forms")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtra, match=r"Calibrating for INT8 needs .* 'onnx.*weftwatch\[calibration\]"):
        int8(bundle)
