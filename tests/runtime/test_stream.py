"""The command, as a user runs it, in a process that has no torch."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from runtime import __version__
from runtime.command import status
from runtime.events import json_schema
from runtime.preprocess.flatfield import FlatField
from runtime.stream import main, make_view
from runtime.types import LineBlock
from tests import torchless
from tests.runtime.bundles import CLOTH, MM_PER_PX, SPOT, make_bundle
from tests.runtime.cameras.strips import write_png
from tests.runtime.cloths import Scripted, block

VALIDATOR = jsonschema.Draft202012Validator(json_schema())
CAMERAS = f"""
strips: {{backend: replay, path: strips, mm_per_px: {MM_PER_PX}, cloth: all}}
live: {{backend: simulated, source: "sim:plain?width=600", mm_per_px: {MM_PER_PX}, line_rate_hz: 2000}}
other_scale: {{backend: replay, path: strips, mm_per_px: 0.2}}
empty: {{backend: replay, path: nothing, mm_per_px: {MM_PER_PX}}}
absent: {{backend: replay, path: nowhere, mm_per_px: {MM_PER_PX}}}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with bundle, cameras.yaml and strips of two widths, the second with a spot."""
    folder = tmp_path_factory.mktemp("stream")
    make_bundle(folder / "bundle")
    (folder / "cameras.yaml").write_text(CAMERAS)
    for name in ("strips", "nothing"):
        (folder / name).mkdir()
    for number, width in enumerate((150, 200)):
        strip = np.full((300, width), CLOTH, np.uint8)
        strip[100:112, 40 : 40 + 12 * number] = SPOT
        write_png(folder / "strips" / f"{number}.png", strip)
    return folder


def command(camera: str, *options: str, bundle: str = "bundle") -> list[str]:
    return ["runtime.stream", "--cameras", "cameras.yaml", "--camera", camera, "--bundle", bundle, *options]


def events(text: str) -> list[dict]:
    """Every line is one event; the last one the summary, balanced."""
    found = [json.loads(line) for line in text.splitlines()]
    for event in found:
        VALIDATOR.validate(event)
    assert [event["type"] for event in found].count("summary") == 1
    assert found[-1]["type"] == "summary"
    for camera in found[-1]["cameras"]:
        assert camera["balanced"]
        assert camera["lines_in"] == camera["lines_inspected"] + sum(camera["lines_not_inspected"].values())
    return found


def only(found: Sequence[dict], kind: str) -> list[dict]:
    return [event for event in found if event["type"] == kind]


def test_events_on_stdout_and_in_a_file_the_summary_last(place: Path, tmp_path: Path) -> None:
    out = tmp_path / "events.jsonl"
    done = torchless.run(place, *command("strips", "--json", "--roll", "r7", "--out", str(out)))
    assert (done.returncode, done.stderr) == (0, "")
    found = events(done.stdout)
    assert out.read_text() == done.stdout
    summary = found[-1]
    assert (summary["ended"], summary["roll"], summary["events_lost"]) == ("end_of_input", "r7", 0)
    assert summary["cameras"][0]["lines_in"] == 600
    closed = [event for event in only(found, "defect") if event["state"] == "closed"]
    assert [(e["first_line"], e["end_line"], e["x0_px"], e["x1_px"]) for e in closed] == [(400, 412, 40, 52)]
    assert closed[0]["y0_m"] == pytest.approx(400 * MM_PER_PX / 1000)
    started = only(found, "state")[0]["message"]
    assert "brightness" in started
    assert "openvino fp32 on CPU (f32" in started


def test_a_flat_field_in_cameras_yaml_takes_a_bright_column_away(place: Path, tmp_path: Path) -> None:
    strip = np.full((300, 200), CLOTH, np.uint8)
    strip[:, 60:68] = SPOT
    write_png(tmp_path / "strip.png", strip)
    FlatField.from_lines(np.zeros_like(strip[..., None]), strip[..., None], CLOTH).save(tmp_path / "flat.npz")
    entry = f"{{backend: replay, path: {tmp_path / 'strip.png'}, mm_per_px: {MM_PER_PX}, cloth: all%s}}\n"
    cameras = tmp_path / "cameras.yaml"
    cameras.write_text("raw: " + entry % "" + "flat: " + entry % f", flat_field: {tmp_path / 'flat.npz'}")
    done = torchless.run(
        place, "runtime.stream", "--cameras", str(cameras), "--camera", "raw", "--camera", "flat", "--bundle", "bundle",
        "--json",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert {event["cameras"][0] for event in only(events(done.stdout), "defect")} == {"raw"}


def test_nothing_is_corrected_here_where_the_camera_does_it() -> None:
    assert make_view("gige:10.0.0.1?flat_field=camera", {}, map_stride=8).flat_field is None


def test_without_json_the_screen_is_for_people(place: Path) -> None:
    done = torchless.run(place, *command("strips"))
    assert (done.returncode, done.stderr) == (0, "")
    for part in ("DEFECT", "closed", "lines in 600 = inspected 600 + not inspected 0", "strips: 2 image file(s)"):
        assert part in done.stdout


def test_two_cameras_and_a_line_limit(place: Path) -> None:
    done = torchless.run(place, *command("strips", "--camera", "live", "--lines", "250", "--json"))
    assert (done.returncode, done.stderr) == (0, "")
    summary = events(done.stdout)[-1]
    assert summary["ended"] == "limit"
    assert [(c["camera"], c["lines_in"]) for c in summary["cameras"]] == [("strips", 250), ("live", 250)]


@pytest.mark.parametrize(
    ("number", "after"), [(signal.SIGINT, '"camera":"live","state":"started"'), (signal.SIGTERM, '"status"')]
)
def test_told_to_end_it_ends_with_a_summary(place: Path, number: signal.Signals, after: str) -> None:
    process = torchless.start(place, *command("live", "--json"))
    assert process.stdout is not None
    first = ""
    while after not in first:
        line = process.stdout.readline()
        assert line, process.communicate()
        first += line
    process.send_signal(number)
    rest, err = process.communicate(timeout=torchless.TIMEOUT_S)
    assert (process.returncode, err) == (0, "")
    summary = events(first + rest)[-1]
    assert summary["ended"] == "stopped"
    assert after != '"status"' or summary["cameras"][0]["lines_in"] > 0


def test_a_cut_off_image_is_named_and_counted_and_the_stream_goes_on(place: Path, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_png(tmp_path / f"{name}.png", np.random.default_rng(0).integers(90, 110, (200, 150), dtype=np.uint8))
    whole = (tmp_path / "b.png").read_bytes()
    (tmp_path / "b.png").write_bytes(whole[: len(whole) // 2])
    done = torchless.run(place, *command(f"replay:{tmp_path}?mm_per_px={MM_PER_PX}&cloth=all", "--json"))
    assert (done.returncode, done.stderr) == (0, "")
    found = events(done.stdout)
    (gap,) = only(found, "not_inspected")
    assert (gap["reason"], gap["first_line"], gap["end_line"]) == ("unreadable_file", 200, 400)
    assert "b.png" in gap["detail"]
    camera = found[-1]["cameras"][0]
    assert (camera["lines_in"], camera["lines_inspected"]) == (600, 400)
    assert camera["lines_not_inspected"] == {"unreadable_file": 200}


def test_a_full_disk_costs_events_and_not_the_stream(place: Path) -> None:
    done = torchless.run(place, *command("strips", "--json", "--out", "/dev/full"))
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "cannot write to '/dev/full': No space left on device" in done.stderr
    found = events(done.stdout)
    assert found[-1]["events_lost"] == len(found) - 1, "all but the summary, which tells of them"
    assert found[-1]["cameras"][0]["lines_inspected"] == 600


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_reader_that_goes_away_stops_nothing(place: Path, tmp_path: Path, options: list[str]) -> None:
    out = tmp_path / "events.jsonl"
    process = torchless.start(place, *command("strips", "--out", str(out), *options))
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    assert process.wait(torchless.TIMEOUT_S) == 0
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    assert events(out.read_text())[-1]["events_lost"] > 0


def refused(ended: int, err: str, message: str) -> None:
    """Status 2 and one sentence on stderr."""
    assert ended == 2
    assert "Traceback" not in err
    assert err.count("\n") == 1, err
    assert message in err


def test_what_can_be_put_right_is_said_in_one_sentence(place: Path) -> None:
    done = torchless.run(place, *command("other_scale"))
    refused(done.returncode, done.stderr, "made for 0.5 mm per px, camera 'other_scale' has 0.2")


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The command may be run in this process, in its folder."""
    monkeypatch.chdir(place)
    monkeypatch.setattr("runtime.stream.signal.signal", lambda *_: None)
    return place


