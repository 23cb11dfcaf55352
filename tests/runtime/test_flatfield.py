"""python -m runtime.flatfield: references over GigE Vision and from files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runtime import flatfield
from runtime.command import status
from runtime.flatfield import main
from runtime.preprocess.flatfield import FlatField
from tests.runtime.cameras.strips import texture, write_png
from tests.runtime.preprocess.captures import WIDTH, lines

RATE = 2000
WIDE = WIDTH // 16 * 16


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Folders of one strip each, and cameras that look at them."""
    for name, light in (("dark", 0.0), ("white", 0.7), ("dim", 0.2)):
        (tmp_path / name).mkdir()
        write_png(tmp_path / name / "0.png", lines(light, rows=500, seed=len(name)))
    (tmp_path / "cloth").mkdir()
    write_png(tmp_path / "cloth" / "0.png", texture(500, WIDTH))
    return tmp_path


def capture(which: str, camera: str, out: Path, *options: str) -> int:
    return status(main, ["capture", which, "--camera", camera, "--out", str(out), "--lines", "400", *options])


def test_dark_then_white_make_a_flat_field(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = place / "left.npz"
    assert capture("--dark", f"replay:{place}/dark", out) == 0
    assert "400 lines averaged: 0 hot columns" in capsys.readouterr().out
    assert capture("--white", f"replay:{place}/white", out) == 0
    assert "0 dead or hot columns, gain 1." in capsys.readouterr().out
    flat = FlatField.load(out)
    assert flat.origin is not None
    assert (flat.origin.serial, flat.origin.lines, flat.origin.bits) == (None, 400, 8)
    assert np.abs(flat.correct(lines(0.7)).mean(axis=0) - 200).max() < 2


@pytest.mark.parametrize(
    ("which", "camera", "sentence"),
    [
        ("--dark", "white", "the lines are not dark"),
        ("--white", "dim", "less than 30%"),
        ("--white", "cloth", "take the cloth away"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_stored(
    place: Path, capsys: pytest.CaptureFixture[str], which: str, camera: str, sentence: str
) -> None:
    out = place / "left.npz"
    capture("--dark", f"replay:{place}/dark", out)
    before = out.read_bytes()
    assert capture(which, f"replay:{place}/{camera}", out) == 2
    assert sentence in capsys.readouterr().err
    assert out.read_bytes() == before


def test_white_without_dark_and_too_few_lines_are_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert capture("--white", f"replay:{place}/white", place / "none.npz") == 2
    assert "capture --dark first" in capsys.readouterr().err
    assert capture("--dark", f"replay:{place}/dark", place / "left.npz", "--lines", "501") == 2
    assert "gave 500 of 501 lines: ask for fewer" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["capture", "--dark", "--camera", "sim:plain", "--out", "x", "--lines", "5"])


def cameras(place: Path, light: str, exposure_us: float = 80.0, name: str = "left", ip: str = "127.0.0.1") -> str:
    """A cameras.yaml of one GigE Vision camera that looks at a strip over and over; the name is its serial number."""
    path = place / f"{name}-{light}-{exposure_us}.yaml"
    path.write_text(
        f"{name}: {{backend: gige, ip: {ip}, line_rate_hz: {RATE}, exposure_us: {exposure_us}, "
        f'simulated: {{source: "replay:{place}/{light}?repeat=1"}}}}\n'
    )
    return str(path)


@pytest.mark.net
def test_over_gige_the_references_know_their_camera(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = place / "left.npz"
    assert capture("--dark", "left", out, "--cameras", cameras(place, "dark")) == 0
    assert capture("--white", "left", out, "--cameras", cameras(place, "white", exposure_us=120.0)) == 2
    assert "taken with exposure_us 80.0, the white one with 120.0" in capsys.readouterr().err
    assert capture("--white", "right", out, "--cameras", cameras(place, "white", name="right")) == 2
    assert "taken with serial left, the white one with right" in capsys.readouterr().err
    assert capture("--white", "left", out, "--cameras", cameras(place, "white")) == 0
    flat = FlatField.load(out)
    assert flat.dark.shape == (WIDE, 1)
    assert flat.origin is not None
    assert (flat.origin.camera, flat.origin.serial, flat.origin.exposure_us) == ("left", "left", 80.0)


@pytest.mark.net
def test_lines_that_do_not_come_are_not_waited_for_without_end(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flatfield, "WAIT_S", 0.5)
    assert capture("--dark", "left", place / "x.npz", "--cameras", cameras(place, "dark"), "--lines", "60000") == 2
    assert "of 60000 lines: ask for fewer with --lines, or, where the encoder" in capsys.readouterr().err
