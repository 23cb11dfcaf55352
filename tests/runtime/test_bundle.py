"""The bundle: what is written is read back, and what does not belong together is refused by name."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from runtime.bundle import Bundle, create, default_policy, device_key
from runtime.errors import UserError
from runtime.geometry import TileGeometry
from runtime.settings import Policy, Settings, Thresholds
from runtime.types import Kind
from runtime.yaml_files import file_hash, read_yaml
from tests.runtime.bundles import GEOMETRY, KEEP, OPEN, make_bundle

ENGINE = "engines/openvino-fp32-CPU"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("made") / "bundle").path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(made, tmp_path / "bundle"))


def edit(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = yaml.safe_load(file.read_text())
    change(content)
    file.write_text(yaml.safe_dump(content))


def refused(message: str, action: Callable[[], object]) -> None:
    """One sentence that says ``message`` and is one line."""
    with pytest.raises(UserError, match=message) as raised:
        action()
    assert "\n" not in str(raised.value)


def test_what_was_written_is_read_back(path: Path) -> None:
    bundle = Bundle(path)
    assert re.fullmatch("[0-9a-f]{16}", bundle.id)
    assert bundle.recipe.tiles == GEOMETRY
    assert bundle.recipe.name == "brightness"
    assert bundle.graph.read_bytes() == b"stands for a graph"
    assert bundle.thresholds("openvino-fp32") == Thresholds(open=dict.fromkeys(Kind, OPEN), keep=KEEP)
    folder, manifest = bundle.engine("openvino", "fp32", "CPU")
    assert folder == path / ENGINE
    assert manifest.files == {name: file_hash(folder / name) for name in ("model.xml", "model.bin")}
    assert [(m.engine, m.precision, m.device, m.bundle_id) for m in bundle.engines()] == [
        ("openvino", "fp32", "CPU", bundle.id)
    ]
    assert (path / "NOTICE").is_file()
    assert not [p for p in path.rglob("*") if p.name.startswith(".")], "nothing half-written is left"


def test_a_form_of_the_graph_is_added_and_found(path: Path, tmp_path: Path) -> None:
    graph = tmp_path / "fewer_bits.onnx"
    graph.write_bytes(b"stands for a graph in fewer bits")
    bundle = Bundle(path)
    bundle.add_form("int8-signed", graph, {"onnx": "1"}, {"tiles": 3})
    folder, manifest = Bundle(path).form("int8-signed")
    assert (folder / "graph.onnx").read_bytes() == graph.read_bytes()
    assert (manifest.form, manifest.bundle_id, manifest.made) == ("int8-signed", bundle.id, {"tiles": 3})
    assert [m.form for m in bundle.forms()] == ["int8-signed"]
    assert Bundle(path).id == bundle.id, "what is added does not make it another bundle"
    refused("has no form fp16; it has: int8-signed", lambda: bundle.form("fp16"))
    (folder / "graph.onnx").write_bytes(b"another")
    refused("does not match its hash", lambda: bundle.form("int8-signed"))


def test_the_id_is_of_graph_and_recipe_and_of_nothing_else(path: Path, tmp_path: Path) -> None:
    bundle = Bundle(path)
    again = create(tmp_path / "again", bundle.recipe, bundle.graph, "another notice")
    assert again.id == bundle.id
    renamed = bundle.recipe.model_copy(update={"name": "denim"})
    assert create(tmp_path / "renamed", renamed, bundle.graph, "").id != bundle.id
    other = tmp_path / "other.onnx"
    other.write_bytes(b"another graph")
    assert create(tmp_path / "other", bundle.recipe, other, "").id != bundle.id


def test_a_bundle_is_written_once(path: Path, tmp_path: Path) -> None:
    bundle = Bundle(path)
    refused("exists already", lambda: create(path, bundle.recipe, bundle.graph, ""))
    file = tmp_path / "file"
    file.write_text("mine")
    refused("exists already", lambda: create(file, bundle.recipe, bundle.graph, ""))
    assert file.read_text() == "mine"
    empty = tmp_path / "empty"
    empty.mkdir()
    assert create(empty, bundle.recipe, bundle.graph, "").id == bundle.id


@pytest.mark.parametrize("name", ["model/graph.onnx", "model/recipe.yaml"])
def test_a_changed_or_missing_file_is_named(path: Path, name: str) -> None:
    with (path / name).open("ab") as file:
        file.write(b"#")
    refused(f"{name}' does not match its hash", lambda: Bundle(path))
    (path / name).unlink()
    refused(f"{name}' is missing", lambda: Bundle(path))


@pytest.mark.parametrize("name", ["model.xml", "model.bin"])
def test_a_changed_or_missing_engine_file_is_named_when_the_engine_is_asked_for(path: Path, name: str) -> None:
    with (path / ENGINE / name).open("ab") as file:
        file.write(b" ")
    bundle = Bundle(path)
    refused(f"{name}' does not match its hash", lambda: bundle.engine("openvino", "fp32", "CPU"))
    (path / ENGINE / name).unlink()
    refused(f"{name}' is missing", lambda: bundle.engine("openvino", "fp32", "CPU"))


def test_an_index_made_to_fit_other_files_is_refused(path: Path) -> None:
    (path / "model" / "graph.onnx").write_bytes(b"mine now")
    hashes = {"model/graph.onnx": file_hash(path / "model" / "graph.onnx")}
    edit(path / "bundle.yaml", lambda index: index["files"].update(hashes))
    refused("id does not belong to its files", lambda: Bundle(path))


def test_an_engine_of_another_bundle_is_refused(path: Path) -> None:
    edit(path / ENGINE / "manifest.yaml", lambda manifest: manifest.update(bundle_id="0" * 16))
    refused("was made for bundle 0000000000000000, not for", lambda: Bundle(path).engine("openvino", "fp32", "CPU"))


def test_an_engine_that_is_not_there_is_refused_by_what_is(path: Path) -> None:
    bundle = Bundle(path)
    refused("no engine openvino-int8-GPU; it has: openvino-fp32-CPU", lambda: bundle.engine("openvino", "int8", "GPU"))
    shutil.rmtree(path / "engines")
    refused("it has: none", lambda: bundle.engine("openvino", "fp32", "CPU"))
    assert bundle.engines() == []


def test_an_engine_is_replaced_whole(path: Path, tmp_path: Path) -> None:
    bundle = Bundle(path)
    (tmp_path / "plan").write_bytes(b"plan")
    folder = bundle.add_engine("openvino", "fp32", "CPU", {"plan": tmp_path / "plan"}, {"v": "2"}, {"mean": 0.5})
    assert sorted(p.name for p in folder.iterdir()) == ["manifest.yaml", "plan"]
    manifest = bundle.engine("openvino", "fp32", "CPU")[1]
    assert (manifest.versions, manifest.parity) == ({"v": "2"}, {"mean": 0.5})
    assert [p.name for p in (path / "engines").iterdir()] == ["openvino-fp32-CPU"]
    assert device_key("dla:0") == "dla_0"


@pytest.mark.parametrize("name", ["bundle.yaml", f"{ENGINE}/manifest.yaml"])
def test_a_newer_format_is_refused_with_what_to_do(path: Path, name: str) -> None:
    edit(path / name, lambda content: content.update(format=99, something_new=1))
    refused(
        f"{name}' has format 99; this version reads up to 1: update",
        lambda: Bundle(path).engine("openvino", "fp32", "CPU"),
    )


def test_unknown_and_ill_typed_keys_are_named_with_their_place(path: Path) -> None:
    settings = path / "settings.yaml"
    good = settings.read_text()
    for change, message in [
        (lambda s: s["policy"].update(strides=3), r"settings.yaml': policy.strides: Extra inputs"),
        (lambda s: s["policy"].update(queue_blocks="many"), r"policy.queue_blocks: .*integer"),
        (lambda s: s["policy"].update(overflow="drop_oldest"), "policy.overflow"),
        (lambda s: s.update(revision=0), "revision: .*greater than or equal to 1"),
        (lambda s: s["thresholds"]["openvino-fp32"].update(keep=OPEN + 0.1), "keep 0.9.* is above"),
        (lambda s: s["thresholds"]["openvino-fp32"]["open"].pop("warp"), "lack the kinds warp"),
    ]:
        settings.write_text(good)
        edit(settings, change)
        refused(message, Bundle(path).settings)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"a: [1", "is not YAML"), (b"\xff\xfe\x00", "is not YAML"), (b"", "the file"), (b"- 1", "the file")],
)
def test_a_file_that_is_no_settings_is_refused(path: Path, content: bytes, message: str) -> None:
    (path / "settings.yaml").write_bytes(content)
    refused(f"settings.yaml.*{message}", Bundle(path).settings)


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    refused("No bundle at .*made by 'python -m export bundle'", lambda: Bundle(tmp_path))
    refused("No bundle at", lambda: Bundle(tmp_path / "nowhere"))
    refused("Cannot read", lambda: read_yaml(tmp_path / "nothing.yaml", Settings))


@pytest.mark.parametrize(("mm_per_px", "fits"), [(0.5, True), (0.54, True), (0.46, True), (0.56, False), (0.2, False)])
def test_pixels_of_another_size_are_refused(path: Path, mm_per_px: float, fits: bool) -> None:
    bundle = Bundle(path)
    if fits:
        bundle.check_scale(mm_per_px, "left")
    else:
        refused(f"made for 0.5 mm per px, camera 'left' has {mm_per_px}", lambda: bundle.check_scale(mm_per_px, "left"))


def test_settings_are_replaced_in_one_step_and_seen_at_once(path: Path) -> None:
    bundle, seen = Bundle(path), Bundle(path)
    settings = bundle.settings()
    policy = settings.policy.model_copy(update={"merge_mm": 3.0})
    bundle.write_settings(settings.model_copy(update={"revision": 7, "policy": policy}))
    assert seen.settings().revision == 7
    assert seen.settings().policy.merge_mm == 3.0
    assert seen.id == Bundle(path).id, "settings are not part of the identity"
    assert not list(path.glob(".*"))


def test_thresholds_that_were_never_set_are_asked_for(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "raw", calibrated=False)
    refused(
        "no thresholds for openvino-fp32: run 'python -m calibration threshold",
        lambda: bundle.thresholds("openvino-fp32"),
    )


@pytest.mark.parametrize("keep", [OPEN, 0.1])
def test_keep_may_reach_the_opening_threshold_but_not_pass_it(keep: float) -> None:
    opening = dict.fromkeys(Kind, OPEN)
    assert Thresholds(open=opening, keep=keep).keep == keep
    with pytest.raises(ValidationError, match="above the lowest"):
        Thresholds(open={**opening, Kind.WARP: keep / 2}, keep=keep)


@pytest.mark.parametrize(
    "tile", [(128, 16, 8, 4), (256, 32, 16, 4), (64, 8, 8, 4), (512, 32, 16, 8), (1024, 64, 32, 4)]
)
def test_the_default_policy_fits_the_tiles(tile: tuple[int, int, int, int]) -> None:
    geometry = TileGeometry(*tile)
    geometry.check_row_stride(default_policy(geometry).stride_lines)


def test_policies_out_of_range_are_refused() -> None:
    for values in ({"flush_s": 0}, {"queue_blocks": 1}, {"update_mm": 0}, {"merge_mm": -1}):
        with pytest.raises(ValidationError):
            Policy(**values)
