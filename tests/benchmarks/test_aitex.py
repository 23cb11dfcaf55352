from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.aitex import main, read_manifest, select
from runtime.cameras.images import find_images
from runtime.errors import UserError

HEAD = "path,fabric,kind,defect_code,defect,cloth_x0,mask,split\n"
ROWS = (
    "normal/01/a.png,01,normal,000,,300,,train\n"
    "normal/01/b.png,01,normal,000,,301,,calibration\n"
    "normal/01/c.png,01,normal,000,,302,,test\n"
    "defect/01/d.png,01,defect,002,broken end,303,mask/01/d.png,test\n"
    "defect/02/e.png,02,defect,010,broken pick,304,,test\n"
)


def folder(path: Path, rows: str = ROWS, head: str = HEAD) -> Path:
    (path / "manifest.csv").write_text(head + rows)
    return path


def test_lists_name_the_strips_of_each_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = folder(tmp_path)
    for name in ("normal/01/a.png", "normal/01/b.png", "normal/01/c.png", "defect/01/d.png", "defect/02/e.png"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).touch()
    out = tmp_path / "lists"
    assert main(["lists", "--data", str(data), "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "01-calibration.txt",
        "01-test-defect.txt",
        "01-test-normal.txt",
        "01-train.txt",
        "02-test-defect.txt",
    ]
    assert find_images(out / "01-train.txt") == [data.resolve() / "normal/01/a.png"]
    assert find_images(out / "01-test-defect.txt") == [data.resolve() / "defect/01/d.png"]
    assert "01-train.txt: 1 strips" in capsys.readouterr().out


def test_rows_become_strips(tmp_path: Path) -> None:
    strips = read_manifest(folder(tmp_path))
    normal, defect, unmasked = strips[2:]
    assert (normal.defect, normal.mask, normal.cloth_x0) == (None, None, 302)
    assert defect.defect == "broken end"
    assert defect.mask == tmp_path.resolve() / "mask/01/d.png"
    assert unmasked.mask is None
    assert select(strips, "01", "test") == [normal, defect]


@pytest.mark.parametrize(
    ("head", "rows", "says"),
    [
        ("path,fabric\n", "", "lacks the column"),
        (HEAD, "a.png,01,normal,,,here,,train\n", "line 2: cloth_x0"),
        (HEAD, "a.png,01,normal,,,1,,training\n", "split must be one of"),
        (HEAD, "a.png,01,good,,,1,,train\n", "kind one of"),
        (HEAD, "a.png,01,defect,,hole,1,,train\n", "for the test alone"),
    ],
)
def test_a_wrong_manifest_is_refused(tmp_path: Path, head: str, rows: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        read_manifest(folder(tmp_path, rows, head))


def test_a_manifest_of_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_bytes((HEAD + "a.png,01,defect,,mañana,1,,test\n").encode("latin-1"))
    with pytest.raises(UserError, match="UTF-8"):
        read_manifest(tmp_path)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"manifest\.csv"):
        read_manifest(tmp_path / "nowhere")
    with pytest.raises(UserError, match="its fabrics are: 01, 02"):
        select(read_manifest(folder(tmp_path)), "09", "test")