@pytest.mark.parametrize(
    ("camera", "options", "message"),
    [
        ("gigeO", [], "there is no camera 'gigeO': cameras.yaml names strips, live"),
        ("strips", ["--bundle", "nowhere"], "No bundle at 'nowhere'"),
        ("empty", [], "there is no image in the folder 'nothing'"),
        ("absent", [], "there is no file or folder 'nowhere' to replay"),
        ("strips", ["--out", "no/such/folder/events.jsonl"], "Cannot write events to 'no/such/folder/events.jsonl'"),
        ("strips", ["--cameras", "no.yaml"], "no.yaml cannot be read"),
        ("strips", ["--precision", "int4"], "has no engine openvino-int4-CPU"),
        ("strips", ["--device", "NPU"], "has no engine openvino-fp32-NPU"),
        ("strips", ["--bundle", "damaged"], "graph.onnx' does not match its hash: it was changed or damaged"),
    ],
)
def test_each_of_them_names_what_is_wrong(
    here: Path, capsys: pytest.CaptureFixture[str], camera: str, options: list[str], message: str
) -> None:
    if "damaged" in options and not (here / "damaged").exists():
        with make_bundle(here / "damaged").graph.open("ab") as file:
            file.write(b"!")
    ended = status(main, command(camera, *options)[1:])
    refused(ended, capsys.readouterr().err, message)


@pytest.mark.parametrize("options", [["--lines", "0"], ["--metres", "-1"], ["--seconds", "nan"], ["--lines", "x"], []])
def test_options_that_cannot_be_are_refused(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    camera = ["--camera", "strips"] if options else []
    with pytest.raises(SystemExit) as left:
        main([*camera, *options])
    assert left.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"weftwatch {__version__}\n"


@pytest.mark.parametrize(
    ("script", "failed"),
    [
        ([block(0, 200)], False),
        ([block(0, 200), block(200, 100, width=210)], True),
        ([block(0, 200), LineBlock("c", 0, 100, block(0, 10).pixels)], True),
    ],
    ids=["whole", "width changed inside a segment", "lines that came twice"],
)
def test_the_exit_status_tells_of_a_camera_that_failed(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], script: list, failed: bool
) -> None:
    monkeypatch.setattr("runtime.stream.build", lambda name, config: Scripted(script))
    assert main(command("strips", "--json")[1:]) == failed
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert summary["type"] == "summary"
    assert (summary["ended"] == "failed") is failed
